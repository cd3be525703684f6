//! The targets of the project and what they came to, and how cost grows: all figures of one run of the benches.

mod figures;
mod goals;
mod growth;
mod verdict;

use crate::collect::{self, Collected};
use crate::machine::{Machine, Quiet};
use crate::plan::{self, Size};
use crate::process::words;
use crate::rows::{self, Row};
use crate::{Outcome, build, install, peers, root};
use compare_common::Work;
use figures::Figures;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

pub(crate) const USAGE: &str = "\
Usage: cargo xtask targets [--rounds N] [--benches NAME,NAME...] [--no-peers] [--out FOLDER]

  --rounds   how often each way to do the work has its turn; what is usual for each bench otherwise
  --benches  only these: to see whether everything works
  --no-peers without the runtimes that targets are compared with
  --out      where the results go; benches/results otherwise";

/// Every bench, in the order in which they run.
const BENCHES: [&str; 15] = [
    "chain",
    "process_latency",
    "tick_latency",
    "allocations",
    "fan_out",
    "log_bridge",
    "model",
    "idle_nodes",
    "link",
    "load_and_start",
    "sessions",
    "join",
    "abi_call",
    "metrics",
    "resource_cache",
];
/// Who targets are compared with, beside what the benches measure themselves.
const PEERS: &str = "tokio,gstreamer,futuresdr";
/// How long the peers may take together, building aside.
const PEERS_TIME: Duration = Duration::from_secs(120);

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    rounds: Option<usize>,
    benches: Vec<&'static str>,
    has_peers: bool,
    out: PathBuf,
    target: PathBuf,
}

impl Options {
    /// Reads the arguments; `None` when help is wanted.
    ///
    /// # Errors
    /// An argument is not understood; the message names it.
    pub(crate) fn parse(arguments: &[String]) -> Outcome<Option<Self>> {
        let (out, target) = (root().join("benches/results"), root().join("target"));
        let mut options = Self { rounds: None, benches: BENCHES.to_vec(), has_peers: true, out, target };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().ok_or_else(|| format!("`{argument}` wants a value"));
            match argument.as_str() {
                "--rounds" => options.rounds = Some(rounds(value()?)?),
                "--benches" => options.benches = benches(value()?)?,
                "--no-peers" => options.has_peers = false,
                "--out" => options.out = value()?.into(),
                "--target" => options.target = value()?.into(),
                "--help" | "-h" => return Ok(None),
                other => return Err(format!("`{other}` is not understood")),
            }
        }
        Ok(Some(options))
    }

    /// The command as it was typed, as far as it changes what comes out.
    fn command(&self) -> String {
        let rounds = self.rounds.map(|rounds| format!(" --rounds {rounds}")).unwrap_or_default();
        let is_all = self.benches.len() == BENCHES.len();
        let benches = if is_all { String::new() } else { format!(" --benches {}", self.benches.join(",")) };
        format!("cargo xtask targets{rounds}{benches}{}", if self.has_peers { "" } else { " --no-peers" })
    }
}

fn rounds(text: &str) -> Outcome<usize> {
    text.parse().map_err(|_| format!("`--rounds` wants a whole number, not `{text}`"))
}

fn benches(list: &str) -> Outcome<Vec<&'static str>> {
    let find = |name: &str| BENCHES.into_iter().find(|bench| *bench == name);
    let named = list.split(',').map(str::trim);
    named
        .map(|name| find(name).ok_or_else(|| format!("`{name}` is no bench; there are {}", BENCHES.join(", "))))
        .collect()
}

/// Everything that is written down.
#[derive(Debug)]
struct Findings {
    figures: Vec<Figures>,
    peers: Vec<Row>,
    /// What did not run, and why.
    missing: Vec<String>,
    machine: Machine,
    command: String,
}

/// Runs the benches, then the peers, and writes `targets.md`, `targets.csv` and `growth.svg`.
///
/// # Errors
/// The benches cannot be built, one of them fails, or the results cannot be written. The results are written whatever
/// fails, and name it; a peer that is missing is no error.
pub(crate) fn run(options: &Options) -> Outcome {
    let cargo = |arguments: &[&str]| {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(root()).args(["bench", "--locked", "--package", "graphmill-benches"]).args(arguments);
        cargo.arg("--target-dir").arg(&options.target);
        cargo
    };
    let built: Vec<&str> = options.benches.iter().flat_map(|bench| ["--bench", *bench]).chain(["--no-run"]).collect();
    succeed(&mut cargo(&built))?;
    let (mut missing, mut failed) = (Vec::new(), Vec::new());
    let programs = if options.has_peers { programs(&options.target, &mut missing) } else { Vec::new() };
    let file = options.target.join("compare/figures.jsonl");
    fs::create_dir_all(options.target.join("compare")).map_err(|error| error.to_string())?;
    fs::write(&file, "").map_err(|error| format!("{}: {error}", file.display()))?;
    let quiet = Quiet::begin();
    for bench in &options.benches {
        let mut command = cargo(&["--quiet", "--bench", bench]);
        command.arg("--").arg("--save").arg(&file);
        command.args(options.rounds.iter().flat_map(|rounds| ["--rounds".to_owned(), rounds.to_string()]));
        if let Err(fault) = succeed(&mut command) {
            eprintln!("{fault}");
            failed.push(*bench);
            // Whoever reads the results has another machine: the command with its paths is for the terminal only.
            missing.push(format!("bench `{bench}`: `cargo bench -p graphmill-benches --bench {bench}` fails"));
        }
    }
    let collected = collect::collect(&programs, &cases(), Size::Full.rounds(), Some(PEERS_TIME));
    missing.extend(refused(&collected));
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let findings = Findings {
        figures: figures::read(&text)?,
        peers: rows::rows(&collected.runs),
        missing,
        machine: Machine::now(&quiet),
        command: options.command(),
    };
    findings.write(&options.out)?;
    println!("results are in {}", options.out.join("targets.md").display());
    verdict_of(&failed)
}

/// What becomes of the run when these benches failed.
fn verdict_of(failed: &[&str]) -> Outcome {
    if failed.is_empty() { Ok(()) } else { Err(format!("these benches failed: {}", failed.join(", "))) }
}

fn succeed(command: &mut Command) -> Outcome {
    let status = command.status().map_err(|error| format!("`{}` cannot be started: {error}", words(command)))?;
    if status.success() { Ok(()) } else { Err(format!("`{}` ended with {status}", words(command))) }
}

/// The peers that can be built.
fn programs(target: &Path, missing: &mut Vec<String>) -> Vec<build::Program> {
    let mut programs = Vec::new();
    for peer in peers::named(PEERS).unwrap_or_default() {
        eprintln!("== {}", peer.title);
        match install::ensure(peer, target).and_then(|()| build::build(peer, target)) {
            Ok(program) => programs.push(program),
            Err(reason) => missing.push(format!("{}: {reason}", peer.title)),
        }
    }
    programs
}

/// The cases of the comparison that a target speaks of.
fn cases() -> Vec<compare_common::Case> {
    let is_asked_for = |case: &compare_common::Case| match case.work {
        Work::Inline | Work::Threads => case.depth == goals::DEPTH,
        work => work == Work::Call,
    };
    plan::plan(Size::Full).into_iter().filter(is_asked_for).collect()
}

fn refused(collected: &Collected) -> impl Iterator<Item = String> {
    let failed = collected.refused.iter().filter(|refusal| !refusal.is_not_offered);
    failed.map(|refusal| format!("{} in `{}`: {}", refusal.peer.title, refusal.case.work, refusal.reason))
}

impl Findings {
    fn write(&self, folder: &Path) -> Outcome {
        let fault = |error: std::io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(folder).map_err(fault)?;
        fs::write(folder.join("targets.csv"), figures::csv(&self.figures)?).map_err(fault)?;
        fs::write(folder.join("targets.md"), self.markdown()).map_err(fault)?;
        growth::plot(&self.figures).write(&folder.join("growth.svg"))
    }

    fn markdown(&self) -> String {
        let Machine { hardware, date, commit, compiler, .. } = &self.machine;
        let mut text = format!(
            "# Targets and what they came to\n\n`{}` on {date}, commit {commit}, {compiler}.\n{hardware}. {}\n\n\
             Figures are the median of the rounds with the smallest and the largest in brackets. What is measured and its \
             baseline take turns; the ratio is made of neighbours. Every call into a plugin is counted, timed and watched \
             by a deadline. Every figure of every round is in `targets.csv`.\n\n{}\
             ## How cost grows\n\n![cost against length, fan-out, size, nodes and sessions](growth.svg)\n\n{}",
            self.command,
            self.machine.quiet_sentence(),
            verdict::table(&self.figures, &self.peers),
            growth::tables(&self.figures),
        );
        if !self.missing.is_empty() {
            text.push_str("## Left out\n\n");
            self.missing.iter().for_each(|what| text.push_str(&format!("* {}\n", what.replace('\n', " "))));
        }
        text.trim_end().to_owned() + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Outcome<Option<Options>> {
        Options::parse(&line.split_whitespace().map(Into::into).collect::<Vec<_>>())
    }

    #[test]
    fn arguments_are_read_and_wrong_ones_named() {
        let options = parse("--rounds 3 --benches chain,link --no-peers --out x --target t").unwrap().unwrap();
        assert_eq!((options.rounds, options.benches.as_slice()), (Some(3), ["chain", "link"].as_slice()));
        assert_eq!(options.command(), "cargo xtask targets --rounds 3 --benches chain,link --no-peers");
        assert_eq!((options.out.as_path(), options.target.as_path()), (Path::new("x"), Path::new("t")));
        assert_eq!(parse("").unwrap().unwrap().command(), "cargo xtask targets");
        assert_eq!(parse("-h"), Ok(None));
        assert!(parse("--benches chian").unwrap_err().contains("`chian` is no bench; there are chain, "));
        assert!(parse("--rounds").unwrap_err().contains("wants a value"));
        assert!(parse("all").unwrap_err().contains("`all`"));
    }

    #[test]
    fn bench_that_fails_fails_the_run_and_is_named() {
        assert_eq!(verdict_of(&[]), Ok(()));
        assert_eq!(verdict_of(&["link", "join"]).unwrap_err(), "these benches failed: link, join");
    }

    #[test]
    fn every_bench_that_there_is_runs() {
        let files = fs::read_dir(root().join("benches/benches")).unwrap();
        let mut there: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        // These two are no contests: how late the watch is, and what callgrind counts.
        let others = ["deadline", "instructions"];
        let mut known: Vec<String> = BENCHES.iter().chain(&others).map(|bench| format!("{bench}.rs")).collect();
        there.sort();
        known.sort();
        assert_eq!(there, known);
    }

    #[test]
    fn cases_of_the_peers_are_those_of_the_goals() {
        let works: Vec<Work> = cases().iter().map(|case| case.work).collect();
        assert_eq!(works, [Work::Inline, Work::Threads, Work::Call]);
    }
}
