//! Takes named files out of a package, and nothing else of it.

use super::install::{self, Fault};
use crate::failure::Failure;
use flate2::read::GzDecoder;
use graphmill_models::ModelFile;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use zip::ZipArchive;
use zip::result::ZipError;

/// Most entries of a package that are looked at.
const ENTRIES_MAX: usize = 100_000;

/// How files are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Tar,
    TarGz,
    Zip,
    Deb,
}

/// Files to take out of a package.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    /// Where the package comes from, as it stands in errors.
    pub(super) origin: String,
    /// The files.
    pub(super) files: Vec<&'a ModelFile>,
    /// Folder to put them into, under their names.
    pub(super) folder: PathBuf,
}

/// Takes files out of the package at `path`, each checked; `seen` is told of each piece.
///
/// # Errors
/// The package is of no known form or broken, has not all of them, or one is not what the manifest says.
pub(super) fn unpack(path: &Path, wanted: &Wanted<'_>, seen: &dyn Fn(u64)) -> Result<(), Failure> {
    let format = Format::of(path).ok_or_else(|| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Failure::new(format!("{}: `{name}` ends in none of .tgz, .tar.gz, .tar, .zip, .whl, .deb", wanted.origin))
    })?;
    let open = || File::open(path).map(BufReader::new).map_err(|error| broken(wanted, &error));
    match format {
        Format::Tar => untar(open()?, wanted, seen),
        Format::TarGz => untar(GzDecoder::new(open()?), wanted, seen),
        Format::Zip => unzip(open()?, wanted, seen),
        Format::Deb => undeb(path, wanted, seen),
    }
}

impl Format {
    fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let endings = [
            (".tar.gz", Self::TarGz),
            (".tgz", Self::TarGz),
            (".tar", Self::Tar),
            (".zip", Self::Zip),
            (".whl", Self::Zip),
            (".deb", Self::Deb),
        ];
        endings.into_iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, format)| format)
    }
}

fn untar(from: impl Read, wanted: &Wanted<'_>, seen: &dyn Fn(u64)) -> Result<(), Failure> {
    let mut archive = tar::Archive::new(from);
    let mut missing = wanted.files.clone();
    let entries = archive.entries().map_err(|error| broken(wanted, &error))?;
    for entry in entries.take(ENTRIES_MAX) {
        let mut entry = entry.map_err(|error| broken(wanted, &error))?;
        let path = entry.path().map(|path| path.into_owned()).map_err(|error| broken(wanted, &error))?;
        let path = path.strip_prefix(".").unwrap_or(&path);
        let found = missing.iter().position(|file| is_at(file, path));
        if let Some(file) = found.filter(|_| entry.header().entry_type().is_file()).map(|at| missing.swap_remove(at)) {
            take(&mut entry, file, wanted, seen)?;
        }
        if missing.is_empty() {
            return Ok(());
        }
    }
    missing.first().map_or(Ok(()), |file| Err(no_such(wanted, file)))
}

fn is_at(file: &ModelFile, path: &Path) -> bool {
    file.path.as_deref().is_some_and(|wanted| Path::new(wanted) == path)
}

fn unzip(from: BufReader<File>, wanted: &Wanted<'_>, seen: &dyn Fn(u64)) -> Result<(), Failure> {
    let mut archive = ZipArchive::new(from).map_err(|error| broken(wanted, &error))?;
    for file in &wanted.files {
        let mut entry = match archive.by_name(file.path.as_deref().unwrap_or_default()) {
            Ok(entry) if entry.is_file() => entry,
            Ok(_) | Err(ZipError::FileNotFound) => return Err(no_such(wanted, file)),
            Err(error) => return Err(broken(wanted, &error)),
        };
        take(&mut entry, file, wanted, seen)?;
    }
    Ok(())
}

/// Where there is `apt-get` there is `dpkg-deb`, which knows every way in which a package can be packed.
fn undeb(path: &Path, wanted: &Wanted<'_>, seen: &dyn Fn(u64)) -> Result<(), Failure> {
    let mut dpkg = Command::new("dpkg-deb");
    dpkg.arg("--fsys-tarfile").arg(path).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let no_dpkg =
        |error: io::Error| Failure::new(format!("`dpkg-deb`, which unpacks {}, fails: {error}", wanted.origin));
    let mut child = dpkg.spawn().map_err(no_dpkg)?;
    let taken = match child.stdout.take() {
        Some(out) => untar(BufReader::new(out), wanted, seen),
        None => Err(no_dpkg(io::ErrorKind::BrokenPipe.into())),
    };
    // It may be in the middle of files that nobody wants; how it ends says nothing that the digests do not.
    drop(child.kill());
    child.wait().map_err(no_dpkg)?;
    taken
}

fn take(from: &mut dyn Read, file: &ModelFile, wanted: &Wanted<'_>, seen: &dyn Fn(u64)) -> Result<(), Failure> {
    let path = wanted.folder.join(&file.name);
    install::receive(from, file, &path, seen).map_err(|fault| fault.into_failure(&path, &wanted.origin))
}

fn broken(wanted: &Wanted<'_>, error: &dyn std::fmt::Display) -> Failure {
    Fault::Read(io::Error::other(error.to_string())).into_failure(&wanted.folder, &wanted.origin)
}

fn no_such(wanted: &Wanted<'_>, file: &ModelFile) -> Failure {
    Failure::new(format!("{} has no file `{}`", wanted.origin, file.path.as_deref().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_of_a_package_is_that_of_its_name() {
        let table = [
            ("a-1.0.tgz", Some(Format::TarGz)),
            ("A.TAR.GZ", Some(Format::TarGz)),
            ("a.tar", Some(Format::Tar)),
            ("a-py3-none-any.whl", Some(Format::Zip)),
            ("a_all.deb", Some(Format::Deb)),
            ("a.onnx", None),
            ("", None),
        ];
        for (name, expected) in table {
            assert_eq!(Format::of(Path::new(name)), expected, "{name}");
        }
    }
}
