//! What happened to the nodes of a session, for those who want to follow it.
//!
//! The newest changes are kept in one bounded list, and every reader has its own place in it: a slow reader holds up
//! nobody and is told how many changes it missed. Changes are rare, so a lock is good enough here.

use crate::exec::context::NodeContext;
use crate::exec::supervise::NodeState;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Changes that are kept for readers.
pub const EVENTS_MAX: usize = 1_024;

/// A node went from one state to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StateChange {
    /// Position among all changes of the session, from 0.
    pub number: u64,
    /// When it happened, in nanoseconds of the session's clock.
    pub at_ns: i64,
    /// Id of the node.
    pub node: String,
    /// Id of its kind.
    pub kind: String,
    /// The state that it left.
    pub from: NodeState,
    /// The state that it is in now.
    pub to: NodeState,
    /// Why, where something went wrong.
    pub reason: Option<String>,
}

/// What a stream of changes gives.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionEvent {
    /// A node changed its state.
    State(StateChange),
    /// The reader was too slow for this many changes.
    Missed(u64),
}

/// The changes of a session: written by its threads, read by any number of [`Events`].
#[derive(Debug, Default)]
pub(crate) struct EventLog {
    log: Mutex<Log>,
    has_changed: Condvar,
}

#[derive(Debug, Default)]
struct Log {
    newest: VecDeque<StateChange>,
    /// Number of the next change.
    next: u64,
    has_ended: bool,
}

impl EventLog {
    /// Keeps a change.
    pub(crate) fn publish(&self, context: &NodeContext, states: [NodeState; 2], at_ns: i64, reason: Option<String>) {
        let [from, to] = states;
        let (node, kind) = (context.node().to_string(), context.kind().to_string());
        let mut log = self.lock();
        if log.newest.len() >= EVENTS_MAX {
            log.newest.pop_front();
        }
        let number = log.next;
        log.newest.push_back(StateChange { number, at_ns, node, kind, from, to, reason });
        log.next += 1;
        drop(log);
        self.has_changed.notify_all();
    }

    /// Tells the readers that nothing follows.
    pub(crate) fn end(&self) {
        self.lock().has_ended = true;
        self.has_changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    /// What a reader that has seen everything before `next` gets now.
    fn after(&self, next: &mut u64) -> Option<SessionEvent> {
        let oldest = self.newest.front()?.number;
        if *next < oldest {
            let missed = oldest - *next;
            *next = oldest;
            return Some(SessionEvent::Missed(missed));
        }
        let change = self.newest.get(usize::try_from(*next - oldest).ok()?)?;
        *next += 1;
        Some(SessionEvent::State(change.clone()))
    }
}

/// The changes of a session, oldest first, from its start on; those that happened before are given too.
///
/// As an iterator it waits for the next change and ends with the session, after the last one. It keeps neither the
/// session nor a node alive.
///
/// ```no_run
/// # fn follow(session: &graphmill::Session) {
/// use graphmill::exec::SessionEvent;
///
/// for event in session.events() {
///     if let SessionEvent::State(change) = event {
///         println!("{}: {} -> {}", change.node, change.from.name(), change.to.name());
///     }
/// }
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Events {
    log: Arc<EventLog>,
    next: u64,
}

impl Events {
    pub(crate) fn new(log: Arc<EventLog>) -> Self {
        Self { log, next: 0 }
    }

    /// The next change if there is one already; never waits.
    pub fn try_next(&mut self) -> Option<SessionEvent> {
        self.log.lock().after(&mut self.next)
    }

    /// The next change; waits for it at most `timeout`. `None` also after the last one, see [`Events::has_ended`].
    pub fn next_timeout(&mut self, timeout: Duration) -> Option<SessionEvent> {
        // No end that a clock could show is no end.
        self.next_until(Instant::now().checked_add(timeout))
    }

    /// Whether the session has ended and every change was given.
    pub fn has_ended(&self) -> bool {
        let log = self.log.lock();
        log.has_ended && self.next >= log.next
    }

    fn next_until(&mut self, until: Option<Instant>) -> Option<SessionEvent> {
        let mut log = self.log.lock();
        loop {
            if let Some(event) = log.after(&mut self.next) {
                return Some(event);
            }
            if log.has_ended {
                return None;
            }
            log = match until {
                None => self.log.has_changed.wait(log).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return None;
                    }
                    self.log.has_changed.wait_timeout(log, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

impl Iterator for Events {
    type Item = SessionEvent;

    fn next(&mut self) -> Option<SessionEvent> {
        self.next_until(None)
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::exec::clock::VirtualClock;
    use crate::exec::context::{NoWake, NodeName};

    fn publish(log: &EventLog, at_ns: i64) {
        let name = NodeName::new("session", "model", "kind");
        let context = NodeContext::new(name, 1, Arc::new(VirtualClock::new()), Arc::new(NoWake));
        log.publish(&context, [NodeState::Ready, NodeState::Running], at_ns, None);
    }

    fn time_of(event: Option<SessionEvent>) -> Option<i64> {
        match event {
            Some(SessionEvent::State(change)) => Some(change.at_ns),
            _ => None,
        }
    }

    #[test]
    fn late_reader_gets_what_happened_before_and_every_reader_gets_all() {
        let log = Arc::new(EventLog::default());
        publish(&log, 1);
        let mut readers = [Events::new(log.clone()), Events::new(log.clone())];
        publish(&log, 2);
        log.end();
        for reader in &mut readers {
            assert!(!reader.has_ended());
            assert_eq!((time_of(reader.next()), time_of(reader.next()), reader.next()), (Some(1), Some(2), None));
            assert!(reader.has_ended());
        }
    }

    #[test]
    fn slow_reader_is_told_how_much_it_missed() {
        let log = Arc::new(EventLog::default());
        let mut reader = Events::new(log.clone());
        for at_ns in 0..1_030 {
            publish(&log, at_ns);
        }
        assert_eq!(reader.try_next(), Some(SessionEvent::Missed(6)));
        assert_eq!(time_of(reader.try_next()), Some(6));
        assert_eq!(reader.by_ref().take(1_023).filter(|event| matches!(event, SessionEvent::State(_))).count(), 1_023);
        assert_eq!((reader.try_next(), reader.next_timeout(Duration::ZERO)), (None, None));
    }

    #[test]
    fn waiting_reader_is_woken_by_a_change_and_by_the_end() {
        let log = Arc::new(EventLog::default());
        let reader = Events::new(log.clone());
        let counting = std::thread::spawn(move || reader.count());
        publish(&log, 1);
        publish(&log, 2);
        log.end();
        assert_eq!(counting.join().unwrap(), 2);
    }
}
