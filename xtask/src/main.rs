//! The project's own commands, for a person and for the machines that check a change: both run the same.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a task runner speaks on the terminal")]

mod check;
mod compare;
mod demo;
mod endurance;
mod lanes;
mod scrape;
mod test;
mod test_models;
mod validate;

mod header;
mod plugins;
mod tidy;

mod command;
mod json;
mod noise;
mod screenshot;
mod sections;
mod wav;
mod workspace;

use command::Outcome;
use std::process::ExitCode;
use workspace::Workspace;

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  demo      build the command line and the plugins, clean a noisy recording, measure what that did
  check     everything that a change has to pass: format, lints, docs, tidy, tests, demo
  test      build the plugins, then run every test; arguments after it go to the test runner
  test-models pull models, then run the tests and examples that need them; arguments go to the test runner
  compare   Graphmill and others side by side; --quick for a try, --peers a,b for some; takes minutes
  targets   run the benches, say which targets are met, and draw how cost grows; takes minutes
  endurance a million panics and a hundred thousand lives, and what they leave behind; takes minutes
  soak      good and bad sessions side by side for an hour, or for `--minutes N`, and what they leave behind
  validate  check that every shipped plugin keeps its contract, and that every broken one is caught
  plugins   build every plugin of the workspace as a library and say where it is
  miri      tests under Miri, the lanes of miri.toml; `miri LANE ...` runs those, `miri probes` none
  loom      every interleaving of the models; `--preemptions N` looks deeper
  fuzz      each fuzz target for 20 seconds; `fuzz TARGET ... --seconds N`
  simulate  sessions without threads, faults from a seed; `--seeds N --from N`
  sanitize  tests under the sanitizers `address`, `thread` and `realtime`, or those that are named
  memcheck  a graph with the release binaries under valgrind
  deny      licences, bans and sources of what we depend on
  coverage  lines that the tests reach, inside loaded libraries too
  scrape    have a real Prometheus server scrape a running graph; needs `prometheus` and `promtool`
  tidy      check the project's own rules: dependency directions, unsafe code, tests of the requirements
  header    write plugin-sdk/include/graphmill.h again
  screenshot what `tmux capture-pane -e` writes as a picture, from standard input to standard output";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((task, rest)) = arguments.split_first() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(task, rest) {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(failure)) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!("error: `{task}` is no command of xtask, or takes no arguments\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Runs a task; `None` when there is no such task.
fn run(task: &str, rest: &[String]) -> Option<Outcome> {
    let task: fn(&Workspace) -> Outcome = match (task, rest) {
        ("help" | "--help" | "-h", []) => {
            println!("{USAGE}");
            return Some(Ok(()));
        }
        ("screenshot", []) => return Some(screenshot::run()),
        (lane, rest) if lanes::NAMES.contains(&lane) => {
            return Some(Workspace::find().and_then(|workspace| lanes::run(&workspace, lane, rest.to_vec())));
        }
        ("test", rest) => return Some(Workspace::find().and_then(|workspace| test::run(&workspace, rest))),
        ("test-models", rest) => {
            return Some(Workspace::find().and_then(|workspace| test_models::run(&workspace, rest)));
        }
        ("soak", rest) => return Some(Workspace::find().and_then(|workspace| endurance::soak(&workspace, rest))),
        ("compare", rest) => return Some(Workspace::find().and_then(|workspace| compare::run(&workspace, rest))),
        ("targets", rest) => return Some(Workspace::find().and_then(|workspace| compare::targets(&workspace, rest))),
        ("demo", []) => demo::run,
        ("check", []) => check::run,
        ("endurance", []) => endurance::run,
        ("validate", []) => validate::run,
        ("plugins", []) => plugins::run,
        ("scrape", []) => scrape::run,
        ("tidy", []) => tidy::run,
        ("header", []) => header::run,
        _ => return None,
    };
    Some(Workspace::find().and_then(|workspace| task(&workspace)))
}
