//! Runs every test, with the plugins built once before.

use crate::command::{self, Outcome};
use crate::plugins::{self, Profile};
use crate::workspace::Workspace;
use std::path::Path;
use std::process::Command;

/// Tells the tests in which folder the plugins are.
const PLUGINS_VARIABLE: &str = "GRAPHMILL_TEST_PLUGINS";

/// Builds the plugins, then runs the tests and the examples in the docs; what has a lane of its own is left to it.
///
/// # Errors
/// Something cannot be built, or a test fails.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Outcome {
    let folder = plugins::build(workspace, Profile::Dev, &["graphmill-cli"])?;
    let mut tests = runner(workspace, &["--workspace"]);
    command::run(with_plugins(without_lanes(&mut tests, workspace).args(arguments), &folder))?;
    if !arguments.is_empty() {
        return Ok(());
    }
    let mut examples = command::cargo(&workspace.root, ["test", "--doc", "--workspace"]);
    command::run(with_plugins(without_lanes(&mut examples, workspace), &folder))
}

/// The runner of tests, which also builds them.
pub(crate) fn runner(workspace: &Workspace, arguments: &[&str]) -> Command {
    let mut tests = if command::succeeds(&mut command::cargo(&workspace.root, ["nextest", "--version"])) {
        command::cargo(&workspace.root, ["nextest", "run"])
    } else {
        println!("cargo-nextest is not installed, so `cargo test` runs the tests: slower, and without a time limit");
        println!("install it with: cargo install cargo-nextest --locked");
        command::cargo(&workspace.root, ["test", "--all-targets"])
    };
    tests.args(arguments);
    tests
}

/// Leaves out what a lane of its own tests.
fn without_lanes<'a>(command: &'a mut Command, workspace: &Workspace) -> &'a mut Command {
    command.args(workspace.of_lanes().flat_map(|package| ["--exclude", package.name.as_str()]))
}

/// Says where the plugins are.
pub(crate) fn with_plugins<'a>(command: &'a mut Command, folder: &Path) -> &'a mut Command {
    command.env(PLUGINS_VARIABLE, folder)
}
