//! Checks what we depend on against `deny.toml`: licences, bans, sources.

use super::need_subcommand;
use crate::command::{self, Outcome};
use crate::workspace::Workspace;

/// Checks the workspace, and the one of the fuzz targets.
///
/// # Errors
/// A dependency breaks a rule.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    need_subcommand(&workspace.root, "deny")?;
    for manifest in ["Cargo.toml", "fuzz/Cargo.toml"] {
        // Advisories need a database from elsewhere; these three need nothing.
        let arguments = ["deny", "--manifest-path", manifest, "--config", "deny.toml", "check"];
        let mut deny = command::cargo(&workspace.root, arguments);
        command::run(deny.args(["bans", "licenses", "sources"]))?;
    }
    Ok(())
}
