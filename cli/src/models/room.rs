//! Whether what is to be kept fits on the disk, and what to say when it does not.

use super::install::Fault;
use crate::failure::Failure;
use crate::units;
use std::io::{self, ErrorKind};
use std::path::Path;

/// Refuses what cannot fit before anything is fetched.
///
/// # Errors
/// The disk of `folder` has less room than that.
pub(super) fn check(folder: &Path, needed: u64) -> Result<(), Failure> {
    // A file system that does not tell is asked by writing to it.
    let Ok(disk) = rustix::fs::statvfs(folder) else { return Ok(()) };
    check_free(folder, needed, disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn check_free(folder: &Path, needed: u64, free: u64) -> Result<(), Failure> {
    if needed <= free {
        return Ok(());
    }
    let (needed, free) = (units::bytes(needed), units::bytes(free));
    let message = format!("`{}` has room for {free}, and {needed} are needed", folder.display());
    Err(Failure::new(message).note(HELP))
}

const HELP: &str = "help: make room, or set GRAPHMILL_MODELS to a folder on another disk";

/// A file could not be made or written.
pub(super) fn write_failure(path: &Path, error: &io::Error) -> Failure {
    let failure = Failure::new(format!("cannot write to `{}`: {error}", path.display()));
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => failure.note(HELP),
        _ => failure,
    }
}

impl Fault {
    /// What to say of it; `origin` is where the bytes come from.
    pub(super) fn into_failure(self, path: &Path, origin: &str) -> Failure {
        match self {
            Self::Write(error) => write_failure(path, &error),
            Self::Read(error) => Failure::new(format!("{origin} cannot be read to its end: {error}")),
            Self::Wrong(message) => Failure::new(message).note(UNTRUSTED),
        }
    }
}

const UNTRUSTED: &str = "note: nothing of it was kept; what is there is not what the manifest was written for";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_with_both_numbers() {
        assert!(check_free(Path::new("/m"), 10, 10).is_ok());
        let said = check_free(Path::new("/m"), 28_000_000, 1_500).unwrap_err().render().unwrap();
        let said = anstream::adapter::strip_str(&said).to_string();
        assert!(said.starts_with("error: `/m` has room for 1.5 kB, and 28.0 MB are needed"), "{said}");
        assert!(said.contains("GRAPHMILL_MODELS"), "{said}");
        assert!(check(&std::env::temp_dir(), 0).is_ok());
    }
}
