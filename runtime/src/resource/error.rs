//! Why a resource cannot be had.

use std::fmt;
use std::sync::Arc;

/// Longest part of a key that a message repeats, in characters.
const SHOWN_MAX: usize = 64;

/// Why a resource cannot be had. Cheap to clone: one error answers everybody who waits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResourceError {
    /// The load failed. Not kept: the next one who asks loads again.
    #[error("loading {} fails: {message}", Shown(key))]
    Load {
        /// The key.
        key: Arc<str>,
        /// What the load says.
        message: Arc<str>,
        /// Status of the plugin interface that the load ended with; 0 for a load of the application.
        status: i32,
    },
    /// The load panicked. Not kept.
    #[error("loading {} panicked; see the log for the place", Shown(key))]
    Panicked {
        /// The key.
        key: Arc<str>,
    },
    /// Somebody else was still loading it at the end of the wait.
    #[error(
        "{} is still being loaded by another one after {waited_ms} ms; wait longer or look why the load hangs",
        Shown(key)
    )]
    Timeout {
        /// The key.
        key: Arc<str>,
        /// How long was waited, in milliseconds.
        waited_ms: u64,
    },
    /// Whoever asked was cancelled, before it loaded or while it waited.
    #[error("nobody waits for {} any more: its node was cancelled", Shown(key))]
    Cancelled {
        /// The key.
        key: Arc<str>,
    },
    /// What is kept under the key is of another type.
    #[error("{} is of type `{found}`, not `{wanted}`; use another key for another type", Shown(key))]
    Type {
        /// The key.
        key: Arc<str>,
        /// The type that was asked for.
        wanted: Arc<str>,
        /// The type that is there.
        found: Arc<str>,
    },
    /// The load of a key asked for the same key.
    #[error("the load of {} asks for itself", Shown(key))]
    Reentrant {
        /// The key.
        key: Arc<str>,
    },
    /// It is larger than what can be freed; what is held or pinned stays.
    #[error(
        "{} takes {bytes} bytes, and of the budget of {budget} bytes {kept} are held or pinned; raise the budget of the resources or let go of others",
        Shown(key)
    )]
    OverBudget {
        /// The key.
        key: Arc<str>,
        /// What it takes in bytes.
        bytes: u64,
        /// Bytes of entries that cannot be evicted.
        kept: u64,
        /// The budget in bytes.
        budget: u64,
    },
    /// There are as many entries as there may be, and all are held or pinned.
    #[error(
        "there is no room for {}: {entries} entries are held or pinned; keep what belongs together under one key",
        Shown(key)
    )]
    TooMany {
        /// The key.
        key: Arc<str>,
        /// How many there are.
        entries: usize,
    },
    /// The key is empty or longer than [`KEY_LEN_MAX`](super::KEY_LEN_MAX).
    #[error("a key of {len} bytes is none; it has 1 to {}", super::KEY_LEN_MAX)]
    Key {
        /// Its length in bytes.
        len: usize,
    },
}

/// A key in a message, in quotes and cut when it is long.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(SHOWN_MAX) {
            Some((at, _)) => write!(f, "`{}...`", self.0.get(..at).unwrap_or_default()),
            None => write!(f, "`{}`", self.0),
        }
    }
}
