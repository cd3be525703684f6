//! Installs what a peer needs, where that is possible, and otherwise says what to do.

use crate::Outcome;
use crate::peers::{Need, Peer};
use crate::process::{output, succeeds};
use std::process::Command;

/// Sees to it that everything that a peer needs is there.
///
/// # Errors
/// Something is missing and cannot be installed; the message says how to do it by hand.
pub(crate) fn ensure(peer: &Peer) -> Outcome {
    peer.needs.iter().try_for_each(|need| match need {
        Need::Debian { packages, modules } => debian(packages, modules),
        Need::Toolchain(name) => toolchain(name),
    })
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
