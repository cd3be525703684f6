//! Memory that ends exactly where a table ends: what lies behind it cannot be read.

/// One page in front of one that nobody may touch.
#[cfg(not(miri))]
pub(super) struct Page {
    pages: *mut libc::c_void,
    start: *mut u8,
}

#[cfg(not(miri))]
const PAGE_LEN: usize = 4096;

#[cfg(not(miri))]
impl Page {
    /// Copies the first `len` bytes of `table` to the end of the readable memory.
    pub(super) fn ending_with<T: Copy>(table: &T, len: usize) -> Self {
        let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: fresh memory, at no address in particular.
        let pages = unsafe { libc::mmap(std::ptr::null_mut(), 2 * PAGE_LEN, access, flags, -1, 0) };
        assert_ne!(pages, libc::MAP_FAILED);
        let guard = pages.wrapping_byte_add(PAGE_LEN);
        // SAFETY: the second of the two pages is ours and holds nothing yet.
        assert_eq!(unsafe { libc::mprotect(guard, PAGE_LEN, libc::PROT_NONE) }, 0);
        let start = guard.cast::<u8>().wrapping_sub(len);
        // SAFETY: `len` bytes are at most the size of the table, and end where the readable page ends.
        unsafe { std::ptr::copy_nonoverlapping(std::ptr::from_ref(table).cast::<u8>(), start, len) };
        Self { pages, start }
    }
}

#[cfg(not(miri))]
impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours and no longer used.
        unsafe { libc::munmap(self.pages, 2 * PAGE_LEN) };
    }
}

/// Miri knows where an allocation ends, so an allocation of the right length is guard enough.
#[cfg(miri)]
pub(super) struct Page {
    start: *mut u8,
    layout: std::alloc::Layout,
}

#[cfg(miri)]
impl Page {
    pub(super) fn ending_with<T: Copy>(table: &T, len: usize) -> Self {
        let layout = std::alloc::Layout::from_size_align(len, align_of::<T>()).unwrap();
        // SAFETY: the layout has a size above 0.
        let start = unsafe { std::alloc::alloc(layout) };
        // SAFETY: both have `len` bytes.
        unsafe { std::ptr::copy_nonoverlapping(std::ptr::from_ref(table).cast::<u8>(), start, len) };
        Self { start, layout }
    }
}

#[cfg(miri)]
impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout.
        unsafe { std::alloc::dealloc(self.start, self.layout) };
    }
}

impl Page {
    pub(super) fn start(&self) -> *mut u8 {
        self.start
    }
}
