//! A thread that is inside a plugin and may never come back.

use crate::exec::abandoned::{Abandoned, Fate};
use crate::exec::sys::{self, AtomicU64, Ordering};

/// What became of a thread that somebody waits for; shared by the two.
#[derive(Debug)]
pub(crate) struct Stray {
    /// The kernel's number of the thread; 0 until it runs.
    thread: AtomicU64,
    fate: Fate,
}

impl Stray {
    pub(crate) fn new() -> Self {
        Self { thread: AtomicU64::new(0), fate: Fate::new() }
    }

    /// Notes that the thread is the one that calls.
    pub(crate) fn lives_here(&self) {
        self.thread.store(sys::thread_number(), Ordering::Relaxed);
    }

    /// Puts the thread, which does not return, behind the others, and counts it, once.
    pub(crate) fn give_up(&self) {
        if self.fate.give_up(Abandoned::here()) {
            sys::demote_thread(self.thread.load(Ordering::Relaxed));
        }
    }

    /// Notes that the thread ends; one that was given up has come back.
    pub(crate) fn ends(&self) {
        self.fate.end(Abandoned::here());
    }
}
