//! Graphmill and others side by side.
//!
//! The work is done by a workspace of its own, so that nobody who does not compare builds anything of it.

use crate::command::{self, Outcome};
use crate::workspace::Workspace;
use std::path::PathBuf;
use std::process::Command;

/// Builds and runs the harness of `benches/compare`, which installs, builds and runs the peers.
///
/// # Errors
/// The harness cannot be built, or has nothing to write down.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Outcome {
    command::run(harness(workspace).arg("--").arg("--target").arg(&workspace.target).args(arguments))
}

/// Builds and runs the same harness for the targets of the project: it runs the benches, and writes down what they say.
///
/// # Errors
/// The harness or the benches cannot be built, or there is no room for the results.
pub(crate) fn targets(workspace: &Workspace, arguments: &[String]) -> Outcome {
    let mut harness = harness(workspace);
    command::run(harness.args(["--", "targets", "--target"]).arg(&workspace.target).args(arguments))
}

/// Runs the tests of the harness, and of what the peers share; those of the peers need what is compared with.
///
/// # Errors
/// They cannot be built, or one fails.
pub(crate) fn test(workspace: &Workspace) -> Outcome {
    let arguments = ["test", "--locked", "--package", "compare-common", "--package", "compare-harness", "--target-dir"];
    command::run(command::cargo(&folder(workspace), arguments).arg(workspace.target.join("compare/stable")))
}

/// Folder of the other workspace.
pub(crate) fn folder(workspace: &Workspace) -> PathBuf {
    workspace.root.join("benches/compare")
}

fn harness(workspace: &Workspace) -> Command {
    let arguments = ["run", "--release", "--locked", "--package", "compare-harness", "--target-dir"];
    let mut cargo = command::cargo(&folder(workspace), arguments);
    cargo.arg(workspace.target.join("compare/stable"));
    cargo
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn no_build_of_the_workspace_touches_the_comparison() {
        let workspace = Workspace::find().unwrap();
        assert!(workspace.packages.iter().all(|package| !package.folder.starts_with("benches/compare")));
        let metadata = ["metadata", "--no-deps", "--locked", "--offline", "--format-version", "1"];
        let other = command::output(&mut command::cargo(&folder(&workspace), metadata)).unwrap();
        assert!(other.contains("peer-graphmill") && other.contains("compare-harness"));
        assert!(!other.contains("\"name\":\"graphmill-cli\""), "it is a workspace of its own");
    }

    #[test]
    fn every_peer_of_the_harness_is_a_package() {
        let folder = folder(&Workspace::find().unwrap());
        let table = fs::read_to_string(folder.join("harness/src/peers.rs")).unwrap();
        let mut packages: Vec<_> = fs::read_dir(folder.join("peers")).unwrap().map(|entry| entry.unwrap()).collect();
        packages.retain(|entry| entry.path().join("Cargo.toml").exists());
        assert!(packages.len() >= 4, "the peers are where they are looked for");
        for package in packages {
            let name = package.file_name().into_string().unwrap();
            assert!(table.contains(&format!("name: \"{name}\"")), "{name} is in no table, so nobody runs it");
        }
    }
}
