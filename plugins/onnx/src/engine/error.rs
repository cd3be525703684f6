//! What can go wrong with a model, each with who is at fault and the way out.

use std::path::{Path, PathBuf};

use graphmill_plugin_sdk::Error;
use rten::{LoadError, LoadErrorKind, RunError};

/// Why a model cannot be loaded or run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The file is not there or cannot be read.
    #[error("cannot read model `{}`: {reason}; check the path and its permissions", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The name does not end in `.onnx`.
    #[error("model `{}` is no `.onnx` file; convert the model to ONNX first", path.display())]
    NotOnnx {
        /// The file.
        path: PathBuf,
    },
    /// The content is no model, or a damaged one.
    #[error("model `{}` is damaged: {reason}; fetch it again", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What the engine said.
        reason: String,
    },
    /// An operator of the model is not known to the engine.
    #[error("model `{}` cannot be run: {reason}; export it again with another opset or without that operator", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// Which operator.
        reason: String,
    },
    /// The file changed while it was read.
    #[error("model `{}` changed while it was read; try again when it is whole", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The store of models has no such file, or another one than the manifest says.
    #[error("{reason}")]
    Store {
        /// What is wrong, with the way out.
        reason: String,
    },
    /// The model has no such tensor among its inputs or outputs.
    #[error("model `{}` has no {side} `{name}`; it has {known}", path.display())]
    NoTensor {
        /// The file.
        path: PathBuf,
        /// `input` or `output`.
        side: &'static str,
        /// What was asked for.
        name: String,
        /// What there is, with shapes.
        known: String,
    },
    /// A value does not fit the input that it is for.
    #[error("input `{name}` of the model takes {expected}, got {got}")]
    WrongTensor {
        /// Name of the input.
        name: String,
        /// Type and shape of the input.
        expected: String,
        /// Type and shape of the value.
        got: String,
    },
    /// The engine failed while it ran the model.
    #[error("model `{}` failed: {reason}", path.display())]
    Run {
        /// The file.
        path: PathBuf,
        /// What the engine said.
        reason: String,
    },
}

impl EngineError {
    /// Says what the engine meant, by the class of its error.
    pub(super) fn load(path: &Path, error: &LoadError) -> Self {
        let (path, reason) = (path.to_owned(), error.to_string());
        match error.kind() {
            LoadErrorKind::IoError => Self::Unreadable { path, reason },
            LoadErrorKind::UnknownFileType => Self::NotOnnx { path },
            LoadErrorKind::OperatorInvalid => Self::Unsupported { path, reason },
            _ => Self::Corrupt { path, reason },
        }
    }

    pub(super) fn store(error: &graphmill_models::ModelError) -> Self {
        Self::Store { reason: error.to_string() }
    }

    pub(super) fn run(path: &Path, error: &RunError) -> Self {
        Self::Run { path: path.to_owned(), reason: error.to_string() }
    }
}

impl From<EngineError> for Error {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Unreadable { .. } | EngineError::Changed { .. } | EngineError::Store { .. } => Self::io(error),
            EngineError::Unsupported { .. } => Self::unsupported(error),
            EngineError::Run { .. } => Self::new(error),
            _ => Self::invalid(error),
        }
    }
}
