//! One model from its sources into the store.

use super::archive::{self, Wanted};
use super::bar::{Bar, Bars};
use super::download::{self, Download};
use super::{WORK, clients, install, room};
use crate::console::Console;
use crate::failure::Failure;
use graphmill_models::{FileState, Model, ModelFile, Origin, Sha256Digest, Source, Store};
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Largest archive that is fetched from an address, in bytes.
const ARCHIVE_BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024;

/// What was done for a model.
#[derive(Debug)]
pub(crate) struct Pulled {
    /// Its folder in the store.
    pub(crate) folder: PathBuf,
    /// How many of its files were fetched; the others were there.
    pub(crate) fetched: u64,
}

/// Fetches those files of a model that are not in the store, or not right. Blocks as long as that takes.
///
/// # Errors
/// A source cannot be reached, does not have what the manifest says, or the store cannot be written.
pub(crate) fn pull(console: Console, store: &Store, model: &Model, bars: Bars) -> Result<Pulled, Failure> {
    let folder = store.folder_of(model);
    let work = store.folder().join(WORK);
    for folder in [&folder, &work] {
        fs::create_dir_all(folder).map_err(|error| room::write_failure(folder, &error))?;
    }
    let _only_one = lock(console, &work)?;
    let mut pulled = Pulled { folder: folder.clone(), fetched: 0 };
    for source in &model.sources {
        let files = missing(store, model, source, bars)?;
        if !files.is_empty() {
            pulled.fetched += files.len() as u64;
            Pull { work: work.clone(), folder: folder.clone(), source, files, bars }.run()?;
        }
    }
    Ok(pulled)
}

/// Waits until no other program fetches into this store. The lock goes with the file, whatever ends this program.
fn lock(console: Console, work: &Path) -> Result<File, Failure> {
    let path = work.join("lock");
    let file = File::create(&path).map_err(|error| room::write_failure(&path, &error))?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        console.note(&format!("another program fetches into `{}`: waiting until it is done", work.display()));
        flock(&file, FlockOperation::LockExclusive).map_err(|error| room::write_failure(&path, &error.into()))?;
    }
    Ok(file)
}

/// The files of a source that are not in the store, or not right.
fn missing<'a>(store: &Store, model: &Model, source: &'a Source, bars: Bars) -> Result<Vec<&'a ModelFile>, Failure> {
    let mut missing = Vec::new();
    for file in &source.files {
        let state = store.state_of(model, file).map_err(|error| Failure::new(error.to_string()))?;
        let is_right = || {
            let bar = bars.bytes(format!("checking {}", file.name), file.bytes);
            store.file(&model.name, &file.name).is_ok_and(|found| found.verify_seen(|len| bar.add(len)).is_ok())
        };
        if state != FileState::Present || !is_right() {
            missing.push(file);
        }
    }
    Ok(missing)
}

/// The files of one source on their way.
struct Pull<'a> {
    /// Where they become whole.
    work: PathBuf,
    /// Where they go to.
    folder: PathBuf,
    source: &'a Source,
    files: Vec<&'a ModelFile>,
    bars: Bars,
}

impl Pull<'_> {
    fn run(&self) -> Result<(), Failure> {
        room::check(&self.folder, self.files.iter().fold(0, |sum, file| sum.saturating_add(file.bytes)))?;
        match (&self.source.origin, self.files.as_slice()) {
            (Origin::Url(url), [file]) if file.path.is_none() => self.file_of_url(url, file),
            (Origin::Url(url), _) => self.archive_of_url(url),
            (origin, _) => {
                let package = Scratch::new(self.work.join("package"))?;
                let path = {
                    let _bar = self.bars.work(format!("fetching {origin}"));
                    clients::fetch(origin, &package.0)?
                };
                self.unpack(&path)
            }
        }
    }

    /// The address is the file itself, so what was fetched is renamed rather than copied.
    fn file_of_url(&self, url: &str, file: &ModelFile) -> Result<(), Failure> {
        let part = self.work.join(format!("{}.part", file.sha256));
        match download::local(url) {
            Some(path) => self.copy(&path, file, &part)?,
            None => self.file_of_server(url, file, &part)?,
        }
        self.name(file, &part)
    }

    fn file_of_server(&self, url: &str, file: &ModelFile, part: &Path) -> Result<(), Failure> {
        if part.metadata().map_or(0, |found| found.len()) != file.bytes {
            Download { url, part, bytes_max: file.bytes }.run(&|len| self.bar(url, len))?;
        }
        let bar = self.bars.bytes(format!("checking {}", file.name), file.bytes);
        install::inspect(part, file, &|len| bar.add(len)).map_err(|fault| {
            // What is whole and wrong would be wrong the next time too.
            forget(part);
            fault.into_failure(part, url)
        })
    }

    fn copy(&self, path: &Path, file: &ModelFile, part: &Path) -> Result<(), Failure> {
        let origin = format!("`{}`", path.display());
        let mut from = File::open(path).map_err(|error| Failure::new(format!("{origin} cannot be read: {error}")))?;
        let bar = self.bars.bytes(format!("copying {}", file.name), file.bytes);
        let received = install::receive(&mut from, file, part, &|len| bar.add(len));
        received.map_err(|fault| {
            forget(part);
            fault.into_failure(part, &origin)
        })
    }

    fn archive_of_url(&self, url: &str) -> Result<(), Failure> {
        if let Some(path) = download::local(url) {
            return self.unpack(&path);
        }
        // The ending says how it is packed, so it stays the last.
        let ending = url.split(['?', '#']).next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
        let part = self.work.join(format!("{}.part-{ending}", Sha256Digest::of(url.as_bytes())));
        Download { url, part: &part, bytes_max: ARCHIVE_BYTES_MAX }.run(&|len| self.bar(url, len))?;
        let unpacked = self.unpack(&part);
        forget(&part);
        unpacked
    }

    fn bar(&self, url: &str, len: u64) -> Bar {
        self.bars.bytes(format!("fetching {}", url.rsplit('/').next().unwrap_or(url)), len)
    }

    fn unpack(&self, package: &Path) -> Result<(), Failure> {
        let scratch = Scratch::new(self.work.join("files"))?;
        let wanted =
            Wanted { origin: self.source.origin.to_string(), files: self.files.clone(), folder: scratch.0.clone() };
        {
            let bar =
                self.bars.bytes(format!("unpacking {}", wanted.origin), self.files.iter().map(|file| file.bytes).sum());
            archive::unpack(package, &wanted, &|len| bar.add(len))?;
        }
        self.files.iter().try_for_each(|file| self.name(file, &scratch.0.join(&file.name)))
    }

    fn name(&self, file: &ModelFile, from: &Path) -> Result<(), Failure> {
        let to = self.folder.join(&file.name);
        install::name(from, &to).map_err(|fault| fault.into_failure(&to, &file.name))
    }
}

/// Removes a file that is of no use any more.
fn forget(path: &Path) {
    // If it stays, the digest tells the next time.
    drop(fs::remove_file(path));
}

/// A folder that is empty at first, and gone when this is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(path: PathBuf) -> Result<Self, Failure> {
        // What an earlier program left that was ended in the middle.
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(room::write_failure(&path, &error)),
            _ => {}
        }
        fs::create_dir(&path).map_err(|error| room::write_failure(&path, &error))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}
