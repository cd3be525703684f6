//! The bytes of one file, read piece by piece and never beyond its end.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use object::pod::{self, Pod};

use super::PreflightError;

/// An opened plugin file: bounded reads, and errors that name it.
///
/// Only the pieces that matter are read, so that looking at a library of a gigabyte costs
/// kilobytes.
#[derive(Debug)]
pub(super) struct Source<'a> {
    file: &'a File,
    size: u64,
    path: &'a Path,
}

/// A piece of the file, and the words for it in an error.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) offset: u64,
    pub(super) len: u64,
    pub(super) what: &'static str,
}

impl<'a> Source<'a> {
    pub(super) fn new(file: &'a File, size: u64, path: &'a Path) -> Self {
        Source { file, size, path }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn path(&self) -> &'a Path {
        self.path
    }

    /// Says whether the piece lies in the file.
    pub(super) fn check(&self, piece: Piece) -> Result<(), PreflightError> {
        let end = piece.offset.saturating_add(piece.len);
        if end <= self.size {
            return Ok(());
        }
        Err(PreflightError::Truncated { path: self.path.to_path_buf(), what: piece.what, end, size: self.size })
    }

    /// Reads the piece; memory is taken only once the file is known to be that long.
    pub(super) fn bytes(&self, piece: Piece) -> Result<Vec<u8>, PreflightError> {
        self.check(piece)?;
        let len = usize::try_from(piece.len).map_err(|_| self.malformed("a table is too large"))?;
        let mut bytes = vec![0; len];
        self.file.read_exact_at(&mut bytes, piece.offset).map_err(|reason| self.failed(piece, &reason))?;
        Ok(bytes)
    }

    /// Reads `count` records of one type, the first at the piece's offset; its length is ignored.
    pub(super) fn records<T: Pod>(&self, piece: Piece, count: u64) -> Result<Vec<T>, PreflightError> {
        let bytes = self.bytes(Piece { len: count.saturating_mul(size_of::<T>() as u64), ..piece })?;
        let records = pod::slice_from_all_bytes(&bytes).map_err(|()| self.malformed("a table is not aligned"))?;
        Ok(records.to_vec())
    }

    pub(super) fn malformed(&self, what: &'static str) -> PreflightError {
        PreflightError::Malformed { path: self.path.to_path_buf(), what }
    }

    /// The file may have been cut by somebody since its size was asked for.
    fn failed(&self, piece: Piece, reason: &io::Error) -> PreflightError {
        if reason.kind() == io::ErrorKind::UnexpectedEof {
            return self.malformed("it was cut short while it was read");
        }
        let reason = io::Error::new(reason.kind(), format!("{}: {reason}", piece.what));
        PreflightError::unreadable(self.path, &reason)
    }
}
