//! Places in this library that write records, and records, as the host wants them.

use crate::logger::Level;
use graphmill_abi::layout::*;
use std::sync::atomic::{AtomicU32, Ordering};

/// A place in this library that writes records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) level: Level,
    /// Empty for the kind of the node.
    pub(crate) target: &'a str,
    pub(crate) file: &'a str,
    pub(crate) line: u32,
    pub(crate) fields: &'a [&'a str],
}

/// One record on its way to the host.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) target: &'a str,
    pub(crate) file: &'a str,
    pub(crate) line: u32,
    pub(crate) message: &'a str,
    pub(crate) spans: &'a str,
    /// Their texts live as long as the record.
    pub(crate) values: &'a [gm_log_value],
    /// Whether something of it is missing already.
    pub(crate) is_cut: bool,
}

impl Record<'_> {
    pub(crate) const EMPTY: Self =
        Self { target: "", file: "", line: 0, message: "", spans: "", values: &[], is_cut: false };
}

/// What the host keeps of a place, with the number that it changes as what it is: an atomic.
#[derive(Debug)]
#[repr(C)]
struct Handle {
    interest: AtomicU32,
    number: u32,
}

const _: () = assert!(size_of::<Handle>() == size_of::<gm_log_handle>());
const _: () = assert!(align_of::<Handle>() == align_of::<gm_log_handle>());

/// A place that nobody listens to.
static DEAD: Handle = Handle { interest: AtomicU32::new(GM_LOG_NEVER), number: 0 };

/// A place as the host knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site(&'static Handle);

impl Site {
    /// The place behind what the host answered; one that nobody listens to if that is no place.
    ///
    /// # Safety
    /// A pointer that is neither null nor misaligned points at a handle that lives as long as the process, and of which
    /// the host changes the interest only, as an atomic.
    pub(super) unsafe fn from_raw(handle: *const gm_log_handle) -> Self {
        let handle = handle.cast::<Handle>();
        if handle.is_null() || !handle.is_aligned() {
            return Self(&DEAD);
        }
        // SAFETY: not null and aligned; the caller promises the rest.
        Self(unsafe { &*handle })
    }

    /// For the records of the place.
    pub(super) fn number(self) -> u32 {
        self.0.number
    }

    /// Whether nobody listens: one load, no call.
    #[inline]
    pub(crate) fn is_off(self) -> bool {
        self.interest() == GM_LOG_NEVER
    }

    /// `GM_LOG_NEVER`, `GM_LOG_SOMETIMES` or `GM_LOG_ALWAYS`.
    #[inline]
    pub(super) fn interest(self) -> u32 {
        self.0.interest.load(Ordering::Relaxed)
    }
}
