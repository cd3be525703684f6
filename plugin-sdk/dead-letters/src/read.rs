//! Reads letters.

use crate::error::DeadLetterFileError;
use crate::format::{Frame, HEADER_LEN_MAX, MAGIC, VERSION};
use crate::record::Record;
use crate::{DeadLetter, DeadLetterLimits, to_u64};
use std::io::{self, Read};

/// Reads letters, oldest first. `limits` bounds what is read, not what a store would keep.
///
/// # Errors
/// Says in which letter what is wrong. Nothing of a damaged file is given back.
pub fn read_dead_letters(
    input: &mut impl Read,
    limits: &DeadLetterLimits,
) -> Result<Vec<DeadLetter>, DeadLetterFileError> {
    DeadLetterReader::new(input, limits)?.collect()
}

/// The letters of a file one by one, oldest first, so that only those are in memory that somebody keeps.
///
/// The file is good only when the reader has come to its end without an error: after an error it gives nothing more.
#[derive(Debug)]
pub struct DeadLetterReader<R> {
    input: R,
    /// Letters that the file says that it holds.
    count: u32,
    letters_read: u32,
    bytes_max: u64,
    /// Bytes that the bodies of further letters may have.
    bytes_left: u64,
    is_at_end: bool,
}

impl<R: Read> DeadLetterReader<R> {
    /// Reads what comes before the first letter. `limits` is for the letters of the file together.
    ///
    /// # Errors
    /// The input holds something else, is of another version, or says that it holds too many letters.
    pub fn new(mut input: R, limits: &DeadLetterLimits) -> Result<Self, DeadLetterFileError> {
        let count = read_start(&mut input)?;
        if count > limits.entries_max {
            return Err(DeadLetterFileError::too_large("number", count.into(), limits.entries_max.into()));
        }
        let bytes_max = limits.bytes_max;
        Ok(Self { input, count, letters_read: 0, bytes_max, bytes_left: bytes_max, is_at_end: false })
    }

    fn read_next(&mut self) -> Result<Option<DeadLetter>, DeadLetterFileError> {
        if self.letters_read == self.count {
            return match self.input.read(&mut [0])? {
                0 => Ok(None),
                _ => Err(DeadLetterFileError::TrailingBytes),
            };
        }
        self.letters_read += 1;
        let frame = read_frame(&mut self.input, self.letters_read)?;
        self.bytes_left = self.bytes_left.checked_sub(frame.body_len).ok_or_else(|| {
            let len = frame.body_len.saturating_add(self.bytes_max - self.bytes_left);
            DeadLetterFileError::too_large("size", len, self.bytes_max)
        })?;
        read_letter(&frame, &mut self.input, self.letters_read).map(Some)
    }
}

impl<R: Read> Iterator for DeadLetterReader<R> {
    type Item = Result<DeadLetter, DeadLetterFileError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_at_end {
            return None;
        }
        let next = self.read_next();
        self.is_at_end = !matches!(next, Ok(Some(_)));
        next.transpose()
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

fn read_frame(input: &mut impl Read, letter: u32) -> Result<Frame, DeadLetterFileError> {
    let header_len = u32::from_le_bytes(read_array(input, letter)?);
    let body_len = u64::from_le_bytes(read_array(input, letter)?);
    if header_len > HEADER_LEN_MAX {
        return Err(DeadLetterFileError::too_large("header", header_len.into(), HEADER_LEN_MAX.into()));
    }
    Ok(Frame::new(header_len, body_len))
}

fn read_letter(frame: &Frame, input: &mut impl Read, letter: u32) -> Result<DeadLetter, DeadLetterFileError> {
    let wanted = u64::from_le_bytes(read_array(input, letter)?);
    let header = read_bytes(input, frame.header_len.into(), letter)?;
    let body = read_bytes(input, frame.body_len, letter)?;
    // A machine that makes up files cannot guess a checksum; what comes after it has to hold without one.
    if !cfg!(fuzzing) && frame.checksum().add(&header).add(&body).0 != wanted {
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
