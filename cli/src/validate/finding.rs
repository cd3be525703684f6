//! What is said about a plugin, and the lines in which a child says it.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// Worth knowing; the plugin may be right.
    Note,
    /// Somebody will be bitten by it.
    Warning,
    /// The contract of the ABI is broken.
    Error,
}

impl Level {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that a rule does not like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// Id of the rule.
    pub(crate) rule: &'static str,
    pub(crate) level: Level,
    /// The kind that it is about; none for the library as a whole.
    pub(crate) kind: Option<String>,
    /// What was seen.
    pub(crate) saw: String,
}

/// What a library says of itself: enough to know which trials there are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct About {
    pub(crate) file: PathBuf,
    pub(crate) manifest: String,
}

/// A line of a child.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Line {
    /// What the child is about to do, and the rule that is broken if it does not come back.
    Doing { rule: String, what: String },
    /// A rule that is broken.
    Found { rule: String, saw: String },
    /// Why the trial says nothing.
    Skipped(String),
    /// The library was loaded.
    About(About),
    /// The trial is over; what the library does after it is not looked at.
    Done,
}
