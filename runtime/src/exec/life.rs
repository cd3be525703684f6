//! How far the life of an instance has come, for every thread that may still hold its context.
//!
//! It only goes forward: lives, is asked to return, is gone. Whoever sees that an instance is gone also sees that it was
//! asked to return, and everything that was written before.

use crate::exec::sys::{AtomicU64, Ordering};

/// Where the life of an instance stands.
#[derive(Debug)]
pub(crate) struct Life(AtomicU64);

const LIVES: u64 = 0;
const CANCELLED: u64 = 1;
const CLOSED: u64 = 2;

impl Life {
    /// A life that has just begun.
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(LIVES))
    }

    /// Asks the instance to return soon; it cannot be taken back.
    pub(crate) fn cancel(&self) {
        self.0.fetch_max(CANCELLED, Ordering::AcqRel);
    }

    /// Whether the instance should return soon.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire) >= CANCELLED
    }

    /// Marks that the instance is gone.
    pub(crate) fn close(&self) {
        self.0.fetch_max(CLOSED, Ordering::AcqRel);
    }

    /// Whether the instance is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.load(Ordering::Acquire) >= CLOSED
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn life_only_goes_forward() {
        let life = Life::new();
        assert!(!life.is_cancelled() && !life.is_closed());
        life.cancel();
        assert!(life.is_cancelled() && !life.is_closed());
        life.close();
        life.cancel();
        assert!(life.is_cancelled() && life.is_closed());
    }
}

#[cfg(test)]
#[cfg(loom)]
mod models {
    use super::*;
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;

    /// A thread that a plugin forgot looks at the context while the worker destroys the instance, and a third thread, the
    /// watch or one who stops the session, cancels it. Once the forgotten one finds a tombstone it stays one, is
    /// cancelled too, and what the worker did before can be seen: loom reports a read that does not wait for the write.
    #[test]
    fn tombstone_is_cancelled_too_and_shows_what_was_done_before() {
        loom::model(|| {
            let shared = Arc::new((Life::new(), UnsafeCell::new(())));
            let forgotten = {
                let shared = shared.clone();
                loom::thread::spawn(move || {
                    let (life, destroyed) = &*shared;
                    if life.is_closed() {
                        destroyed.with(|_| ());
                        assert!(life.is_cancelled() && life.is_closed());
                    }
                })
            };
            let canceller = {
                let shared = shared.clone();
                loom::thread::spawn(move || shared.0.cancel())
            };
            shared.1.with_mut(|_| ());
            shared.0.close();
            canceller.join().unwrap();
            forgotten.join().unwrap();
            assert!(shared.0.is_closed() && shared.0.is_cancelled());
        });
    }
}
