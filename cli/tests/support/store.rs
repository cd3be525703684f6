//! A store of models with a manifest of its own, and clients that fetch packages from nowhere.

use super::{Lab, Shown};
use flate2::Compression;
use flate2::write::GzEncoder;
use graphmill_models::Sha256Digest;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A place to fetch models to; the model of its manifest is called `it`.
pub(crate) struct Shelf {
    pub(crate) lab: Lab,
}

impl Shelf {
    /// A store whose manifest has one model with one source, and files by name, path inside and content.
    pub(crate) fn new(source: &str, files: &[(&str, &str, &[u8])]) -> Self {
        let shelf = Self { lab: Lab::new() };
        shelf.describe(source, files);
        shelf
    }

    /// Writes the manifest again.
    pub(crate) fn describe(&self, source: &str, files: &[(&str, &str, &[u8])]) {
        let mut text = format!(
            "[[model]]\nname = \"it\"\ntitle = \"a test\"\nkind = \"model\"\n\
             [[model.source]]\n{source}\nlicence = \"MIT\"\n"
        );
        for (name, path, content) in files {
            let path = if path.is_empty() { String::new() } else { format!("path = \"{path}\"\n") };
            let (bytes, digest) = (content.len(), Sha256Digest::of(content));
            text +=
                &format!("[[model.source.file]]\nname = \"{name}\"\n{path}bytes = {bytes}\nsha256 = \"{digest}\"\n");
        }
        self.lab.write("models.toml", &text);
    }

    /// `graphmill models`, ready to run.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.lab.graphmill();
        command.env("GRAPHMILL_MODELS", self.lab.path("store"));
        command.args(["models", "--manifest", "models.toml"]).args(arguments);
        command
    }

    /// Runs `graphmill models` to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Shown {
        self.command(arguments).output().unwrap().into()
    }

    /// Runs `graphmill models` with no other clients on its path than those of this folder.
    pub(crate) fn run_with_clients(&self, arguments: &[&str]) -> Shown {
        fs::create_dir_all(self.lab.path("clients")).unwrap();
        self.command(arguments).env("PATH", self.lab.path("clients")).output().unwrap().into()
    }

    /// Puts a client there: a script of the shell, which has the programs of this machine on its own path.
    pub(crate) fn client(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        fs::create_dir_all(self.lab.path("clients")).unwrap();
        let path = std::env::var("PATH").unwrap();
        let file = self.lab.write(&format!("clients/{name}"), &format!("#!/bin/sh\nPATH='{path}'\n{script}\n"));
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// What a file of the model is in the store; nothing if it is not there.
    pub(crate) fn stored(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.file(name)).ok()
    }

    /// Where a file of the model is, or would be.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.lab.path("store/it").join(name)
    }

    /// Names of what fetching has left behind, its lock aside.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        let entries = fs::read_dir(self.lab.path("store/.work")).into_iter().flatten();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "lock").collect()
    }
}

/// The address of a file.
pub(crate) fn file_url(path: &Path) -> String {
    format!("url = \"file://{}\"", path.to_str().unwrap())
}

/// Files as a tar archive.
pub(crate) fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, *content).unwrap();
    }
    archive.into_inner().unwrap()
}

/// Files as npm packs them.
pub(crate) fn tgz(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&tar(files)).unwrap();
    encoder.finish().unwrap()
}

/// Files as pip packs them.
pub(crate) fn wheel(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in files {
        archive.start_file(*path, SimpleFileOptions::default()).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}
