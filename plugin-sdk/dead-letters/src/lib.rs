//! Dead letters: packets that cost a node its life, with what is known of it, and the file that they are kept in.
//!
//! The runtime makes them and writes them with [`write_dead_letters`]; whoever wants to see the failure again reads
//! them with [`read_dead_letters`], or one by one with a [`DeadLetterReader`]. This is a crate of its own so that a plugin can read them without the runtime.
//! Nothing here has a thread or a file of its own: it writes to a writer and reads from a reader of the caller.
#![forbid(unsafe_code)]

mod letter;
mod limits;

mod format;
mod record;

mod error;
mod read;
mod write;

pub use error::DeadLetterFileError;
pub use letter::{DeadLetter, MESSAGE_LEN_MAX, Reason};
pub use limits::{BYTES_MAX, DeadLetterLimits, ENTRIES_MAX};
pub use read::{DeadLetterReader, read_dead_letters};
pub use write::write_dead_letters;

fn to_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
