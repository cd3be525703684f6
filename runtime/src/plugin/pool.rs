//! The host's buffers: recycled, so that a graph in steady state allocates nothing.
//!
//! One pool per process, because a buffer outlives sessions and may be released on any thread. Buffers with the usual
//! alignment come from size classes, each with idle buffers in lock-free queues; everything else is allocated and
//! freed. Up to 16 KiB a class keeps what was released, up to a fixed number of buffers. Above, up to 64 MiB, what is
//! idle is bounded by a budget in bytes, goes back when nobody needed it for some seconds, and when the last instance
//! ends: see [`large`]. Fresh buffers are zeros, and are never zeroed again: the bytes of a buffer are always
//! initialised, and arbitrary, so they may be those that another node left there.

mod depot;
mod large;
mod pages;
mod shape;
mod shelf;

use self::large::DEPOT;
pub use self::large::{BufferStats, buffer_stats, set_buffer_budget, trim_buffers};
pub(super) use self::large::{User, upkeep};

use self::shape::{Class, Shape};
use super::host::size_of_u32;
use graphmill_abi::layout::*;
use graphmill_abi::{Buffer, counted};
use std::alloc::handle_alloc_error;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

static OPS: gm_buffer_ops = gm_buffer_ops {
    struct_size: size_of_u32::<gm_buffer_ops>(),
    flags: GM_BUFOPS_RELEASE_NONBLOCKING,
    retain: Some(counted::retain),
    release: Some(release),
    is_unique: Some(counted::is_unique),
};

/// A writable buffer of `len` bytes from the pool of this process; its content is arbitrary.
///
/// Buffers of more than 16 KiB come back to the pool only while an instance of a plugin lives in this process.
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
    let idle = match shape.class() {
        Class::Small(queue) => queue.pop(),
        Class::Large(class) => DEPOT.take(class),
        Class::Single => None,
    };
    let raw = idle.map(Idle::into_raw).or_else(|| shape.make())?.as_ptr();
    // SAFETY: nobody else refers to the buffer, which is made or idle; the header is initialised.
    unsafe { (*raw).len = len as u64 };
    // SAFETY: as above.
    unsafe { (*raw).maker[0] = counted::ONE };
    // SAFETY: the header is complete, and the one reference that it counts goes to the caller.
    unsafe { Buffer::from_raw(raw) }.ok()
}

/// A buffer of this pool that nobody holds; dropping it frees it.
#[derive(Debug)]
struct Idle(NonNull<gm_buffer>);

// SAFETY: nobody else refers to an idle buffer, and its memory belongs to no thread.
unsafe impl Send for Idle {}

impl Idle {
    fn into_raw(self) -> NonNull<gm_buffer> {
        ManuallyDrop::new(self).0
    }

    fn shape(&self) -> Shape {
        // SAFETY: an idle buffer is one of this pool, and alive.
        unsafe { Shape::of_buffer(self.0.as_ptr()) }
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        // SAFETY: nobody refers to the buffer, whose header tells the shape that it was made with.
        unsafe { self.shape().free(self.0.as_ptr()) };
    }
}

unsafe extern "C" fn release(raw: *mut gm_buffer) {
    // SAFETY: passed on from the caller of release.
    if !unsafe { counted::release(raw) } {
        return;
    }
    // Only buffers of this pool have this function, and the last reference was just given up.
    let Some(idle) = NonNull::new(raw).map(Idle) else { return };
    match idle.shape().class() {
        // One that finds no room is freed.
        Class::Small(queue) => drop(queue.push(idle)),
        Class::Large(class) => DEPOT.put(class, idle),
        Class::Single => drop(idle),
    }
}

#[cfg(test)]
mod tests;
