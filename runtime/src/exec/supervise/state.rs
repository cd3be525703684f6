//! Where a node is in its life.

/// Where a node is in its life.
///
/// ```text
/// Starting -> Ready -> Running <-> Degraded -> Draining -> Stopped
///    ^                    |  failure              |
///    +-- Restarting, Hung +-> Tripped             +-> Failed
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum NodeState {
    /// Its instance, the first one or a replacement, is being made.
    Starting,
    /// Its instance was made and has not begun to run.
    Ready,
    /// It takes calls.
    Running,
    /// It takes calls, but needs more than half of a deadline for them.
    Degraded,
    /// A call missed its deadline: the instance is abandoned, its replacement waits for the back-off.
    Hung,
    /// The instance failed: its replacement waits for the back-off.
    Restarting,
    /// The restarts are used up: it takes no calls any more, and its policy says what becomes of its packets.
    Tripped,
    /// It is on its way out: what is queued is worked off, then it is flushed, stopped and destroyed.
    Draining,
    /// It has ended as it should.
    Stopped,
    /// It takes no calls any more because something went wrong.
    Failed,
}

impl NodeState {
    /// Every state, in the order of a life.
    pub const ALL: [Self; 10] = [
        Self::Starting,
        Self::Ready,
        Self::Running,
        Self::Degraded,
        Self::Hung,
        Self::Restarting,
        Self::Tripped,
        Self::Draining,
        Self::Stopped,
        Self::Failed,
    ];

    /// The word for reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Degraded => "degraded",
            Self::Hung => "hung",
            Self::Restarting => "restarting",
            Self::Tripped => "tripped",
            Self::Draining => "draining",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing can happen to the node any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Tripped | Self::Stopped | Self::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_one_word_that_serde_writes_too() {
        for state in NodeState::ALL {
            assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{}\"", state.name()));
            assert_eq!(NodeState::ALL.iter().filter(|other| other.name() == state.name()).count(), 1);
        }
    }

    #[test]
    fn three_states_are_final() {
        let finals = NodeState::ALL.into_iter().filter(|state| state.is_final());
        assert!(finals.eq([NodeState::Tripped, NodeState::Stopped, NodeState::Failed]));
    }
}
