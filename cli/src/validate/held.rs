//! What this process holds of the machine.

use graphmill::plugin::surroundings;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// Threads that were joined, and buffers that are freed on another thread, are gone by then.
const SETTLED_MAX: Duration = Duration::from_secs(1);

/// The host's own thread that loaded a library has ended by then.
const ENDED_MAX: Duration = Duration::from_secs(5);
/// Looks in a row that have to see the same.
const SAME: u32 = 4;

/// Threads, descriptors and memory of this process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) threads: usize,
    pub(crate) descriptors: usize,
    pub(crate) allocated: usize,
}

impl Held {
    pub(crate) fn now() -> Self {
        Self {
            threads: entries("task"),
            descriptors: entries("fd"),
            allocated: surroundings::allocated_bytes().unwrap_or(0),
        }
    }

    /// What is held when that does not change any more, or after some time of waiting for that.
    pub(crate) fn settled() -> Self {
        let begun = Instant::now();
        let (mut last, mut same) = (Self::now(), 0);
        while same < SAME && begun.elapsed() < SETTLED_MAX {
            thread::sleep(Duration::from_millis(5));
            let now = Self::now();
            same = if now == last { same + 1 } else { 0 };
            last = now;
        }
        last
    }

    /// What is held when there are no more threads and descriptors than before, or after a long time of waiting for that:
    /// on a busy machine even a thread that has nothing left to do takes its time to end.
    pub(crate) fn handles_at_most(before: Self) -> Self {
        let begun = Instant::now();
        loop {
            let now = Self::now();
            let is_fine = now.threads <= before.threads && now.descriptors <= before.descriptors;
            if is_fine || begun.elapsed() > ENDED_MAX {
                return now;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn entries(folder: &str) -> usize {
    fs::read_dir(format!("/proc/self/{folder}")).map_or(0, Iterator::count)
}
