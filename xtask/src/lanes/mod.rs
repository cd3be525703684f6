//! Lanes: the same code under tools that look for what tests do not see. Each builds in a folder of its own.

pub(crate) mod fuzz;
pub(crate) mod miri;
pub(crate) mod simulate;

pub(crate) mod coverage;
pub(crate) mod deny;
pub(crate) mod loom;
pub(crate) mod memcheck;
pub(crate) mod sanitize;

mod arguments;
mod corpus;
pub(crate) mod toml;

use crate::command::{self, Outcome};
use crate::workspace::Workspace;
use std::path::Path;
use std::process::Command;

/// What the lanes are called, in the order in which a person would try them.
pub(crate) const NAMES: [&str; 8] = ["miri", "loom", "fuzz", "simulate", "sanitize", "memcheck", "deny", "coverage"];

/// Runs a lane of [`NAMES`] with what stands behind its name.
///
/// # Errors
/// The lane finds something, or cannot run.
pub(crate) fn run(workspace: &Workspace, lane: &str, rest: Vec<String>) -> Outcome {
    match (lane, rest.as_slice()) {
        ("miri", _) => miri::run(workspace, &rest),
        ("loom", _) => loom::run(workspace, rest),
        ("fuzz", _) => fuzz::run(workspace, rest),
        ("simulate", _) => simulate::run(workspace, rest),
        ("sanitize", _) => sanitize::run(workspace, &rest),
        ("memcheck", []) => memcheck::run(workspace),
        ("deny", []) => deny::run(workspace),
        ("coverage", []) => coverage::run(workspace),
        _ => Err(format!("`{lane}` takes no arguments")),
    }
}

/// A call of the nightly cargo that builds in `target/LANE`.
fn nightly(workspace: &Workspace, lane: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo"]).args(arguments).current_dir(&workspace.root);
    command.env("CARGO_TARGET_DIR", workspace.target.join(lane));
    // What the cargo that runs this program says of itself does not hold for another one.
    for variable in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(variable);
    }
    command
}

/// Has a component of the nightly compiler installed; costs nothing when it is there.
fn need_component(component: &str) -> Outcome {
    command::run(Command::new("rustup").args(["component", "add", "--toolchain", "nightly", component]))
}

/// Has a subcommand of cargo installed, unless it is there.
fn need_subcommand(root: &Path, name: &str) -> Outcome {
    if command::succeeds(&mut command::cargo(root, [name, "--version"])) {
        return Ok(());
    }
    println!("cargo-{name} is not installed; installing it");
    command::run(&mut command::cargo(root, ["install", &format!("cargo-{name}"), "--locked"]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// What the workflows run: the words behind `cargo xtask`, and those of the list of lanes.
    fn runs() -> Vec<Vec<String>> {
        let folder = Workspace::find().unwrap().root.join(".github/workflows");
        let texts = ["pr.yml", "nightly.yml"].map(|name| fs::read_to_string(folder.join(name)).unwrap());
        let mut runs = Vec::new();
        for line in texts.iter().flat_map(|text| text.lines()) {
            let item = line.strip_prefix("          - ").filter(|item| !item.contains(':'));
            let Some(run) = line.split_once("cargo xtask ").map(|(_, run)| run).or(item) else { continue };
            runs.push(run.split_whitespace().map(Into::into).collect());
        }
        runs
    }

    #[test]
    fn workflows_run_every_lane_and_every_lane_of_miri() {
        let runs = runs();
        let has = |lane: &str, word: &str| {
            runs.iter().any(|run| run.first().is_some_and(|first| first == lane) && run.iter().any(|one| one == word))
        };
        let missing: Vec<_> = NAMES.iter().filter(|lane| !has(lane, lane)).collect();
        assert!(missing.is_empty(), "no workflow runs {missing:?}");
        let plan = miri::Plan::read(&Workspace::find().unwrap()).unwrap();
        let missing: Vec<_> = plan.lanes.iter().filter(|lane| !has("miri", &lane.name)).collect();
        assert!(missing.is_empty(), "no workflow runs {missing:?}");
        for sanitizer in sanitize::names() {
            assert!(has("sanitize", sanitizer), "no workflow runs `sanitize {sanitizer}`");
        }
    }

    #[test]
    fn lanes_of_the_workflows_are_there() {
        let known = |run: &Vec<String>| match run.as_slice() {
            [lane, rest @ ..] if lane == "miri" => {
                let plan = miri::Plan::read(&Workspace::find().unwrap()).unwrap();
                rest.iter().all(|word| plan.lanes.iter().any(|lane| lane.name == *word))
            }
            [lane, rest @ ..] if lane == "sanitize" => {
                rest.iter().all(|word| sanitize::names().contains(&word.as_str()))
            }
            [lane, ..] => crate::USAGE.lines().any(|line| line.trim_start().starts_with(&format!("{lane} "))),
            [] => false,
        };
        let strangers: Vec<_> = runs().into_iter().filter(|run| !known(run) && !run[0].starts_with("${{")).collect();
        assert!(strangers.is_empty(), "{strangers:?} is nothing that `cargo xtask` runs");
    }
}
