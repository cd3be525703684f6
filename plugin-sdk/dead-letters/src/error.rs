//! What can be wrong with a file of dead letters.

use crate::format::VERSION;
use graphmill_abi::PacketError;
use std::io;

/// Why dead letters cannot be saved or read. Letters are counted from 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeadLetterFileError {
    /// The operating system refused.
    #[error("dead letters cannot be read or written: {0}")]
    Io(#[from] io::Error),
    /// Something else is in the file.
    #[error("this is not a file of dead letters: it begins with other bytes")]
    NotDeadLetters,
    /// Another version wrote the file.
    #[error("the file of dead letters has version {0}; this program reads version {VERSION}")]
    Version(u32),
    /// More than the limits allow.
    #[error("{what} of the dead letters is {len}, above the limit of {max}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How large it is.
        len: u64,
        /// How large it may be.
        max: u64,
    },
    /// The file ends too early.
    #[error("the file of dead letters ends within letter {letter}; it was cut short")]
    Truncated {
        /// Letter in which it ends; 0 is the beginning of the file.
        letter: u32,
    },
    /// The bytes of a letter are not those that were written.
    #[error("the checksum of dead letter {letter} does not match; the file is damaged")]
    Checksum {
        /// The letter.
        letter: u32,
    },
    /// The header of a letter is not what this version writes.
    #[error("the header of dead letter {letter} cannot be read: {source}")]
    Header {
        /// The letter.
        letter: u32,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The bytes of a letter are more or fewer than its header says.
    #[error("dead letter {letter} has {len} bytes, but its header speaks of {expected}")]
    BodyLen {
        /// The letter.
        letter: u32,
        /// Bytes that are there.
        len: u64,
        /// Bytes that the header speaks of.
        expected: u64,
    },
    /// Header and bytes do not make a packet.
    #[error("dead letter {letter} does not hold a usable packet: {source}")]
    Packet {
        /// The letter.
        letter: u32,
        /// What is wrong.
        source: PacketError,
    },
    /// There is something behind the last letter.
    #[error("there are bytes behind the last dead letter; the file is damaged")]
    TrailingBytes,
}

impl DeadLetterFileError {
    pub(crate) fn too_large(what: &'static str, len: u64, max: u64) -> Self {
        Self::TooLarge { what, len, max }
    }
}
