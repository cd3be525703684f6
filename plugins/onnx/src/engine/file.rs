//! Which file a model is in, told apart from another one at the same path.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::EngineError;

/// A file as it lies on the disk now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ModelFile {
    path: PathBuf,
    device: u64,
    inode: u64,
    len: u64,
    changed_ns: i128,
}

impl ModelFile {
    /// Looks at the file, through symbolic links.
    pub(super) fn find(path: &Path) -> Result<Self, EngineError> {
        let unreadable =
            |error: io::Error| EngineError::Unreadable { path: path.to_owned(), reason: error.to_string() };
        let path = fs::canonicalize(path).map_err(unreadable)?;
        let found = fs::metadata(&path).map_err(unreadable)?;
        if !found.is_file() {
            return Err(unreadable(io::Error::other("it is no file")));
        }
        let changed_ns = i128::from(found.mtime()) * 1_000_000_000 + i128::from(found.mtime_nsec());
        Ok(Self { path, device: found.dev(), inode: found.ino(), len: found.len(), changed_ns })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of the file; in memory a model takes about as many.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Key for the resource cache: what tells this content from any other.
    pub(super) fn key(&self) -> String {
        let Self { path, device, inode, len, changed_ns } = self;
        let name = path.file_name().unwrap_or_default().display();
        format!("onnx {name} {device}:{inode} {len} {changed_ns} cpu")
    }
}
