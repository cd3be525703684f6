//! What a library shares with the rest of its process and no safe code can ask about.
//!
//! Nothing here changes anything. For those who check a plugin: a well-behaved one leaves all of it as it was.

/// Bytes that were allocated from the C library's allocator and not freed, by this program and every library in it.
///
/// `None` where the C library has no such figure. Cached blocks of threads that live count as allocated.
#[must_use]
pub fn allocated_bytes() -> Option<usize> {
    #[cfg(all(target_os = "linux", target_env = "gnu", not(miri)))]
    {
        // SAFETY: only reads figures of the allocator.
        let figures = unsafe { libc::mallinfo2() };
        Some(figures.uordblks.saturating_add(figures.hblkhd))
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu", not(miri))))]
    None
}

/// The locale of this process for every category, as the C library names it; `None` when it does not say.
#[must_use]
pub fn locale() -> Option<String> {
    #[cfg(not(miri))]
    {
        // SAFETY: a null pointer only asks; the answer is copied before anybody can ask again.
        let name = unsafe { libc::setlocale(libc::LC_ALL, std::ptr::null()) };
        if name.is_null() {
            return None;
        }
        // SAFETY: not null, so a text that ends with a zero, valid until the next call.
        Some(unsafe { std::ffi::CStr::from_ptr(name) }.to_string_lossy().into_owned())
    }
    #[cfg(miri)]
    None
}

#[cfg(test)]
#[cfg(all(target_os = "linux", target_env = "gnu", not(miri)))]
mod tests {
    use super::*;

    #[test]
    fn what_is_allocated_is_seen() {
        let before = allocated_bytes().unwrap();
        let kept = std::hint::black_box(vec![1_u8; 64 << 20]);
        // Other tests run beside this one, but none of them frees that much meanwhile.
        assert!(allocated_bytes().unwrap() > before + (32 << 20));
        drop(kept);
    }

    #[test]
    fn a_program_that_sets_no_locale_has_that_of_c() {
        assert_eq!(locale().as_deref(), Some("C"));
    }
}
