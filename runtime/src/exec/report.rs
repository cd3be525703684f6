//! What a session tells about itself: while it runs and when it has ended.

use crate::exec::control::NodeControl;
use crate::exec::counters::{NodeCounters, NodeFailure};
use crate::exec::link::{DropReason, Link, LinkCounters};
use crate::exec::supervise::NodeState;
use crate::graph::{Deadlines, KindInfo};
use crate::telemetry::histogram::Summary;
use crate::telemetry::ledger::LatencyReport;
use crate::telemetry::log_bridge::Speaker;
use serde::Serialize;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// The state of a session: every node and every link, with what they counted.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct SessionReport {
    /// Name of the session.
    pub session: String,
    /// How it ended, or that it has not.
    pub outcome: Outcome,
    /// Nanoseconds since it began to run.
    pub elapsed_ns: u64,
    /// Its nodes, inlets and outlets in graph order.
    pub nodes: Vec<NodeReport>,
    /// Its links in the order of the graph.
    pub links: Vec<LinkReport>,
    /// The nodes that failed, in the order in which they did.
    pub failures: Vec<NodeFailure>,
    /// The nodes that used up their restarts and that the session went on without.
    pub tripped: Vec<NodeFailure>,
    /// Dead letters: packets in flight at a failure that were given up. The newest of them are kept.
    pub dead_letters: u64,
    /// Workers whose threads did not return from a plugin in time and were abandoned.
    pub abandoned: Vec<String>,
    /// Workers that did not end within the deadlines of a stop; their threads are left alone.
    pub stragglers: Vec<String>,
    /// Where the time of the followed packets went, if the session follows packets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<LatencyReport>,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Outcome {
    /// It has not ended.
    Running,
    /// Every source has ended and everything was processed.
    Completed,
    /// It was stopped, and what was under way was finished.
    Stopped,
    /// It was stopped, and what was under way was dropped.
    Aborted,
    /// A node failed.
    Failed,
}

/// What one node did.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct NodeReport {
    /// Id of the node.
    pub id: String,
    /// Id of its kind, or `inlet` or `outlet`.
    pub kind: String,
    /// Name of its worker; empty for inlets and outlets.
    pub worker: String,
    /// Where it is in its life.
    pub state: NodeState,
    /// Calls of `tick`, `process` and `flush`.
    pub calls: u64,
    /// Packets that came in.
    pub packets_in: u64,
    /// Packets that went out, one per emit whatever the number of links.
    pub packets_out: u64,
    /// Packets among these that went to an output without a link.
    pub packets_unlinked: u64,
    /// Calls that ended with a typed error.
    pub errors: u64,
    /// Calls of any operation that did not return in time.
    pub timeouts: u64,
    /// Calls of `tick`, `process` and `flush` that came back after they had been given up.
    pub late_completions: u64,
    /// Sends that found no room on a link within the send timeout.
    pub send_timeouts: u64,
    /// Instances that were made anew after a failure.
    pub restarts: u64,
    /// Packets that were in flight when the instance failed, and were given up.
    pub lost_in_flight: u64,
    /// Packets that passed the node by after it tripped.
    pub bypassed: u64,
    /// Packets that this node sent around a cycle and that did not come back within five seconds.
    pub lost_in_cycle: u64,
    /// Packets that an abandoned call gave later; they were dropped.
    pub late_outputs: u64,
    /// Log records that were dropped because there were too many in a second.
    pub log_records_suppressed: u64,
    /// The newest of the typed errors.
    pub last_error: Option<String>,
    /// Ticks that began a whole interval late or more.
    pub late_ticks: u64,
    /// Whether it is a source that rests.
    pub paused: bool,
    /// Hints from downstream that it heard.
    pub hints: u64,
    /// Hints that a newer one of the same name replaced before they were heard.
    pub hints_coalesced: u64,
    /// Hints that nobody heard: the node or those upstream of it had no use for them, no room, or had left.
    pub hints_dropped: u64,
    /// How far the stream has come, in nanoseconds of presentation time.
    pub position_ns: Option<u64>,
    /// How long the calls took, waiting for room included.
    pub call_time: Summary,
    /// How long packets were on a link before the node took them.
    pub queue_wait: Summary,
    /// How long calls of the node, or its worker between them, waited for room on a link.
    pub send_wait: Summary,
}

/// What one link carried.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct LinkReport {
    /// The link as a person writes it: `mic.out -> denoise.in`.
    pub link: String,
    /// Packets that it holds.
    pub capacity: u64,
    /// Packets that wait in it now, those beside it that found no room included.
    pub depth: u64,
    /// Packets that the consumer took.
    pub delivered: u64,
    /// Packets lost, by reason; reasons without a loss are left out.
    pub dropped: Vec<Dropped>,
    /// The most packets that waited when the consumer looked.
    pub high_water: u64,
}

/// Packets lost on a link for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Dropped {
    /// `drop-oldest`, `drop-newest`, `full`, `format`, `closed` or `stopped`.
    pub reason: &'static str,
    /// How many.
    pub packets: u64,
}

impl SessionReport {
    /// The node with this id.
    pub fn node(&self, id: &str) -> Option<&NodeReport> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// The link with this name: `mic.out -> denoise.in`.
    pub fn link(&self, name: &str) -> Option<&LinkReport> {
        self.links.iter().find(|link| link.link == name)
    }

    /// Packets lost on all links together.
    pub fn dropped(&self) -> u64 {
        self.links.iter().map(LinkReport::dropped_total).sum()
    }

    /// Typed errors of all nodes together.
    pub fn errors(&self) -> u64 {
        self.nodes.iter().map(|node| node.errors).sum()
    }
}

impl LinkReport {
    /// Packets lost for any reason.
    pub fn dropped_total(&self) -> u64 {
        self.dropped.iter().map(|dropped| dropped.packets).sum()
    }

    /// Packets lost for one reason.
    pub fn dropped_for(&self, reason: &str) -> u64 {
        self.dropped.iter().filter(|dropped| dropped.reason == reason).map(|dropped| dropped.packets).sum()
    }
}

/// What the handle of a session keeps of a node for its reports.
#[derive(Debug)]
pub(crate) struct NodeEntry {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) worker: String,
    pub(crate) counters: Arc<NodeCounters>,
    pub(crate) control: Arc<NodeControl>,
    /// What the kind takes; `None` for inlets and outlets.
    pub(crate) kind_info: Option<Arc<KindInfo>>,
    pub(crate) is_source: bool,
    /// Names of its outputs.
    pub(crate) outputs: Vec<String>,
    pub(crate) deadlines: Deadlines,
    pub(crate) send_timeout: Duration,
    /// `None` for inlets and outlets, which run no plugin.
    pub(crate) speaker: Option<Arc<Speaker>>,
}

/// What the handle of a session keeps of a link for its reports.
#[derive(Debug)]
pub(crate) struct LinkEntry {
    pub(crate) name: String,
    pub(crate) counters: Arc<LinkCounters>,
    /// The queue of a link between threads, as long as it is there.
    pub(crate) remote: Weak<Link>,
}

impl NodeEntry {
    pub(crate) fn report(&self) -> NodeReport {
        let counters = &self.counters;
        NodeReport {
            id: self.id.clone(),
            kind: self.kind.clone(),
            worker: self.worker.clone(),
            state: counters.state(),
            calls: counters.calls.value(),
            packets_in: counters.packets_in.value(),
            packets_out: counters.packets_out.value(),
            packets_unlinked: counters.packets_unlinked.value(),
            errors: counters.errors.value(),
            timeouts: counters.timeouts.value(),
            late_completions: counters.late_completions.value(),
            send_timeouts: counters.send_timeouts.value(),
            restarts: counters.restarts.value(),
            lost_in_flight: counters.lost_in_flight.value(),
            bypassed: counters.bypassed.value(),
            lost_in_cycle: counters.lost_credits.value(),
            late_outputs: counters.late_outputs.value(),
            log_records_suppressed: self.speaker.as_ref().map_or(0, |speaker| speaker.suppressed()),
            last_error: counters.last_error(),
            late_ticks: counters.late_ticks.value(),
            paused: self.control.is_paused(),
            hints: self.control.hints.value(),
            hints_coalesced: self.control.hints_coalesced.value(),
            hints_dropped: self.control.hints_dropped.value(),
            position_ns: counters.position_ns(),
            call_time: counters.call_time.summary(),
            queue_wait: counters.queue_wait.summary(),
            send_wait: counters.send_wait.summary(),
        }
    }
}

impl LinkEntry {
    pub(crate) fn report(&self) -> LinkReport {
        let counters = &self.counters;
        let dropped = DropReason::ALL
            .into_iter()
            .map(|reason| Dropped { reason: reason.name(), packets: counters.dropped_for(reason) })
            .filter(|dropped| dropped.packets > 0)
            .collect();
        LinkReport {
            link: self.name.clone(),
            capacity: counters.capacity() as u64,
            depth: self.remote.upgrade().map_or(0, |link| link.len() as u64) + counters.waiting(),
            delivered: counters.delivered(),
            dropped,
            high_water: counters.deepest(),
        }
    }
}
