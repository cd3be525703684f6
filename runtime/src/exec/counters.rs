//! What a node counts, and the names of what can go wrong in it.

use crate::exec::instance::{EmitError, Fault, FaultClass};
use crate::exec::supervise::NodeState;
use crate::exec::sys::{AtomicBool, Ordering};
use crate::telemetry::counter::Counter;
use crate::telemetry::histogram::Histogram;
use crate::telemetry::limiter::Limiter;
use graphmill_abi::Packet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Counters of one node; its worker writes, everybody reads.
#[derive(Debug, Default)]
pub(crate) struct NodeCounters {
    /// Calls of `tick`, `process` and `flush` that were begun.
    pub(crate) calls: Counter,
    /// How these calls ended, each in one of them.
    outcomes: [Counter; CallOutcome::ALL.len()],
    /// Calls among these that came back after they had been given up.
    pub(crate) late_completions: Counter,
    pub(crate) packets_in: Counter,
    pub(crate) packets_out: Counter,
    /// Packets given to an output without a link.
    pub(crate) packets_unlinked: Counter,
    /// Calls that ended with a typed error.
    pub(crate) errors: Counter,
    /// Calls of any operation that did not return in time; the watch writes it.
    pub(crate) timeouts: Counter,
    /// Warnings about these.
    pub(crate) timeout_warnings: Limiter,
    /// Sends that found no room within the send timeout.
    pub(crate) send_timeouts: Counter,
    send_timeout_warnings: Limiter,
    /// Instances that were made anew.
    pub(crate) restarts: Counter,
    /// Packets that were in flight when the instance failed, and were given up.
    pub(crate) lost_in_flight: Counter,
    /// Packets that passed the node by.
    pub(crate) bypassed: Counter,
    /// Packets that went around a cycle and were taken for lost.
    pub(crate) lost_credits: Counter,
    /// Packets that came from an abandoned call, later.
    pub(crate) late_outputs: Counter,
    /// Ticks that began a whole interval late or more.
    pub(crate) late_ticks: Counter,
    /// Presentation time of the newest packet that came in or went out, plus one; 0 when there was none.
    pub(crate) position: Counter,
    /// Number of the newest packet that came in.
    pub(crate) newest_seq: Counter,
    pub(crate) call_time: Histogram,
    /// How long packets were on a link before the node took them.
    pub(crate) queue_wait: Histogram,
    /// How long calls of the node, or its worker between them, waited for room on a link.
    pub(crate) send_wait: Histogram,
    /// A packet outlived its failed call: it is neither delivered nor counted yet.
    holds_packet: AtomicBool,
    state: Counter,
    last_error: Mutex<Option<String>>,
}

impl NodeCounters {
    /// Counts a packet that came in.
    #[inline]
    pub(crate) fn packet_came(&self, packet: &Packet) {
        self.packets_in.increment();
        self.saw_pts(packet.pts_ns());
        self.newest_seq.set(packet.seq());
    }

    /// Notes how far the stream has come.
    #[inline]
    pub(crate) fn saw_pts(&self, pts_ns: Option<i64>) {
        if let Some(pts_ns) = pts_ns.and_then(|pts_ns| u64::try_from(pts_ns).ok()) {
            self.position.raise_to(pts_ns + 1);
        }
    }

    /// How far the stream has come, in nanoseconds of presentation time.
    pub(crate) fn position_ns(&self) -> Option<u64> {
        self.position.value().checked_sub(1)
    }

    /// Counts the end of a call.
    pub(crate) fn call_ended(&self, outcome: CallOutcome) {
        if let Some(counter) = self.outcomes.get(outcome as usize) {
            counter.increment();
        }
    }

    /// Calls that ended in one way.
    pub(crate) fn ended_with(&self, outcome: CallOutcome) -> u64 {
        self.outcomes.get(outcome as usize).map_or(0, Counter::value)
    }

    /// Counts a call of any operation that did not return in time. Only who has taken the lease calls it.
    pub(crate) fn timed_out(&self) {
        self.timeouts.increment();
        if self.calls_under_way() > 0 {
            self.call_ended(CallOutcome::Timeout);
        }
    }

    /// Calls that were begun and have not ended; exact for whoever has the lease, else as of some moment.
    pub(crate) fn calls_under_way(&self) -> u64 {
        // Read before the beginnings, so that no call seems to have ended before it began.
        let ended: u64 = self.outcomes.iter().map(Counter::value).sum();
        self.calls.value().saturating_sub(ended)
    }

    /// Counts a send that found no room in time, and says so a few times a minute.
    #[cold]
    pub(crate) fn send_timed_out(&self, output: &str, error: &EmitError) {
        self.send_timeouts.increment();
        if let Some(unsaid) = self.send_timeout_warnings.admit(Instant::now()) {
            let timeouts = self.send_timeouts.value();
            tracing::warn!(output, timeouts, unsaid, "a send ended at its timeout: {error}");
        }
    }

    /// Counts a typed error and keeps its sentence.
    pub(crate) fn error(&self, message: &str) {
        self.errors.increment();
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(message.to_string());
    }

    /// The sentence of the newest error.
    pub(crate) fn last_error(&self) -> Option<String> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes that a packet outlived its failed call. Whoever has the worker's lease answers for it.
    pub(crate) fn hold_packet(&self) {
        self.holds_packet.store(true, Ordering::Relaxed);
    }

    /// Whether a packet outlived its failed call; the caller delivers or counts it.
    pub(crate) fn take_held_packet(&self) -> bool {
        let holds = self.holds_packet.load(Ordering::Relaxed);
        if holds {
            self.holds_packet.store(false, Ordering::Relaxed);
        }
        holds
    }

    pub(crate) fn set_state(&self, state: NodeState) {
        self.state.set(state as u64);
    }

    pub(crate) fn state(&self) -> NodeState {
        NodeState::ALL.into_iter().find(|state| *state as u64 == self.state.value()).unwrap_or(NodeState::Starting)
    }
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum CallOutcome {
    /// It did what it was asked for.
    Ok,
    /// A typed error, or its packets could not be put on their links.
    Error,
    /// The plugin panicked.
    Panic,
    /// The plugin broke the contract of the ABI.
    Contract,
    /// It did not return in time.
    Timeout,
    /// It gave up because the session is stopping.
    Cancelled,
}

impl CallOutcome {
    /// Every outcome, in the order of the metrics.
    pub(crate) const ALL: [Self; 6] =
        [Self::Ok, Self::Error, Self::Panic, Self::Contract, Self::Timeout, Self::Cancelled];

    /// What a fault means for the count.
    pub(crate) fn of(class: FaultClass) -> Self {
        match class {
            FaultClass::Error => Self::Error,
            FaultClass::Cancelled => Self::Cancelled,
            FaultClass::Panic => Self::Panic,
            FaultClass::Contract => Self::Contract,
            FaultClass::Hung | FaultClass::WorkerLost => Self::Timeout,
        }
    }

    /// The word for reports and metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Panic => "panic",
            Self::Contract => "contract_breach",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A call over the boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Operation {
    /// Making an instance.
    Create,
    /// Beginning to run.
    Start,
    /// Asking a source for packets.
    Tick,
    /// Handing over a packet.
    Process,
    /// Telling the end of an input.
    Flush,
    /// Handing over new params.
    Update,
    /// Telling what a node downstream says.
    Hint,
    /// Ending to run.
    Stop,
    /// Freeing an instance.
    Destroy,
    /// Asking for the pins of a node, before there is an instance.
    Pins,
}

impl Operation {
    const ALL: [Self; 10] = [
        Self::Create,
        Self::Start,
        Self::Tick,
        Self::Process,
        Self::Flush,
        Self::Update,
        Self::Hint,
        Self::Stop,
        Self::Destroy,
        Self::Pins,
    ];

    /// A number above 0 for a call word.
    pub(crate) fn code(self) -> u8 {
        self as u8 + 1
    }

    /// The operation of a number.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.code() == code)
    }

    /// The word for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Start => "start",
            Self::Tick => "tick",
            Self::Process => "process",
            Self::Flush => "flush",
            Self::Update => "update",
            Self::Hint => "hint",
            Self::Stop => "stop",
            Self::Destroy => "destroy",
            Self::Pins => "pins",
        }
    }
}

/// Why a node takes no calls any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[error("node `{node}` ({kind}{}) failed in {}: {what}{message}", in_file(.plugin_file), .operation.name(), what = blame(*.class))]
#[non_exhaustive]
pub struct NodeFailure {
    /// Id of the node.
    pub node: String,
    /// Id of its kind.
    pub kind: String,
    /// File of the plugin; `None` when it is linked statically.
    pub plugin_file: Option<PathBuf>,
    /// The call in which it happened.
    pub operation: Operation,
    /// What kind of failure it is.
    #[serde(skip)]
    pub class: FaultClass,
    /// What the plugin or the runtime says about it.
    pub message: String,
    /// Longer text such as a backtrace.
    pub detail: Option<String>,
}

impl NodeFailure {
    pub(crate) fn new([node, kind]: [&str; 2], file: Option<PathBuf>, operation: Operation, fault: Fault) -> Self {
        Self {
            node: node.to_string(),
            kind: kind.to_string(),
            plugin_file: file,
            operation,
            class: fault.class,
            message: fault.message,
            detail: fault.detail,
        }
    }
}

fn in_file(file: &Option<PathBuf>) -> String {
    file.as_ref().map_or_else(String::new, |file| format!(" in {}", file.display()))
}

fn blame(class: FaultClass) -> &'static str {
    match class {
        FaultClass::Error | FaultClass::Cancelled | FaultClass::Hung | FaultClass::WorkerLost => "",
        FaultClass::Panic => "the plugin panicked: ",
        FaultClass::Contract => "the plugin broke its contract: ",
    }
}
