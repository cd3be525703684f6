//! How many letters, and how large.

/// Most letters that a session keeps.
pub const ENTRIES_MAX: u32 = 1_000;
/// Most bytes that the letters of a session keep alive.
pub const BYTES_MAX: u64 = 64 << 20;

/// How much a store holds, and how much a file may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeadLetterLimits {
    /// Most letters; 0 keeps none.
    pub entries_max: u32,
    /// Most bytes of all letters together.
    pub bytes_max: u64,
}

impl Default for DeadLetterLimits {
    /// [`ENTRIES_MAX`] letters and [`BYTES_MAX`] bytes.
    fn default() -> Self {
        Self { entries_max: ENTRIES_MAX, bytes_max: BYTES_MAX }
    }
}
