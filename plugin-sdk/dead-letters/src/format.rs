//! The file format of dead letters.
//!
//! All numbers are little-endian. The file begins with a magic of eight bytes, the version (u32) and the number of
//! letters (u32). Each letter is the length of its header (u32), the length of its body (u64), a checksum of all that
//! is said of it (u64), the header as JSON and the body: the bytes of each plane, then the side data. Nothing follows
//! the last letter. A reader trusts no length: it allocates what it has read, within the limits that it was given.

/// First bytes of every file; the line ends show when a transfer has rewritten it as text.
pub(crate) const MAGIC: [u8; 8] = *b"\x89GMDL\r\n\x1a";
/// Version that this code writes, and the only one that it reads.
pub(crate) const VERSION: u32 = 1;
/// Longest header of a letter: a message that JSON escapes in full, and the names.
pub(crate) const HEADER_LEN_MAX: u32 = 64 << 10;

/// The lengths in front of a letter.
pub(crate) struct Frame {
    pub(crate) header_len: u32,
    pub(crate) body_len: u64,
}

impl Frame {
    pub(crate) fn new(header_len: u32, body_len: u64) -> Self {
        Self { header_len, body_len }
    }

    /// The checksum of the lengths, to which header and body are added.
    pub(crate) fn checksum(&self) -> Checksum {
        Checksum(0xCBF2_9CE4_8422_2325).add(&self.header_len.to_le_bytes()).add(&self.body_len.to_le_bytes())
    }
}

/// FNV-1a of 64 bits. Each step is a bijection of the state, so one changed byte never goes unnoticed.
///
/// It finds damage, not malice: what is read is validated all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checksum(pub(crate) u64);

impl Checksum {
    pub(crate) fn add(self, bytes: &[u8]) -> Self {
        let step = |state: u64, &byte: &u8| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        Self(bytes.iter().fold(self.0, step))
    }
}
