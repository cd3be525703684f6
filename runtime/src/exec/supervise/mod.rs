//! The supervisor: failure in, decision out.
//!
//! Nothing here has a thread, a clock or I/O of its own. One [`Supervisor`] per node is told what happened and when,
//! and answers what is to be done with the instance, with the packet in flight and with the node. Whoever owns the
//! node does it. Both lists here are bounded: restarts by the budget, dead letters by number and bytes.
//! What a dead letter is, and the file of them, is in a crate that plugins can use too.

mod state;

mod decision;
mod event;
mod shared;
mod supervisor;

mod backoff;
mod budget;

mod dead_letters;

#[cfg(test)]
#[cfg(not(loom))]
pub(crate) use backoff::SplitMix;
pub use dead_letters::{DeadLetterBox, DeadLetters};
pub use decision::{Decision, InstanceFate, NodeFate, PacketFate, TripCause};
pub use event::{Event, FailureKind};
pub use graphmill_dead_letters::{
    BYTES_MAX, DeadLetter, DeadLetterFileError, DeadLetterLimits, ENTRIES_MAX, MESSAGE_LEN_MAX, Reason,
    read_dead_letters, write_dead_letters,
};
pub(crate) use shared::SharedSupervisor;
pub use state::NodeState;
pub use supervisor::Supervisor;

#[cfg(test)]
mod tests;
