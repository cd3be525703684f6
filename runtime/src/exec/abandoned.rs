//! Threads that were given up because they do not return from a plugin: how many there are, and which one came back.
//!
//! A thread is counted before it is given up, so that one that comes back at that very moment finds itself counted: the
//! number never goes below zero, not even for a moment, which would look like more hung threads than a process can bear.

use crate::exec::sys::{AtomicU64, Ordering};

/// How many threads were given up and have not come back.
#[derive(Debug)]
pub(crate) struct Abandoned(AtomicU64);

#[cfg(not(loom))]
static ABANDONED: Abandoned = Abandoned::new();
#[cfg(loom)]
loom::lazy_static! {
    static ref ABANDONED: Abandoned = Abandoned::new();
}

/// Threads of this process that did not return from a plugin in time and have not come back since.
pub fn abandoned_threads() -> u64 {
    ABANDONED.count()
}

impl Abandoned {
    #[cfg(not(loom))]
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    #[cfg(loom)]
    fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Those of this process.
    pub(crate) fn here() -> &'static Self {
        &ABANDONED
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Counts a thread unless `gives_up` says that it is not given up after all; passes that on.
    pub(crate) fn count_if(&self, gives_up: impl FnOnce() -> bool) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed);
        let is_given_up = gives_up();
        if !is_given_up {
            self.came_back();
        }
        is_given_up
    }

    /// Takes a thread off the count that was given up and has come back.
    pub(crate) fn came_back(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What became of a thread: it runs, was given up, or has ended.
#[derive(Debug)]
pub(crate) struct Fate(AtomicU64);

const RUNS: u64 = 0;
const GIVEN_UP: u64 = 1;
const HAS_ENDED: u64 = 2;

impl Fate {
    /// The fate of a thread that runs.
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(RUNS))
    }

    /// Gives the thread up and counts it; `false` when that was done before, or it has ended.
    pub(crate) fn give_up(&self, count: &Abandoned) -> bool {
        // The end of the thread comes after the count in every thread's eyes.
        count.count_if(|| self.0.compare_exchange(RUNS, GIVEN_UP, Ordering::Release, Ordering::Relaxed).is_ok())
    }

    /// [thread] Ends; one that was given up has come back.
    pub(crate) fn end(&self, count: &Abandoned) {
        if self.0.swap(HAS_ENDED, Ordering::Acquire) == GIVEN_UP {
            count.came_back();
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn thread_is_counted_once_from_when_it_is_given_up_to_its_end() {
        let (count, fate) = (Abandoned::new(), Fate::new());
        assert!(fate.give_up(&count) && !fate.give_up(&count));
        assert_eq!(count.count(), 1);
        fate.end(&count);
        assert!(!fate.give_up(&count));
        assert_eq!(count.count(), 0);
    }

    #[test]
    fn thread_that_ends_by_itself_is_not_counted() {
        let (count, fate) = (Abandoned::new(), Fate::new());
        fate.end(&count);
        assert!(!fate.give_up(&count));
        assert_eq!(count.count(), 0);
    }
}

#[cfg(test)]
#[cfg(loom)]
mod models {
    use super::*;
    use loom::sync::Arc;

    /// Two who give a thread up at once, and the thread, which ends just then. Either of the two may count it for a moment.
    #[test]
    fn late_end_is_counted_once_and_never_below_zero() {
        loom::model(|| {
            let shared = Arc::new((Abandoned::new(), Fate::new()));
            let spawn = |body: fn(&Abandoned, &Fate)| {
                let shared = shared.clone();
                loom::thread::spawn(move || body(&shared.0, &shared.1))
            };
            let threads = [
                spawn(|count, fate| {
                    fate.give_up(count);
                }),
                spawn(|count, fate| {
                    fate.end(count);
                    assert!(count.count() <= 2, "{}", count.count());
                }),
            ];
            let is_mine = shared.1.give_up(&shared.0);
            assert!(shared.0.count() <= 2, "{}", shared.0.count());
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            assert_eq!((shared.0.count(), is_mine && shared.1.give_up(&shared.0)), (0, false));
        });
    }

    /// The same for a worker, whose lease decides whether it was given up.
    #[test]
    fn worker_that_comes_back_as_it_is_revoked_is_never_counted_below_zero() {
        use crate::exec::counters::Operation;
        use crate::exec::lease::Lease;
        use crate::exec::sys::Barrier;
        loom::model(|| {
            let shared = Arc::new((Abandoned::new(), Lease::new(Barrier::new())));
            shared.1.enter(1, 0, Operation::Process);
            let call = shared.1.call().unwrap();
            let watch = {
                let shared = shared.clone();
                loom::thread::spawn(move || {
                    shared.0.count_if(|| shared.1.revoke(call));
                    assert!(shared.0.count() <= 1, "{}", shared.0.count());
                })
            };
            if !shared.1.leave() {
                shared.0.came_back();
                assert!(shared.0.count() <= 1, "{}", shared.0.count());
            }
            watch.join().unwrap();
            assert_eq!(shared.0.count(), 0);
        });
    }
}
