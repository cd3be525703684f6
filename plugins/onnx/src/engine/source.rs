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
        let file = Store::open().and_then(|store| store.file(model, file));
        file.map(Self::from_store).map_err(|error| EngineError::store(&error))
    }

    /// A file of a store of one's own.
    #[must_use]
    pub fn from_store(file: StoredFile) -> Self {
        Self { path: file.path.clone(), stored: Some(file) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use graphmill_models::Manifest;

    const MANIFEST: &str = r#"
        [[model]]
        name = "abc"
        title = "three letters"
        kind = "model"
        [[model.source]]
        url = "file:///nowhere"
        licence = "MIT"
        [[model.source.file]]
        name = "abc.onnx"
        bytes = 3
        sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    "#;

    #[test]
    fn a_file_that_is_not_the_one_of_the_manifest_is_refused_with_the_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path(), Manifest::parse(MANIFEST, "").unwrap());
        let path = folder.path().join("abc/abc.onnx");
        std::fs::create_dir(folder.path().join("abc")).unwrap();
        std::fs::write(&path, "abd").unwrap();
        let source = ModelSource::from_store(store.file("abc", "abc.onnx").unwrap());
        let said = source.verify().unwrap_err().to_string();
        assert!(said.contains("SHA-256") && said.ends_with("`graphmill models pull abc`"), "{said}");
        std::fs::write(&path, "abc").unwrap();
        source.verify().unwrap();
        std::fs::write(&path, "abd").unwrap();
        ModelSource::from(&path).verify().unwrap();
    }
}
