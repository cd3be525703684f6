//! Opens a library file: looked at first, opened once, never closed.

use super::entry::{Identity, enter, once};
use super::error::LoadError;
use super::flight::Progress;
use super::origin::Origin;
use super::preflight::{FileIdentity, Preflight, preflight};
use super::registry::Plugin;
use graphmill_abi::layout::gm_plugin_entry_fn;
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What the system's loader has mapped. Its lock is held for look-ups only.
static RESIDENTS: LazyLock<Mutex<Residents>> = LazyLock::new(Mutex::default);

/// Device and number of a file: how the system's loader tells files apart.
type Place = (u64, u64);

#[derive(Debug, Default)]
struct Residents {
    /// The file that was mapped from each place on disk.
    by_place: HashMap<Place, Resident>,
    /// Spellings of each path under which something was mapped.
    spellings: HashMap<PathBuf, usize>,
}

#[derive(Debug)]
struct Resident {
    identity: FileIdentity,
    /// The name under which this very file is mapped, where that is certain.
    name: Option<OsString>,
}

/// Loads a library file, unless that was done before under whatever name.
pub(super) fn load(path: &Path, timeout: Duration) -> Result<Arc<Plugin>, LoadError> {
    let file = preflight(path)?;
    let origin = Origin::File(file.path.clone());
    once(Identity::File(file.identity), &origin, timeout, move |progress| open_and_enter(&file, progress))
}

fn open_and_enter(file: &Preflight, progress: &Progress) -> Result<Plugin, LoadError> {
    let library = open(file)?;
    // SAFETY: the preflight found a function of this name, and the name of an entry is a promise of its type.
    let entry = unsafe { library.get::<gm_plugin_entry_fn>(file.entry.to_bytes_with_nul()) };
    let entry = entry.map_err(|error| refused(file, &error))?;
    // SAFETY: a function of this name keeps the contract of an entry; that it does is what loading it relies on.
    unsafe { enter(*entry, Origin::File(file.path.clone()), progress) }
}

/// Has the system's loader map the file for the rest of the process.
fn open(file: &Preflight) -> Result<ManuallyDrop<Library>, LoadError> {
    let name = spelling_of(file)?;
    let flags = RTLD_NOW | RTLD_LOCAL | libc::RTLD_NODELETE;
    // SAFETY: this runs the constructors of the library, which is what loading a plugin means; the caller trusts the
    // file with the rights of this process.
    let library = unsafe { Library::open(Some(&name), flags) }.map_err(|error| refused(file, &error))?;
    // Never closed: threads, thread-local destructors and buffers of the plugin may outlive everything of ours.
    let library = ManuallyDrop::new(library);
    let found = fs::metadata(&file.path).map(|metadata| FileIdentity::from(&metadata)).ok();
    if residents().note(file, name, found) { Ok(library) } else { Err(LoadError::Changed { path: file.path.clone() }) }
}

impl Residents {
    /// Notes what was mapped under a name when `found` is what the path named afterwards, and says whether that is the
    /// file that was looked at.
    ///
    /// If it is not, nobody can tell which of the two was mapped, so both are taken for mapped and the name for spent:
    /// asked for it again, the system's loader might give the file that is no longer there.
    fn note(&mut self, file: &Preflight, name: OsString, found: Option<FileIdentity>) -> bool {
        if self.certain_name(file) != Some(&name) {
            *self.spellings.entry(file.path.clone()).or_default() += 1;
        }
        if found == Some(file.identity) {
            self.by_place.insert(place_of(file.identity), Resident { identity: file.identity, name: Some(name) });
            return true;
        }
        for identity in [Some(file.identity), found].into_iter().flatten() {
            self.by_place.entry(place_of(identity)).or_insert(Resident { identity, name: None });
        }
        false
    }

    /// The name under which the file is mapped already, if it is a spelling of the same path.
    fn certain_name(&self, file: &Preflight) -> Option<&OsString> {
        let name = self.by_place.get(&place_of(file.identity))?.name.as_ref()?;
        // Paths compare by their parts, so every spelling of a path equals it.
        (Path::new(name) == file.path).then_some(name)
    }
}

/// The name under which the system's loader is asked for the file.
///
/// The loader compares names before it looks at files: asked again for a path where another file was mapped before,
/// it would give the old one. Every further file of one path is therefore asked for by another spelling of it, which
/// leaves `$ORIGIN` what it is.
fn spelling_of(file: &Preflight) -> Result<OsString, LoadError> {
    let residents = residents();
    let resident = residents.by_place.get(&place_of(file.identity));
    if resident.is_some_and(|resident| resident.identity != file.identity) {
        return Err(LoadError::Overwritten { path: file.path.clone() });
    }
    if let Some(name) = residents.certain_name(file) {
        return Ok(name.clone());
    }
    let (Some(folder), Some(name)) = (file.path.parent(), file.path.file_name()) else {
        return Ok(file.path.clone().into_os_string());
    };
    let spent = residents.spellings.get(&file.path).copied().unwrap_or_default();
    let mut spelling = folder.as_os_str().to_owned();
    spelling.push("/");
    (0..spent).for_each(|_| spelling.push("./"));
    spelling.push(name);
    Ok(spelling)
}

fn place_of(identity: FileIdentity) -> Place {
    (identity.dev, identity.ino)
}

fn residents() -> MutexGuard<'static, Residents> {
    RESIDENTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sorts the text of the system's loader, which is the only thing that it says.
fn refused(file: &Preflight, error: &libloading::Error) -> LoadError {
    let path = file.path.clone();
    let reason = match error {
        libloading::Error::DlOpen { source } | libloading::Error::DlSym { source } => source.to_string(),
        other => other.to_string(),
    };
    if let Some((_, symbol)) = reason.split_once("undefined symbol: ") {
        let symbol = symbol.split([',', ' ']).next().unwrap_or(symbol).to_owned();
        return LoadError::UndefinedSymbol { path, symbol, reason };
    }
    if let Some((library, _)) = reason.split_once(": cannot open shared object file") {
        let library = library.to_owned();
        return LoadError::MissingDependency { path, library, reason };
    }
    if reason.contains("static TLS block") {
        return LoadError::StaticTls { path, bytes: file.static_tls_bytes, reason };
    }
    LoadError::Refused { path, reason }
}
