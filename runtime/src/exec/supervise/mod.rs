//! The supervisor: failure in, decision out.
//!
//! Nothing here has a thread, a clock or I/O of its own. One [`Supervisor`] per node is told what happened and when,
//! and answers what is to be done with the instance, with the packet in flight and with the node. Whoever owns the
//! node does it. The one list here is bounded: restarts by the budget.

mod state;

mod decision;
mod event;
mod shared;
mod supervisor;

mod backoff;
mod budget;

pub use decision::{Decision, InstanceFate, NodeFate, PacketFate, TripCause};
pub use event::{Event, FailureKind};
pub(crate) use shared::SharedSupervisor;
pub use state::NodeState;
pub use supervisor::Supervisor;

#[cfg(test)]
mod tests;
