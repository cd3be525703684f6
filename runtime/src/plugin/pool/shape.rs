//! How the memory of a buffer is laid out, and which class of sizes it belongs to.

use super::large::DEPOT;
use super::{Idle, OPS, pages};
use crossbeam_queue::ArrayQueue;
use graphmill_abi::counted;
use graphmill_abi::layout::*;
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::{self, NonNull};
use std::sync::LazyLock;

/// Alignment of every pooled buffer, and what an alignment of 0 means: a cache line.
const ALIGN: usize = 64;
/// The header stands directly in front of the bytes and fills a cache line.
const HEADER_LEN: usize = size_of::<gm_buffer>();
const _: () = assert!(HEADER_LEN <= ALIGN);

/// Smallest size class. Small classes are the powers of two.
pub(super) const SMALL_LEN_MIN: usize = 256;
/// Largest of the small classes.
pub(super) const SMALL_LEN_MAX: usize = 16 << 10;
/// Idle bytes that one small class keeps at most.
const SMALL_IDLE_BYTES_MAX: usize = 16 << 20;
/// Idle buffers that one small class keeps at most.
pub(super) const SMALL_IDLE_MAX: usize = 1024;

/// Largest size class: a picture of 4K with four bytes per pixel takes half of it.
pub(super) const LARGE_LEN_MAX: usize = 64 << 20;
/// Large classes per doubling, evenly spaced: no more than a quarter of a large buffer is room that nobody asked for.
const LARGE_STEPS: usize = 4;
/// How many large classes there are.
pub(super) const LARGE_CLASSES: usize = (LARGE_LEN_MAX / SMALL_LEN_MAX).ilog2() as usize * LARGE_STEPS;

/// From here on the bytes are pages of their own: they take no memory before they are written, and freeing gives it back.
const PAGES_LEN_MIN: usize = 128 << 10;
/// Every page begins at a multiple of this at least.
const PAGE_ALIGN_MAX: usize = 4096;

/// Idle buffers of each small class, smallest first.
static SMALL: LazyLock<Box<[ArrayQueue<Idle>]>> = LazyLock::new(|| {
    let lens = std::iter::successors(Some(SMALL_LEN_MIN), |len| Some(len * 2)).take_while(|len| *len <= SMALL_LEN_MAX);
    lens.map(|len| ArrayQueue::new((SMALL_IDLE_BYTES_MAX / len).clamp(1, SMALL_IDLE_MAX))).collect()
});

/// How the memory of a buffer is laid out: header and bytes side by side, the bytes aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// Bytes that there is room for.
    pub(super) capacity: usize,
    /// Alignment of the bytes, also their distance from the start of the memory.
    align: usize,
}

/// Where buffers of a shape wait while nobody holds them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Class {
    Small(&'static ArrayQueue<Idle>),
    Large(LargeClass),
    /// Nowhere: they are freed.
    Single,
}

/// A class above 16 KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LargeClass {
    /// Its place among the large classes, smallest first.
    pub(super) index: usize,
    /// Bytes of each of its buffers.
    pub(super) capacity: usize,
}

impl LargeClass {
    /// The class with this place.
    pub(super) const fn at(index: usize) -> Self {
        let octave = SMALL_LEN_MAX << (index / LARGE_STEPS);
        Self { index, capacity: octave + octave / LARGE_STEPS * (index % LARGE_STEPS + 1) }
    }

    /// The class of which a buffer has room for `len` bytes, which are more than those of a small one.
    fn of(len: usize) -> Option<Self> {
        let octave = (len.checked_sub(1)? / SMALL_LEN_MAX).checked_ilog2()?;
        let (base, octave) = (SMALL_LEN_MAX << octave, octave as usize);
        let steps = (len - base).div_ceil(base / LARGE_STEPS);
        let index = octave * LARGE_STEPS + steps - 1;
        (index < LARGE_CLASSES).then(|| Self::at(index))
    }
}

impl Shape {
    /// The shape of a buffer for `len` bytes; `None` when no memory could ever be as large.
    pub(super) fn of(len: usize, align: usize) -> Option<Self> {
        let align = align.max(ALIGN);
        let capacity = match LargeClass::of(len) {
            _ if align != ALIGN => len,
            Some(class) => class.capacity,
            None if len <= SMALL_LEN_MAX => len.max(SMALL_LEN_MIN).next_power_of_two(),
            None => len,
        };
        let shape = Self { capacity, align };
        shape.try_layout().map(|_| shape)
    }

    /// The shape of a buffer that is there already.
    ///
    /// # Safety
    /// `raw` is a buffer of this pool.
    pub(super) unsafe fn of_buffer(raw: *const gm_buffer) -> Self {
        // SAFETY: passed on from the caller; the word was written by `make` and never changed.
        let capacity = unsafe { (*raw).maker[1] }.addr();
        // SAFETY: as above.
        let align = unsafe { (*raw).align } as usize;
        Self { capacity, align }
    }

    /// Where idle buffers of this shape are.
    pub(super) fn class(self) -> Class {
        if self.align != ALIGN {
            return Class::Single;
        }
        if self.capacity > SMALL_LEN_MAX {
            return LargeClass::of(self.capacity).map_or(Class::Single, Class::Large);
        }
        let index = (self.capacity / SMALL_LEN_MIN).trailing_zeros() as usize;
        SMALL.get(index).map_or(Class::Single, Class::Small)
    }

    fn try_layout(self) -> Option<Layout> {
        Layout::from_size_align(self.align.checked_add(self.capacity)?, self.align).ok()
    }

    pub(super) fn layout(self) -> Layout {
        // A shape is only made when its layout exists.
        self.try_layout().unwrap_or(Layout::new::<gm_buffer>())
    }

    /// Whether the memory is pages of its own.
    fn is_paged(self) -> bool {
        self.capacity >= PAGES_LEN_MIN && self.align <= PAGE_ALIGN_MAX
    }

    /// Makes a buffer of zeros; its length and its count are set by the caller.
    pub(super) fn make(self) -> Option<NonNull<gm_buffer>> {
        let layout = self.layout();
        let start = if self.is_paged() {
            pages::map(layout.size())
        } else {
            // SAFETY: the layout has a size above 0, because the alignment is at least that of a cache line.
            NonNull::new(unsafe { alloc_zeroed(layout) })
        }?;
        if let Class::Large(class) = self.class() {
            DEPOT.made(class);
        }
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
    pub(super) unsafe fn free(self, raw: *mut gm_buffer) {
        if let Class::Large(class) = self.class() {
            DEPOT.freed(class);
        }
        // SAFETY: the header stands a cache line in front of the data, which stands `align` bytes behind the start.
        let start = unsafe { raw.cast::<u8>().sub(self.align - ALIGN) };
        let layout = self.layout();
        if self.is_paged() {
            // SAFETY: `make` mapped exactly these pages, and nobody refers to them any more.
            unsafe { pages::unmap(start, layout.size()) };
        } else {
            // SAFETY: passed on from the caller.
            unsafe { dealloc(start, layout) };
        }
    }
}
