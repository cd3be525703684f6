//! How often something is tried that may be in vain.

use crate::exec::sys::{AtomicU64, Ordering};

/// Tries in vain that are remembered. Each doubles the times until the next one, up to 64.
pub(crate) const MISSES_MAX: u64 = 6;

/// Tries get rare while they are in vain, and one that helps brings all of them back.
///
/// Only one thread uses it, so nothing is ordered by these numbers, and no other thread can be between two of them.
#[derive(Debug, Default)]
pub(crate) struct Habit {
    /// Tries in vain since the last one that helped, up to [`MISSES_MAX`].
    misses: AtomicU64,
    /// Times that are left before the next try.
    skips: AtomicU64,
}

impl Habit {
    /// Whether this is the time to try; counts it if not.
    pub(crate) fn is_due(&self) -> bool {
        let skips = self.skips.load(Ordering::Relaxed);
        if skips > 0 {
            self.skips.store(skips - 1, Ordering::Relaxed);
        }
        skips == 0
    }

    /// Notes what came of a try.
    pub(crate) fn learn(&self, has_helped: bool) {
        let misses = if has_helped { 0 } else { (self.misses.load(Ordering::Relaxed) + 1).min(MISSES_MAX) };
        self.misses.store(misses, Ordering::Relaxed);
        self.rest_for((1 << misses) - 1);
    }

    /// So many times are left out now, whatever came of the last try.
    pub(crate) fn rest_for(&self, times: u64) {
        self.skips.store(times, Ordering::Relaxed);
    }

    /// Whether the last try helped, or there was none.
    pub(crate) fn helps(&self) -> bool {
        self.misses.load(Ordering::Relaxed) == 0
    }

    /// Whether tries are as rare as they get.
    pub(crate) fn is_rarest(&self) -> bool {
        self.misses.load(Ordering::Relaxed) == MISSES_MAX
    }

    /// Times that are left before the next try.
    #[cfg(test)]
    #[cfg(not(loom))]
    pub(crate) fn left(&self) -> u64 {
        self.skips.load(Ordering::Relaxed)
    }
}
