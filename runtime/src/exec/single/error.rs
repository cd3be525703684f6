//! Why a call of a single instance gave no answer.

use crate::exec::counters::{NodeFailure, Operation};
use std::time::Duration;

/// Which of the two waits of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a call waits twice")]
pub enum Phase {
    /// For the instance to be free.
    Send,
    /// For its answer.
    Reply,
}

/// Why a call gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// One of the two waits ended at its deadline.
    #[error("{} of `{kind}`: {}", .operation.name(), timeout_text(*.phase, *.waited))]
    Timeout {
        /// Id of the kind.
        kind: String,
        /// The call.
        operation: Operation,
        /// The wait that ended it.
        phase: Phase,
        /// How long it waited.
        waited: Duration,
    },
    /// An earlier call missed its reply or ended in a failure, so the instance is not called any more.
    #[error("instance of `{kind}` is not called any more: {reason}; make a new one")]
    Abandoned {
        /// Id of the kind.
        kind: String,
        /// Why.
        reason: String,
    },
    /// The plugin answered with a typed error; the instance is fine.
    #[error("{} of `{kind}`: {message}", .operation.name())]
    Refused {
        /// Id of the kind.
        kind: String,
        /// The call.
        operation: Operation,
        /// What the plugin says.
        message: String,
    },
    /// The kind does not know this call or this input; the instance was not called.
    #[error("{} of `{kind}`: {message}", .operation.name())]
    Misuse {
        /// Id of the kind.
        kind: String,
        /// The call.
        operation: Operation,
        /// What is wrong with it.
        message: String,
    },
    /// The instance has failed and is not called any more.
    #[error(transparent)]
    Failed(Box<NodeFailure>),
}

fn timeout_text(phase: Phase, waited: Duration) -> String {
    let waited_ms = waited.as_millis();
    match phase {
        Phase::Send => format!("the instance was not free within {waited_ms} ms (send); raise `send_timeout`"),
        Phase::Reply => {
            format!("no reply within {waited_ms} ms (reply); the instance is abandoned; raise `reply_timeout`")
        }
    }
}
