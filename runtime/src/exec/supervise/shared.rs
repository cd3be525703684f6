//! A supervisor that a worker and the watch share. Asked only when something happens, never per packet.

use super::{Decision, Event, FailureKind, NodeState, Supervisor};
use crate::exec::context::NodeContext;
use crate::exec::counters::NodeCounters;
use crate::exec::events::EventLog;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The supervisor of a node, and where its state is shown. It outlives the thread of its node.
///
/// The one place where the state of a node changes: it is shown and told while the supervisor is locked, so that
/// readers see the changes in the order in which they were decided.
#[derive(Debug)]
pub(crate) struct SharedSupervisor {
    supervisor: Mutex<Supervisor>,
    context: Arc<NodeContext>,
    counters: Arc<NodeCounters>,
    events: Arc<EventLog>,
}

impl SharedSupervisor {
    pub(crate) fn new(
        supervisor: Supervisor,
        context: Arc<NodeContext>,
        counters: Arc<NodeCounters>,
        events: Arc<EventLog>,
    ) -> Self {
        Self { supervisor: Mutex::new(supervisor), context, counters, events }
    }

    /// Takes note of what happened and decides; `why` is told with a change of the state.
    pub(crate) fn on(&self, event: Event, now_ns: i64, why: Option<&str>) -> Decision {
        let mut supervisor = self.lock();
        let before = supervisor.state();
        let decision = supervisor.on(event, now_ns);
        let after = supervisor.state();
        let mut shown = before;
        let mut tell = |state: NodeState| {
            if shown != state {
                self.events.publish(&self.context, [shown, state], now_ns, why.map(ToOwned::to_owned));
                shown = state;
            }
        };
        if matches!(event, Event::Failure { kind: FailureKind::Deadline { .. }, .. }) && !before.is_final() {
            // Also where it is only a moment on the way to the end.
            tell(NodeState::Hung);
        }
        tell(after);
        self.counters.set_state(after);
        decision
    }

    /// Asks the supervisor something.
    pub(crate) fn ask<T>(&self, question: impl FnOnce(&Supervisor) -> T) -> T {
        question(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Supervisor> {
        self.supervisor.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
