//! Looks without a pause for what another thread is about to give, as long as that helps.
//!
//! To let other threads run, or to wait longer from look to look, takes up to a microsecond each time. Where the other
//! thread answers within a fraction of that, half of a round trip is such a wait. Where both threads share a processor
//! every look is in vain, because the other one cannot run meanwhile: then looks without a pause only take its time.

use crate::exec::sys::{AtomicU64, Ordering};
use std::hint;

/// Looks in a row: about as long as a call of a plugin that does next to nothing, and its way there and back.
const LOOKS: u32 = 40;
/// Waits that looks did not help, as far as they are remembered. Each doubles the waits until they are tried again, up
/// to 64.
const MISSES_MAX: u64 = 6;

/// The memory of one thread that waits. Only that thread uses it, so nothing is ordered by these numbers, and no other thread
/// can be between two of them.
#[derive(Debug, Default)]
pub(crate) struct Lookout {
    /// Times that it looked in vain since it last found something, up to [`MISSES_MAX`].
    misses: AtomicU64,
    /// Waits that are left before the next looks.
    skips: AtomicU64,
}

impl Lookout {
    /// What `look` finds, if it is worth looking and comes within a microsecond or two.
    pub(crate) fn look<T>(&self, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        let skips = self.skips.load(Ordering::Relaxed);
        if skips > 0 {
            self.skips.store(skips - 1, Ordering::Relaxed);
            return None;
        }
        let found = (0..LOOKS).find_map(|_| look().or_else(pause));
        let misses = if found.is_some() { 0 } else { (self.misses.load(Ordering::Relaxed) + 1).min(MISSES_MAX) };
        self.misses.store(misses, Ordering::Relaxed);
        self.skips.store((1 << misses) - 1, Ordering::Relaxed);
        found
    }
}

fn pause<T>() -> Option<T> {
    hint::spin_loop();
    None
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    /// Looks for something that comes at the look with this number, if ever; how often was looked.
    fn looks(lookout: &Lookout, comes_at: Option<u32>) -> u32 {
        let mut looks = 0;
        let found = lookout.look(|| {
            looks += 1;
            (comes_at == Some(looks)).then_some(())
        });
        assert_eq!(found.is_some(), comes_at.is_some());
        looks
    }

    #[test]
    fn looks_in_vain_get_rare_and_one_that_helps_brings_them_back() {
        let lookout = Lookout::default();
        let tries = (0..2 + 4 + 8 + 16 + 32 + 64 + 64).filter(|_| looks(&lookout, None) > 0).count();
        assert_eq!(tries, 7, "each in vain doubles the waits until the next");
        assert_eq!(looks(&lookout, Some(10)), 10, "but there is a next one");
        assert_eq!(looks(&lookout, None), LOOKS, "and after one that helped they go on");
    }
}
