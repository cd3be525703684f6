//! Dead letters in a file.
//!
//! All numbers are little-endian. The file begins with a magic of eight bytes, the version (u32) and the number of
//! letters (u32). Each letter is the length of its header (u32), the length of its body (u64), a checksum of all that
//! is said of it (u64), the header as JSON and the body: the bytes of each plane, then the side data. Nothing follows
//! the last letter. A reader trusts no length: it allocates what it has read, within the limits that it was given.

use crate::record::Record;
use crate::{DeadLetter, DeadLetterLimits, to_u64};
use graphmill_abi::PacketError;
use std::io::{self, Read, Write};

/// First bytes of every file; the line ends show when a transfer has rewritten it as text.
pub(super) const MAGIC: [u8; 8] = *b"\x89GMDL\r\n\x1a";
/// Version that this code writes, and the only one that it reads.
pub(super) const VERSION: u32 = 1;
/// Longest header of a letter: a message that JSON escapes in full, and the names.
pub(super) const HEADER_LEN_MAX: u32 = 64 << 10;

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

/// Writes letters, oldest first.
///
/// # Errors
/// [`DeadLetterFileError::Io`], and [`DeadLetterFileError::TooLarge`] for a letter whose names are absurdly long.
pub fn write_dead_letters<'a, I>(letters: I, out: &mut impl Write) -> Result<(), DeadLetterFileError>
where
    I: IntoIterator<Item = &'a DeadLetter, IntoIter: ExactSizeIterator>,
{
    let letters = letters.into_iter();
    let count =
        u32::try_from(letters.len()).map_err(|_| too_large("number", to_u64(letters.len()), u32::MAX.into()))?;
    out.write_all(&MAGIC)?;
    out.write_all(&VERSION.to_le_bytes())?;
    out.write_all(&count.to_le_bytes())?;
    for (number, letter) in (1..).zip(letters) {
        write_letter(letter, number, out)?;
    }
    Ok(out.flush()?)
}

fn write_letter(letter: &DeadLetter, number: u32, out: &mut impl Write) -> Result<(), DeadLetterFileError> {
    let source = PacketError::Mismatch;
    let (record, body) = Record::of(letter).ok_or(DeadLetterFileError::Packet { letter: number, source })?;
    let header =
        serde_json::to_vec(&record).map_err(|source| DeadLetterFileError::Header { letter: number, source })?;
    if to_u64(header.len()) > HEADER_LEN_MAX.into() {
        return Err(too_large("header", to_u64(header.len()), HEADER_LEN_MAX.into()));
    }
    let frame = Frame::new(u32::try_from(header.len()).unwrap_or(u32::MAX), record.body_len());
    let checksum = body.iter().fold(frame.checksum().add(&header), |checksum, bytes| checksum.add(bytes));
    out.write_all(&frame.header_len.to_le_bytes())?;
    out.write_all(&frame.body_len.to_le_bytes())?;
    out.write_all(&checksum.0.to_le_bytes())?;
    out.write_all(&header)?;
    body.iter().try_for_each(|bytes| Ok(out.write_all(bytes)?))
}

/// Reads letters, oldest first. `limits` bounds what is read, not what a store would keep.
///
/// # Errors
/// Says in which letter what is wrong. Nothing of a damaged file is given back.
pub fn read_dead_letters(
    input: &mut impl Read,
    limits: &DeadLetterLimits,
) -> Result<Vec<DeadLetter>, DeadLetterFileError> {
    let count = read_start(input)?;
    if count > limits.entries_max {
        return Err(too_large("number", count.into(), limits.entries_max.into()));
    }
    let mut letters = Vec::new();
    let mut bytes_left = limits.bytes_max;
    for number in 1..=count {
        let frame = Frame::read(input, number)?;
        bytes_left = bytes_left.checked_sub(frame.body_len).ok_or_else(|| {
            too_large("size", frame.body_len.saturating_add(limits.bytes_max - bytes_left), limits.bytes_max)
        })?;
        letters.push(read_letter(&frame, input, number)?);
    }
    match input.read(&mut [0])? {
        0 => Ok(letters),
        _ => Err(DeadLetterFileError::TrailingBytes),
    }
}

/// Reads what comes before the first letter, and gives the number of letters.
fn read_start(input: &mut impl Read) -> Result<u32, DeadLetterFileError> {
    if read_array(input, 0)? != MAGIC {
        return Err(DeadLetterFileError::NotDeadLetters);
    }
    match u32::from_le_bytes(read_array(input, 0)?) {
        VERSION => Ok(u32::from_le_bytes(read_array(input, 0)?)),
        other => Err(DeadLetterFileError::Version(other)),
    }
}

fn read_letter(frame: &Frame, input: &mut impl Read, letter: u32) -> Result<DeadLetter, DeadLetterFileError> {
    let wanted = u64::from_le_bytes(read_array(input, letter)?);
    let header = read_bytes(input, frame.header_len.into(), letter)?;
    let body = read_bytes(input, frame.body_len, letter)?;
    if frame.checksum().add(&header).add(&body).0 != wanted {
        return Err(DeadLetterFileError::Checksum { letter });
    }
    let record: Record =
        serde_json::from_slice(&header).map_err(|source| DeadLetterFileError::Header { letter, source })?;
    let expected = record.body_len();
    if expected != frame.body_len {
        return Err(DeadLetterFileError::BodyLen { letter, len: frame.body_len, expected });
    }
    record.into_letter(&body).map_err(|source| DeadLetterFileError::Packet { letter, source })
}

fn read_array<const N: usize>(input: &mut impl Read, letter: u32) -> Result<[u8; N], DeadLetterFileError> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => DeadLetterFileError::Truncated { letter },
        _ => DeadLetterFileError::Io(error),
    })?;
    Ok(bytes)
}

/// Reads exactly `len` bytes; memory grows with what is really there.
fn read_bytes(input: &mut impl Read, len: u64, letter: u32) -> Result<Vec<u8>, DeadLetterFileError> {
    let mut bytes = Vec::new();
    input.take(len).read_to_end(&mut bytes)?;
    if to_u64(bytes.len()) == len { Ok(bytes) } else { Err(DeadLetterFileError::Truncated { letter }) }
}

fn too_large(what: &'static str, len: u64, max: u64) -> DeadLetterFileError {
    DeadLetterFileError::TooLarge { what, len, max }
}

/// The lengths in front of a letter.
pub(super) struct Frame {
    header_len: u32,
    body_len: u64,
}

impl Frame {
    pub(super) fn new(header_len: u32, body_len: u64) -> Self {
        Self { header_len, body_len }
    }

    fn read(input: &mut impl Read, letter: u32) -> Result<Self, DeadLetterFileError> {
        let header_len = u32::from_le_bytes(read_array(input, letter)?);
        let body_len = u64::from_le_bytes(read_array(input, letter)?);
        if header_len > HEADER_LEN_MAX {
            return Err(too_large("header", header_len.into(), HEADER_LEN_MAX.into()));
        }
        Ok(Self { header_len, body_len })
    }

    /// The checksum of the lengths, to which header and body are added.
    pub(super) fn checksum(&self) -> Checksum {
        Checksum(0xCBF2_9CE4_8422_2325).add(&self.header_len.to_le_bytes()).add(&self.body_len.to_le_bytes())
    }
}

/// FNV-1a of 64 bits. Each step is a bijection of the state, so one changed byte never goes unnoticed.
///
/// It finds damage, not malice: what is read is validated all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Checksum(pub(super) u64);

impl Checksum {
    pub(super) fn add(self, bytes: &[u8]) -> Self {
        let step = |state: u64, &byte: &u8| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        Self(bytes.iter().fold(self.0, step))
    }
}
