//! What is to be done about an event.

use crate::graph::OnTrip;

/// What is to be done, in this order: with the instance, with the packet in flight, with the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// What becomes of the instance.
    pub instance: InstanceFate,
    /// What becomes of the packet in flight.
    pub packet: PacketFate,
    /// What becomes of the node.
    pub node: NodeFate,
}

impl Decision {
    /// Everything goes on as it is.
    pub const NOTHING: Self = Self { instance: InstanceFate::Keep, packet: PacketFate::Keep, node: NodeFate::GoOn };

    pub(super) const fn node(node: NodeFate) -> Self {
        Self { node, ..Self::NOTHING }
    }

    pub(super) const fn packet(packet: PacketFate) -> Self {
        Self { packet, ..Self::NOTHING }
    }
}

/// What becomes of the instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InstanceFate {
    /// It stays as it is, or there is none.
    Keep,
    /// What is left of it is dropped on its own thread.
    Discard,
    /// It is never touched again and its thread is lost.
    Abandon,
}

/// What becomes of the packet in flight, or of the one that waits to be delivered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PacketFate {
    /// Nothing in particular, or there is none.
    Keep,
    /// It is dropped and counted.
    Skip,
    /// It is the first that the replacement gets.
    Redeliver,
    /// It goes to the dead letters.
    DeadLetter,
}

/// What becomes of the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeFate {
    /// It goes on.
    GoOn,
    /// [`super::Event::BackoffElapsed`] is due after this time; packets for the node wait.
    RestartAfter {
        /// Nanoseconds from now.
        delay_ns: i64,
    },
    /// A new instance is made now.
    Create,
    /// It has failed for good and its outputs end.
    Fail,
    /// It is not restarted any more, and its policy decides about the rest.
    Trip {
        /// Why.
        cause: TripCause,
        /// What the policy says.
        then: OnTrip,
    },
}

impl TripCause {
    /// What is said about the failure that tripped a node; where no restart is allowed there is no more to say.
    pub(crate) fn complete(self, message: String) -> String {
        if let Self::Budget { max: 0, .. } = self { message } else { format!("{message}; {self}") }
    }
}

impl NodeFate {
    /// Whether there is still something to do for the node's packets: by a further instance, or by passing them on.
    pub(crate) const fn has_successor(self) -> bool {
        matches!(self, Self::RestartAfter { .. } | Self::Trip { then: OnTrip::Bypass, .. })
    }

    /// Whether the session ends because of it.
    pub(crate) const fn stops_session(self) -> bool {
        matches!(self, Self::Fail | Self::Trip { then: OnTrip::StopSession, .. })
    }
}

/// Why a node is not restarted any more; the text completes "node X tripped: ".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TripCause {
    /// The restarts of the window are used up.
    #[error("it failed again after {max} restarts within {window_ms} ms; `restart.max` would allow more")]
    Budget {
        /// Restarts that the policy allows.
        max: u32,
        /// Window of the policy.
        window_ms: u64,
    },
    /// Too many threads are abandoned.
    #[error(
        "too many threads are held by hung calls, so no further instance of its kind is made; only a new process frees them"
    )]
    AbandonedCap,
}
