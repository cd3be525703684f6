//! `graph`: a graph as a drawing.

use crate::arguments::{Drawing, Global};
use crate::console::Console;
use crate::drawing;
use crate::failure::Failure;
use crate::source::Loaded;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

/// Draws a graph file to standard output or to a file.
pub(crate) fn run(
    console: &Console,
    global: &Global,
    (file, to, output): (&Path, &Drawing, Option<&Path>),
) -> Result<ExitCode, Failure> {
    let Loaded { graph, .. } = Loaded::from_file(*console, global, file)?;
    let text = match to {
        Drawing { dot: true, .. } => graph.to_dot(),
        Drawing { mermaid: true, .. } => graph.to_mermaid(),
        Drawing { .. } => drawing::svg(&graph.to_dot())?,
    };
    match output {
        Some(path) => {
            fs::write(path, text).map_err(|error| Failure::output(&format!("`{}`", path.display()), &error))?
        }
        None => console.result(&text)?,
    }
    Ok(ExitCode::SUCCESS)
}
