//! The store: a folder with a folder for each model.
//!
//! Whoever puts a file there checks it first and moves it to its name in one step, so that what has a name there is
//! whole. A look at the size, which is all that [`Store::file`] takes, finds files of another version;
//! [`StoredFile::verify`] reads all of it.

use crate::digest::{Sha256Digest, sha256_of_file};
use crate::error::ModelError;
use crate::manifest::{Manifest, Model, ModelFile};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Names the folder that models are kept in.
pub const STORE_VARIABLE: &str = "GRAPHMILL_MODELS";

/// The folder that models are kept in, and the manifest of what may be there.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
    manifest: Manifest,
}

/// A file that is there, with what the manifest says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredFile {
    /// The model that it belongs to.
    pub model: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// What its digest has to be; [`StoredFile::verify`] says whether it is.
    pub sha256: Sha256Digest,
}

/// Whether a file is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileState {
    /// It is not.
    Absent,
    /// It has another size, in bytes, than the manifest says.
    WrongSize(u64),
    /// It is there and has the right size.
    Present,
}

impl Store {
    /// The store of this user with the manifest of this user: `GRAPHMILL_MODELS`, or `graphmill/models` in the folder
    /// for caches (`XDG_CACHE_HOME`, else `~/.cache`). Creates nothing.
    ///
    /// # Errors
    /// The environment names no folder, or the manifest that it names is wrong.
    pub fn open() -> Result<Self, ModelError> {
        let folder = folder_of(|name| env::var_os(name)).ok_or(ModelError::NoFolder)?;
        Ok(Self::new(folder, Manifest::open()?))
    }

    /// A store in some folder.
    pub fn new(folder: impl Into<PathBuf>, manifest: Manifest) -> Self {
        Self { folder: folder.into(), manifest }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What may be there.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The folder of a model, whether it is there or not.
    pub fn folder_of(&self, model: &Model) -> PathBuf {
        self.folder.join(&model.name)
    }

    /// Whether a file of a model is there, by its size.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn state_of(&self, model: &Model, file: &ModelFile) -> Result<FileState, ModelError> {
        let path = self.folder_of(model).join(&file.name);
        match fs::metadata(&path) {
            Ok(found) if found.is_file() && found.len() == file.bytes => Ok(FileState::Present),
            Ok(found) => Ok(FileState::WrongSize(found.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(FileState::Absent),
            Err(error) => Err(ModelError::Unreadable { path, error }),
        }
    }

    /// A file of a model, by their names. Only looks; nothing is fetched.
    ///
    /// # Errors
    /// There is no such model or file, or it is not here: then the text names the command that fetches it.
    pub fn file(&self, model: &str, file: &str) -> Result<StoredFile, ModelError> {
        let model = self.manifest.model(model)?;
        let file = model.file(file)?;
        let path = self.folder_of(model).join(&file.name);
        let (name, bytes, sha256) = (model.name.clone(), file.bytes, file.sha256);
        match self.state_of(model, file)? {
            FileState::Present => Ok(StoredFile { model: name, path, bytes, sha256 }),
            FileState::Absent => Err(ModelError::Absent { model: name, path }),
            FileState::WrongSize(found) => Err(ModelError::WrongSize { model: name, path, found, expected: bytes }),
        }
    }

    /// Where a file of a model is.
    ///
    /// # Errors
    /// As for [`Store::file`].
    pub fn path(&self, model: &str, file: &str) -> Result<PathBuf, ModelError> {
        self.file(model, file).map(|file| file.path)
    }
}

impl StoredFile {
    /// Reads the whole file and compares its digest.
    ///
    /// # Errors
    /// The file cannot be read, or is not what the manifest says.
    pub fn verify(&self) -> Result<(), ModelError> {
        self.verify_seen(drop)
    }

    /// As [`StoredFile::verify`]; `seen` is told how many bytes were read each time some were.
    ///
    /// # Errors
    /// As for [`StoredFile::verify`].
    pub fn verify_seen(&self, seen: impl FnMut(u64)) -> Result<(), ModelError> {
        let (path, expected) = (self.path.clone(), self.sha256);
        match sha256_of_file(&path, seen) {
            Ok(found) if found == expected => Ok(()),
            Ok(found) => Err(ModelError::WrongDigest { model: self.model.clone(), path, found, expected }),
            Err(error) => Err(ModelError::Unreadable { path, error }),
        }
    }
}

/// The folder that an environment names.
fn folder_of(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let folder = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // The convention for caches says that a relative path there is to be ignored.
    let cache = || folder("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    let home = || folder("HOME").map(|home| home.join(".cache"));
    folder(STORE_VARIABLE).or_else(|| cache().or_else(home).map(|cache| cache.join("graphmill/models")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"
        [[model]]
        name = "abc"
        title = "three letters"
        kind = "model"
        [[model.source]]
        url = "file:///nowhere"
        licence = "MIT"
        [[model.source.file]]
        name = "letters"
        bytes = 3
        sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    "#;

    #[test]
    fn store_is_where_the_environment_says() {
        type Environment<'a> = &'a [(&'a str, &'a str)];
        let table: [(Environment<'_>, Option<&str>); 6] = [
            (&[("GRAPHMILL_MODELS", "m"), ("HOME", "/h")], Some("m")),
            (&[("GRAPHMILL_MODELS", ""), ("XDG_CACHE_HOME", "/c")], Some("/c/graphmill/models")),
            (&[("XDG_CACHE_HOME", "c"), ("HOME", "/h")], Some("/h/.cache/graphmill/models")),
            (&[("HOME", "/h")], Some("/h/.cache/graphmill/models")),
            (&[("HOME", "")], None),
            (&[], None),
        ];
        for (environment, expected) in table {
            let variable =
                |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
            assert_eq!(folder_of(variable).as_deref(), expected.map(Path::new), "{environment:?}");
        }
    }

    #[test]
    fn absent_model_is_one_error_that_names_the_command() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path(), Manifest::parse(MANIFEST, "").unwrap());
        let said = store.path("abc", "letters").unwrap_err().to_string();
        assert!(
            said.starts_with("the model `abc` is not on this machine, fetch it with `graphmill models pull abc`: "),
            "{said}"
        );
        assert!(said.ends_with("abc/letters` is missing"), "{said}");
        assert!(fs::read_dir(folder.path()).unwrap().next().is_none(), "looking leaves nothing behind");
        assert!(matches!(store.path("abc", "digits"), Err(ModelError::UnknownFile { .. })));
        assert!(matches!(store.path("abcd", "letters"), Err(ModelError::UnknownModel { .. })));
    }

    #[test]
    fn file_of_another_size_or_content_is_told_from_the_right_one() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path(), Manifest::parse(MANIFEST, "").unwrap());
        fs::create_dir(folder.path().join("abc")).unwrap();
        let path = folder.path().join("abc/letters");
        fs::write(&path, "abcd").unwrap();
        let said = store.path("abc", "letters").unwrap_err().to_string();
        assert_eq!(said, "`abc/letters` has 4 bytes, not 3; run `graphmill models pull abc`");
        fs::write(&path, "abd").unwrap();
        let file = store.file("abc", "letters").unwrap();
        let said = file.verify().unwrap_err().to_string();
        assert_eq!(said, "`abc/letters` has the SHA-256 a52d159f.. not ba7816bf..; run `graphmill models pull abc`");
        fs::write(&path, "abc").unwrap();
        file.verify().unwrap();
        assert_eq!(store.path("abc", "letters").unwrap(), path);
    }
}
