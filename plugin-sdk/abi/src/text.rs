//! Short text inside a packet header: no allocation, no lifetime.

use core::ffi::c_char;

/// UTF-8 text of at most 80 bytes, stored in place.
#[derive(Clone, Copy)]
pub struct Text {
    len: u8,
    bytes: [u8; Text::LEN_MAX],
}

/// The text does not fit or is not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TextError {
    /// Longer than 80 bytes.
    TooLong,
    /// Not UTF-8.
    NotUtf8,
}

impl core::fmt::Display for TextError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::TooLong => "name in a packet header is longer than 80 bytes",
            Self::NotUtf8 => "name in a packet header is not UTF-8",
        })
    }
}

impl core::error::Error for TextError {}

impl Text {
    /// The most bytes that a name in a packet header can have.
    pub const LEN_MAX: usize = 80;

    /// Copies `text`.
    ///
    /// # Errors
    /// [`TextError::TooLong`] beyond 80 bytes.
    pub fn new(text: &str) -> Result<Self, TextError> {
        let mut bytes = [0; Self::LEN_MAX];
        let target = bytes.get_mut(..text.len()).ok_or(TextError::TooLong)?;
        target.copy_from_slice(text.as_bytes());
        // The length was just checked to be at most 80.
        Ok(Self { len: text.len() as u8, bytes })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }

    pub(crate) fn to_raw(self) -> (u32, [c_char; Self::LEN_MAX]) {
        (u32::from(self.len), self.bytes.map(|byte| byte.cast_signed()))
    }
}

/// Reads a name out of a packet header.
pub(crate) fn view(raw: &[c_char; Text::LEN_MAX], len: u32) -> Result<&str, TextError> {
    // SAFETY: `c_char` and `u8` have the same size and alignment, and every bit pattern is valid for both.
    let bytes = unsafe { &*core::ptr::from_ref(raw).cast::<[u8; Text::LEN_MAX]>() };
    let bytes = bytes.get(..len as usize).ok_or(TextError::TooLong)?;
    if bytes.is_ascii() {
        // SAFETY: ASCII is UTF-8. Names nearly always are, and looking for that costs a few instructions.
        return Ok(unsafe { core::str::from_utf8_unchecked(bytes) });
    }
    core::str::from_utf8(bytes).map_err(|_| TextError::NotUtf8)
}

impl core::fmt::Debug for Text {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.as_str().fmt(f)
    }
}
