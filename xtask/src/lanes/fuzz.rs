//! Runs the fuzz targets, each for some seconds, beginning with the corpus that is committed.
//!
//! What a run finds goes to the target folder and is where the next run goes on; the committed corpus stays as it is.
//! An input that breaks something lies in `fuzz/artifacts` afterwards.

use super::{arguments, need_subcommand, nightly};
use crate::command::{self, Outcome};
use crate::workspace::Workspace;
use std::fs;
use std::path::Path;

/// How long each target runs, unless it is said.
const SECONDS: u64 = 20;
/// The slowest that one input may be.
const INPUT_TIMEOUT_S: u64 = 10;
/// The most memory that one target may take; what an input claims must not become an allocation.
const MEMORY_MB: u64 = 3072;
/// Where the targets are, from the root.
pub(crate) const TARGETS: &str = "fuzz/fuzz_targets";

/// Runs the targets that are named, or all of them.
///
/// # Errors
/// A target cannot be built, or finds something.
pub(crate) fn run(workspace: &Workspace, mut rest: Vec<String>) -> Outcome {
    let seconds = arguments::take(&mut rest, "--seconds")?.unwrap_or(SECONDS);
    let wanted = arguments::words(rest)?;
    let targets = targets(&workspace.root)?;
    if let Some(stranger) = wanted.iter().find(|name| !targets.contains(name)) {
        return Err(format!("there is no target `{stranger}`; there are {}", targets.join(", ")));
    }
    need_subcommand(&workspace.root, "fuzz")?;
    command::run(&mut nightly(workspace, "fuzz", &["fuzz", "build"]))?;
    for target in targets.iter().filter(|name| wanted.is_empty() || wanted.contains(name)) {
        println!("\n== {target}, {seconds} s");
        fuzz(workspace, target, seconds)?;
    }
    Ok(())
}

fn fuzz(workspace: &Workspace, target: &str, seconds: u64) -> Outcome {
    let found = workspace.target.join("fuzz/corpus").join(target);
    fs::create_dir_all(&found).map_err(|error| format!("{}: {error}", found.display()))?;
    let found = found.to_string_lossy().into_owned();
    let committed = format!("fuzz/corpus/{target}");
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
