//! Installs what a peer needs, where that is possible, and otherwise says what to do.

use crate::Outcome;
use crate::peers::{Need, Peer};
use crate::process::{output, succeeds};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Sees to it that everything that a peer needs is there.
///
/// # Errors
/// Something is missing and cannot be installed; the message says how to do it by hand.
pub(crate) fn ensure(peer: &Peer, target: &Path) -> Outcome {
    peer.needs.iter().try_for_each(|need| match need {
        Need::Debian { packages, modules } => debian(packages, modules),
        Need::Toolchain(name) => toolchain(name),
        Need::Python { packages, program } => python(packages, &python_program(target, program), target),
    })
}

/// Where a program of a Python package is once it is installed.
pub(crate) fn python_program(target: &Path, program: &str) -> PathBuf {
    environment(target).join("bin").join(program)
}

fn environment(target: &Path) -> PathBuf {
    target.join("compare/python")
}

fn debian(packages: &[&str], modules: &[&str]) -> Outcome {
    if succeeds(Command::new("pkg-config").arg("--exists").args(modules)) {
        return Ok(());
    }
    let by_hand = format!("apt-get install {}", packages.join(" "));
    if output(Command::new("id").arg("-u"))? != "0" {
        return Err(format!("not installed; as root: {by_hand}"));
    }
    let mut apt = Command::new("apt-get");
    apt.args(["install", "--yes", "--no-install-recommends"]).args(packages).env("DEBIAN_FRONTEND", "noninteractive");
    output(&mut apt).map(drop)
}

fn toolchain(name: &str) -> Outcome {
    if succeeds(Command::new("rustup").args(["run", name, "cargo", "--version"])) {
        return Ok(());
    }
    output(Command::new("rustup").args(["toolchain", "install", name, "--profile", "minimal"])).map(drop)
}

fn python(packages: &[&str], program: &Path, target: &Path) -> Outcome {
    let environment = environment(target);
    if program.exists()
        && succeeds(Command::new(environment.join("bin/pip")).args(["show", "--quiet"]).args(names(packages)))
    {
        return Ok(());
    }
    output(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    output(Command::new(environment.join("bin/pip")).args(["install", "--quiet"]).args(packages)).map(drop)
}

/// The packages without their versions.
fn names<'a>(packages: &[&'a str]) -> Vec<&'a str> {
    packages.iter().filter_map(|package| package.split("==").next()).collect()
}
