//! What is kept, and the handles that hold it.

use crate::exec::sys::{AtomicU64, Ordering};
use std::any::Any;
use std::sync::Arc;

/// Anything that threads may share.
pub(crate) type Value = Arc<dyn Any + Send + Sync>;

/// The order of uses: later ones have higher numbers.
#[derive(Debug, Default)]
pub(super) struct Uses(AtomicU64);

impl Uses {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// Something that was loaded.
#[derive(Debug)]
pub(super) struct Entry {
    tag: Arc<str>,
    bytes: u64,
    value: Value,
    uses: Arc<Uses>,
    last_used: AtomicU64,
}

impl Entry {
    pub(super) fn new(tag: &Arc<str>, value: Value, bytes: u64, uses: &Arc<Uses>) -> Arc<Self> {
        let last_used = AtomicU64::new(uses.next());
        Arc::new(Self { tag: Arc::clone(tag), bytes, value, uses: Arc::clone(uses), last_used })
    }

    pub(super) fn tag(&self) -> &Arc<str> {
        &self.tag
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn last_used(&self) -> u64 {
        self.last_used.load(Ordering::Relaxed)
    }

    fn touch(&self) {
        self.last_used.store(self.uses.next(), Ordering::Relaxed);
    }
}

/// Keeps an entry from being evicted. Cloning it or dropping it takes no lock.
#[derive(Debug)]
pub(crate) struct Held {
    entry: Arc<Entry>,
}

impl Held {
    pub(super) fn new(entry: Arc<Entry>) -> Self {
        entry.touch();
        Self { entry }
    }

    /// Whether anybody but the cache has a handle. Exact while the cache is locked: a new handle is only made of an
    /// old one, or by the cache itself.
    pub(super) fn is_any(entry: &Arc<Entry>) -> bool {
        Arc::strong_count(entry) > 1
    }

    /// What is held.
    pub(crate) fn value(&self) -> &Value {
        &self.entry.value
    }
}

impl Clone for Held {
    fn clone(&self) -> Self {
        Self { entry: Arc::clone(&self.entry) }
    }
}

impl Drop for Held {
    /// It was in use until now.
    fn drop(&mut self) {
        self.entry.touch();
    }
}
