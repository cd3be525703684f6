//! The digest of a file: SHA-256, written as 64 hexadecimal digits.

use sha2::{Digest, Sha256};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::str::FromStr;

/// Length of a digest in bytes.
const LEN: usize = 32;
/// How much of a file is read at a time, in bytes.
const CHUNK_LEN: usize = 64 * 1024;

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Sha256Digest([u8; LEN]);

impl Sha256Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// As many digits as tell two files apart for a reader.
    pub(crate) fn begin(&self) -> String {
        self.to_string().chars().take(8).collect()
    }
}

/// The digest of bytes that come piece by piece.
#[derive(Debug, Clone, Default)]
pub struct Sha256Hasher(Sha256);

impl Sha256Hasher {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all of them.
    pub fn finish(self) -> Sha256Digest {
        Sha256Digest(self.0.finalize().into())
    }
}

/// The digest of a file; `seen` is told how many bytes were read each time some were.
///
/// Blocks for as long as reading takes.
///
/// # Errors
/// The file cannot be opened or read.
pub fn sha256_of_file(path: &Path, mut seen: impl FnMut(u64)) -> io::Result<Sha256Digest> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256Hasher::default();
    let mut chunk = vec![0; CHUNK_LEN];
    loop {
        let len = match file.read(&mut chunk) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(chunk.get(..len).unwrap_or_default());
        seen(u64::try_from(len).unwrap_or(u64::MAX));
    }
}

impl FromStr for Sha256Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut digest = [0; LEN];
        let is_hex = text.len() == 2 * LEN && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let pairs = if is_hex { text.as_bytes().chunks_exact(2) } else { [].chunks_exact(2) };
        for (byte, pair) in digest.iter_mut().zip(pairs) {
            *byte = pair.iter().fold(0, |value, digit| value * 16 + hex_value(*digit));
        }
        if is_hex { Ok(Self(digest)) } else { Err(format!("`{text}` is no SHA-256: write 64 hexadecimal digits")) }
    }
}

/// What a hexadecimal digit stands for.
fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20).wrapping_sub(b'a').wrapping_add(10),
    }
}

impl TryFrom<String> for Sha256Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_is_that_of_the_standard_and_survives_its_text() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let digest = Sha256Digest::of(b"abc");
        assert_eq!(digest.to_string(), expected);
        assert_eq!(expected.to_uppercase().parse(), Ok(digest));
        for wrong in ["", "ba78", &format!("{expected}00"), &expected.replace('b', "g"), &"é".repeat(32)] {
            assert!(wrong.parse::<Sha256Digest>().unwrap_err().contains("64 hexadecimal digits"), "{wrong}");
        }
    }

    #[test]
    fn file_has_the_digest_of_its_bytes_and_all_of_them_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let bytes: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        std::fs::write(&path, &bytes).unwrap();
        let mut seen = 0;
        assert_eq!(sha256_of_file(&path, |len| seen += len).unwrap(), Sha256Digest::of(&bytes));
        assert_eq!(seen, 200_000);
        assert!(sha256_of_file(&folder.path().join("none"), drop).is_err());
    }
}
