//! Looks without a pause for what another thread is about to give, as long as that helps.
//!
//! To let other threads run, or to wait longer from look to look, takes up to a microsecond each time. Where the other
//! thread answers within a fraction of that, half of a round trip is such a wait. Where both threads share a processor
//! every look is in vain, because the other one cannot run meanwhile: then looks without a pause only take its time.

use crate::exec::habit::Habit;
use std::hint;

/// Looks in a row: about as long as a call of a plugin that does next to nothing, and its way there and back.
const LOOKS: u32 = 40;

/// The memory of one thread that waits; only that thread uses it.
#[derive(Debug, Default)]
pub(crate) struct Lookout(Habit);

impl Lookout {
    /// What `look` finds, if it is worth looking and comes within a microsecond or two.
    pub(crate) fn look<T>(&self, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        if !self.0.is_due() {
            return None;
        }
        let found = (0..LOOKS).find_map(|_| look().or_else(pause));
        self.0.learn(found.is_some());
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
