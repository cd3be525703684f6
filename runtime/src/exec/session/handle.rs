//! What can be asked and told from any thread, while a session runs and afterwards.

use crate::exec::clock::CallTimer;
use crate::exec::events::Events;
use crate::exec::metrics;
use crate::exec::report::{LinkEntry, NodeEntry, Outcome, SessionReport};
use crate::exec::shared::SessionShared;
use crate::exec::supervise::{DeadLetter, DeadLetterBox};
use crate::telemetry::ledger::{LatencyReport, Ledger, LedgerNames, SpanReader, SpanSource};
use crate::telemetry::{MetricsSnapshot, Observer, ResourceFigures, ResourceGauge};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// What a session can be asked and told from any thread. Cheap to clone; it keeps nothing running, and its figures stay
/// when the session has ended.
#[derive(Debug, Clone)]
pub struct SessionHandle(Arc<Core>);

#[derive(Debug)]
struct Core {
    name: String,
    shared: Arc<SessionShared>,
    nodes: Vec<NodeEntry>,
    links: Vec<LinkEntry>,
    ledger: Option<LedgerEntry>,
    /// What its nodes load once, in numbers.
    resources: Option<Arc<dyn ResourceGauge>>,
    /// When the nodes began to run.
    begun: OnceLock<Instant>,
}

/// The ledger of a session, and its time.
#[derive(Debug, Clone)]
pub(super) struct LedgerEntry {
    pub(super) ledger: Arc<Ledger>,
    pub(super) timer: CallTimer,
    /// The reading at which its time begins.
    pub(super) origin: u64,
}

#[derive(Debug)]
struct SessionSpans {
    entry: LedgerEntry,
    core: Arc<Core>,
}

impl SpanSource for SessionSpans {
    fn ledger(&self) -> &Ledger {
        &self.entry.ledger
    }

    fn names(&self) -> LedgerNames {
        self.core.names()
    }

    fn now_ns(&self) -> u64 {
        self.entry.timer.between_ns([self.entry.origin, self.entry.timer.now()])
    }
}

impl Core {
    fn names(&self) -> LedgerNames {
        LedgerNames {
            nodes: self.nodes.iter().map(|node| node.id.clone()).collect(),
            links: self.links.iter().map(|link| link.name.clone()).collect(),
        }
    }
}

impl SessionHandle {
    pub(super) fn new(
        name: String,
        shared: Arc<SessionShared>,
        (nodes, links): (Vec<NodeEntry>, Vec<LinkEntry>),
        (ledger, resources): (Option<LedgerEntry>, Option<Arc<dyn ResourceGauge>>),
    ) -> Self {
        Self(Arc::new(Core { name, shared, nodes, links, ledger, resources, begun: OnceLock::new() }))
    }

    /// Notes that the nodes begin to run.
    pub(super) fn begins(&self) {
        self.0.begun.get_or_init(Instant::now);
    }

    pub(crate) fn shared(&self) -> &SessionShared {
        &self.0.shared
    }

    pub(crate) fn nodes(&self) -> &[NodeEntry] {
        &self.0.nodes
    }

    pub(crate) fn resources(&self) -> Option<ResourceFigures> {
        self.0.resources.as_ref().map(|gauge| gauge.figures())
    }

    pub(crate) fn links(&self) -> &[LinkEntry] {
        &self.0.links
    }

    /// Name of the session.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Ends the sources and lets the rest finish; does not wait.
    pub fn drain(&self) {
        self.0.shared.drain();
    }

    /// Ends everything at once; what is under way is dropped and counted. Does not wait.
    pub fn abort(&self) {
        self.0.shared.abort();
    }

    /// The newest packets that were in flight when their node failed and were given up, oldest first.
    ///
    /// They share the bytes of their packets, if the policy of the node keeps these. Without them, a packet whose call
    /// never returned stays with the abandoned thread: it is counted as lost in flight and leaves no letter.
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        self.0.shared.dead_letters().letters()
    }

    /// Reads the dead letters of this session also when it has ended.
    pub fn dead_letter_box(&self) -> DeadLetterBox {
        self.0.shared.dead_letters().clone()
    }

    /// What happened to the nodes since the session was started, and what is going to happen.
    pub fn events(&self) -> Events {
        Events::new(self.0.shared.events().clone())
    }

    /// Reads the numbers of this session, for exporters.
    pub fn observer(&self) -> Observer {
        Observer::new(self.clone())
    }

    /// The numbers of this session now, for exporters and tests; see [`SessionHandle::report`] for people.
    pub fn metrics(&self) -> MetricsSnapshot {
        metrics::snapshot(self)
    }

    /// Nanoseconds since the nodes began to run, until the last worker ended.
    pub(crate) fn elapsed_ns(&self) -> u64 {
        let now = self.0.shared.ended().unwrap_or_else(Instant::now);
        let elapsed = self.0.begun.get().map_or(0, |begun| now.saturating_duration_since(*begun).as_nanos());
        u64::try_from(elapsed).unwrap_or(u64::MAX)
    }

    /// Where the time of the followed packets went; `None` where none is followed, see
    /// [`crate::SessionOptions::follow_every`].
    pub fn latency(&self) -> Option<LatencyReport> {
        Some(self.0.ledger.as_ref()?.ledger.report(&self.0.names()))
    }

    /// Reads the ways of the followed packets as spans, for traces; `None` where none is followed.
    ///
    /// One reader at a time: each span is given once.
    pub fn spans(&self) -> Option<SpanReader> {
        let entry = self.0.ledger.clone()?;
        Some(SpanReader::new(SessionSpans { entry, core: self.0.clone() }))
    }

    /// The state of the session now; counters of different nodes may be some packets apart.
    pub fn report(&self) -> SessionReport {
        let Core { name, shared, nodes, links, .. } = &*self.0;
        let failures = shared.failures();
        let ended = shared.ended();
        let outcome = if ended.is_none() {
            Outcome::Running
        } else if !failures.is_empty() {
            Outcome::Failed
        } else if shared.is_aborted() {
            Outcome::Aborted
        } else if shared.is_draining() {
            Outcome::Stopped
        } else {
            Outcome::Completed
        };
        SessionReport {
            session: name.clone(),
            outcome,
            elapsed_ns: self.elapsed_ns(),
            nodes: nodes.iter().map(NodeEntry::report).collect(),
            links: links.iter().map(LinkEntry::report).collect(),
            failures,
            tripped: shared.tripped(),
            dead_letters: shared.dead_letters().received(),
            abandoned: shared.abandoned(),
            stragglers: Vec::new(),
            latency: self.latency(),
        }
    }
}
