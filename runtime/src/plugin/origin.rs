//! Where a plugin came from, as messages name it.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where a plugin came from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// A library file, by its canonical path.
    File(PathBuf),
    /// Linked into the application, by the name of its crate.
    Linked(&'static str),
}

impl Origin {
    /// The file, if there is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Linked(_) => None,
        }
    }

    /// A short name for logs: that of the file without folder, or of the crate.
    pub(super) fn short_name(&self) -> String {
        match self {
            Self::File(path) => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
            Self::Linked(name) => (*name).to_owned(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "plugin file {path:?}"),
            Self::Linked(name) => write!(f, "linked plugin `{name}`"),
        }
    }
}
