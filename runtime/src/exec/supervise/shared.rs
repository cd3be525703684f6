//! A supervisor that a worker and the watch share. Asked only when something happens, never per packet.

use super::{Decision, Event, Supervisor};
use std::sync::{Mutex, PoisonError};

/// A supervisor that outlives the thread of its node.
#[derive(Debug)]
pub(crate) struct SharedSupervisor(Mutex<Supervisor>);

impl SharedSupervisor {
    pub(crate) fn new(supervisor: Supervisor) -> Self {
        Self(Mutex::new(supervisor))
    }

    /// Takes note of what happened and decides.
    pub(crate) fn on(&self, event: Event, now_ns: i64) -> Decision {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).on(event, now_ns)
    }

    /// The supervisor as it is now.
    pub(crate) fn state(&self) -> Supervisor {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
