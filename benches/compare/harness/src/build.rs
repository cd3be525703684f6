//! Builds the peers, each by itself: one that cannot be built does not stop the others.

use crate::Outcome;
use crate::install::python_program;
use crate::peers::{Need, Peer};
use crate::process::{Ended, ended, last_lines};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A peer that can be run.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) peer: &'static Peer,
    file: PathBuf,
    /// What it has to find in its environment.
    environment: Vec<(&'static str, OsString)>,
}

impl Program {
    /// The call of it, without arguments.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new("timeout");
        // Far longer than any case takes; a peer that hangs must not stop the others.
        command.args(["--kill-after=5", "120"]).arg(&self.file).envs(self.environment.iter().cloned());
        command
    }
}

/// Package of the nodes that Graphmill is measured with.
const PLUGIN: &str = "graphmill-fixture-flow";

/// Builds a peer as a release.
///
/// # Errors
/// It cannot be built; the message has the compiler's last words.
pub(crate) fn build(peer: &'static Peer, target: &Path) -> Outcome<Program> {
    let package = format!("peer-{}", peer.name);
    // Compilers of different flags would throw away each other's work, and large ones hold up the small.
    let folder = match peer.name {
        "graphmill" | "crossbeam" | "tokio" | "gstreamer" | "dora" => "stable",
        name => name,
    };
    let folder = target.join("compare").join(folder);
    let mut cargo = match peer.toolchain {
        Some((toolchain, flags)) => {
            let mut rustup = Command::new("rustup");
            rustup.args(["run", toolchain, "cargo"]).env("RUSTFLAGS", flags);
            rustup
        }
        None => Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())),
    };
    run(cargo.current_dir(workspace()).args(["build", "--release", "--locked", "--package", &package]), &folder)?;
    let mut environment = Vec::new();
    if peer.is_ours() {
        environment.push(("COMPARE_PLUGIN", plugin(&folder)?.into()));
    }
    for need in peer.needs {
        if let Need::Python { program, .. } = need {
            environment.push(("COMPARE_PROGRAM", python_program(target, program).into()));
        }
    }
    Ok(Program { peer, file: folder.join("release").join(package), environment })
}

/// The folder of this workspace.
fn workspace() -> PathBuf {
    crate::root().join("benches/compare")
}

/// Builds the plugin as the library that an application loads.
fn plugin(folder: &Path) -> Outcome<PathBuf> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    run(cargo.current_dir(crate::root()).args(["build", "--release", "--locked", "--package", PLUGIN]), folder)?;
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    Ok(folder.join("release").join(format!("{prefix}{}{suffix}", PLUGIN.replace('-', "_"))))
}

fn run(cargo: &mut Command, folder: &Path) -> Outcome {
    let Ended { code, stderr, .. } = ended(cargo.arg("--target-dir").arg(folder))?;
    if code == Some(0) {
        return Ok(());
    }
    // The first error is the cause; what follows is what it led to.
    let first = stderr.lines().skip_while(|line| !line.starts_with("error")).take(4).collect::<Vec<_>>().join("\n");
    Err(format!("not built: {}", last_lines(if first.is_empty() { &stderr } else { &first })))
}
