//! Releases buffers of plugins on a thread of its own, so that dropping a packet never runs plugin code.
//!
//! A plugin may lend memory whose release takes long or takes a lock of its own. When such a buffer is emitted, the
//! host puts a buffer of its own in front of it: same bytes, our functions. Whoever drops the last reference to that
//! one only puts it on the reaper's list. The list is made of these very buffers, so it is as long as what plugins
//! have lent and takes no memory; a release that hangs keeps the others waiting and nobody else.

mod list;

use self::list::List;
use super::host::size_of_u32;
use super::stats;
use crate::exec::sys;
use crossbeam_queue::ArrayQueue;
use graphmill_abi::layout::*;
use graphmill_abi::{Buffer, BufferError, Packet, counted};
use std::ptr;
use std::sync::LazyLock;
use std::thread::Thread;

/// Headers of shields that are kept for the next ones.
const IDLE_SHIELDS_MAX: usize = 256;

/// Shields whose last holder is gone.
static WAITING: List = List::new();

/// The thread that works on the list; `None` when the system had no thread left.
static REAPER: LazyLock<Option<Thread>> =
    LazyLock::new(|| sys::spawn("gm-reaper", reap_all).ok().map(|reaper| reaper.thread().clone()));

/// Shields that nobody holds.
static IDLE_SHIELDS: LazyLock<ArrayQueue<Idle>> = LazyLock::new(|| ArrayQueue::new(IDLE_SHIELDS_MAX));

/// Memory for a shield; what stands in it means nothing.
struct Idle(Box<gm_buffer>);

// SAFETY: an idle shield is memory only; its pointers are not followed.
unsafe impl Send for Idle {}

/// The functions of a shield. Its release only sends, so any thread may do it.
static OPS: gm_buffer_ops = gm_buffer_ops {
    struct_size: size_of_u32::<gm_buffer_ops>(),
    flags: GM_BUFOPS_RELEASE_NONBLOCKING,
    retain: Some(counted::retain),
    release: Some(release),
    is_unique: Some(is_unique),
};

/// Which places of a packet hold a shield that was put there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shielded(u8);

/// Puts a shield in front of every buffer whose release may run code of a plugin. The packet comes from
/// [`Packet::take_raw_into`], which has checked it.
#[inline]
pub(super) fn shield(packet: &mut Packet) -> Shielded {
    // SAFETY: the packet is borrowed exclusively.
    let raw = unsafe { &*packet.as_raw_mut() };
    // SAFETY: the packet owns a live, checked buffer for every pointer in it that is not null.
    let is_harmless = |buffer: *mut gm_buffer| buffer.is_null() || unsafe { is_nonblocking(buffer) };
    // A packet that passed that check has no buffer beyond its planes.
    if raw.planes.iter().take(raw.n_planes as usize).all(|plane| is_harmless(plane.buf)) && is_harmless(raw.side) {
        return Shielded(0);
    }
    shield_some(packet)
}

#[cold]
fn shield_some(packet: &mut Packet) -> Shielded {
    let mut shielded = 0;
    for (bit, place) in places(packet) {
        // SAFETY: the packet owns a live, checked buffer for every pointer in it that is not null.
        if !place.is_null() && !unsafe { is_nonblocking(*place) } {
            // SAFETY: as above; the reference of the packet moves into the shield.
            *place = unsafe { make(*place) };
            shielded |= bit;
        }
    }
    Shielded(shielded)
}

/// Puts a shield in front of a buffer if its release may run code of a plugin.
///
/// # Errors
/// The header of the buffer is unusable, and the buffer stays as it is for good.
pub(super) fn shielded(buffer: Buffer) -> Result<Buffer, BufferError> {
    if buffer.release_is_nonblocking() {
        return Ok(buffer);
    }
    // SAFETY: the reference to a live, checked buffer moves into the shield.
    let shield = unsafe { make(buffer.into_raw()) };
    // SAFETY: the shield was just made, with one reference.
    unsafe { Buffer::from_raw(shield) }
}

/// Takes the shields away that [`shield`] put into the packet, as far as they are still there.
pub(super) fn unshield(packet: &mut Packet, Shielded(shielded): Shielded) {
    if shielded == 0 {
        return;
    }
    for (bit, place) in places(packet) {
        // SAFETY: the packet owns a live buffer for every pointer in it that is not null.
        if shielded & bit != 0 && !place.is_null() && unsafe { is_shield(*place) } {
            // SAFETY: as above; the reference to the shield moves out of the packet.
            *place = unsafe { unmake(*place) };
        }
    }
}

/// Where a packet keeps its buffers, each with a bit of its own.
fn places(packet: &mut Packet) -> impl Iterator<Item = (u8, &mut *mut gm_buffer)> {
    // SAFETY: the packet is borrowed exclusively for as long as the places are.
    let raw = unsafe { &mut *packet.as_raw_mut() };
    let planes = raw.planes.iter_mut().map(|plane| &mut plane.buf);
    planes.chain(std::iter::once(&mut raw.side)).enumerate().map(|(index, place)| (1 << index, place))
}

/// The functions of a buffer.
///
/// # Safety
/// `raw` is a live buffer whose functions were checked.
unsafe fn ops_of(raw: *const gm_buffer) -> &'static gm_buffer_ops {
    // SAFETY: passed on from the caller; the pointer never changes.
    let ops = unsafe { (*raw).ops };
    // SAFETY: checked when the buffer came in; the table lives as long as the process.
    unsafe { &*ops }
}

/// Whether any thread may release the buffer.
///
/// # Safety
/// As for [`ops_of`].
unsafe fn is_nonblocking(raw: *const gm_buffer) -> bool {
    // SAFETY: passed on from the caller.
    unsafe { ops_of(raw) }.flags & GM_BUFOPS_RELEASE_NONBLOCKING != 0
}

/// Whether a buffer is a shield.
///
/// # Safety
/// As for [`ops_of`].
unsafe fn is_shield(raw: *const gm_buffer) -> bool {
    // SAFETY: passed on from the caller.
    ptr::eq(unsafe { ops_of(raw) }, &raw const OPS)
}

/// Makes a shield that owns the reference to `original`.
///
/// # Safety
/// The caller owns a reference to the live buffer `original` and gives it up.
unsafe fn make(original: *mut gm_buffer) -> *mut gm_buffer {
    // SAFETY: passed on from the caller; only the maker's words of a header ever change, and they are not used.
    let header = unsafe { original.read() };
    let shield = gm_buffer {
        ops: &OPS,
        flags: header.flags & GM_BUF_WRITABLE,
        maker: [counted::ONE, original.cast(), ptr::null_mut()],
        ..header
    };
    match IDLE_SHIELDS.pop() {
        Some(Idle(mut idle)) => {
            *idle = shield;
            Box::into_raw(idle)
        }
        None => Box::into_raw(Box::new(shield)),
    }
}

/// The buffer behind a shield; the reference to the shield becomes one to the buffer.
///
/// # Safety
/// The caller owns a reference to the live shield `raw` and gives it up.
unsafe fn unmake(raw: *mut gm_buffer) -> *mut gm_buffer {
    // SAFETY: passed on from the caller.
    let original = unsafe { original_of(raw) };
    // SAFETY: the shield holds a reference to the original.
    if let Some(retain) = unsafe { ops_of(original) }.retain {
        // SAFETY: as above; a further reference is made for the caller.
        unsafe { retain(original) };
    }
    // SAFETY: the caller's reference is given up here.
    unsafe { release(raw) };
    original
}

/// The buffer that a shield stands in front of.
///
/// # Safety
/// `raw` is a live shield.
unsafe fn original_of(raw: *const gm_buffer) -> *mut gm_buffer {
    // SAFETY: passed on from the caller; the word is written by `make` and never changed.
    unsafe { (*raw).maker[1].cast() }
}

unsafe extern "C" fn is_unique(raw: *const gm_buffer) -> u32 {
    // SAFETY: passed on from the caller.
    if unsafe { counted::is_unique(raw) } == 0 {
        return 0;
    }
    // SAFETY: only shields have this function.
    let original = unsafe { original_of(raw) };
    // SAFETY: the shield holds a reference to the original, whose table lives as long as the process.
    match unsafe { ops_of(original) }.is_unique {
        // SAFETY: as above.
        Some(is_unique) => unsafe { is_unique(original) },
        None => 0,
    }
}

unsafe extern "C" fn release(raw: *mut gm_buffer) {
    // SAFETY: passed on from the caller of release.
    if !unsafe { counted::release(raw) } {
        return;
    }
    let Some(reaper) = REAPER.as_ref() else {
        // Nobody could release it, and this thread may belong to the application.
        return stats::BUFFERS_LEAKED.add_one();
    };
    // SAFETY: the last reference was just given up, so the shield is ours until it is taken from the list.
    if unsafe { WAITING.push(raw) } {
        reaper.unpark();
    }
}

fn reap_all() {
    loop {
        let mut waiting = WAITING.take();
        if waiting.is_empty() {
            std::thread::park();
        }
        while let Some(raw) = waiting.next() {
            // SAFETY: whatever is on the list is a shield that nobody else refers to.
            drop(unsafe { recycle(raw) });
        }
    }
}

/// Gives the memory of a shield back and the buffer behind it to the caller.
///
/// # Safety
/// `raw` is a shield, and nobody else refers to it.
unsafe fn recycle(raw: *mut gm_buffer) -> Option<Buffer> {
    // SAFETY: passed on from the caller.
    let original = unsafe { original_of(raw) };
    // SAFETY: shields are boxes.
    let shield = unsafe { Box::from_raw(raw) };
    // When enough are kept, the memory is freed.
    drop(IDLE_SHIELDS.push(Idle(shield)));
    // SAFETY: the shield owned a reference to the original.
    unsafe { Buffer::from_raw(original) }.ok()
}

#[cfg(test)]
mod tests;
