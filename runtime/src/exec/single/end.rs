//! The end of a single instance's calls.

use crate::exec::sys::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Whether and why the instance is not called any more.
#[derive(Debug, Default)]
pub(super) struct End {
    has_come: AtomicBool,
    /// Written once, before the flag.
    reason: Mutex<Option<String>>,
}

impl End {
    pub(super) fn come(&self, reason: impl Into<String>) {
        let mut slot = self.reason.lock().unwrap_or_else(PoisonError::into_inner);
        slot.get_or_insert_with(|| reason.into());
        self.has_come.store(true, Ordering::Release);
    }

    pub(super) fn has_come(&self) -> bool {
        self.has_come.load(Ordering::Acquire)
    }

    pub(super) fn reason(&self) -> String {
        let reason = self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone();
        reason.unwrap_or_else(|| "its thread has ended".to_string())
    }
}
