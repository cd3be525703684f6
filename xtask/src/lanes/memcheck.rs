//! Runs the demo's graph under valgrind's memcheck: the very binaries that users get, unmodified.

use crate::command::{self, Outcome};
use crate::plugins::{self, Profile};
use crate::workspace::Workspace;
use std::process::Command;

/// How the run ends when memcheck found something.
const FOUND: &str = "--error-exitcode=99";

/// Builds, then runs a graph that loads every plugin which needs no model from elsewhere.
///
/// # Errors
/// Valgrind is not there, something cannot be built, or memcheck finds a fault or a block that nobody knows any more.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    if !command::succeeds(Command::new("valgrind").arg("--version")) {
        return Err("valgrind is not installed; install it with the system's package manager".into());
    }
    let folder = plugins::build(workspace, Profile::Release, &["graphmill-cli"])?;
    let mut memcheck = Command::new("valgrind");
    memcheck.args(["--leak-check=full", "--errors-for-leak-kinds=definite", "--show-leak-kinds=definite"]);
    memcheck.args(["--keep-debuginfo=yes", "--num-callers=24", FOUND, "--quiet"]);
    memcheck.arg(folder.join("graphmill"));
    for file in workspace.shipped_plugins().filter_map(|plugin| plugin.plugin_file.as_ref()) {
        memcheck.arg("--plugins").arg(folder.join(file));
    }
    // Code that is emulated is some fifty times slower than what the deadlines of the graph are meant for.
    memcheck.args(["run", "examples/gain.toml"]).current_dir(&workspace.root);
    command::run(&mut memcheck)
}
