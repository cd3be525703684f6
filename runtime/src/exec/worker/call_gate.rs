//! The owner's side of the lease: every call goes through here.

use crate::exec::counters::Operation;
use crate::exec::lease::Lease;
use crate::exec::worker::node::LeaseLost;
use std::sync::Arc;

/// A call that is under way, and the lease that it needs when it comes back to the host for a moment.
pub(crate) struct CallInProgress<'a> {
    pub(crate) gate: &'a mut CallGate,
    pub(crate) node: usize,
    pub(crate) operation: Operation,
}

/// The owner's side of a lease.
#[derive(Debug)]
pub(crate) struct CallGate {
    lease: Arc<Lease>,
    seq: u64,
}

impl CallGate {
    pub(crate) fn new(lease: Arc<Lease>) -> Self {
        Self { lease, seq: 0 }
    }

    /// Makes a call that gives no packets. When the lease is lost in it, its result is dropped here, on the thread that
    /// made it.
    pub(crate) fn call<T>(
        &mut self,
        node: usize,
        operation: Operation,
        body: impl FnOnce() -> T,
    ) -> Result<T, LeaseLost> {
        self.enter(node, operation);
        let result = body();
        if self.leave() { Ok(result) } else { Err(LeaseLost) }
    }

    /// Goes into a plugin.
    pub(crate) fn enter(&mut self, node: usize, operation: Operation) {
        self.seq += 1;
        self.lease.enter(self.seq, node, operation);
    }

    /// Comes back; `false` when the lease is gone and nothing shared may be touched.
    #[must_use]
    pub(crate) fn leave(&self) -> bool {
        self.lease.leave()
    }
}
