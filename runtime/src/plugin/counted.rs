//! The count of buffers that the host makes: it stands in the first of the maker's own words of the header.

use graphmill_abi::layout::gm_buffer;
use std::ffi::c_void;
use std::process::abort;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

/// More references than this are a leak that would soon wrap around, exactly as in `Arc`.
const REFERENCES_MAX: usize = isize::MAX as usize;

/// The first word of a buffer with one reference.
pub(super) const ONE: *mut c_void = ptr::without_provenance_mut(1);

/// The count of a buffer.
///
/// # Safety
/// `raw` points at a live buffer whose functions are those of this module.
unsafe fn count<'a>(raw: *const gm_buffer) -> &'a AtomicUsize {
    // SAFETY: the buffer is alive; the word is projected without making a reference to the header.
    let word = unsafe { &raw const (*raw).maker[0] };
    // SAFETY: the word is aligned, lives as long as the buffer and is only ever touched as an atomic while shared.
    unsafe { AtomicUsize::from_ptr(word.cast_mut().cast::<usize>()) }
}

/// Adds a reference.
///
/// # Safety
/// As for [`count`]; the caller holds a reference.
pub(super) unsafe extern "C" fn retain(raw: *mut gm_buffer) {
    // SAFETY: passed on from the caller.
    if unsafe { count(raw) }.fetch_add(1, Ordering::Relaxed) > REFERENCES_MAX {
        // A wrapped count would free memory that is in use, and a panic may not cross the boundary.
        abort();
    }
}

/// 1 when the caller holds the only reference.
///
/// # Safety
/// As for [`count`]; the caller holds a reference.
pub(super) unsafe extern "C" fn is_unique(raw: *const gm_buffer) -> u32 {
    // SAFETY: passed on from the caller.
    u32::from(unsafe { count(raw) }.load(Ordering::Acquire) == 1)
}

/// Gives a reference back and says whether it was the last.
///
/// # Safety
/// As for [`count`]; the caller gives the reference up that it held.
pub(super) unsafe fn release(raw: *mut gm_buffer) -> bool {
    // SAFETY: passed on from the caller.
    if unsafe { count(raw) }.fetch_sub(1, Ordering::Release) != 1 {
        return false;
    }
    // Pairs with the release above: what other holders did happens before the bytes are used again.
    fence(Ordering::Acquire);
    true
}
