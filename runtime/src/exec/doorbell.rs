//! How a thread sleeps until there is work, and how others wake it.
//!
//! Ringing costs one fence while the owner is awake, and one system call when it sleeps. The owner announces that it
//! is going to sleep, looks once more, and only then sleeps; whoever makes work does so before it looks for the
//! announcement. With a full fence on both sides one of the two sees the other (Dekker), so no wake-up is lost.
//!
//! Where packets come faster than a sleeper can be woken for each, waking it would cost their producer more than many a
//! call. A thread that was woken like that several times in a row naps instead: it sleeps for a fraction of a
//! millisecond, and a producer that has further packets to work on leaves it alone meanwhile. One that has none, and
//! whoever has anything else to say, wakes it as ever.

use crate::exec::patience::{Idle, Patience};
use crate::exec::sys::{AtomicU64, Mutex, Ordering, Thread, current, fence, park_timeout};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

const AWAKE: u64 = 0;
const ASLEEP: u64 = 1;
/// Asleep for a moment only.
const NAPPING: u64 = 2;

/// Where one thread sleeps. Others only ring.
#[derive(Debug, Default)]
pub(crate) struct Doorbell {
    /// [`AWAKE`], [`ASLEEP`] or [`NAPPING`].
    state: AtomicU64,
    /// Who sleeps; locked only by one who is about to sleep or has to wake a sleeper.
    sleeper: Mutex<Option<Thread>>,
    /// Whether the owner looks around before it sleeps.
    patience: Patience,
}

impl Doorbell {
    /// A bell that nobody sleeps at.
    pub(crate) fn new(idle: Idle) -> Self {
        Self { patience: Patience::new(idle), ..Self::default() }
    }

    /// Wakes the sleeper, if there is one. Call it after the work can be seen.
    pub(crate) fn ring(&self) {
        fence(Ordering::SeqCst);
        if self.state.load(Ordering::Relaxed) != AWAKE {
            self.wake();
        }
    }

    /// As [`Doorbell::ring`], but a nap is disturbed only if it `is_urgent`.
    pub(crate) fn ring_or_let_nap(&self, is_urgent: impl FnOnce() -> bool) {
        fence(Ordering::SeqCst);
        let state = self.state.load(Ordering::Relaxed);
        if state == ASLEEP || state == NAPPING && is_urgent() {
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        if self.state.swap(AWAKE, Ordering::AcqRel) != AWAKE
            && let Some(sleeper) = self.sleeper.lock().unwrap_or_else(PoisonError::into_inner).as_ref()
        {
            sleeper.unpark();
        }
    }

    /// Waits until the bell rings or `is_ready` holds; at most for `timeout`, and possibly shorter.
    ///
    /// It may look around for a while first; `is_ready` is told how many packets would do. Then it sleeps.
    ///
    /// Only one thread at a time may sleep at a bell. What `is_ready` announces to those who ring (that a producer is
    /// held up, say) is seen by them: it comes after the sleeper's own announcement and needs a fence before its look.
    pub(crate) fn sleep_unless(&self, mut is_ready: impl FnMut(usize) -> bool, timeout: Duration) {
        if self.patience.wait_for(&mut is_ready) {
            return;
        }
        *self.sleeper.lock().unwrap_or_else(PoisonError::into_inner) = Some(current());
        let nap = self.patience.nap();
        // Swaps, not stores: a late answer to an earlier sleep must not be ordered after this announcement.
        self.state.swap(if nap.is_some() { NAPPING } else { ASLEEP }, Ordering::AcqRel);
        fence(Ordering::SeqCst);
        if !is_ready(1) {
            let since = Instant::now();
            park_timeout(nap.map_or(timeout, |nap| nap.min(timeout)));
            self.patience.woke_up(since.elapsed(), &mut is_ready);
        }
        self.state.swap(AWAKE, Ordering::AcqRel);
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::exec::sys::AtomicU64;
    use std::sync::Arc;

    #[test]
    fn ready_work_is_never_slept_on() {
        let bell = Doorbell::new(Idle::Sleep);
        bell.sleep_unless(|_| true, Duration::from_secs(3600));
    }

    #[test]
    fn sleeper_sees_every_piece_of_work() {
        const PIECES: u64 = 10_000;
        let bell = Arc::new(Doorbell::new(Idle::Sleep));
        let made = Arc::new(AtomicU64::new(0));
        let maker = {
            let (bell, made) = (bell.clone(), made.clone());
            std::thread::spawn(move || {
                for piece in 1..=PIECES {
                    made.store(piece, Ordering::Release);
                    bell.ring();
                }
            })
        };
        let mut seen = 0;
        while seen < PIECES {
            // A lost wake-up would end in the hour, that is in the time limit of the test run.
            bell.sleep_unless(|_| made.load(Ordering::Acquire) != seen, Duration::from_secs(3600));
            seen = made.load(Ordering::Acquire);
        }
        maker.join().unwrap();
    }
}

#[cfg(test)]
#[cfg(loom)]
mod models {
    use super::*;
    use loom::sync::Arc;
    use loom::sync::atomic::AtomicU64;

    /// A park without timeout in every schedule: a lost wake-up is a deadlock that loom reports.
    #[test]
    fn no_wake_up_is_lost() {
        loom::model(|| {
            let bell = Arc::new(Doorbell::new(Idle::Sleep));
            let made = Arc::new(AtomicU64::new(0));
            let maker = {
                let (bell, made) = (bell.clone(), made.clone());
                loom::thread::spawn(move || {
                    for piece in 1..=2 {
                        made.store(piece, Ordering::Release);
                        bell.ring();
                    }
                })
            };
            let mut seen = 0;
            while seen < 2 {
                bell.sleep_unless(|_| made.load(Ordering::Acquire) != seen, Duration::ZERO);
                seen = made.load(Ordering::Acquire);
            }
            maker.join().unwrap();
        });
    }
}
