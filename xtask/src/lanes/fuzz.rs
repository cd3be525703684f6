//! Runs the fuzz targets, each for some seconds, beginning with the corpus that is committed.
//!
//! What a run finds goes to the target folder and is where the next run goes on; the committed corpus stays as it is.
//! An input that breaks something lies in `fuzz/artifacts` afterwards.
//!
//! With `--minimise` the committed corpus is made anew of what was found: inputs with a name stay, and beside them are
//! the few that reach most of the code that the found ones reach.

use super::{arguments, corpus, need_subcommand, nightly};
use crate::command::{self, Outcome};
use crate::workspace::Workspace;
use std::fs;
use std::io::ErrorKind::NotFound;
use std::path::{Path, PathBuf};

/// How long each target runs, unless it is said.
const SECONDS: u64 = 20;
/// The slowest that one input may be.
const INPUT_TIMEOUT_S: u64 = 10;
/// The most memory that one target may take; what an input claims must not become an allocation.
const MEMORY_MB: u64 = 3072;
/// Where the targets are, from the root.
pub(crate) const TARGETS: &str = "fuzz/fuzz_targets";

/// What is done with a target.
#[derive(Debug, PartialEq)]
enum Task {
    Fuzz { seconds: u64 },
    Minimise,
}

impl Task {
    fn take(arguments: &mut Vec<String>) -> Outcome<Self> {
        let seconds = arguments::take(arguments, "--seconds")?;
        match (arguments::take_flag(arguments, "--minimise"), seconds) {
            (false, seconds) => Ok(Self::Fuzz { seconds: seconds.unwrap_or(SECONDS) }),
            (true, None) => Ok(Self::Minimise),
            (true, Some(_)) => Err("`--minimise` ends when it is done: leave out `--seconds`".into()),
        }
    }
}

/// Runs the targets that are named, or all of them.
///
/// # Errors
/// A target cannot be built, or finds something.
pub(crate) fn run(workspace: &Workspace, mut rest: Vec<String>) -> Outcome {
    let task = Task::take(&mut rest)?;
    let wanted = arguments::words(rest)?;
    let targets = targets(&workspace.root)?;
    if let Some(stranger) = wanted.iter().find(|name| !targets.contains(name)) {
        return Err(format!("there is no target `{stranger}`; there are {}", targets.join(", ")));
    }
    need_subcommand(&workspace.root, "fuzz")?;
    command::run(&mut nightly(workspace, "fuzz", &["fuzz", "build"]))?;
    for target in targets.iter().filter(|name| wanted.is_empty() || wanted.contains(name)) {
        match task {
            Task::Fuzz { seconds } => {
                println!("\n== {target}, {seconds} s");
                fuzz(workspace, target, seconds)?;
            }
            Task::Minimise => {
                println!("\n== {target}, minimised");
                minimise(workspace, target)?;
            }
        }
    }
    Ok(())
}

fn fuzz(workspace: &Workspace, target: &str, seconds: u64) -> Outcome {
    let found = found(workspace, target)?.to_string_lossy().into_owned();
    let committed = committed(target);
    let limits = [
        format!("-max_total_time={seconds}"),
        format!("-timeout={INPUT_TIMEOUT_S}"),
        format!("-rss_limit_mb={MEMORY_MB}"),
        "-print_final_stats=1".to_owned(),
        "-verbosity=0".to_owned(),
    ];
    let mut command = nightly(workspace, "fuzz", &["fuzz", "run", target, &found, &committed, "--"]);
    command::run(command.args(limits)).map_err(|fault| {
        format!(
            "{fault}\nthe input is in fuzz/artifacts/{target}; make a regression test of it, and add it to {committed}"
        )
    })
}

/// Makes the committed corpus of a target anew.
fn minimise(workspace: &Workspace, target: &str) -> Outcome {
    let folder = workspace.root.join(committed(target));
    // libFuzzer would take everything that reaches anything new; it only has to say what each input reaches.
    let rest = workspace.target.join("fuzz/merge").join(target);
    let merge = rest.with_extension("reached");
    for (path, removed) in [(&rest, fs::remove_dir_all(&rest)), (&merge, fs::remove_file(&merge))] {
        removed.or_else(|error| if error.kind() == NotFound { Ok(()) } else { Err(error) }).map_err(fault_at(path))?;
    }
    fs::create_dir_all(&rest).map_err(fault_at(&rest))?;
    let folders = [&rest, &folder, &found(workspace, target)?].map(|path| path.to_string_lossy().into_owned());
    let mut command = nightly(workspace, "fuzz", &["fuzz", "run", target]);
    // How often code was reached counts for fuzzing only; here it would make every input look like something new.
    command.args(folders).args(["--", "-set_cover_merge=1", "-use_counters=0", "-verbosity=0"]);
    command::run(command.arg(format!("-merge_control_file={}", merge.display())))?;
    let count = corpus::choose(&merge, &folder)?;
    println!("{count} found inputs are in {}, beside those with names", committed(target));
    Ok(())
}

/// Where the inputs of a target are that were found; made if it is missing.
fn found(workspace: &Workspace, target: &str) -> Outcome<PathBuf> {
    let folder = workspace.target.join("fuzz/corpus").join(target);
    fs::create_dir_all(&folder).map_err(fault_at(&folder))?;
    Ok(folder)
}

/// The folder of the inputs of a target that are committed, from the root.
pub(super) fn committed(target: &str) -> String {
    format!("fuzz/corpus/{target}")
}

fn fault_at(path: &Path) -> impl FnOnce(std::io::Error) -> String {
    move |error| format!("{}: {error}", path.display())
}

/// Names of the targets, sorted.
///
/// # Errors
/// Their folder cannot be read.
pub(crate) fn targets(root: &Path) -> Outcome<Vec<String>> {
    let entries = fs::read_dir(root.join(TARGETS)).map_err(|error| format!("{TARGETS}: {error}"))?;
    let names = entries.filter_map(Result::ok).map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.filter_map(|name| name.strip_suffix(".rs").map(Into::into)).collect();
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corpus_is_minimised_where_that_is_asked_for_and_without_a_time() {
        let task = |line: &str| Task::take(&mut line.split_whitespace().map(Into::into).collect());
        assert_eq!(task("packet"), Ok(Task::Fuzz { seconds: SECONDS }));
        assert_eq!(task("--seconds 5 packet"), Ok(Task::Fuzz { seconds: 5 }));
        assert_eq!(task("packet --minimise"), Ok(Task::Minimise));
        assert!(task("--minimise --seconds 5").unwrap_err().contains("leave out `--seconds`"));
    }

    #[test]
    fn every_target_is_built_and_has_a_corpus() {
        let root = Workspace::find().unwrap().root;
        let manifest = fs::read_to_string(root.join("fuzz/Cargo.toml")).unwrap();
        let targets = targets(&root).unwrap();
        assert!(targets.len() >= 10, "{targets:?}");
        for target in targets {
            assert!(manifest.contains(&format!("path = \"fuzz_targets/{target}.rs\"")), "{target}");
            let corpus = fs::read_dir(root.join("fuzz/corpus").join(&target)).map(Iterator::count);
            assert!(corpus.is_ok_and(|count| count > 0), "{target} has no corpus");
        }
    }
}
