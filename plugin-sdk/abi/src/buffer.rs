//! Reference-counted bytes: the only way bytes own themselves on either side.

use crate::counted;
use crate::layout::{GM_BUF_WRITABLE, GM_BUFOPS_RELEASE_NONBLOCKING, GM_DEVICE_CPU, gm_buffer, gm_buffer_ops};
use alloc::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ffi::c_void;
use core::ptr::{self, NonNull};

/// Alignment of the bytes of every buffer made here: one cache line, enough for any vector load.
pub(crate) const BUFFER_ALIGN: usize = 64;
/// Size of the buffer header that stands in front of the bytes.
const HEADER_LEN: usize = size_of::<gm_buffer>();

/// Reference-counted bytes that either side of the boundary can hold.
///
/// Cloning adds a reference and copies nothing. Dropping the last reference frees the bytes with the allocator of
/// whoever made them. The bytes can be written only by the holder of the only reference.
///
/// ```
/// use graphmill_abi::Buffer;
///
/// let mut buffer = Buffer::zeroed(4);
/// buffer.as_mut_slice().expect("the only reference")[0] = 7;
/// let shared = buffer.clone();
/// assert_eq!(&*shared, [7, 0, 0, 0]);
/// assert!(buffer.as_mut_slice().is_none());
/// ```
#[repr(transparent)]
pub struct Buffer(NonNull<gm_buffer>);

/// Why a raw buffer is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BufferError {
    /// The pointer is null or misaligned.
    Pointer,
    /// The table of functions is null, misaligned, too short or lacks `retain` or `release`.
    Operations,
    /// The bytes are null although there are some, or longer than memory can be.
    Bytes,
    /// The bytes are not in ordinary memory.
    Device,
}

impl core::fmt::Display for BufferError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Pointer => "buffer pointer is null or misaligned",
            Self::Operations => "buffer has no usable retain and release functions",
            Self::Bytes => "buffer has a length but no bytes, or an impossible length",
            Self::Device => "buffer is not in ordinary memory",
        })
    }
}

impl core::error::Error for BufferError {}

// SAFETY: the contract of `gm_buffer_ops` lets every thread retain and release, and the bytes are immutable while
// there is more than one reference.
unsafe impl Send for Buffer {}
// SAFETY: as above; shared access only reads.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// Makes a buffer of `len` zero bytes, aligned to 64.
    ///
    /// # Panics
    /// When `len` is larger than `isize::MAX - 128`.
    pub fn zeroed(len: usize) -> Self {
        let layout = heap_layout(len);
        // SAFETY: the layout has a size above 0, because the header does.
        let raw = unsafe { alloc_zeroed(layout) };
        let Some(header) = NonNull::new(raw.cast::<gm_buffer>()) else { handle_alloc_error(layout) };
        let value = gm_buffer {
            ops: &HEAP_OPS,
            // SAFETY: the allocation is at least HEADER_LEN long.
            data: unsafe { raw.add(HEADER_LEN) },
            len: len as u64,
            flags: GM_BUF_WRITABLE,
            device_type: GM_DEVICE_CPU,
            device_id: 0,
            align: BUFFER_ALIGN as u32,
            maker: [counted::ONE, ptr::null_mut(), ptr::null_mut()],
        };
        // SAFETY: `header` points at the start of our own fresh allocation, which is aligned to 64.
        unsafe { header.write(value) };
        Self(header)
    }

    /// Makes a buffer with a copy of `bytes`.
    pub fn copy_from_slice(bytes: &[u8]) -> Self {
        let mut buffer = Self::zeroed(bytes.len());
        if let Some(target) = buffer.as_mut_slice() {
            target.copy_from_slice(bytes);
        }
        buffer
    }

    /// Lends the bytes of `owner` without copying; `owner` is dropped with the last reference, on whichever thread that is.
    ///
    /// The host moves that drop to a thread of its own when the buffer crosses into it, so a slow `Drop` cannot stall
    /// somebody else's thread.
    pub fn from_owner<T>(owner: T) -> Self
    where
        T: AsRef<[u8]> + Send + Sync + 'static,
    {
        let owner = Box::into_raw(Box::new(owner));
        // SAFETY: the owner was just leaked and is dropped only with the last reference.
        let bytes: &[u8] = unsafe { (*owner).as_ref() };
        let (data, len) = (bytes.as_ptr().cast_mut(), bytes.len());
        let header = Box::new(OwnedHeader {
            header: gm_buffer {
                ops: OwnedHeader::<T>::OPS,
                data,
                len: len as u64,
                flags: 0,
                device_type: GM_DEVICE_CPU,
                device_id: 0,
                align: 1,
                maker: [counted::ONE, owner.cast::<c_void>(), ptr::null_mut()],
            },
            owner: core::marker::PhantomData::<T>,
        });
        Self(NonNull::from(Box::leak(header)).cast())
    }

    /// Takes a raw reference over after checking its header.
    ///
    /// # Errors
    /// Says which part of the header is unusable; the reference then stays with the caller.
    ///
    /// # Safety
    /// A pointer that is neither null nor misaligned must point at a live buffer of which the caller owns one
    /// reference, made by code that keeps the contract of `gm_buffer_ops`.
    pub unsafe fn from_raw(raw: *mut gm_buffer) -> Result<Self, BufferError> {
        // SAFETY: passed on to the caller.
        unsafe { check(raw) }?;
        NonNull::new(raw).map(Self).ok_or(BufferError::Pointer)
    }

    /// Gives the reference away; whoever takes the pointer has to release it.
    pub fn into_raw(self) -> *mut gm_buffer {
        core::mem::ManuallyDrop::new(self).as_raw()
    }

    /// The raw header, still owned by this buffer.
    pub fn as_raw(&self) -> *mut gm_buffer {
        self.0.as_ptr()
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        // SAFETY: we own a reference, so the header is alive; only its last words ever change.
        let len = unsafe { (*self.0.as_ptr()).len };
        // The length was checked against `isize::MAX` when the buffer was made or imported.
        len as usize
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        if self.is_empty() {
            return &[];
        }
        // SAFETY: `data` is not null and `len` bytes long by the check at import, and nobody writes while `self` is borrowed.
        unsafe { core::slice::from_raw_parts(self.data(), self.len()) }
    }

    /// Whether this is the only reference and the bytes may be written.
    pub fn is_unique(&self) -> bool {
        // SAFETY: we own a reference, so the header is alive; only its last words ever change.
        if unsafe { (*self.0.as_ptr()).flags } & GM_BUF_WRITABLE == 0 {
            return false;
        }
        match self.ops().is_unique {
            // SAFETY: the function comes from the maker of this live buffer.
            Some(is_unique) => unsafe { is_unique(self.0.as_ptr()) == 1 },
            None => false,
        }
    }

    /// The bytes for writing, or `None` when somebody else holds a reference or the maker forbids it.
    pub fn as_mut_slice(&mut self) -> Option<&mut [u8]> {
        if !self.is_unique() {
            return None;
        }
        if self.is_empty() {
            return Some(&mut []);
        }
        let (data, len) = (self.data(), self.len());
        // SAFETY: this is the only reference, borrowed exclusively, to writable bytes.
        Some(unsafe { core::slice::from_raw_parts_mut(data, len) })
    }

    /// Whether the last release runs no code of an owner, so that any thread may do it.
    pub fn release_is_nonblocking(&self) -> bool {
        self.ops().flags & GM_BUFOPS_RELEASE_NONBLOCKING != 0
    }

    fn data(&self) -> *mut u8 {
        // SAFETY: we own a reference, so the header is alive; only its last words ever change.
        unsafe { (*self.0.as_ptr()).data }
    }

    fn ops(&self) -> &'static gm_buffer_ops {
        // SAFETY: we own a reference, so the header is alive; only its last words ever change.
        let ops = unsafe { (*self.0.as_ptr()).ops };
        // SAFETY: the table lives as long as the process; it was checked when the buffer was made or imported.
        unsafe { &*ops }
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        if let Some(retain) = self.ops().retain {
            // SAFETY: we own a reference, so the buffer is alive.
            unsafe { retain(self.0.as_ptr()) };
        }
        Self(self.0)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(release) = self.ops().release {
            // SAFETY: we own this reference and give it up here.
            unsafe { release(self.0.as_ptr()) };
        }
    }
}

impl core::ops::Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl core::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Buffer").field("len", &self.len()).field("unique", &self.is_unique()).finish()
    }
}

impl From<&[u8]> for Buffer {
    fn from(bytes: &[u8]) -> Self {
        Self::copy_from_slice(bytes)
    }
}

impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from_owner(bytes)
    }
}

/// Checks the header behind a raw pointer.
///
/// # Safety
/// A pointer that is neither null nor misaligned must point at a readable buffer header.
#[inline]
pub(crate) unsafe fn check(raw: *const gm_buffer) -> Result<(), BufferError> {
    if raw.is_null() || !raw.is_aligned() {
        return Err(BufferError::Pointer);
    }
    // SAFETY: not null and aligned; the caller promises that a header is there.
    let ops = unsafe { (*raw).ops };
    if ops.is_null() || !ops.is_aligned() {
        return Err(BufferError::Operations);
    }
    // SAFETY: not null and aligned; the table lives as long as the process.
    let ops = unsafe { &*ops };
    if (ops.struct_size as usize) < size_of::<gm_buffer_ops>() || ops.retain.is_none() || ops.release.is_none() {
        return Err(BufferError::Operations);
    }
    // SAFETY: as above; only the last words of a header ever change.
    let len = unsafe { (*raw).len };
    // SAFETY: as above.
    let data = unsafe { (*raw).data };
    if len > isize::MAX as u64 || (len > 0 && data.is_null()) {
        return Err(BufferError::Bytes);
    }
    // SAFETY: as above.
    if unsafe { (*raw).device_type } != GM_DEVICE_CPU {
        return Err(BufferError::Device);
    }
    Ok(())
}

static HEAP_OPS: gm_buffer_ops = gm_buffer_ops {
    struct_size: size_of::<gm_buffer_ops>() as u32,
    flags: GM_BUFOPS_RELEASE_NONBLOCKING,
    retain: Some(counted::retain),
    release: Some(heap_release),
    is_unique: Some(counted::is_unique),
};

fn heap_layout(len: usize) -> Layout {
    match HEADER_LEN.checked_add(len).map(|size| Layout::from_size_align(size, BUFFER_ALIGN)) {
        Some(Ok(layout)) => layout,
        _ => panic!("a buffer of {len} bytes does not fit into memory"),
    }
}

unsafe extern "C" fn heap_release(raw: *mut gm_buffer) {
    // SAFETY: passed on from the caller of release.
    if !unsafe { counted::release(raw) } {
        return;
    }
    // SAFETY: the last reference is ours, so the header is still alive.
    let len = unsafe { (*raw).len } as usize;
    // SAFETY: the allocation was made by `zeroed` with this very layout and nobody else refers to it.
    unsafe { dealloc(raw.cast(), heap_layout(len)) };
}

/// Header of a buffer that lends the bytes of a `T`.
#[repr(C)]
struct OwnedHeader<T> {
    header: gm_buffer,
    owner: core::marker::PhantomData<T>,
}

impl<T: AsRef<[u8]> + Send + Sync + 'static> OwnedHeader<T> {
    const OPS: &'static gm_buffer_ops = &gm_buffer_ops {
        struct_size: size_of::<gm_buffer_ops>() as u32,
        flags: 0,
        retain: Some(counted::retain),
        release: Some(Self::release),
        is_unique: Some(counted::is_unique),
    };

    unsafe extern "C" fn release(raw: *mut gm_buffer) {
        // SAFETY: passed on from the caller of release.
        if !unsafe { counted::release(raw) } {
            return;
        }
        // SAFETY: the last reference is ours; the header was leaked from a box by `from_owner`.
        let header = unsafe { Box::from_raw(raw.cast::<Self>()) };
        // SAFETY: the second word is the box of the owner, leaked by `from_owner`, and is taken only here.
        drop(unsafe { Box::from_raw(header.header.maker[1].cast::<T>()) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::thread;

    #[test]
    fn clones_share_and_only_the_last_holder_may_write() {
        let mut first = Buffer::copy_from_slice(b"abc");
        assert!(first.as_mut_slice().is_some());
        let second = first.clone();
        assert!(first.as_mut_slice().is_none());
        assert_eq!(first.as_slice().as_ptr(), second.as_slice().as_ptr());
        drop(second);
        first.as_mut_slice().unwrap()[0] = b'x';
        assert_eq!(&*first, b"xbc");
    }

    #[test]
    fn owner_is_dropped_with_the_last_reference() {
        struct Owner {
            _token: Arc<()>,
            bytes: [u8; 3],
        }
        impl AsRef<[u8]> for Owner {
            fn as_ref(&self) -> &[u8] {
                &self.bytes
            }
        }
        let token = Arc::new(());
        let first = Buffer::from_owner(Owner { _token: token.clone(), bytes: [1, 2, 3] });
        let mut second = first.clone();
        drop(first);
        assert_eq!(Arc::strong_count(&token), 2);
        assert_eq!(&*second, [1, 2, 3]);
        assert!(second.as_mut_slice().is_none(), "lent bytes are never writable");
        drop(second);
        assert_eq!(Arc::strong_count(&token), 1);
    }

    #[test]
    fn empty_buffers_have_no_bytes_and_do_not_touch_memory() {
        let mut empty = Buffer::zeroed(0);
        assert!(empty.is_empty());
        assert_eq!(empty.as_mut_slice(), Some(&mut [][..]));
        let lent = Buffer::from(Vec::new());
        assert_eq!(lent.as_slice(), b"");
    }

    #[test]
    fn bytes_are_aligned_to_a_cache_line() {
        for len in [1, 63, 64, 65, 1 << 20] {
            let buffer = Buffer::zeroed(len);
            assert_eq!(buffer.as_slice().as_ptr() as usize % BUFFER_ALIGN, 0);
        }
    }

    #[test]
    fn count_survives_threads() {
        let buffer = Buffer::copy_from_slice(&[9; 100]);
        thread::scope(|scope| {
            for _ in 0..4 {
                let mine = buffer.clone();
                scope.spawn(move || {
                    for _ in 0..200 {
                        assert_eq!(mine.clone().as_slice()[99], 9);
                    }
                });
            }
        });
        assert!(buffer.is_unique());
    }

    #[test]
    fn raw_headers_are_checked_before_use() {
        // SAFETY: null is one of the pointers that `from_raw` refuses.
        assert_eq!(unsafe { Buffer::from_raw(ptr::null_mut()) }.unwrap_err(), BufferError::Pointer);
        let check_header = |change: fn(&mut gm_buffer), want: BufferError| {
            let mut byte = 0_u8;
            let mut header = gm_buffer {
                ops: &HEAP_OPS,
                data: &raw mut byte,
                len: 1,
                flags: 0,
                device_type: GM_DEVICE_CPU,
                device_id: 0,
                align: 1,
                maker: [ptr::null_mut(); 3],
            };
            change(&mut header);
            // SAFETY: the header is readable and refused, so nothing is released.
            assert_eq!(unsafe { Buffer::from_raw(&raw mut header) }.unwrap_err(), want);
        };
        static SHORT: gm_buffer_ops = gm_buffer_ops { struct_size: 8, ..HEAP_OPS };
        static NO_RELEASE: gm_buffer_ops = gm_buffer_ops { release: None, ..HEAP_OPS };
        check_header(|h| h.ops = ptr::null(), BufferError::Operations);
        check_header(|h| h.ops = &SHORT, BufferError::Operations);
        check_header(|h| h.ops = &NO_RELEASE, BufferError::Operations);
        check_header(|h| h.data = ptr::null_mut(), BufferError::Bytes);
        check_header(|h| h.len = u64::MAX, BufferError::Bytes);
        check_header(|h| h.device_type = 2, BufferError::Device);
    }
}
