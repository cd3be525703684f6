//! Numbers that one thread writes and every thread may read: a load and a store, no locked instruction.

use crate::exec::sys::{AtomicU64, Ordering};

/// A count with one writer.
///
/// Two writers would lose counts, so every counter belongs to one worker; the type does not enforce it because a
/// counter has to be shared with its readers.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds one. Only the one writer calls it.
    pub(crate) fn increment(&self) {
        self.add(1);
    }

    /// Adds `count`. Only the one writer calls it.
    pub(crate) fn add(&self, count: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }

    /// Raises the number to `value` if it is lower. Only the one writer calls it.
    pub(crate) fn raise_to(&self, value: u64) {
        if value > self.0.load(Ordering::Relaxed) {
            self.0.store(value, Ordering::Relaxed);
        }
    }

    /// Sets the number. Only the one writer calls it.
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Adds `count` from any thread: for rare events.
    pub(crate) fn add_shared(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// The number now.
    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
