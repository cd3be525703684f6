//! `completions`: a script that teaches a shell the words of this program.

use crate::arguments::Arguments;
use crate::console::Console;
use crate::failure::Failure;
use clap::CommandFactory;
use clap_complete::Shell;
use std::process::ExitCode;

/// Writes the script of a shell.
pub(crate) fn run(console: &Console, shell: Shell) -> Result<ExitCode, Failure> {
    // Into memory first: the generator panics when its reader leaves.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "graphmill", &mut script);
    console.result(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
