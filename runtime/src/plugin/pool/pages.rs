//! Memory straight from the system, in whole pages: zeros that take no memory before they are touched.

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use std::ptr::{self, NonNull};

/// Maps at least `len` bytes; `None` when there is no memory.
pub(super) fn map(len: usize) -> Option<NonNull<u8>> {
    // SAFETY: the system chooses where, so no mapping that is there is touched.
    let start = unsafe { mmap_anonymous(ptr::null_mut(), len, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE) };
    NonNull::new(start.ok()?.cast())
}

/// Gives back what `map` gave.
///
/// # Safety
/// `map` gave `start` for the same `len`, and nobody refers to these bytes any more.
pub(super) unsafe fn unmap(start: *mut u8, len: usize) {
    // SAFETY: passed on from the caller.
    let given_back = unsafe { munmap(start.cast(), len) };
    // The system only refuses what was never mapped, or to split one mapping too many: then the pages stay.
    debug_assert!(given_back.is_ok(), "{given_back:?}");
}
