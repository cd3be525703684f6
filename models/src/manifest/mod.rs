//! The manifest: models by name, with what their files are and where these come from.

mod read;
#[cfg(test)]
mod tests;

use crate::digest::Sha256Digest;
use crate::error::ModelError;
use std::path::Path;
use std::{env, fmt, fs};

/// Names a TOML file with models of your own, in the form of the manifest that is built in.
pub const MANIFEST_VARIABLE: &str = "GRAPHMILL_MODELS_MANIFEST";

/// The manifest that is built in.
const BUILT_IN: &str = include_str!("../../manifest.toml");
/// How many letters of a name may be wrong for another one to be proposed.
const TYPOS_MAX: usize = 3;

/// Models by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    models: Vec<Model>,
}

/// A model: files that belong together, under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Model {
    /// What it is called; also the name of its folder in the store.
    pub name: String,
    /// What it is, in one line.
    pub title: String,
    /// What it is for.
    pub kind: ModelKind,
    /// Where its files come from.
    pub sources: Vec<Source>,
}

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ModelKind {
    /// Weights and what belongs to them.
    Model,
    /// Sounds and images for tests and examples.
    Media,
}

/// A package or address, and the files that come out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Source {
    /// Where it is.
    pub origin: Origin,
    /// Licence of these files, as SPDX has it where it knows it.
    pub licence: String,
    /// The files.
    pub files: Vec<ModelFile>,
}

/// Where files come from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A package that `npm pack` fetches.
    Npm {
        /// Its name, with its scope.
        package: String,
        /// Its version.
        version: String,
    },
    /// A package that `pip download` fetches.
    Pypi {
        /// Its name.
        package: String,
        /// Its version.
        version: String,
        /// Which of its wheels, where they differ from machine to machine.
        wheel: Option<Wheel>,
    },
    /// A package that `apt-get download` fetches, in the version of the user's own release.
    Debian {
        /// Its name.
        package: String,
    },
    /// An address that begins with `http://`, `https://` or `file://`.
    Url(String),
}

/// Which wheel of a package.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Wheel {
    /// Version of Python that it is for, such as `3.11`.
    pub python: String,
    /// Platform that it is for, such as `manylinux_2_28_x86_64`.
    pub platform: String,
}

/// A file of a model.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ModelFile {
    /// What it is called in the store.
    pub name: String,
    /// Where it is inside the package or archive; nothing when the address is the file itself.
    pub path: Option<String>,
    /// Its size in bytes.
    pub bytes: u64,
    /// SHA-256 of its content.
    pub sha256: Sha256Digest,
}

impl Manifest {
    /// The models that are built in.
    ///
    /// # Errors
    /// None in a build that passed its tests.
    pub fn built_in() -> Result<Self, ModelError> {
        Self::parse(BUILT_IN, "that is built in")
    }

    /// The models that are built in, and those of the file that `GRAPHMILL_MODELS_MANIFEST` names; the latter win.
    ///
    /// # Errors
    /// That file cannot be read or understood.
    pub fn open() -> Result<Self, ModelError> {
        match env::var_os(MANIFEST_VARIABLE).filter(|path| !path.is_empty()) {
            Some(path) => Self::with_file(Path::new(&path)),
            None => Self::built_in(),
        }
    }

    /// The models that are built in, and those of a file; the latter win.
    ///
    /// # Errors
    /// The file cannot be read or understood.
    pub fn with_file(path: &Path) -> Result<Self, ModelError> {
        let text = fs::read_to_string(path).map_err(|error| ModelError::Unreadable { path: path.to_owned(), error })?;
        let mut manifest = Self::parse(&text, &format!("`{}`", path.display()))?;
        let built_in = Self::built_in()?.models;
        manifest
            .models
            .extend(built_in.into_iter().filter(|model| manifest.find(&model.name).is_none()).collect::<Vec<_>>());
        Ok(manifest)
    }

    /// Reads a manifest; `place` names it in errors.
    ///
    /// # Errors
    /// The text is no manifest, or names files that nobody could keep.
    pub fn parse(text: &str, place: &str) -> Result<Self, ModelError> {
        let fault = |message| ModelError::Manifest { place: place.to_owned(), message };
        read::models(text).map(|models| Self { models }).map_err(fault)
    }

    /// Every model.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// The model of a name.
    ///
    /// # Errors
    /// There is none; the error says which were perhaps meant.
    pub fn model(&self, name: &str) -> Result<&Model, ModelError> {
        self.find(name).ok_or_else(|| ModelError::UnknownModel { name: name.to_owned(), known: self.known(name) })
    }

    fn find(&self, name: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.name == name)
    }

    /// What was perhaps meant.
    fn known(&self, name: &str) -> String {
        let near = self.models.iter().map(|model| (strsim::damerau_levenshtein(&model.name, name), &model.name));
        match near.filter(|(typos, _)| *typos <= TYPOS_MAX).min() {
            Some((_, near)) => format!("did you mean `{near}`?"),
            None => format!("there are {}", listed(self.models.iter().map(|model| model.name.as_str()))),
        }
    }
}

impl Model {
    /// Its files, whatever they come from.
    pub fn files(&self) -> impl Iterator<Item = &ModelFile> {
        self.sources.iter().flat_map(|source| &source.files)
    }

    /// The file of a name.
    ///
    /// # Errors
    /// There is none; the error says which there are.
    pub fn file(&self, name: &str) -> Result<&ModelFile, ModelError> {
        let known = || listed(self.files().map(|file| file.name.as_str()));
        let unknown = || ModelError::UnknownFile { model: self.name.clone(), file: name.to_owned(), known: known() };
        self.files().find(|file| file.name == name).ok_or_else(unknown)
    }

    /// Size of all its files, in bytes.
    pub fn bytes(&self) -> u64 {
        self.files().fold(0, |sum, file| sum.saturating_add(file.bytes))
    }
}

/// Names as they stand in a sentence.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for ModelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Model => "model",
            Self::Media => "media",
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Npm { package, version } => write!(f, "npm {package}@{version}"),
            Self::Pypi { package, version, .. } => write!(f, "PyPI {package}=={version}"),
            Self::Debian { package } => write!(f, "Debian {package}"),
            Self::Url(url) => f.write_str(url),
        }
    }
}
