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

/// Which file the system's loader has mapped from each place on disk. Its lock is held for look-ups only.
static RESIDENTS: LazyLock<Mutex<HashMap<Place, Resident>>> = LazyLock::new(Mutex::default);

/// Device and number of a file: how the system's loader tells files apart.
type Place = (u64, u64);

#[derive(Debug)]
struct Resident {
    identity: FileIdentity,
    path: PathBuf,
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
    let found = fs::metadata(&file.path).map(|metadata| FileIdentity::from(&metadata));
    if found.ok() != Some(file.identity) {
        return Err(LoadError::Changed { path: file.path.clone() });
    }
    residents().insert(place_of(file), Resident { identity: file.identity, path: file.path.clone() });
    Ok(library)
}

/// The name under which the system's loader is asked for the file.
///
/// The loader compares names before it looks at files: asked again for a path where another file was mapped before,
/// it would give the old one. Every further file of one path is therefore asked for by another spelling of it, which
/// leaves `$ORIGIN` what it is.
fn spelling_of(file: &Preflight) -> Result<OsString, LoadError> {
    let residents = residents();
    if residents.get(&place_of(file)).is_some_and(|resident| resident.identity != file.identity) {
        return Err(LoadError::Overwritten { path: file.path.clone() });
    }
    let is_earlier = |(place, resident): (&Place, &Resident)| resident.path == file.path && *place != place_of(file);
    let earlier = residents.iter().filter(|entry| is_earlier(*entry)).count();
    let (Some(folder), Some(name)) = (file.path.parent(), file.path.file_name()) else {
        return Ok(file.path.clone().into_os_string());
    };
    let mut spelling = folder.as_os_str().to_owned();
    spelling.push("/");
    (0..earlier).for_each(|_| spelling.push("./"));
    spelling.push(name);
    Ok(spelling)
}

fn place_of(file: &Preflight) -> Place {
    (file.identity.dev, file.identity.ino)
}

fn residents() -> MutexGuard<'static, HashMap<Place, Resident>> {
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
