//! What a plugin file is, found out without running any code of it.
//!
//! The system's loader is not made for files that are not what they should be: a library that
//! was cut short kills the process with SIGBUS inside `dlopen`, one for another machine is
//! reported as missing, and a FIFO blocks for ever. So every file is looked at here first, and
//! only a file whose mapped parts are all there, that is built for this machine and that exports
//! exactly one plugin entry is handed to the loader.
//!
//! The checks follow what the loader uses (program headers, dynamic table, hash table) and never
//! the section headers, so a stripped library is as good as any. They protect against damage and
//! mistakes, not against malice: a library that passes runs its code with all our rights.
//!
//! Runs on the caller's thread, reads the file with a bound on every piece, allocates by no length
//! that was not compared with the file's size first, and never panics.

mod dynamic;
mod elf;
mod entry;
mod error;
mod looks;
mod source;
#[cfg(test)]
mod tests;

pub use self::entry::{ABI_MAJOR, ENTRY_PREFIX};
pub use self::error::PreflightError;

use std::ffi::CString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use self::source::Source;

/// Largest plugin file that is looked at; weights belong into files of their own.
pub const FILE_SIZE_BYTES_MAX: u64 = 2 << 30;

/// What a plugin file is and needs, as far as its bytes tell.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Preflight {
    /// Where the file really is: absolute, with every link resolved.
    pub path: PathBuf,
    /// Which file it is, whatever name it was reached by.
    pub identity: FileIdentity,
    /// The dynamic symbol to resolve: the plugin's entry function.
    pub entry: CString,
    /// The shared libraries that the loader will have to find, in the order of the file.
    pub needed: Vec<String>,
    /// Bytes of static thread-local storage that the library takes from the loader's small reserve.
    ///
    /// Zero for nearly every plugin. A library built with the initial-exec model (some allocators
    /// are) takes its whole thread-local block from a reserve of about 1.5 KiB per process, and
    /// once that is used up the loader says "cannot allocate memory in static TLS block".
    pub static_tls_bytes: u64,
}

/// Which file on which disk, in which version: two names of one file compare equal.
///
/// Taken from the opened descriptor, so it describes the very file whose bytes were checked. A
/// copy is another file; so is the same inode after it was written again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileIdentity {
    /// The device that holds the file.
    pub dev: u64,
    /// The file's number on that device.
    pub ino: u64,
    /// The file's size in bytes.
    pub size: u64,
    /// When the content was last written, in nanoseconds since the epoch.
    pub mtime_ns: i128,
}

/// Checks that `path` is a plugin library which this process can load, without running its code.
///
/// # Errors
/// One variant of [`PreflightError`] for each way in which a file can be something else; each
/// message names the file and the way out.
pub fn preflight(path: &Path) -> Result<Preflight, PreflightError> {
    let canonical = fs::canonicalize(path).map_err(|reason| missing(path, &reason))?;
    let (file, metadata) = open_regular(path, &canonical)?;
    let identity = FileIdentity::from(&metadata);
    check_size(path, identity.size)?;
    let source = Source::new(&file, identity.size, path);
    let image = elf::Image::read(&source)?;
    let dynamic = dynamic::Dynamic::read(&source, &image)?;
    Ok(Preflight {
        entry: entry::find(&source, &image, &dynamic)?,
        needed: dynamic.needed(&source)?,
        static_tls_bytes: dynamic.static_tls_bytes(&image),
        path: canonical,
        identity,
    })
}

impl From<&Metadata> for FileIdentity {
    fn from(metadata: &Metadata) -> Self {
        let seconds = i128::from(metadata.mtime());
        FileIdentity {
            dev: metadata.dev(),
            ino: metadata.ino(),
            size: metadata.size(),
            mtime_ns: seconds * 1_000_000_000 + i128::from(metadata.mtime_nsec()),
        }
    }
}

/// Opens a regular file and says what the descriptor really holds.
///
/// The type is asked for before the file is opened, because opening alone can block (a FIFO) or
/// act (a device); and again afterwards, because the name may have been given to another file in
/// between. Non-blocking, so that even that race cannot hang.
fn open_regular(path: &Path, canonical: &Path) -> Result<(File, Metadata), PreflightError> {
    let unreadable = |reason: io::Error| PreflightError::unreadable(path, &reason);
    check_regular(path, &fs::metadata(canonical).map_err(unreadable)?)?;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(canonical)
        .map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    check_regular(path, &metadata)?;
    Ok((file, metadata))
}

fn check_regular(path: &Path, metadata: &Metadata) -> Result<(), PreflightError> {
    let kind = metadata.file_type();
    let path = path.to_path_buf();
    if kind.is_file() {
        return Ok(());
    }
    if kind.is_dir() {
        return Err(PreflightError::Directory { path });
    }
    let what = match () {
        () if kind.is_fifo() => "a FIFO",
        () if kind.is_socket() => "a socket",
        () if kind.is_char_device() => "a character device",
        () if kind.is_block_device() => "a block device",
        () => "a special file",
    };
    Err(PreflightError::NotRegular { path, what })
}

fn check_size(path: &Path, size: u64) -> Result<(), PreflightError> {
    let path = path.to_path_buf();
    match size {
        0 => Err(PreflightError::Empty { path }),
        1..=FILE_SIZE_BYTES_MAX => Ok(()),
        _ => Err(PreflightError::TooLarge { path, size }),
    }
}

/// Tells a name that nothing has from a link that leads nowhere: the ways out differ.
fn missing(path: &Path, reason: &io::Error) -> PreflightError {
    if reason.kind() != io::ErrorKind::NotFound {
        return PreflightError::unreadable(path, reason);
    }
    let path = path.to_path_buf();
    match fs::read_link(&path) {
        Ok(target) => PreflightError::DanglingLink { path, target },
        Err(_) => PreflightError::NotFound { path },
    }
}
