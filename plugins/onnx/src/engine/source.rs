//! Which file a model is in: named by its path, or by the manifest of models.

use std::path::{Path, PathBuf};

use graphmill_models::{Store, StoredFile};

use super::EngineError;

/// A model file that somebody named. Nothing is fetched: a model of the manifest that is not on this machine is an
/// error that names the command for it.
#[derive(Debug, Clone)]
pub struct ModelSource {
    path: PathBuf,
    stored: Option<StoredFile>,
}

impl ModelSource {
    /// A file of a model of the manifest, in the store of this user.
    ///
    /// # Errors
    /// There is no such model or file, or it is not on this machine.
    pub fn stored(model: &str, file: &str) -> Result<Self, EngineError> {
        let stored =
            Store::open().and_then(|store| store.file(model, file)).map_err(|error| EngineError::store(&error))?;
        Ok(Self { path: stored.path.clone(), stored: Some(stored) })
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Compares the content with what the manifest says, where it says something. Reads the whole file.
    pub(crate) fn verify(&self) -> Result<(), EngineError> {
        self.stored.as_ref().map_or(Ok(()), StoredFile::verify).map_err(|error| EngineError::store(&error))
    }
}

impl<P: AsRef<Path>> From<P> for ModelSource {
    fn from(path: P) -> Self {
        Self { path: path.as_ref().to_owned(), stored: None }
    }
}
