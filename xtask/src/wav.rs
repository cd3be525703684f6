//! Reads a WAV file with one channel: what the demo writes, and what it is compared with.

use crate::command::Outcome;
use std::fs;
use std::path::Path;

/// Largest file that is read: the demo's are 1.5 MB.
const FILE_LEN_MAX: u64 = 256 << 20;

/// Sound with one channel, between -1 and 1.
#[derive(Debug)]
pub(crate) struct Sound {
    pub(crate) rate_hz: f64,
    pub(crate) samples: Vec<f64>,
}

/// Reads a file.
///
/// # Errors
/// The file cannot be read or is not what this program's recordings are.
pub(crate) fn read(path: &Path) -> Outcome<Sound> {
    let fault = |what: &str| format!("{}: {what}", path.display());
    let len = fs::metadata(path).map_err(|error| fault(&error.to_string()))?.len();
    if len > FILE_LEN_MAX {
        return Err(fault("too long"));
    }
    parse(&fs::read(path).map_err(|error| fault(&error.to_string()))?).map_err(|what| fault(&what))
}

fn parse(bytes: &[u8]) -> Result<Sound, String> {
    if bytes.get(..4) != Some(b"RIFF") || bytes.get(8..12) != Some(b"WAVE") {
        return Err("no WAV file".into());
    }
    let mut rate_hz = None;
    let mut at = 12;
    while let Some(id) = bytes.get(at..at + 4) {
        let len = number(bytes, at + 4, 4).ok_or("cut inside a chunk")?;
        let body = bytes.get(at + 8..at + 8 + len).ok_or("cut inside a chunk")?;
        match (id, rate_hz) {
            (b"fmt ", _) => rate_hz = Some(rate_of(body)?),
            (b"data", Some(rate_hz)) => return Ok(Sound { rate_hz, samples: samples_of(body) }),
            (b"data", None) => return Err("sound before its format".into()),
            _ => {}
        }
        at += 8 + len + len % 2;
    }
    Err("no sound in it".into())
}

fn rate_of(format: &[u8]) -> Result<f64, String> {
    let field = |at, len| number(format, at, len).ok_or("a short format chunk");
    match (field(2, 2)?, field(14, 2)?) {
        (1, 16) => Ok(f64::from(u32::try_from(field(4, 4)?).unwrap_or(0))),
        (channels, bits) => Err(format!("{channels} channels of {bits} bits, where 1 of 16 is expected")),
    }
}

fn samples_of(body: &[u8]) -> Vec<f64> {
    let (pairs, _) = body.as_chunks::<2>();
    pairs.iter().map(|pair| f64::from(i16::from_le_bytes(*pair)) / 32768.0).collect()
}

/// A little-endian number of up to four bytes.
fn number(bytes: &[u8], at: usize, len: usize) -> Option<usize> {
    let digits = bytes.get(at..at + len)?;
    Some(digits.iter().rev().fold(0, |number, digit| number << 8 | usize::from(*digit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(channels: u8, chunks: &[u8]) -> Vec<u8> {
        let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0".to_vec();
        bytes.extend([1, 0, channels, 0, 0x80, 0xbb, 0, 0, 0, 0, 0, 0, 2, 0, 16, 0]);
        bytes.extend(chunks);
        bytes
    }

    #[test]
    fn sixteen_bit_sound_is_read_past_other_chunks() {
        let sound = parse(&file(1, b"LIST\x01\0\0\0xxdata\x04\0\0\0\0\x40\0\xc0")).unwrap();
        assert_eq!((sound.rate_hz, sound.samples), (48_000.0, vec![0.5, -0.5]));
    }

    #[test]
    fn other_files_are_refused() {
        let table: [(Vec<u8>, &str); 5] = [
            (b"text".to_vec(), "no WAV file"),
            (file(2, b""), "2 channels of 16 bits"),
            (file(1, b""), "no sound in it"),
            (file(1, b"data\x09\0\0\0x"), "cut inside a chunk"),
            (b"RIFF\0\0\0\0WAVEdata\0\0\0\0".to_vec(), "sound before its format"),
        ];
        for (bytes, expected) in table {
            assert!(parse(&bytes).unwrap_err().contains(expected), "{expected}");
        }
    }
}
