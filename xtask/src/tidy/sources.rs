//! The Rust files of the project.

use super::code;
use crate::command::Outcome;
use std::fs;
use std::path::Path;

/// Folders that hold no source of ours.
const SKIPPED: [&str; 5] = ["target", ".git", "out", "corpus", "artifacts"];
/// Deepest folder that is looked into.
const DEPTH_MAX: usize = 16;

/// A Rust file.
#[derive(Debug)]
pub(crate) struct Source {
    /// Its path from the root of the workspace, with `/`.
    pub(crate) path: String,
    /// Its text as it is.
    pub(crate) text: String,
    /// Its text with comments and the inside of strings blanked out, line by line as in the file.
    pub(crate) code: String,
}

impl Source {
    /// A file of this path and text.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.into(), code: code::only(text) }
    }

    /// The lines of code with their numbers, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.lines().enumerate().map(|(at, line)| (at + 1, line))
    }

    /// Names of the tests in it.
    pub(crate) fn tests(&self) -> Vec<&str> {
        let mut names = Vec::new();
        let mut is_test = false;
        for (_, code) in self.lines() {
            let code = code.trim_start();
            if code.starts_with("#[test]") {
                is_test = true;
            } else if !code.is_empty() && !code.starts_with("#[") {
                let name = code.trim_start_matches("pub ").strip_prefix("fn ").and_then(|rest| rest.split('(').next());
                names.extend(name.filter(|_| is_test));
                is_test = false;
            }
        }
        names
    }

    /// Whether the file lies in a folder.
    pub(crate) fn is_in(&self, folder: &str) -> bool {
        self.path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Reads every Rust file below the root, in the order of their paths.
///
/// # Errors
/// A folder or a file cannot be read.
pub(crate) fn read(root: &Path) -> Outcome<Vec<Source>> {
    let mut sources = Vec::new();
    read_folder(root, "", &mut sources, 0)?;
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

fn read_folder(root: &Path, folder: &str, sources: &mut Vec<Source>, depth: usize) -> Outcome {
    let fault = |path: &str, error: std::io::Error| format!("{path}: {error}");
    if depth > DEPTH_MAX {
        return Err(format!("{folder}: nested too deeply"));
    }
    for entry in fs::read_dir(root.join(folder)).map_err(|error| fault(folder, error))? {
        let entry = entry.map_err(|error| fault(folder, error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        // The type of the entry itself: a link could lead in a circle.
        let kind = entry.file_type().map_err(|error| fault(&path, error))?;
        if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
            read_folder(root, &path, sources, depth + 1)?;
        } else if kind.is_file() && name.ends_with(".rs") {
            let text = fs::read_to_string(entry.path()).map_err(|error| fault(&path, error))?;
            sources.push(Source::new(&path, &text));
        }
    }
    Ok(())
}
