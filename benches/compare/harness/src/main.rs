//! Installs, builds and runs the peers side by side, and writes down what came out; with `targets` as its first argument
//! it runs the benches, and says which targets of the project are met.
//!
//! In a round every peer does a case, one after the other, then all do the next case: what disturbs the machine for a
//! while disturbs all of them. Ratios are made within a round.

mod peers;
mod plan;

mod build;
mod collect;
mod install;
mod process;

mod machine;
mod spread;

mod draw;
mod report;
mod rows;
mod table;
mod tables;

mod targets;

use collect::Collected;
use peers::Peer;
use plan::Size;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "\
Usage: cargo xtask compare [--quick] [--minutes N] [--peers NAME,NAME...] [--out FOLDER]

  --quick   a few cases with few packets, into the build folder: to see whether everything works
  --minutes begin no round that would end later; five rounds otherwise
  --peers   only these, and Graphmill
  --out     where the results go; benches/results otherwise";

/// What the command line asks for.
#[derive(Debug, PartialEq)]
struct Options {
    size: Size,
    /// How long the runs may take, building aside.
    limit: Option<Duration>,
    peers: Vec<&'static Peer>,
    out: Option<PathBuf>,
    /// Where everything is built.
    target: PathBuf,
}

/// What is told to a person, or why it cannot be done.
type Outcome<T = ()> = Result<T, String>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.split_first() {
        Some((first, rest)) if first == "targets" => {
            run_as(targets::Options::parse(rest), targets::run, targets::USAGE)
        }
        _ => run_as(Options::parse(&arguments), compare, USAGE),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("error: {fault}");
            ExitCode::FAILURE
        }
    }
}

/// Does what is asked for, or says what could be.
fn run_as<T>(options: Outcome<Option<T>>, run: impl FnOnce(&T) -> Outcome, usage: &str) -> Outcome {
    match options {
        Ok(Some(options)) => run(&options),
        Ok(None) => {
            println!("{usage}");
            Ok(())
        }
        Err(fault) => Err(format!("{fault}\n\n{usage}")),
    }
}

impl Options {
    /// Reads the arguments; `None` when help is wanted.
    fn parse(arguments: &[String]) -> Outcome<Option<Self>> {
        let target = root().join("target");
        let mut options = Self { size: Size::Full, limit: None, peers: peers::ALL.iter().collect(), out: None, target };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().ok_or_else(|| format!("`{argument}` wants a value"));
            match argument.as_str() {
                "--quick" => options.size = Size::Quick,
                "--minutes" => options.limit = Some(minutes(value()?)?),
                "--peers" => options.peers = peers::named(value()?)?,
                "--out" => options.out = Some(value()?.into()),
                "--target" => options.target = value()?.into(),
                "--help" | "-h" => return Ok(None),
                other => return Err(format!("`{other}` is not understood")),
            }
        }
        Ok(Some(options))
    }

    /// The command as it was typed, as far as it changes what comes out.
    fn command(&self) -> String {
        let quick = if self.size == Size::Quick { " --quick" } else { "" };
        let limit = self.limit.map(|limit| format!(" --minutes {}", limit.as_secs() / 60)).unwrap_or_default();
        format!("cargo xtask compare{quick}{limit}")
    }

    /// Where the results go: what is only a try does not replace what was measured with care.
    fn out(&self) -> PathBuf {
        let usual = match self.size {
            Size::Quick => self.target.join("compare/results"),
            Size::Full => root().join("benches/results"),
        };
        self.out.clone().unwrap_or(usual)
    }
}

fn minutes(text: &str) -> Outcome<Duration> {
    let minutes: u64 = text.parse().map_err(|_| format!("`--minutes` wants a whole number, not `{text}`"))?;
    Ok(Duration::from_secs(minutes.saturating_mul(60)))
}

/// The root of the repository.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(3).unwrap_or(here).to_path_buf()
}

fn compare(options: &Options) -> Outcome {
    let mut missing = Vec::new();
    let mut ready = Vec::new();
    for peer in &options.peers {
        eprintln!("== {}", peer.title);
        match install::ensure(peer, &options.target).and_then(|()| build::build(peer, &options.target)) {
            Ok(program) => ready.push(program),
            Err(reason) => {
                eprintln!("   left out: {reason}");
                missing.push((*peer, reason));
            }
        }
    }
    if !ready.iter().any(|program| program.peer.is_ours()) {
        return Err("Graphmill itself was not built: there is nothing to compare with".into());
    }
    let quiet = machine::Quiet::begin();
    let cases = plan::plan(options.size);
    let Collected { runs, refused } = collect::collect(&ready, &cases, options.size.rounds(), options.limit);
    let machine = machine::Machine::now(&quiet);
    let report = report::Report { runs, refused, missing, machine, command: options.command() };
    let out = options.out();
    report.write(&out)?;
    println!("results are in {}", out.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Outcome<Option<Options>> {
        Options::parse(&line.split_whitespace().map(Into::into).collect::<Vec<_>>())
    }

    #[test]
    fn arguments_are_read() {
        let options = parse("--quick --minutes 5 --peers tokio --out x --target t").unwrap().unwrap();
        let names: Vec<_> = options.peers.iter().map(|peer| peer.name).collect();
        assert_eq!((names, options.size), (vec!["graphmill", "tokio"], Size::Quick));
        assert_eq!((options.out(), options.limit), ("x".into(), Some(Duration::from_secs(300))));
        assert_eq!(options.target, Path::new("t"));
        assert_eq!(parse("--minutes 5").unwrap().unwrap().command(), "cargo xtask compare --minutes 5");
        assert_eq!(parse("").unwrap().unwrap().peers.len(), peers::ALL.len());
        assert_eq!(parse("-h"), Ok(None));
    }

    #[test]
    fn a_wrong_argument_is_named() {
        assert!(parse("--peers").unwrap_err().contains("`--peers` wants a value"));
        assert!(parse("--minutes soon").unwrap_err().contains("wants a whole number, not `soon`"));
        assert!(parse("--peers ros").unwrap_err().contains("`ros` is no peer; there are graphmill, "));
        assert!(parse("quick").unwrap_err().contains("`quick`"));
    }

    #[test]
    fn a_quick_run_does_not_replace_what_was_measured_with_care() {
        let quick = parse("--quick --target t").unwrap().unwrap();
        assert_eq!(quick.out(), Path::new("t/compare/results"));
        assert!(parse("").unwrap().unwrap().out().ends_with("benches/results"));
    }
}
