//! Measures which lines the tests reach, the code inside loaded libraries included.

use super::{need_component, need_subcommand};
use crate::command::{self, Outcome};
use crate::workspace::Workspace;
use std::process::Command;

/// What is measured; tests, fixtures and the project's own commands are not.
const IGNORED: &str = "(/tests?/|/tests?\\.rs|plugins/fixtures|xtask|benches|registry)";
/// Packages that are for users, with the tests of the zoo, which load them.
const PACKAGES: [&str; 5] =
    ["graphmill", "graphmill-abi", "graphmill-dead-letters", "graphmill-plugin-sdk", "graphmill-fixture-faulty"];

/// Runs the tests and prints a line per file, with the sum at the end.
///
/// # Errors
/// The tool is not there, something cannot be built, or a test fails.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    need_component("llvm-tools")?;
    need_subcommand(&workspace.root, "llvm-cov")?;
    // The tests build and load libraries themselves, so the whole environment is set instead of one command wrapped.
    let mut steps = vec!["set -eu".to_owned(), "eval \"$(cargo +nightly llvm-cov show-env --sh)\"".to_owned()];
    steps.push("cargo +nightly llvm-cov clean --workspace".to_owned());
    let packages: Vec<String> = PACKAGES.iter().map(|package| format!("--package {package}")).collect();
    steps.push(format!("cargo +nightly test --no-fail-fast {}", packages.join(" ")));
    steps.push(format!("cargo +nightly llvm-cov report --ignore-filename-regex '{IGNORED}'"));
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(steps.join("\n")).current_dir(&workspace.root);
    shell.env("CARGO_TARGET_DIR", workspace.target.join("coverage"));
    for variable in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
        shell.env_remove(variable);
    }
    command::run(&mut shell).map_err(|_| "the coverage cannot be measured; see above".to_owned())
}
