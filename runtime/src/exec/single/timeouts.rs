//! How often the calls of a single instance ended at a deadline, apart for the two waits.

use super::{CallError, Phase};
use crate::telemetry::counter::Counter;
use crate::telemetry::limiter::Limiter;
use std::time::Instant;

/// Calls of an instance that ended at a deadline, apart for its two waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CallTimeouts {
    /// The instance was not free in time; it was not called.
    pub send: u64,
    /// The instance did not answer in time; it was abandoned.
    pub reply: u64,
}

/// What the handles of an instance count together, by [`Phase`].
#[derive(Debug, Default)]
pub(super) struct TimeoutCounters {
    counts: [Counter; 2],
    warnings: [Limiter; 2],
}

impl TimeoutCounters {
    /// Counts a timeout, and says so a few times a minute.
    pub(super) fn count(&self, phase: Phase, error: &CallError) {
        let (Some(count), Some(warnings)) = (self.counts.get(phase as usize), self.warnings.get(phase as usize)) else {
            return;
        };
        count.add_shared(1);
        if let Some(unsaid) = warnings.admit(Instant::now()) {
            tracing::warn!(timeouts = count.value(), unsaid, "{error}");
        }
    }

    pub(super) fn now(&self) -> CallTimeouts {
        let [send, reply] = &self.counts;
        CallTimeouts { send: send.value(), reply: reply.value() }
    }
}
