//! Text that comes from a plugin: one function reads it, two ways say what happens to text that is not UTF-8.
//!
//! Identifiers and manifests are refused when they are not UTF-8; log records are kept with the bad bytes replaced,
//! and every such loss is counted by the caller.

use graphmill_abi::layout::gm_str;
use std::borrow::Cow;

/// Why a text of a plugin cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextFault {
    /// A length without bytes.
    #[error("is null with a length of {len}")]
    Null {
        /// The length that was given.
        len: usize,
    },
    /// Longer than anything of its kind can be.
    #[error("has {len} bytes, at most {max} are read")]
    TooLong {
        /// The length that was given.
        len: usize,
        /// The longest that is read.
        max: usize,
    },
    /// Not UTF-8.
    #[error("is not UTF-8 after {valid_len} bytes")]
    NotUtf8 {
        /// Bytes in front of the first that is wrong.
        valid_len: usize,
    },
}

/// Reads a text that has to be right, such as an identifier.
///
/// # Errors
/// The text is null with a length, longer than `max`, or not UTF-8.
///
/// # Safety
/// A text that is neither null nor longer than `max` points at `len` bytes that stay unchanged for `'a`.
pub(super) unsafe fn read_str<'a>(text: gm_str, max: usize) -> Result<&'a str, TextFault> {
    if text.len > max {
        return Err(TextFault::TooLong { len: text.len, max });
    }
    // SAFETY: passed on from the caller; the length was just checked.
    let bytes = unsafe { read_bytes(text, text.len) }?;
    std::str::from_utf8(bytes).map_err(|error| TextFault::NotUtf8 { valid_len: error.valid_up_to() })
}

/// A text for people, and what was lost of it.
#[derive(Debug)]
pub(super) struct LossyText<'a> {
    /// What could be kept; borrowed when nothing had to be replaced.
    pub(super) text: Cow<'a, str>,
    /// Whether the end is missing.
    pub(super) is_cut: bool,
}

impl LossyText<'_> {
    /// Whether bytes were replaced because they are not UTF-8.
    pub(super) fn is_replaced(&self) -> bool {
        matches!(self.text, Cow::Owned(_))
    }
}

/// Reads a text for people: cut at `max` bytes, bytes that are not UTF-8 replaced.
///
/// # Errors
/// The text is null with a length.
///
/// # Safety
/// A text that is not null points at as many bytes as it says, or `max` if that is less, unchanged for `'a`.
pub(super) unsafe fn read_lossy<'a>(text: gm_str, max: usize) -> Result<LossyText<'a>, TextFault> {
    let is_cut = text.len > max;
    // SAFETY: passed on from the caller; no more than `max` bytes are read.
    let mut bytes = unsafe { read_bytes(text, text.len.min(max)) }?;
    if is_cut {
        bytes = without_broken_end(bytes);
    }
    Ok(LossyText { text: String::from_utf8_lossy(bytes), is_cut })
}

/// The first `len` bytes of a text.
///
/// # Safety
/// A text that is not null points at `len` bytes at least, unchanged for `'a`; `len` is below `isize::MAX`.
unsafe fn read_bytes<'a>(text: gm_str, len: usize) -> Result<&'a [u8], TextFault> {
    if len == 0 {
        return Ok(&[]);
    }
    if text.ptr.is_null() {
        return Err(TextFault::Null { len: text.len });
    }
    // SAFETY: not null; the caller promises the bytes. A byte has no alignment.
    Ok(unsafe { std::slice::from_raw_parts(text.ptr.cast::<u8>(), len) })
}

/// Takes away the beginning of a character whose rest was cut off, so that it is not taken for a bad byte.
pub(super) fn without_broken_end(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => bytes.get(..error.valid_up_to()).unwrap_or(bytes),
        _ => bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;

    fn strict(bytes: &[u8], max: usize) -> Result<&str, TextFault> {
        // SAFETY: the text points at the bytes of a slice.
        unsafe { read_str(gm_str { ptr: bytes.as_ptr().cast(), len: bytes.len() }, max) }
    }

    fn lossy(bytes: &[u8], max: usize) -> LossyText<'_> {
        // SAFETY: the text points at the bytes of a slice.
        unsafe { read_lossy(gm_str { ptr: bytes.as_ptr().cast(), len: bytes.len() }, max) }.unwrap()
    }

    #[test]
    fn f18_identifiers_are_refused_where_text_for_people_is_repaired() {
        let cases: [(&[u8], Result<&str, TextFault>, &str); 5] = [
            (b"plain", Ok("plain"), "plain"),
            (b"", Ok(""), ""),
            (b"nul\0inside", Ok("nul\0inside"), "nul\0inside"),
            (b"ab\xffcd", Err(TextFault::NotUtf8 { valid_len: 2 }), "ab\u{fffd}cd"),
            (b"\xed\xa0\x80", Err(TextFault::NotUtf8 { valid_len: 0 }), "\u{fffd}\u{fffd}\u{fffd}"),
        ];
        for (bytes, want_strict, want_lossy) in cases {
            assert_eq!(strict(bytes, 100), want_strict);
            assert_eq!(lossy(bytes, 100).text, want_lossy);
            assert_eq!(lossy(bytes, 100).is_replaced(), want_strict.is_err());
        }
    }

    #[test]
    fn null_is_empty_only_when_its_length_says_so() {
        let null = |len| gm_str { ptr: ptr::null(), len };
        // SAFETY: a text without bytes is not read.
        let strict = |len| unsafe { read_str(null(len), 10) };
        // SAFETY: as above.
        let lossy = |len| unsafe { read_lossy(null(len), 10) }.map(|text| text.text);
        assert_eq!(strict(0), Ok(""));
        assert_eq!(strict(3), Err(TextFault::Null { len: 3 }));
        assert_eq!(lossy(3), Err(TextFault::Null { len: 3 }));
        assert_eq!(lossy(usize::MAX), Err(TextFault::Null { len: usize::MAX }));
    }

    #[test]
    fn long_identifier_is_refused_unread_and_long_record_is_cut_at_a_character() {
        let huge = gm_str { ptr: ptr::dangling(), len: usize::MAX };
        // SAFETY: a text that is too long is not read.
        assert_eq!(unsafe { read_str(huge, 64) }, Err(TextFault::TooLong { len: usize::MAX, max: 64 }));
        let text = lossy("aää".as_bytes(), 4);
        assert_eq!((text.text.as_ref(), text.is_cut, text.is_replaced()), ("aä", true, false));
        let text = lossy("aää".as_bytes(), 5);
        assert_eq!((text.text.as_ref(), text.is_cut), ("aää", false));
    }

    #[test]
    fn one_mebibyte_record_is_cut_to_the_limit() {
        let bytes = vec![b'x'; 1 << 20];
        let text = lossy(&bytes, 8192);
        assert_eq!((text.text.len(), text.is_cut), (8192, true));
    }
}
