//! The queue of a link on loom's machine: the orders of `crossbeam_queue::ArrayQueue`, for one producer.
//!
//! That queue is built on the machine's own atomics, which loom does not see. This one has a count of what was put in
//! and one of what was taken out, so that a model of the link looks at it between any two of its steps.

use crate::exec::sys::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// A bounded queue. One thread pushes, and takes the oldest out to make room; another one pops.
#[derive(Debug)]
pub(super) struct Ring<T> {
    /// Places, each found by a count modulo their number. The counts order who uses them; the locks are never waited for.
    places: Vec<Mutex<Option<T>>>,
    /// How many were taken out.
    head: AtomicU64,
    /// How many were put in.
    tail: AtomicU64,
}

impl<T> Ring<T> {
    pub(super) fn new(capacity: usize) -> Self {
        let places = (0..capacity).map(|_| Mutex::new(None)).collect();
        Self { places, head: AtomicU64::new(0), tail: AtomicU64::new(0) }
    }

    pub(super) fn capacity(&self) -> usize {
        self.places.len()
    }

    pub(super) fn push(&self, value: T) -> Result<(), T> {
        let tail = self.tail.load(Ordering::Relaxed);
        let head = self.head.load(Ordering::Acquire);
        if tail - head >= self.capacity() as u64 {
            return Err(value);
        }
        *self.place(tail) = Some(value);
        self.tail.store(tail + 1, Ordering::Release);
        Ok(())
    }

    pub(super) fn force_push(&self, value: T) -> Option<T> {
        let mut value = value;
        let mut oldest = None;
        loop {
            match self.push(value) {
                Ok(()) => return oldest,
                Err(back) => value = back,
            }
            // The consumer may have been quicker; then there is room without it.
            oldest = self.pop();
        }
    }

    pub(super) fn pop(&self) -> Option<T> {
        let mut head = self.head.load(Ordering::Acquire);
        loop {
            if head == self.tail.load(Ordering::Acquire) {
                return None;
            }
            match self.head.compare_exchange(head, head + 1, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return self.place(head).take(),
                Err(now) => head = now,
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        let head = self.head.load(Ordering::SeqCst);
        let tail = self.tail.load(Ordering::SeqCst);
        usize::try_from(tail.saturating_sub(head)).unwrap_or(usize::MAX)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.head.load(Ordering::SeqCst) == self.tail.load(Ordering::SeqCst)
    }

    #[expect(clippy::indexing_slicing, reason = "a count modulo the number of places is one of them")]
    fn place(&self, count: u64) -> std::sync::MutexGuard<'_, Option<T>> {
        let at = usize::try_from(count % self.places.len() as u64).unwrap_or(0);
        self.places[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
