//! Writes letters.

use crate::error::DeadLetterFileError;
use crate::format::{Frame, HEADER_LEN_MAX, MAGIC, VERSION};
use crate::record::Record;
use crate::{DeadLetter, to_u64};
use graphmill_abi::PacketError;
use std::io::Write;

/// Writes letters, oldest first.
///
/// # Errors
/// [`DeadLetterFileError::Io`], and [`DeadLetterFileError::TooLarge`] for a letter whose names are absurdly long.
pub fn write_dead_letters<'a, I>(letters: I, out: &mut impl Write) -> Result<(), DeadLetterFileError>
where
    I: IntoIterator<Item = &'a DeadLetter, IntoIter: ExactSizeIterator>,
{
    let letters = letters.into_iter();
    let count = u32::try_from(letters.len())
        .map_err(|_| DeadLetterFileError::too_large("number", to_u64(letters.len()), u32::MAX.into()))?;
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
        return Err(DeadLetterFileError::too_large("header", to_u64(header.len()), HEADER_LEN_MAX.into()));
    }
    let frame = Frame::new(u32::try_from(header.len()).unwrap_or(u32::MAX), record.body_len());
    let checksum = body.iter().fold(frame.checksum().add(&header), |checksum, bytes| checksum.add(bytes));
    out.write_all(&frame.header_len.to_le_bytes())?;
    out.write_all(&frame.body_len.to_le_bytes())?;
    out.write_all(&checksum.0.to_le_bytes())?;
    out.write_all(&header)?;
    body.iter().try_for_each(|bytes| Ok(out.write_all(bytes)?))
}
