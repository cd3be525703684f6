//! The numbers of a session for those who watch it: what its counters say, under the names of the instruments.

use crate::exec::abandoned::abandoned_threads;
use crate::exec::counters::CallOutcome;
use crate::exec::link::{DropReason, Link};
use crate::exec::report::{LinkEntry, NodeEntry};
use crate::exec::session::SessionHandle;
use crate::exec::supervise::NodeState;
use crate::telemetry::ResourceFigures;
use crate::telemetry::histogram::Histogram;
use crate::telemetry::instruments as all;
use crate::telemetry::log_bridge;
use crate::telemetry::observer::MetricsSource;
use crate::telemetry::snapshot::{MetricsSnapshot, SnapshotBuilder, Value};
use std::sync::Arc;

impl MetricsSource for SessionHandle {
    fn snapshot(&self) -> MetricsSnapshot {
        snapshot(self)
    }
}

/// The numbers of a session now.
pub(crate) fn snapshot(session: &SessionHandle) -> MetricsSnapshot {
    let name: Arc<str> = session.name().into();
    let elapsed_ns = session.elapsed_ns();
    let mut into = SnapshotBuilder::default();
    for node in session.nodes() {
        NodeMetrics::new(&name, node).tell(&mut into);
    }
    for link in session.links() {
        tell_link(&name, link, &mut into);
    }
    tell_session(session, (&name, elapsed_ns), &mut into);
    tell_process(&mut into);
    let has_ended = session.shared().ended().is_some();
    MetricsSnapshot { session: name, elapsed_ns, has_ended, series: into.finish() }
}

fn tell_session(session: &SessionHandle, (name, elapsed_ns): (&Arc<str>, u64), into: &mut SnapshotBuilder) {
    let shared = session.shared();
    let dead_letters = shared.dead_letters();
    into.add(&all::SESSION_DURATION, &[name], Value::TimeNs(elapsed_ns));
    into.add(&all::SESSION_DEAD_LETTERS, &[name], Value::Count(dead_letters.received()));
    into.add(&all::SESSION_DEAD_LETTER_BYTES, &[name], Value::Count(dead_letters.bytes()));
    into.add(&all::SESSION_ABANDONED_THREADS, &[name], Value::Count(shared.abandoned().len() as u64));
    if let Some(resources) = session.resources() {
        tell_resources(&resources, name, into);
    }
}

/// What is loaded once in the runtime of the session.
fn tell_resources(resources: &ResourceFigures, name: &Arc<str>, into: &mut SnapshotBuilder) {
    for (outcome, count) in [("hit", resources.hits), ("miss", resources.misses)] {
        into.add(&all::RESOURCE_REQUESTS, &[name, &outcome.into()], Value::Count(count));
    }
    into.add(&all::RESOURCE_LOADS, &[name], Value::Count(resources.loads));
    into.add(&all::RESOURCE_LOAD_FAILURES, &[name], Value::Count(resources.load_failures));
    into.add(&all::RESOURCE_EVICTIONS, &[name], Value::Count(resources.evictions));
    into.add(&all::RESOURCE_ENTRIES, &[name], Value::Count(resources.entries));
    into.add(&all::RESOURCE_SIZE, &[name], Value::Count(resources.bytes));
}

/// What belongs to no session.
fn tell_process(into: &mut SnapshotBuilder) {
    into.add(&all::PROCESS_ABANDONED_THREADS, &[], Value::Count(abandoned_threads()));
    let losses = log_bridge::losses();
    let reasons = [
        ("replaced", losses.replaced),
        ("cut", losses.cut),
        ("unreadable", losses.unreadable),
        ("suppressed", losses.suppressed),
        ("folded", losses.folded),
    ];
    for (reason, count) in reasons {
        into.add(&all::LOG_DAMAGED, &[&reason.into()], Value::Count(count));
    }
}

/// One node and the attributes that all of its numbers have.
struct NodeMetrics<'a> {
    session: &'a Arc<str>,
    id: Arc<str>,
    kind: Arc<str>,
    node: &'a NodeEntry,
}

impl<'a> NodeMetrics<'a> {
    fn new(session: &'a Arc<str>, node: &'a NodeEntry) -> Self {
        Self { session, id: node.id.as_str().into(), kind: node.kind.as_str().into(), node }
    }

    fn tell(&self, into: &mut SnapshotBuilder) {
        let counters = &*self.node.counters;
        for outcome in CallOutcome::ALL {
            self.add_with(into, &all::NODE_CALLS, outcome.name(), counters.ended_with(outcome));
        }
        self.add(into, &all::NODE_ACTIVE_CALLS, counters.calls_under_way());
        self.add_times(into, &all::NODE_CALL_DURATION, &counters.call_time);
        self.add_times(into, &all::NODE_QUEUE_WAIT, &counters.queue_wait);
        self.add_times(into, &all::NODE_SEND_WAIT, &counters.send_wait);
        self.add(into, &all::NODE_LATE_COMPLETIONS, counters.late_completions.value());
        self.add(into, &all::NODE_LATE_OUTPUTS, counters.late_outputs.value());
        self.add(into, &all::NODE_CALL_TIMEOUTS, counters.timeouts.value());
        self.add(into, &all::NODE_SEND_TIMEOUTS, counters.send_timeouts.value());
        self.add(into, &all::NODE_RESTARTS, counters.restarts.value());
        self.tell_packets(into);
        self.add(into, &all::NODE_LATE_TICKS, counters.late_ticks.value());
        self.tell_rest(into);
        let current = counters.state();
        for state in NodeState::ALL {
            self.add_with(into, &all::NODE_STATE, state.name(), u64::from(state == current));
        }
        if let Some(position_ns) = counters.position_ns() {
            into.add(&all::NODE_POSITION, &[self.session, &self.id, &self.kind], Value::TimeNs(position_ns));
        }
    }

    fn tell_packets(&self, into: &mut SnapshotBuilder) {
        let counters = &*self.node.counters;
        self.add_with(into, &all::NODE_PACKETS, "in", counters.packets_in.value());
        self.add_with(into, &all::NODE_PACKETS, "out", counters.packets_out.value());
        self.add_with(into, &all::NODE_LOST_PACKETS, "in_flight", counters.lost_in_flight.value());
        self.add_with(into, &all::NODE_LOST_PACKETS, "in_cycle", counters.lost_credits.value());
        self.add_with(into, &all::NODE_LOST_PACKETS, "unlinked", counters.packets_unlinked.value());
        self.add(into, &all::NODE_BYPASSED_PACKETS, counters.bypassed.value());
    }

    fn tell_rest(&self, into: &mut SnapshotBuilder) {
        let NodeEntry { control, speaker, .. } = self.node;
        self.add_with(into, &all::NODE_HINTS, "heard", control.hints.value());
        self.add_with(into, &all::NODE_HINTS, "coalesced", control.hints_coalesced.value());
        self.add_with(into, &all::NODE_HINTS, "dropped", control.hints_dropped.value());
        self.add(into, &all::NODE_PAUSED, u64::from(control.is_paused()));
        self.add(into, &all::NODE_SUPPRESSED, speaker.as_ref().map_or(0, |speaker| speaker.suppressed()));
    }

    fn add(&self, into: &mut SnapshotBuilder, instrument: &'static all::Instrument, count: u64) {
        into.add(instrument, &[self.session, &self.id, &self.kind], Value::Count(count));
    }

    fn add_with(&self, into: &mut SnapshotBuilder, instrument: &'static all::Instrument, which: &str, count: u64) {
        into.add(instrument, &[self.session, &self.id, &self.kind, &which.into()], Value::Count(count));
    }

    fn add_times(&self, into: &mut SnapshotBuilder, instrument: &'static all::Instrument, times: &Histogram) {
        let times = Value::Distribution(Box::new(times.distribution()));
        into.add(instrument, &[self.session, &self.id, &self.kind], times);
    }
}

fn tell_link(session: &Arc<str>, link: &LinkEntry, into: &mut SnapshotBuilder) {
    let name: Arc<str> = link.name.as_str().into();
    let counters = &link.counters;
    let queued = link.remote.upgrade().map_or(0, |remote| Link::len(&remote) as u64);
    let mut add = |instrument, count| into.add(instrument, &[session, &name], Value::Count(count));
    add(&all::LINK_DEPTH, queued + counters.waiting());
    add(&all::LINK_CAPACITY, counters.capacity() as u64);
    add(&all::LINK_DEPTH_MAX, counters.deepest());
    add(&all::LINK_DELIVERED, counters.delivered());
    for reason in DropReason::ALL {
        let dropped = Value::Count(counters.dropped_for(reason));
        into.add(&all::LINK_DROPPED, &[session, &name, &reason.name().into()], dropped);
    }
}
