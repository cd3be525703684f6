//! Takes the bytes of a file in, compares them with the manifest, and only then gives the file its name.

use graphmill_models::{ModelFile, Sha256Hasher};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

/// How much is taken at a time, in bytes.
const CHUNK_LEN: usize = 64 * 1024;

/// Why a file was not taken.
#[derive(Debug)]
pub(super) enum Fault {
    /// Where it comes from cannot be read.
    Read(io::Error),
    /// Where it goes to cannot be written.
    Write(io::Error),
    /// It is not what the manifest says: a sentence.
    Wrong(String),
}

/// Writes what `from` gives to `path` if it is what the manifest says of `file`; `seen` is told of each piece.
///
/// # Errors
/// It cannot be read or written, or is something else. What was written by then lies at `path`.
pub(super) fn receive(from: &mut dyn Read, file: &ModelFile, path: &Path, seen: &dyn Fn(u64)) -> Result<(), Fault> {
    let mut out = File::create(path).map_err(Fault::Write)?;
    let mut hasher = Sha256Hasher::default();
    let mut len = 0;
    each_chunk(from, |chunk| {
        len += to_u64(chunk.len());
        if len > file.bytes {
            return Err(Fault::Wrong(format!(
                "`{}` has more than the {} bytes of the manifest",
                file.name, file.bytes
            )));
        }
        hasher.update(chunk);
        seen(to_u64(chunk.len()));
        out.write_all(chunk).map_err(Fault::Write)
    })?;
    compare(file, len, hasher)?;
    // A name that survives a power cut has to lead to content that does.
    out.sync_all().map_err(Fault::Write)
}

/// Checks that a file that lies at `path` is what the manifest says of `file`; `seen` is told of each piece.
///
/// # Errors
/// It cannot be read, or is something else.
pub(super) fn inspect(path: &Path, file: &ModelFile, seen: &dyn Fn(u64)) -> Result<(), Fault> {
    let mut from = File::open(path).map_err(Fault::Read)?;
    let mut hasher = Sha256Hasher::default();
    let mut len = 0;
    each_chunk(&mut from, |chunk| {
        len += to_u64(chunk.len());
        seen(to_u64(chunk.len()));
        hasher.update(chunk);
        Ok(())
    })?;
    compare(file, len, hasher)?;
    from.sync_all().map_err(Fault::Write)
}

/// Gives a checked file its name, in one step.
///
/// # Errors
/// The system refuses.
pub(super) fn name(from: &Path, to: &Path) -> Result<(), Fault> {
    fs::rename(from, to).map_err(Fault::Write)
}

fn each_chunk(from: &mut dyn Read, mut take: impl FnMut(&[u8]) -> Result<(), Fault>) -> Result<(), Fault> {
    let mut chunk = vec![0; CHUNK_LEN];
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(len) => take(chunk.get(..len).unwrap_or_default())?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Fault::Read(error)),
        }
    }
}

fn compare(file: &ModelFile, len: u64, hasher: Sha256Hasher) -> Result<(), Fault> {
    let ModelFile { name, bytes, sha256, .. } = file;
    if len != *bytes {
        return Err(Fault::Wrong(format!("`{name}` has {len} bytes, and the manifest says {bytes}")));
    }
    let found = hasher.finish();
    if found != *sha256 {
        return Err(Fault::Wrong(format!("`{name}` has the SHA-256 {found}, and the manifest says {sha256}")));
    }
    Ok(())
}

fn to_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
