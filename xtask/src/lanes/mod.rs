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
