//! How each side of the hand-shake with a single instance looks for the other's word before it sleeps for it.
//!
//! A channel of `crossbeam` waits longer from look to look, up to a microsecond, before it lets other threads run. Where a
//! plugin answers within a fraction of that, half of the round trip is such a wait; and where both threads share a
//! processor, every wait is in vain, because the other one cannot run meanwhile. So a side looks without a pause as long as
//! that helps, and then lets others run at once.

use crossbeam_channel::{Receiver, TryRecvError};
use std::{hint, thread};

/// Looks without a pause: as long as a call of a plugin that does next to nothing, and its way there and back.
const LOOKS: u32 = 64;
/// Looks after these, after each of which other threads run.
const YIELDS: u32 = 4;
/// Waits in a row that the first looks did not help, as far as they are remembered. Each doubles the waits until they are
/// tried again, up to 64.
const MISSES_MAX: u32 = 6;

/// The memory of one side.
#[derive(Debug, Default)]
pub(super) struct Lookout {
    misses: u32,
    /// Waits that are left before the next looks without a pause.
    skips: u32,
}

impl Lookout {
    /// What comes within some microseconds. When it gives nothing the channel has to be waited for, or has ended.
    pub(super) fn look<T>(&mut self, channel: &Receiver<T>) -> Option<T> {
        self.look_with(|| channel.try_recv())
    }

    fn look_with<T>(&mut self, mut take: impl FnMut() -> Result<T, TryRecvError>) -> Option<T> {
        if self.skips > 0 {
            self.skips -= 1;
        } else {
            for _ in 0..LOOKS {
                match take() {
                    Ok(found) => {
                        self.misses = 0;
                        return Some(found);
                    }
                    Err(TryRecvError::Empty) => hint::spin_loop(),
                    Err(TryRecvError::Disconnected) => return None,
                }
            }
            self.misses = (self.misses + 1).min(MISSES_MAX);
            self.skips = (1 << self.misses) - 1;
        }
        (0..YIELDS).find_map(|_| {
            thread::yield_now();
            take().ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks for something that comes at the look with this number, if ever; how often was looked.
    fn looks(lookout: &mut Lookout, comes_at: Option<u32>) -> u32 {
        let mut looks = 0;
        let found = lookout.look_with(|| {
            looks += 1;
            if comes_at == Some(looks) { Ok(()) } else { Err(TryRecvError::Empty) }
        });
        assert_eq!(found.is_some(), comes_at.is_some());
        looks
    }

    #[test]
    fn looks_in_vain_get_rare_and_one_that_helps_brings_them_back() {
        let mut lookout = Lookout::default();
        let tries = (0..2 + 4 + 8 + 16 + 32 + 64 + 64).filter(|_| looks(&mut lookout, None) > YIELDS).count();
        assert_eq!(tries, 7, "each in vain doubles the waits until the next");
        assert_eq!(looks(&mut lookout, Some(10)), 10, "but there is a next one");
        assert_eq!(looks(&mut lookout, None), LOOKS + YIELDS, "and after one that helped they go on");
    }

    #[test]
    fn what_comes_while_others_run_is_found_too() {
        assert_eq!(looks(&mut Lookout::default(), Some(LOOKS + YIELDS)), LOOKS + YIELDS);
    }

    #[test]
    fn channel_that_has_ended_is_looked_at_once() {
        let mut looks = 0;
        let ended = || {
            looks += 1;
            Err::<(), _>(TryRecvError::Disconnected)
        };
        assert_eq!(Lookout::default().look_with(ended), None);
        assert_eq!(looks, 1);
    }
}
