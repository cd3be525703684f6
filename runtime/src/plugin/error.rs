//! Why a plugin is not loaded, whose fault that is, and the way out.

use super::import::ModuleFault;
use super::origin::Origin;
#[cfg(feature = "dylib")]
use super::preflight::PreflightError;
use super::status::status_name;
use graphmill_abi::layout::gm_status;
use std::path::PathBuf;

/// Why a plugin is not loaded; cheap to clone, because one failed load answers everybody who waited for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file is no plugin that this process can load; none of its code has run.
    #[cfg(feature = "dylib")]
    #[error(transparent)]
    Preflight(#[from] PreflightError),

    /// Somebody replaced or changed the file while it was being loaded.
    #[error("plugin file {path:?} changed while it was loaded; install plugins by renaming a complete file into place")]
    Changed {
        /// The file.
        path: PathBuf,
    },

    /// Somebody wrote into the file after this process had loaded it.
    #[error(
        "plugin file {path:?} was written to after this process had loaded it, so its old code is in use; \
         restart the program, and install plugins by renaming a complete file into place"
    )]
    Overwritten {
        /// The file.
        path: PathBuf,
    },

    /// The library calls a function that no library has.
    #[error(
        "plugin file {path:?} needs the symbol `{symbol}`, which no library here offers; \
         link the library that has it into the plugin (the system's loader says: {reason})"
    )]
    UndefinedSymbol {
        /// The file.
        path: PathBuf,
        /// The symbol.
        symbol: String,
        /// The text of the system's loader.
        reason: String,
    },

    /// A shared library that the plugin needs is not there.
    #[error(
        "plugin file {path:?} needs the shared library `{library}`, which is not found; \
         install it, or put it where the loader looks (the system's loader says: {reason})"
    )]
    MissingDependency {
        /// The file.
        path: PathBuf,
        /// The library that is missing.
        library: String,
        /// The text of the system's loader.
        reason: String,
    },

    /// The library wants more static thread-local storage than the process has left.
    #[error(
        "plugin file {path:?} wants {bytes} bytes of static thread-local storage, more than this process has left; \
         build its allocator without the initial-exec model (the system's loader says: {reason})"
    )]
    StaticTls {
        /// The file.
        path: PathBuf,
        /// What the file asks for.
        bytes: u64,
        /// The text of the system's loader.
        reason: String,
    },

    /// The system's loader refuses the file for another reason.
    #[error("plugin file {path:?} is refused by the system's loader: {reason}")]
    Refused {
        /// The file.
        path: PathBuf,
        /// The text of the system's loader.
        reason: String,
    },

    /// Loading takes longer than its deadline; its thread is given up and left behind.
    #[error(
        "{origin} is still {doing} after {timeout_ms} ms, and the thread it keeps busy is given up; \
         slow work belongs into the creation of a node, or raise the load timeout (`load_ms` in a graph)"
    )]
    Timeout {
        /// The plugin.
        origin: Origin,
        /// What it is doing, as a participle.
        doing: &'static str,
        /// The deadline.
        timeout_ms: u64,
    },

    /// The plugin's entry function reports an error.
    #[error("{origin} refuses to load: {message} ({})", status_name(*status))]
    Entry {
        /// The plugin.
        origin: Origin,
        /// What the entry function returned.
        status: gm_status,
        /// What it said, or that it said nothing.
        message: String,
    },

    /// What the plugin offers breaks the contract of the ABI.
    #[error("{origin} cannot be used: {fault}")]
    Module {
        /// The plugin.
        origin: Origin,
        /// What is wrong with it.
        fault: ModuleFault,
    },

    /// Two plugins offer the same kind.
    #[error("kind `{kind}` is offered by {first} and again by {second}; load only one of the two")]
    KindTaken {
        /// The kind.
        kind: String,
        /// The plugin that has it already.
        first: Origin,
        /// The plugin that is refused.
        second: Origin,
    },

    /// A folder of plugins cannot be read.
    #[error("plugin folder {path:?} cannot be read ({reason}); check the path and its permissions")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's own words.
        reason: String,
    },

    /// A folder holds more libraries than anybody installs on purpose.
    #[error("plugin folder {path:?} holds more than {max} libraries; name the files that are wanted")]
    FolderTooLarge {
        /// The folder.
        path: PathBuf,
        /// The most that are loaded.
        max: usize,
    },

    /// The system has no thread left to load on.
    #[error("{origin} cannot be loaded because no thread can be started: {reason}")]
    NoThread {
        /// The plugin.
        origin: Origin,
        /// The system's own words.
        reason: String,
    },

    /// The code that loads has a bug.
    #[error("{origin} cannot be loaded because the loader panicked; please report this")]
    Internal {
        /// The plugin.
        origin: Origin,
    },
}
