//! Writes the C header again from the layout in Rust.

use crate::command::{self, Outcome};
use crate::workspace::Workspace;

/// The test that compares the header with the layout also knows how to write it, so there is one generator.
///
/// # Errors
/// The header cannot be generated or written.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let test = ["test", "--quiet", "--package", "graphmill-abi", "--test", "header", "committed_header"];
    command::run(command::cargo(&workspace.root, test).env("GRAPHMILL_WRITE_HEADER", "1"))?;
    println!("plugin-sdk/include/graphmill.h is what the layout says");
    Ok(())
}
