//! How long a thread that has nothing to do looks around before it sleeps.
//!
//! To sleep and be woken costs two system calls and two switches, far more than a packet. Where the next packet comes
//! within microseconds it is cheaper to look for it a few times, and to let others run in between, because the one who
//! makes it may need this very processor. Where packets come rarely that is wasted, so a thread remembers how often
//! looking was in vain and then looks only every so many times.
//!
//! Busy waiting between two looks was tried: with more threads than processors it only took time from those who had
//! work, and with fewer a look costs no more than such a wait.

use crate::exec::sys::{AtomicU64, Ordering};

/// What threads of a session do while they have nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Idle {
    /// They look for work a few times, for some microseconds in all, where that has helped before, and then sleep.
    #[default]
    Adaptive,
    /// They sleep at once: least processor time where packets are rare.
    Sleep,
}

/// How often a thread looks in a row: more make no difference to a chain of eight on two processors, fewer do.
#[cfg(not(loom))]
const LOOKS: u32 = 10;
/// Looks in vain after which a thread looks around only once in [`SKIPS_MAX`] sleeps.
const MISSES_MAX: u64 = 6;
/// Most sleeps between two looks around.
const SKIPS_MAX: u64 = 1 << MISSES_MAX;

/// The memory of one thread that waits at one bell; only that thread uses it.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    idle: Idle,
    /// Looks in vain since the last one that helped, up to [`MISSES_MAX`].
    misses: AtomicU64,
    /// Sleeps that are left before the next look around.
    skips: AtomicU64,
}

impl Patience {
    pub(crate) fn new(idle: Idle) -> Self {
        Self { idle, ..Self::default() }
    }

    /// Looks around for a while, if that is worth it; whether `is_ready` came true.
    pub(crate) fn wait_for(&self, is_ready: impl FnMut() -> bool) -> bool {
        if self.idle == Idle::Sleep {
            return false;
        }
        let skips = self.skips.load(Ordering::Relaxed);
        if skips > 0 {
            self.skips.store(skips - 1, Ordering::Relaxed);
            return false;
        }
        let has_helped = look_around(is_ready);
        let misses = if has_helped { 0 } else { (self.misses.load(Ordering::Relaxed) + 1).min(MISSES_MAX) };
        self.misses.store(misses, Ordering::Relaxed);
        self.skips.store((1_u64 << misses).min(SKIPS_MAX) - 1, Ordering::Relaxed);
        has_helped
    }
}

#[cfg(not(loom))]
fn look_around(mut is_ready: impl FnMut() -> bool) -> bool {
    (0..LOOKS).any(|_| {
        std::thread::yield_now();
        is_ready()
    })
}

/// A model looks at every interleaving of the sleep itself.
#[cfg(loom)]
fn look_around(_is_ready: impl FnMut() -> bool) -> bool {
    false
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// Whether a wait in vain looked at all.
    fn looks(patience: &Patience) -> bool {
        let has_looked = Cell::new(false);
        assert!(!patience.wait_for(|| {
            has_looked.set(true);
            false
        }));
        has_looked.get()
    }

    #[test]
    fn looking_in_vain_gets_rare_and_one_that_helps_brings_it_back() {
        let patience = Patience::new(Idle::Adaptive);
        let looks_of = |waits: usize| (0..waits).filter(|_| looks(&patience)).count();
        assert_eq!(looks_of(1 + 2 + 4 + 8 + 16 + 32), 6, "each look in vain doubles the sleeps before the next");
        assert_eq!(looks_of(64 * 5), 5, "but there is always a next one");
        assert!((0..64).any(|_| patience.wait_for(|| true)));
        assert!(looks(&patience), "after one that helped");
    }

    #[test]
    fn who_is_to_sleep_does_not_look() {
        let patience = Patience::new(Idle::Sleep);
        assert!((0..200).all(|_| !looks(&patience)));
    }
}
