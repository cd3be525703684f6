//! Why a plugin file is refused, and what its user can do about it.

use std::io;
use std::path::{Path, PathBuf};

use super::FILE_SIZE_BYTES_MAX;

/// Why a file is not a plugin that this process can load.
///
/// Cheap to clone and to compare, so that one result can answer everybody who asked for the
/// same file at the same time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PreflightError {
    /// Nothing has this name.
    #[error("plugin file {path:?} does not exist; check the path, or build the plugin first")]
    NotFound {
        /// The path as it was given.
        path: PathBuf,
    },

    /// The name is a symbolic link to nothing.
    #[error(
        "plugin file {path:?} is a link to {target:?}, which does not exist; \
         repair the link or install its target"
    )]
    DanglingLink {
        /// The path as it was given.
        path: PathBuf,
        /// What the link says.
        target: PathBuf,
    },

    /// The system refuses to open or read the file.
    #[error(
        "plugin file {path:?} cannot be read ({reason}); \
         check the path and the permissions of the file and its folders"
    )]
    Unreadable {
        /// The path as it was given.
        path: PathBuf,
        /// The kind of the system's error.
        kind: io::ErrorKind,
        /// The system's own words.
        reason: String,
    },

    /// The name is a directory.
    #[error("plugin file {path:?} is a directory; name the library file inside it")]
    Directory {
        /// The path as it was given.
        path: PathBuf,
    },

    /// The name is a FIFO, a socket or a device.
    #[error("plugin file {path:?} is {what}, not a regular file; name the library file itself")]
    NotRegular {
        /// The path as it was given.
        path: PathBuf,
        /// What it is, with its article.
        what: &'static str,
    },

    /// The file holds no bytes.
    #[error("plugin file {path:?} is empty; build or copy it again")]
    Empty {
        /// The path as it was given.
        path: PathBuf,
    },

    /// The file is larger than any library should be.
    #[error(
        "plugin file {path:?} has {size} bytes and the limit is {limit}; \
         keep weights and other data in files of their own",
        limit = FILE_SIZE_BYTES_MAX
    )]
    TooLarge {
        /// The path as it was given.
        path: PathBuf,
        /// The file's size in bytes.
        size: u64,
    },

    /// The file is of another format.
    #[error(
        "plugin file {path:?} is {found}, not an ELF shared object; \
         build the plugin as a cdylib and name the resulting `.so`"
    )]
    NotElf {
        /// The path as it was given.
        path: PathBuf,
        /// What the first bytes look like, with its article.
        found: &'static str,
    },

    /// The file is ELF for another machine.
    #[error(
        "plugin file {path:?} is built for {found}, and this program runs on {host}; \
         build the plugin for this target"
    )]
    WrongTarget {
        /// The path as it was given.
        path: PathBuf,
        /// The machine, class and byte order of the file.
        found: String,
        /// The machine, class and byte order of this program.
        host: String,
    },

    /// The file is ELF for this machine, but no shared object.
    #[error(
        "plugin file {path:?} is {what}, not a shared object; \
         build the plugin as a cdylib, or with `-shared -fPIC` in C"
    )]
    NotShared {
        /// The path as it was given.
        path: PathBuf,
        /// What it is, with its article.
        what: &'static str,
    },

    /// The file ends before its content does.
    #[error(
        "plugin file {path:?} is cut short: {what} ends at byte {end} and the file at {size}; \
         copy or build it again"
    )]
    Truncated {
        /// The path as it was given.
        path: PathBuf,
        /// Which part is cut, with its article.
        what: &'static str,
        /// Where that part ends, in bytes from the start of the file.
        end: u64,
        /// The file's size in bytes.
        size: u64,
    },

    /// The file contradicts itself or goes beyond a limit.
    #[error("plugin file {path:?} is damaged: {what}; copy or build it again")]
    Malformed {
        /// The path as it was given.
        path: PathBuf,
        /// What is wrong, as a clause.
        what: &'static str,
    },

    /// The library has no table of exported symbols.
    #[error(
        "plugin file {path:?} has no dynamic symbol table; \
         build the plugin as a cdylib, and strip it with `strip --strip-unneeded` at most"
    )]
    NoDynamicSymbols {
        /// The path as it was given.
        path: PathBuf,
    },

    /// The library exports no plugin entry.
    #[error(
        "plugin file {path:?} exports no function `gm_plugin_entry_v1`; \
         use the SDK's `export!` macro, or define the function with `GM_EXPORT` in C"
    )]
    NoEntry {
        /// The path as it was given.
        path: PathBuf,
    },

    /// A symbol has the name of an entry but is no function.
    #[error("plugin file {path:?} exports `{symbol}` as {what}; export a function of this name")]
    EntryNotFunction {
        /// The path as it was given.
        path: PathBuf,
        /// The name of the symbol.
        symbol: String,
        /// What the symbol is instead, with its article.
        what: &'static str,
    },

    /// The library exports more than one plugin entry.
    #[error(
        "plugin file {path:?} exports several plugin entries ({}); \
         build one library for each plugin",
        symbols.join(", ")
    )]
    SeveralEntries {
        /// The path as it was given.
        path: PathBuf,
        /// The names that were found, sorted; only the first few of very many.
        symbols: Vec<String>,
    },

    /// The library exports entries of other ABI majors only.
    #[error(
        "plugin file {path:?} is made for plugin ABI {}, and this program supports {supported}; \
         use a release of the plugin for ABI {supported}, or another release of Graphmill",
        majors(found)
    )]
    UnsupportedMajor {
        /// The path as it was given.
        path: PathBuf,
        /// The majors that the library offers, sorted.
        found: Vec<u32>,
        /// The major that this program offers.
        supported: u32,
    },
}

impl PreflightError {
    pub(super) fn unreadable(path: &Path, reason: &io::Error) -> Self {
        PreflightError::Unreadable { path: path.to_path_buf(), kind: reason.kind(), reason: reason.to_string() }
    }
}

fn majors(found: &[u32]) -> String {
    let numbers: Vec<String> = found.iter().map(u32::to_string).collect();
    numbers.join(" and ")
}
