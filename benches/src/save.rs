//! What a bench measured, as lines of JSON, for who puts the figures of several benches together.

use serde_json::json;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Figures of one way to do the work, one for each round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures<'a> {
    /// What several ways did in turns.
    pub(crate) contest: &'a str,
    /// The one of them.
    pub(crate) way: &'a str,
    /// What was measured, with its unit last.
    pub(crate) figure: &'a str,
    pub(crate) rounds: &'a [f64],
}

/// Appends a line to a file; the bench is named by the program.
///
/// # Panics
/// When it cannot be written: figures that are asked for and lost are worth nothing.
pub(crate) fn append(file: &Path, figures: Figures<'_>) {
    let Figures { contest, way, figure, rounds } = figures;
    let line = json!({ "bench": bench(), "contest": contest, "way": way, "figure": figure, "rounds": rounds });
    let opened = OpenOptions::new().create(true).append(true).open(file);
    if let Err(error) = opened.and_then(|mut file| writeln!(file, "{line}")) {
        panic!("{}: {error}", file.display());
    }
}

/// The name of the bench: that of the program without what cargo appends.
fn bench() -> String {
    let program = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let stem = program.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    stem.rsplit_once('-').map_or(stem.clone(), |(name, _)| name.to_owned())
}
