//! Dead letters on disk.

use crate::console::Console;
use crate::failure::Failure;
use crate::units;
use graphmill::exec::supervise::{
    DeadLetter, DeadLetterBox, DeadLetterFileError, DeadLetterLimits, read_dead_letters, write_dead_letters,
};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

/// Saves what is in the box and says how much that is. The file has its name only when it is whole.
///
/// # Errors
/// The file cannot be written; what was there before stays.
pub(crate) fn save(console: Console, path: &Path, dead: &DeadLetterBox) -> Result<(), Failure> {
    let letters = dead.letters();
    let part = part_of(path);
    let saved = write(&part, &letters).and_then(|()| Ok(fs::rename(&part, path)?));
    if let Err(error) = saved {
        // What could not be written in whole may not be there at all.
        drop(fs::remove_file(&part));
        return Err(Failure::new(format!("cannot save to `{}`: {error}", path.display())));
    }
    let older = dead.received().saturating_sub(letters.len() as u64);
    let lost = if older > 0 { format!("; {older} older made room for them") } else { String::new() };
    let count = units::count(letters.len() as u64, "dead letter");
    console.note(&format!("{count} saved to `{}`{lost}", path.display()));
    Ok(())
}

/// A name beside the file, on the same disk.
fn part_of(path: &Path) -> PathBuf {
    let mut part = OsString::from(path);
    part.push(".part");
    part.into()
}

fn write(path: &Path, letters: &[DeadLetter]) -> Result<(), DeadLetterFileError> {
    let mut out = BufWriter::new(File::create(path)?);
    write_dead_letters(letters, &mut out)?;
    out.flush()?;
    Ok(out.get_ref().sync_all()?)
}

/// Reads a file that [`save`] has written.
///
/// # Errors
/// There is no such file, or something else is in it.
pub(crate) fn load(path: &Path) -> Result<Vec<DeadLetter>, Failure> {
    let wrong = |error: DeadLetterFileError| Failure::new(format!("`{}`: {error}", path.display()));
    let file = File::open(path).map_err(|error| wrong(error.into()))?;
    read_dead_letters(&mut BufReader::new(file), &DeadLetterLimits::default()).map_err(wrong)
}
