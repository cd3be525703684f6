//! Plugins from files: one, a folder of them, or the folders that the environment names.

use super::{Plugin, Plugins};
use crate::graph::SourcedSpec;
use crate::plugin::error::LoadError;
use crate::plugin::load;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{env, fs, io};

/// Names of files and folders to load, separated as in `PATH`.
const PATH_VARIABLE: &str = "GRAPHMILL_PLUGIN_PATH";
/// Most libraries of one folder; a folder with more was named by mistake.
const FOLDER_FILES_MAX: usize = 1024;

impl Plugins {
    /// Loads a library file, unless this process has it already under whatever name. Runs code of the plugin.
    ///
    /// # Errors
    /// The file is no plugin for this process, cannot be opened, refuses, breaks the contract of the ABI, takes too
    /// long, or offers a kind that another plugin has. A failure is not remembered: the next call tries again.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Arc<Plugin>, LoadError> {
        self.register(load::load(path.as_ref(), self.load_timeout)?)
    }

    /// Loads every file `lib*.so` of a folder, in the order of their names.
    ///
    /// # Errors
    /// The folder cannot be read, or one file is refused; what was loaded before it stays.
    pub fn load_folder(&self, path: impl AsRef<Path>) -> Result<Vec<Arc<Plugin>>, LoadError> {
        libraries_in(path.as_ref())?.iter().map(|file| self.load(file)).collect()
    }

    /// Loads a library file, or every one of a folder.
    ///
    /// # Errors
    /// As for [`Plugins::load`] and [`Plugins::load_folder`].
    pub fn load_path(&self, path: impl AsRef<Path>) -> Result<Vec<Arc<Plugin>>, LoadError> {
        let path = path.as_ref();
        if path.is_dir() { self.load_folder(path) } else { Ok(vec![self.load(path)?]) }
    }

    /// Loads the plugins that a graph names, each within the deadline `load_ms` of the graph if it has one.
    ///
    /// # Errors
    /// As for [`Plugins::load_path`].
    pub fn load_graph(&self, spec: &SourcedSpec) -> Result<Vec<Arc<Plugin>>, LoadError> {
        let plugins = self.clone().with_load_timeout(spec.load_timeout().unwrap_or(self.load_timeout));
        let loaded: Result<Vec<_>, _> = spec.plugin_paths().iter().map(|path| plugins.load_path(path)).collect();
        Ok(loaded?.into_iter().flatten().collect())
    }

    /// Loads what the variable `GRAPHMILL_PLUGIN_PATH` names: files and folders, separated by colons.
    ///
    /// # Errors
    /// As for [`Plugins::load_path`]. That the variable is not set is no error.
    pub fn load_env(&self) -> Result<Vec<Arc<Plugin>>, LoadError> {
        let paths = env::var_os(PATH_VARIABLE).unwrap_or_default();
        let mut loaded = Vec::new();
        for path in env::split_paths(&paths).filter(|path| !path.as_os_str().is_empty()) {
            loaded.extend(self.load_path(path)?);
        }
        Ok(loaded)
    }
}

fn libraries_in(folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let unreadable = |error: io::Error| LoadError::Folder { path: folder.to_owned(), reason: error.to_string() };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if !is_library_name(&entry.file_name()) {
            continue;
        }
        if files.len() == FOLDER_FILES_MAX {
            return Err(LoadError::FolderTooLarge { path: folder.to_owned(), max: FOLDER_FILES_MAX });
        }
        files.push(entry.path());
    }
    files.sort();
    Ok(files)
}

fn is_library_name(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b"lib") && name.ends_with(b".so")
}
