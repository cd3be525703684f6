//! Ownership of one instance: destroyed exactly once, on its own thread, or given up and counted.

use crate::exec::Operation;
use crate::plugin::attribution::Attribution;
use crate::plugin::host::HostContext;
use crate::plugin::stats;
use graphmill_abi::layout::gm_node;
use std::ptr::NonNull;
use std::sync::Arc;

/// An instance that the host owns. Dropping it destroys the instance and turns its context into a tombstone.
#[derive(Debug)]
pub(super) struct Handle {
    node: NonNull<gm_node>,
    destroy: unsafe extern "C" fn(*mut gm_node),
    host: Arc<HostContext>,
    attribution: Attribution,
    is_given_up: bool,
}

impl Handle {
    /// Takes an instance over; `None` when there is none.
    ///
    /// # Safety
    /// `node` is null or was made by the class that `destroy` belongs to, on this thread, and is owned by nobody else.
    pub(super) unsafe fn new(
        node: *mut gm_node,
        destroy: unsafe extern "C" fn(*mut gm_node),
        host: &Arc<HostContext>,
        attribution: Attribution,
    ) -> Option<Self> {
        let node = NonNull::new(node)?;
        Some(Self { node, destroy, host: Arc::clone(host), attribution, is_given_up: false })
    }

    /// The instance, for a call.
    pub(super) fn node(&self) -> *mut gm_node {
        self.node.as_ptr()
    }

    /// Makes one call into the instance; a crash meanwhile is laid at its door.
    pub(super) fn during<R>(&self, operation: Operation, body: impl FnOnce() -> R) -> R {
        self.attribution.during(operation, body)
    }

    /// Gives the instance up without destroying it.
    pub(super) fn leak(mut self) {
        self.is_given_up = true;
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let is_owned_here = self.host.is_owned_here();
        debug_assert!(is_owned_here, "an instance is dropped on the thread that created it");
        if self.is_given_up || !is_owned_here {
            stats::INSTANCES_LEAKED.add_one();
        } else {
            // SAFETY: the instance is alive, owned by this thread, not being called, and never used again.
            self.during(Operation::Destroy, || unsafe { (self.destroy)(self.node.as_ptr()) });
        }
        self.host.close();
    }
}
