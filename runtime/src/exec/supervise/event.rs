//! What can happen to a node.

use crate::exec::Operation;

/// What happened to a node.
///
/// `attempts` says how often the packet in flight, or the one that waits to be delivered again, has been handed over,
/// this time included; 0 when there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The instance was made.
    Created,
    /// The instance has begun to run.
    Started,
    /// A call ended well. Only the first one after each start matters, see [`super::Supervisor::awaits_success`].
    CallOk,
    /// A call ended with a typed error; the instance is fine.
    TypedError {
        /// Deliveries of the packet in flight.
        attempts: u32,
    },
    /// The instance is lost.
    Failure {
        /// How.
        kind: FailureKind,
        /// Deliveries of the packet in flight.
        attempts: u32,
    },
    /// The thread of the instance was lost to a hung call of another node on the same worker.
    WorkerLost,
    /// The node cannot go on, and another instance could not either: a source that fails, a format that does not fit.
    Fatal {
        /// Deliveries of the packet in flight.
        attempts: u32,
    },
    /// The wait before a restart is over.
    BackoffElapsed,
    /// A call took more than half of its deadline.
    Slow,
    /// No call was slow for a while.
    Recovered,
    /// The session stops: the node is to work off what it has and end.
    Drain,
    /// The node has ended of itself; only stop and destroy are to come.
    Ended,
    /// The instance was stopped; only destroy is to come.
    Stopped,
    /// Too many threads are abandoned: no further instance of this kind is made.
    AbandonedCap,
}

/// How an instance was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// A call panicked.
    Panic,
    /// The plugin broke the contract of the ABI.
    Contract,
    /// A call is still running after its deadline.
    Deadline {
        /// The call.
        operation: Operation,
    },
    /// The instance could not be made.
    CreateFailed,
    /// The instance could not begin to run.
    StartFailed,
    /// The process that the instance lived in has died.
    Crash,
}

impl FailureKind {
    /// Whether a thread is still inside the instance, so that nobody may touch it any more.
    pub(super) const fn holds_the_thread(self) -> bool {
        matches!(self, Self::Deadline { .. })
    }
}
