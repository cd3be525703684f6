//! Writes lines to standard output or to a file.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use graphmill_plugin_sdk::{Error, Result};

/// Stands for standard output where a path is expected.
const STDOUT: &str = "-";

/// Where lines go. Every line is handed to the system at once, so a reader sees it as soon as it is there.
pub(crate) struct LineWriter {
    name: String,
    target: Box<dyn Write>,
}

impl fmt::Debug for LineWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineWriter").field("name", &self.name).finish_non_exhaustive()
    }
}

impl LineWriter {
    /// Opens `path` for writing, or standard output where it is `-`. The folder is made, an old file replaced.
    ///
    /// # Errors
    /// The file cannot be made.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        if path == Path::new(STDOUT) {
            return Ok(Self::to("standard output".to_owned(), Box::new(io::stdout())));
        }
        let name = format!("`{}`", path.display());
        let file = create(path).map_err(|error| {
            Error::io(format!("cannot write {name}: {error}; check the folder and its permissions"))
        })?;
        Ok(Self::to(name, Box::new(file)))
    }

    fn to(name: String, target: Box<dyn Write>) -> Self {
        Self { name, target }
    }

    /// Writes one line; `line` ends with its line break.
    ///
    /// # Errors
    /// The reader is gone or the disk is full.
    pub(crate) fn write(&mut self, line: &str) -> Result<()> {
        let outcome = self.target.write_all(line.as_bytes()).and_then(|()| self.target.flush());
        outcome.map_err(|error| self.explain(&error))
    }

    fn explain(&self, error: &io::Error) -> Error {
        let name = &self.name;
        Error::io(match error.kind() {
            io::ErrorKind::BrokenPipe => {
                format!("{name} was closed by its reader; write to a file with `path`, or keep the reader running")
            }
            _ => format!("cannot write to {name}: {error}; check the free space and the permissions"),
        })
    }
}

fn create(path: &Path) -> io::Result<File> {
    match path.parent() {
        Some(folder) if folder != PathBuf::new() => fs::create_dir_all(folder)?,
        _ => {}
    }
    File::create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_in_the_file_as_soon_as_they_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/lines.txt");
        let mut writer = LineWriter::open(&path).unwrap();
        writer.write("one\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\n");
        writer.write("two\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    }

    #[test]
    fn a_file_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let message = LineWriter::open(folder.path()).unwrap_err().to_string();
        assert!(message.contains(folder.path().to_str().unwrap()), "{message}");
    }

    #[test]
    fn a_reader_that_left_is_a_clear_error() {
        let (reader, pipe) = io::pipe().unwrap();
        let mut writer = LineWriter::to("standard output".to_owned(), Box::new(pipe));
        writer.write("heard\n").unwrap();
        drop(reader);
        let message = writer.write("unheard\n").unwrap_err().to_string();
        assert!(message.starts_with("standard output was closed by its reader"), "{message}");
    }

    #[test]
    fn a_full_disk_is_a_clear_error() {
        let mut writer = LineWriter::open(Path::new("/dev/full")).unwrap();
        let message = writer.write("lost\n").unwrap_err().to_string();
        assert!(message.starts_with("cannot write to `/dev/full`"), "{message}");
    }
}
