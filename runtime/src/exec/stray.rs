//! A thread that is inside a plugin and may never come back.

use crate::exec::sys::{self, AtomicU64, Ordering};
use crate::exec::watch;

/// What became of a thread that somebody waits for; shared by the two.
#[derive(Debug)]
pub(crate) struct Stray {
    /// The kernel's number of the thread; 0 until it runs.
    thread: AtomicU64,
    /// [`RUNS`], [`GIVEN_UP`] or [`HAS_ENDED`].
    fate: AtomicU64,
}

const RUNS: u64 = 0;
const GIVEN_UP: u64 = 1;
const HAS_ENDED: u64 = 2;

impl Stray {
    pub(crate) fn new() -> Self {
        Self { thread: AtomicU64::new(0), fate: AtomicU64::new(RUNS) }
    }

    /// Notes that the thread is the one that calls.
    pub(crate) fn lives_here(&self) {
        self.thread.store(sys::thread_number(), Ordering::Relaxed);
    }

    /// Puts the thread, which does not return, behind the others, and counts it, once.
    pub(crate) fn give_up(&self) {
        if self.fate.compare_exchange(RUNS, GIVEN_UP, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            watch::thread_abandoned();
            sys::demote_thread(self.thread.load(Ordering::Relaxed));
        }
    }

    /// Notes that the thread ends; one that was given up has come back.
    pub(crate) fn ends(&self) {
        if self.fate.swap(HAS_ENDED, Ordering::Relaxed) == GIVEN_UP {
            watch::thread_came_back();
        }
    }
}
