//! Looks at the chunk list of a WAV file, to say exactly what is missing when the file is cut short.
//!
//! The decoder stops at the first read that goes past the end and keeps to itself how much was there.
//! So the lengths in the header are compared with the file first, and the decoder is shown lengths that
//! the file can keep: all whole frames are decoded, and the shortfall is known to the byte. Formats that no
//! recording has are refused here too, because the decoder multiplies their numbers without a check.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use symphonia::core::io::MediaSource;

/// A file with more chunks than this before its samples is not a recording.
const CHUNKS_MAX: usize = 4096;

/// Lengths from here on are what programs write when they cannot know the length, as into a stream.
const UNKNOWN_LEN_MIN: u32 = 0x7FFF_F000;

/// The longest data length that the decoder does not take for "unknown".
const DATA_LEN_MAX: u64 = u32::MAX as u64 - 1;

/// More channels than any recording has; beyond it the header is taken for damaged.
pub(crate) const CHANNELS_MAX: u32 = 64;

/// Frame rates beyond it are taken for damage in the header.
pub(crate) const RATE_MAX_HZ: u32 = 1_536_000;

/// Bits of the widest samples, which are doubles.
const BITS_MAX: u16 = 64;

/// What the chunk list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scan {
    /// Not a WAV file; another decoder may know it.
    Other,
    /// A WAV file that cannot be decoded, and why.
    Bad(&'static str),
    /// A WAV file with samples.
    Wave(DataChunk),
}

/// What the header says about the samples, next to what the file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DataChunk {
    /// Where the length field lies.
    len_offset: u64,
    /// What the length field says.
    declared_len: u32,
    /// Bytes between the start of the samples and the end of the file.
    available_len: u64,
}

impl Scan {
    /// Reads the chunk list up to the samples.
    pub(crate) fn read(file: &mut (impl Read + Seek), file_len: u64) -> io::Result<Self> {
        let mut head = [0; 12];
        file.rewind()?;
        if !read_whole(file, &mut head)? || !head.starts_with(b"RIFF") || !head.ends_with(b"WAVE") {
            return Ok(Self::Other);
        }
        let mut offset = 12;
        for _ in 0..CHUNKS_MAX {
            let mut chunk = [0; 8];
            file.seek(SeekFrom::Start(offset))?;
            if !read_whole(file, &mut chunk)? {
                return Ok(Self::Bad("it ends before its samples begin"));
            }
            let [t0, t1, t2, t3, l0, l1, l2, l3] = chunk;
            let len = u32::from_le_bytes([l0, l1, l2, l3]);
            match &[t0, t1, t2, t3] {
                b"data" => return Ok(Self::Wave(DataChunk::new(offset, len, file_len))),
                b"fmt " if !has_sane_format(file)? => return Ok(Self::Bad("its header gives an impossible format")),
                _ => offset += 8 + u64::from(len) + u64::from(len % 2),
            }
        }
        Ok(Self::Bad("it has more chunks than a recording has"))
    }
}

/// Reads the numbers of a format chunk and says whether a recording can have them.
fn has_sane_format(file: &mut impl Read) -> io::Result<bool> {
    let mut format = [0; 16];
    if !read_whole(file, &mut format)? {
        return Ok(false);
    }
    let [_, _, c0, c1, r0, r1, r2, r3, _, _, _, _, _, _, b0, b1] = format;
    let channels = u32::from(u16::from_le_bytes([c0, c1]));
    let rate_hz = u32::from_le_bytes([r0, r1, r2, r3]);
    let bits = u16::from_le_bytes([b0, b1]);
    Ok((1..=CHANNELS_MAX).contains(&channels) && (1..=RATE_MAX_HZ).contains(&rate_hz) && bits <= BITS_MAX)
}

impl DataChunk {
    fn new(offset: u64, declared_len: u32, file_len: u64) -> Self {
        Self { len_offset: offset + 4, declared_len, available_len: file_len.saturating_sub(offset + 8) }
    }

    /// The length is a placeholder: the samples go on to the end of the file.
    fn is_open_ended(&self) -> bool {
        self.declared_len >= UNKNOWN_LEN_MIN || (self.declared_len == 0 && self.available_len > 0)
    }

    /// Bytes that the header promises and the file does not hold; 0 for a whole file.
    pub(crate) fn missing_len(&self) -> u64 {
        if self.is_open_ended() {
            return 0;
        }
        u64::from(self.declared_len).saturating_sub(self.available_len)
    }

    /// Bytes of samples that can be read.
    fn readable_len(&self) -> u32 {
        let declared = u64::from(self.declared_len);
        let readable = match self.is_open_ended() {
            true => self.available_len,
            false => self.available_len.min(declared),
        };
        u32::try_from(readable.min(DATA_LEN_MAX)).unwrap_or(u32::MAX)
    }
}

/// Fills the whole of `bytes`, or says that the file ends before.
fn read_whole(file: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// A file as the decoder shall see it: with lengths in the header that the file keeps.
#[derive(Debug)]
pub(crate) struct CheckedFile {
    file: File,
    file_len: u64,
    position: u64,
    patches: Vec<(u64, [u8; 4])>,
}

impl CheckedFile {
    /// Wraps an open file; `data` is where a WAV file has its samples.
    pub(crate) fn new(mut file: File, file_len: u64, data: Option<DataChunk>) -> io::Result<Self> {
        file.rewind()?;
        let patches = data.map_or_else(Vec::new, |data| {
            vec![(4, u32::MAX.to_le_bytes()), (data.len_offset, data.readable_len().to_le_bytes())]
        });
        Ok(Self { file, file_len, position: 0, patches })
    }
}

impl Read for CheckedFile {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(bytes)?;
        for (offset, patch) in &self.patches {
            for (place, value) in (*offset..).zip(patch) {
                let inside = place.checked_sub(self.position).and_then(|at| usize::try_from(at).ok());
                let target = inside.filter(|at| *at < read).and_then(|at| bytes.get_mut(at));
                if let Some(byte) = target {
                    *byte = *value;
                }
            }
        }
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for CheckedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = self.file.seek(to)?;
        Ok(self.position)
    }
}

impl MediaSource for CheckedFile {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.file_len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    const FORMAT: &[u8] = b"fmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0";

    fn header(extra: &[u8], data_len: u32, samples: usize) -> Vec<u8> {
        let mut bytes = b"RIFF\0\0\0\0WAVE".to_vec();
        bytes.extend_from_slice(FORMAT);
        bytes.extend_from_slice(extra);
        bytes.extend_from_slice(b"data");
        bytes.extend_from_slice(&data_len.to_le_bytes());
        bytes.extend(std::iter::repeat_n(7, samples));
        bytes
    }

    fn scan(bytes: &[u8]) -> Scan {
        Scan::read(&mut Cursor::new(bytes), bytes.len() as u64).unwrap()
    }

    fn find(bytes: &[u8]) -> DataChunk {
        match scan(bytes) {
            Scan::Wave(data) => data,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn missing_bytes_are_counted_exactly() {
        for (declared, present, missing, readable) in [
            (100, 100, 0, 100),
            (100, 101, 0, 100),
            (100, 99, 1, 99),
            (100, 0, 100, 0),
            (0, 0, 0, 0),
            (0, 50, 0, 50),
            (u32::MAX, 50, 0, 50),
            (0x7FFF_FFFF, 50, 0, 50),
        ] {
            let chunk = find(&header(b"", declared, present));
            assert_eq!(chunk.missing_len(), missing, "{declared} {present}");
            assert_eq!(chunk.readable_len(), readable, "{declared} {present}");
        }
    }

    #[test]
    fn odd_chunks_are_padded_and_skipped() {
        let chunk = find(&header(b"LIST\x03\0\0\0abc\0", 4, 4));
        assert_eq!((chunk.missing_len(), chunk.available_len), (0, 4));
    }

    #[test]
    fn a_file_without_samples_or_of_another_kind_is_told_apart() {
        for bytes in [&b""[..], b"RIFF", b"OggS\0\0\0\0WAVEdata\0\0\0\0"] {
            assert_eq!(scan(bytes), Scan::Other, "{bytes:?}");
        }
        for bytes in [&b"RIFF\0\0\0\0WAVE"[..], b"RIFF\0\0\0\0WAVEdat", b"RIFF\0\0\0\0WAVEabcd\xff\xff\xff\xff"] {
            assert_eq!(scan(bytes), Scan::Bad("it ends before its samples begin"), "{bytes:?}");
        }
    }

    #[test]
    fn formats_that_no_recording_has_are_refused() {
        for (place, value) in [(23, 0x80), (22, 0), (22, 65), (27, 0xFF), (34, 65), (35, 1)] {
            let mut bytes = header(b"", 4, 4);
            bytes[place] = value;
            assert_eq!(scan(&bytes), Scan::Bad("its header gives an impossible format"), "byte {place}");
        }
    }

    #[test]
    fn the_patched_lengths_are_seen_however_the_file_is_read() {
        let bytes = header(b"", 1000, 10);
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, &bytes).unwrap();
        let mut expected = bytes.clone();
        expected[4..8].copy_from_slice(&[0xFF; 4]);
        expected[40..44].copy_from_slice(&10u32.to_le_bytes());
        for step in 1..=bytes.len() {
            let copy = file.try_clone().unwrap();
            let mut checked = CheckedFile::new(copy, bytes.len() as u64, Some(find(&bytes))).unwrap();
            let mut seen = Vec::new();
            let mut piece = vec![0; step];
            loop {
                match checked.read(&mut piece).unwrap() {
                    0 => break,
                    read => seen.extend_from_slice(&piece[..read]),
                }
            }
            assert_eq!(seen, expected, "step {step}");
        }
    }
}
