//! What can be wrong with a model, and the way out.

use crate::digest::Sha256Digest;
use std::io;
use std::path::{Path, PathBuf};

/// Why a model file cannot be used. The text names the file and the way out, in few enough words that they survive
/// inside of another message of a plugin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The manifest has no model of this name.
    #[error("there is no model `{name}`; {known}")]
    UnknownModel {
        /// What was asked for.
        name: String,
        /// What was perhaps meant, or all that there is.
        known: String,
    },
    /// The model has no file of this name.
    #[error("the model `{model}` has no file `{file}`; its files are {known}")]
    UnknownFile {
        /// The model.
        model: String,
        /// What was asked for.
        file: String,
        /// Its files.
        known: String,
    },
    /// The file is not on this machine.
    #[error("the model `{model}` is not on this machine, fetch it with `graphmill models pull {model}`: `{}` is missing", path.display())]
    Absent {
        /// The model.
        model: String,
        /// Where the file would be.
        path: PathBuf,
    },
    /// The file is not as long as the manifest says.
    #[error("`{model}/{}` has {found} bytes, not {expected}; run `graphmill models pull {model}`", name_of(path))]
    WrongSize {
        /// The model.
        model: String,
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        found: u64,
        /// Its size as the manifest has it, in bytes.
        expected: u64,
    },
    /// The content of the file is not what the manifest says.
    #[error("`{model}/{}` has the SHA-256 {}.. not {}..; run `graphmill models pull {model}`", name_of(path), found.begin(), expected.begin())]
    WrongDigest {
        /// The model.
        model: String,
        /// The file.
        path: PathBuf,
        /// Digest of what is there.
        found: Sha256Digest,
        /// Digest as the manifest has it.
        expected: Sha256Digest,
    },
    /// A file cannot be read.
    #[error("`{}` cannot be read: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// There is no folder to keep models in.
    #[error("there is no folder for models: set GRAPHMILL_MODELS to one, or HOME")]
    NoFolder,
    /// A manifest cannot be understood.
    #[error("the manifest {place} is wrong: {message}")]
    Manifest {
        /// Which one.
        place: String,
        /// What is wrong with it.
        message: String,
    },
}

/// The last part of a path.
fn name_of(path: &Path) -> std::borrow::Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}
