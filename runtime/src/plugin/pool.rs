//! The host's buffers: recycled, so that a graph in steady state allocates nothing.
//!
//! One pool per process, because a buffer outlives sessions and may be released on any thread. Buffers up to 4 MiB
//! with the usual alignment come from size classes that are powers of two; each class keeps a bounded number of idle
//! buffers in a lock-free queue. Everything else is allocated and freed. The bytes of a buffer are always initialised,
//! and arbitrary.

use super::counted;
use super::host::size_of_u32;
use crossbeam_queue::ArrayQueue;
use graphmill_abi::Buffer;
use graphmill_abi::layout::*;
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::{self, NonNull};
use std::sync::LazyLock;

/// Alignment of every pooled buffer, and what an alignment of 0 means: a cache line.
const ALIGN: usize = 64;
/// The header stands directly in front of the bytes and fills a cache line.
const HEADER_LEN: usize = size_of::<gm_buffer>();
const _: () = assert!(HEADER_LEN <= ALIGN);
/// Smallest size class.
const CLASS_LEN_MIN: usize = 256;
/// Largest size class: a 4K picture in 4:2:0 takes three times as much and is rare enough to be allocated.
const CLASS_LEN_MAX: usize = 4 << 20;
/// Idle bytes that one class keeps at most.
const CLASS_IDLE_BYTES_MAX: usize = 16 << 20;
/// Idle buffers that one class keeps at most.
const CLASS_IDLE_MAX: usize = 1024;

/// Idle buffers of each size class, smallest first.
static CLASSES: LazyLock<Box<[ArrayQueue<Idle>]>> = LazyLock::new(|| {
    let lens = std::iter::successors(Some(CLASS_LEN_MIN), |len| Some(len * 2)).take_while(|len| *len <= CLASS_LEN_MAX);
    lens.map(|len| ArrayQueue::new((CLASS_IDLE_BYTES_MAX / len).clamp(1, CLASS_IDLE_MAX))).collect()
});

/// A buffer that nobody holds.
struct Idle(NonNull<gm_buffer>);

// SAFETY: nobody else refers to an idle buffer, and its memory belongs to no thread.
unsafe impl Send for Idle {}

static OPS: gm_buffer_ops = gm_buffer_ops {
    struct_size: size_of_u32::<gm_buffer_ops>(),
    flags: GM_BUFOPS_RELEASE_NONBLOCKING,
    retain: Some(counted::retain),
    release: Some(release),
    is_unique: Some(counted::is_unique),
};

/// A writable buffer of `len` bytes from the pool of this process; its content is arbitrary.
///
/// # Panics
/// When `len` does not fit into memory at all.
#[must_use]
pub fn pooled_buffer(len: usize) -> Buffer {
    allocate(len, 0).unwrap_or_else(|| match Shape::of(len, 0) {
        Some(shape) => handle_alloc_error(shape.layout()),
        None => panic!("a buffer of {len} bytes does not fit into memory"),
    })
}

/// A writable buffer of `len` bytes; `align` is a power of two, or 0 for the usual. `None` when there is no memory.
pub(super) fn allocate(len: usize, align: usize) -> Option<Buffer> {
    let shape = Shape::of(len, align)?;
    let header = shape.class().and_then(ArrayQueue::pop).map_or_else(|| shape.make(), |idle| Some(idle.0))?;
    let raw = header.as_ptr();
    // SAFETY: nobody else refers to the buffer, which is made or idle; the header is initialised.
    unsafe { (*raw).len = len as u64 };
    // SAFETY: as above.
    unsafe { (*raw).maker[0] = counted::ONE };
    // SAFETY: the header is complete, and the one reference that it counts goes to the caller.
    unsafe { Buffer::from_raw(raw) }.ok()
}

/// How the memory of a buffer is laid out: header and bytes side by side, the bytes aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shape {
    /// Bytes that there is room for.
    capacity: usize,
    /// Alignment of the bytes, also their distance from the start of the memory.
    align: usize,
}

impl Shape {
    fn of(len: usize, align: usize) -> Option<Self> {
        let align = align.max(ALIGN);
        let is_pooled = align == ALIGN && len <= CLASS_LEN_MAX;
        let capacity = if is_pooled { len.max(CLASS_LEN_MIN).next_power_of_two() } else { len };
        let shape = Self { capacity, align };
        shape.try_layout().map(|_| shape)
    }

    /// The shape of a buffer that is there already.
    ///
    /// # Safety
    /// `raw` is a buffer of this pool.
    unsafe fn of_buffer(raw: *const gm_buffer) -> Self {
        // SAFETY: passed on from the caller; the word was written by `make` and never changed.
        let capacity = unsafe { (*raw).maker[1] }.addr();
        // SAFETY: as above.
        let align = unsafe { (*raw).align } as usize;
        Self { capacity, align }
    }

    /// The idle buffers of this shape, if it is one of the pooled ones.
    fn class(self) -> Option<&'static ArrayQueue<Idle>> {
        if self.align != ALIGN || self.capacity > CLASS_LEN_MAX {
            return None;
        }
        let index = (self.capacity / CLASS_LEN_MIN).trailing_zeros() as usize;
        CLASSES.get(index)
    }

    fn try_layout(self) -> Option<Layout> {
        Layout::from_size_align(self.align.checked_add(self.capacity)?, self.align).ok()
    }

    fn layout(self) -> Layout {
        // A shape is only made when its layout exists.
        self.try_layout().unwrap_or(Layout::new::<gm_buffer>())
    }

    /// Allocates a buffer of zeros; its length and its count are set by the caller.
    fn make(self) -> Option<NonNull<gm_buffer>> {
        // SAFETY: the layout has a size above 0, because the alignment is at least that of a cache line.
        let start = NonNull::new(unsafe { alloc_zeroed(self.layout()) })?;
        // SAFETY: the memory has `align` bytes in front of the data.
        let data = unsafe { start.add(self.align) };
        // SAFETY: the header fits between the start and the data, and keeps the alignment of a cache line.
        let header = unsafe { data.sub(ALIGN) }.cast::<gm_buffer>();
        let value = gm_buffer {
            ops: &OPS,
            data: data.as_ptr(),
            len: 0,
            flags: GM_BUF_WRITABLE,
            device_type: GM_DEVICE_CPU,
            device_id: 0,
            align: u32::try_from(self.align).ok()?,
            maker: [counted::ONE, ptr::without_provenance_mut(self.capacity), ptr::null_mut()],
        };
        // SAFETY: the header lies in our own fresh memory.
        unsafe { header.write(value) };
        Some(header)
    }

    /// Frees a buffer of this shape.
    ///
    /// # Safety
    /// `raw` was made with this very shape, and nobody refers to it any more.
    unsafe fn free(self, raw: *mut gm_buffer) {
        // SAFETY: the header stands a cache line in front of the data, which stands `align` bytes behind the start.
        let start = unsafe { raw.cast::<u8>().sub(self.align - ALIGN) };
        // SAFETY: passed on from the caller.
        unsafe { dealloc(start, self.layout()) };
    }
}

unsafe extern "C" fn release(raw: *mut gm_buffer) {
    // SAFETY: passed on from the caller of release.
    if !unsafe { counted::release(raw) } {
        return;
    }
    // SAFETY: only buffers of this pool have this function.
    let shape = unsafe { Shape::of_buffer(raw) };
    let Some(header) = NonNull::new(raw) else { return };
    let surplus = match shape.class() {
        Some(class) => class.push(Idle(header)).err(),
        None => Some(Idle(header)),
    };
    if let Some(Idle(header)) = surplus {
        // SAFETY: the last reference was just given up, and the buffer is not idle either.
        unsafe { shape.free(header.as_ptr()) };
    }
}

#[cfg(test)]
mod tests;
