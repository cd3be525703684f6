//! Which files a param stands for.

use std::path::{Path, PathBuf};

use graphmill_plugin_sdk::prelude::*;

use crate::error::ImageFileError;

/// Most files that one source reads: beyond it a pattern is a mistake.
const FILES_MAX: usize = 100_000;

/// A path, which may be a pattern.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("x-env" = true, "format" = "path"))]
pub(crate) struct PathText(String);

/// One path or pattern, or several.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Paths {
    /// One.
    One(PathText),
    /// Several, read in this order.
    Several(Vec<PathText>),
}

impl Paths {
    /// The files in the order in which they are read: as listed, those of a pattern by name.
    ///
    /// What exists under its very name is that file, whatever letters the name has; only then it is a pattern.
    ///
    /// # Errors
    /// A file is not there, a pattern is none or nothing matches it, or there are too many files.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>, ImageFileError> {
        let texts = match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Several(texts) => texts,
        };
        let mut files = Vec::new();
        for PathText(text) in texts {
            add_files(text, &mut files)?;
        }
        if files.is_empty() {
            return Err(ImageFileError::NoMatch { pattern: "[]".to_owned() });
        }
        Ok(files)
    }
}

fn add_files(text: &str, files: &mut Vec<PathBuf>) -> Result<(), ImageFileError> {
    let path = PathBuf::from(text);
    if path.exists() || !text.contains(['*', '?', '[']) {
        check_file(&path)?;
        return add_file(path, files);
    }
    let wrong =
        |error: glob::PatternError| ImageFileError::Pattern { pattern: text.to_owned(), reason: error.msg.to_owned() };
    let before = files.len();
    for found in glob::glob(text).map_err(wrong)? {
        let found = found.map_err(|error| {
            let path = error.path().to_owned();
            ImageFileError::Open { path, source: error.into() }
        })?;
        // A pattern may meet folders; only what is named by itself has to be a file.
        if found.is_file() {
            add_file(found, files)?;
        }
    }
    if files.len() == before {
        return Err(ImageFileError::NoMatch { pattern: text.to_owned() });
    }
    Ok(())
}

fn add_file(path: PathBuf, files: &mut Vec<PathBuf>) -> Result<(), ImageFileError> {
    if files.len() >= FILES_MAX {
        return Err(ImageFileError::TooMany { max: FILES_MAX });
    }
    files.push(path);
    Ok(())
}

/// Refuses what is no regular file: opening a FIFO would wait for its writer.
pub(crate) fn check_file(path: &Path) -> Result<(), ImageFileError> {
    let metadata = path.metadata().map_err(|source| ImageFileError::Open { path: path.to_owned(), source })?;
    if metadata.is_file() {
        return Ok(());
    }
    let found = if metadata.is_dir() { "a folder" } else { "a device, pipe or socket" };
    Err(ImageFileError::NotAFile { path: path.to_owned(), found })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn paths(json: serde_json::Value) -> Paths {
        serde_json::from_value(json).unwrap()
    }

    /// The names of the files found in a folder with a few files, or the error.
    fn found(patterns: &[&str]) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.png", "a.png", "c.jpg", "d[1].png"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        fs::create_dir(folder.path().join("e.png")).unwrap();
        let full: Vec<_> = patterns.iter().map(|name| folder.path().join(name)).collect();
        let files = paths(serde_json::json!(full)).files().map_err(|error| error.to_string())?;
        Ok(files.iter().map(|file| file.file_name().unwrap().to_str().unwrap().to_owned()).collect())
    }

    #[test]
    fn files_are_read_as_listed_and_those_of_a_pattern_by_name() {
        let table: [(&[&str], &[&str]); 5] = [
            (&["b.png", "a.png"], &["b.png", "a.png"]),
            (&["*.png"], &["a.png", "b.png", "d[1].png"]),
            (&["c.jpg", "[ab].png"], &["c.jpg", "a.png", "b.png"]),
            (&["?.jpg", "?.jpg"], &["c.jpg", "c.jpg"]),
            (&["d[1].png"], &["d[1].png"]),
        ];
        for (patterns, expected) in table {
            assert_eq!(found(patterns).unwrap(), expected, "{patterns:?}");
        }
    }

    #[test]
    fn what_stands_for_no_file_is_refused_by_name() {
        let table: [(&[&str], &[&str]); 5] = [
            (&["f.png"], &["cannot open", "f.png"]),
            (&["*.tiff"], &["no file matches", "*.tiff"]),
            (&["e.png"], &["e.png` is a folder", "e.png/*.png"]),
            (&["[a.png"], &["is no pattern", "[a.png"]),
            (&[], &["no file matches `[]`"]),
        ];
        for (patterns, parts) in table {
            let message = found(patterns).unwrap_err();
            assert!(parts.iter().all(|part| message.contains(part)), "{message}");
        }
        let message = paths(serde_json::json!("/dev/null")).files().unwrap_err().to_string();
        assert!(message.contains("`/dev/null` is a device"), "{message}");
    }

    #[test]
    fn one_path_needs_no_list() {
        let one = paths(serde_json::json!(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")));
        assert_eq!(one.files().unwrap().len(), 1);
    }
}
