//! The end of a single instance's calls, and how everybody who waits learns of it.
//!
//! A caller waits in two places: for a place in the queue of requests, or for a reply. Whoever brings the end puts a
//! word into the reply channel of *every* handle, so it is there whatever a caller does just then: one that waits for a
//! reply wakes up, one that still sends finds it afterwards. It then empties the queue, which lets one of those that
//! wait for a place go on; that one finds the word in its turn and empties the queue again, and so on to the last.
//!
//! Nothing of this touches a call that goes well. The hand-shake stands on the channels alone: no atomic of ours orders
//! it, so there is nothing here for a model checker that cannot model the channels.

use super::worker::{Answer, Request};
use crate::exec::stray::Stray;
use crate::exec::sys::{AtomicBool, Ordering};
use crossbeam_channel::{Receiver, Sender};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Whether and why the instance is not called any more.
#[derive(Debug)]
pub(super) struct End {
    has_come: AtomicBool,
    /// Written once, before the flag.
    reason: Mutex<Option<String>>,
    /// Where the handles wait for their replies, one channel of one place each.
    callers: Mutex<Callers>,
    /// The queue that the instance's thread takes from.
    queue: Receiver<Request>,
    /// The instance's thread.
    thread: Stray,
}

/// Where the handles wait for their replies, by the numbers of the handles.
#[derive(Debug, Default)]
struct Callers {
    waiting: BTreeMap<u64, Sender<Answer>>,
    next: u64,
}

impl End {
    pub(super) fn new(queue: Receiver<Request>) -> Self {
        Self {
            has_come: AtomicBool::new(false),
            reason: Mutex::default(),
            callers: Mutex::default(),
            queue,
            thread: Stray::new(),
        }
    }

    /// The instance's thread, for whoever gives it up and for itself.
    pub(super) fn thread(&self) -> &Stray {
        &self.thread
    }

    /// Adds a handle that waits at the other end of `caller`; returns its number.
    pub(super) fn join(&self, caller: Sender<Answer>) -> u64 {
        let mut callers = self.callers();
        callers.next += 1;
        let number = callers.next;
        callers.waiting.insert(number, caller);
        number
    }

    /// Where the replies of a handle go; `None` once it is gone.
    pub(super) fn caller(&self, number: u64) -> Option<Sender<Answer>> {
        self.callers().waiting.get(&number).cloned()
    }

    /// Removes the handle with this number.
    pub(super) fn leave(&self, number: u64) {
        self.callers().waiting.remove(&number);
    }

    /// Brings the end: every call that waits fails now, and every later one at once.
    pub(super) fn come(&self, reason: impl Into<String>) {
        let mut slot = self.reason.lock().unwrap_or_else(PoisonError::into_inner);
        slot.get_or_insert_with(|| reason.into());
        drop(slot);
        self.has_come.store(true, Ordering::Release);
        for caller in self.callers().waiting.values() {
            // A place that is taken holds the reply to the last call, or this very word.
            let _told = caller.try_send(Answer::GivenUp);
        }
        self.empty_queue();
    }

    /// Drops the requests that nobody takes any more. Who learns of the end does so too, after its own send.
    pub(super) fn empty_queue(&self) {
        while self.queue.try_recv().is_ok() {}
    }

    pub(super) fn has_come(&self) -> bool {
        self.has_come.load(Ordering::Acquire)
    }

    pub(super) fn reason(&self) -> String {
        let reason = self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone();
        reason.unwrap_or_else(|| "its thread has ended".to_string())
    }

    fn callers(&self) -> MutexGuard<'_, Callers> {
        self.callers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
