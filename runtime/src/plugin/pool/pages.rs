//! Memory straight from the system, in whole pages: zeros that take no memory before they are touched.

#[cfg(target_os = "linux")]
use rustix::mm::{Advice, madvise};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use std::ptr::{self, NonNull};

/// From here on Linux is asked for pages of 2 MiB: the first writer of a buffer stops once for each, not 512 times.
#[cfg(target_os = "linux")]
const HUGE_LEN_MIN: usize = 4 << 20;

/// Maps at least `len` bytes; `None` when there is no memory.
pub(super) fn map(len: usize) -> Option<NonNull<u8>> {
    // SAFETY: the system chooses where, so no mapping that is there is touched.
    let start = unsafe { mmap_anonymous(ptr::null_mut(), len, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE) };
    let start = start.ok()?;
    #[cfg(target_os = "linux")]
    if len >= HUGE_LEN_MIN {
        // SAFETY: the mapping was just made with this length, and the advice changes nothing of what is in it.
        let _small_pages_do_too = unsafe { madvise(start, len, Advice::LinuxHugepage) };
    }
    NonNull::new(start.cast())
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
