//! Every instrument of a session: one table, which `docs/METRICS.md` shows and a test compares with what is exported.

/// A quantity that a session measures.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Instrument {
    /// Name after the conventions of OpenTelemetry: `graphmill.node.calls`.
    pub name: &'static str,
    /// What its numbers do.
    pub kind: InstrumentKind,
    /// Unit in the notation of UCUM: `s`, `By`, or what is counted in braces, such as `{packet}`.
    pub unit: &'static str,
    /// The attributes that tell its series apart. Each takes few values, which the graph and this crate bound.
    pub attributes: &'static [&'static str],
    /// One sentence.
    pub description: &'static str,
}

/// What the numbers of an instrument do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InstrumentKind {
    /// It only goes up while the session runs.
    Counter,
    /// It goes up and down.
    Gauge,
    /// A distribution of durations.
    Histogram,
}

impl InstrumentKind {
    /// The word for docs and exporters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

const NODE: &[&str] = &["session", "node", "kind"];
const LINK: &[&str] = &["session", "link"];
const SESSION: &[&str] = &["session"];

macro_rules! instruments {
    ($($id:ident: $kind:ident $name:literal $unit:literal $attributes:expr, $description:literal;)*) => {
        $(
            pub(crate) static $id: Instrument = Instrument {
                name: $name,
                kind: InstrumentKind::$kind,
                unit: $unit,
                attributes: $attributes,
                description: $description,
            };
        )*

        /// Every instrument, in the order in which snapshots have them.
        pub static INSTRUMENTS: &[&Instrument] = &[$(&$id),*];
    };
}

instruments! {
    NODE_CALLS: Counter "graphmill.node.calls" "{call}" &["session", "node", "kind", "outcome"],
        "Calls of tick, process and flush that have ended, each with one outcome.";
    NODE_ACTIVE_CALLS: Gauge "graphmill.node.active_calls" "{call}" NODE,
        "Calls of tick, process and flush that were begun and have not ended.";
    NODE_CALL_DURATION: Histogram "graphmill.node.call.duration" "s" NODE,
        "How long calls took, waiting for room included; without those that were given up.";
    NODE_QUEUE_WAIT: Histogram "graphmill.node.queue_wait.duration" "s" NODE,
        "How long packets were on a link before the node took them; on one worker from the end of the call that gave them.";
    NODE_SEND_WAIT: Histogram "graphmill.node.send_wait.duration" "s" NODE,
        "How long a call of the node, or its worker between calls, waited for room on a link to another worker.";
    NODE_LATE_COMPLETIONS: Counter "graphmill.node.late_completions" "{call}" NODE,
        "Calls that came back after they had been given up; their outcome is timeout.";
    NODE_LATE_OUTPUTS: Counter "graphmill.node.late_outputs" "{packet}" NODE,
        "Packets that a call gave after it had been given up; they were dropped.";
    NODE_CALL_TIMEOUTS: Counter "graphmill.node.call_timeouts" "{call}" NODE,
        "Calls of any operation, create and stop included, that did not return within their deadline.";
    NODE_SEND_TIMEOUTS: Counter "graphmill.node.send_timeouts" "{send}" NODE,
        "Sends that found no room on a link within the send timeout.";
    NODE_RESTARTS: Counter "graphmill.node.restarts" "{restart}" NODE,
        "Instances that were made anew after a failure.";
    NODE_PACKETS: Counter "graphmill.node.packets" "{packet}" &["session", "node", "kind", "direction"],
        "Packets that the node took in, and that it gave, once whatever the number of links.";
    NODE_LOST_PACKETS: Counter "graphmill.node.lost_packets" "{packet}" &["session", "node", "kind", "reason"],
        "Packets that were lost at the node and not on a link.";
    NODE_BYPASSED_PACKETS: Counter "graphmill.node.bypassed_packets" "{packet}" NODE,
        "Packets that passed the node by after it tripped.";
    NODE_LATE_TICKS: Counter "graphmill.node.late_ticks" "{tick}" NODE,
        "Ticks that began a whole interval late or more.";
    NODE_HINTS: Counter "graphmill.node.hints" "{hint}" &["session", "node", "kind", "fate"],
        "Hints from downstream that the node heard, that a newer one replaced, or that nobody heard.";
    NODE_PAUSED: Gauge "graphmill.node.paused" "{node}" NODE,
        "1 while the node is a source that rests, else 0.";
    NODE_SUPPRESSED: Counter "graphmill.node.suppressed_records" "{record}" NODE,
        "Log records that were dropped because the node wrote too many in a second.";
    NODE_STATE: Gauge "graphmill.node.state" "{node}" &["session", "node", "kind", "state"],
        "1 for the state that the node is in, 0 for the others.";
    NODE_POSITION: Gauge "graphmill.node.position" "s" NODE,
        "Presentation time of the newest packet that came in or went out; absent before the first one that has any.";
    LINK_DEPTH: Gauge "graphmill.link.depth" "{packet}" LINK,
        "Packets that wait on the link.";
    LINK_CAPACITY: Gauge "graphmill.link.capacity" "{packet}" LINK,
        "Packets that the link holds.";
    LINK_DEPTH_MAX: Gauge "graphmill.link.depth_max" "{packet}" LINK,
        "The most packets that waited when the consumer looked.";
    LINK_DELIVERED: Counter "graphmill.link.delivered_packets" "{packet}" LINK,
        "Packets that the consumer took.";
    LINK_DROPPED: Counter "graphmill.link.dropped_packets" "{packet}" &["session", "link", "reason"],
        "Packets that were lost on the link.";
    SESSION_DURATION: Gauge "graphmill.session.duration" "s" SESSION,
        "How long the session has run, or ran until its end.";
    SESSION_DEAD_LETTERS: Counter "graphmill.session.dead_letters" "{packet}" SESSION,
        "Packets in flight at a failure that were given up.";
    SESSION_DEAD_LETTER_BYTES: Gauge "graphmill.session.dead_letter_size" "By" SESSION,
        "Bytes that the kept dead letters hold.";
    SESSION_ABANDONED_THREADS: Counter "graphmill.session.abandoned_threads" "{thread}" SESSION,
        "Threads of the session that did not return from a plugin in time and were abandoned.";
    RESOURCE_REQUESTS: Counter "graphmill.resource.requests" "{request}" &["session", "outcome"],
        "Questions for something that is loaded once, answered at once or not, in the runtime of the session.";
    RESOURCE_LOADS: Counter "graphmill.resource.loads" "{load}" SESSION,
        "Loads that were begun in the runtime of the session.";
    RESOURCE_LOAD_FAILURES: Counter "graphmill.resource.load_failures" "{load}" SESSION,
        "Loads that ended with an error or a panic, or gave something that does not fit the budget.";
    RESOURCE_EVICTIONS: Counter "graphmill.resource.evictions" "{entry}" SESSION,
        "Entries that made room for others.";
    RESOURCE_ENTRIES: Gauge "graphmill.resource.entries" "{entry}" SESSION,
        "What is loaded now in the runtime of the session.";
    RESOURCE_SIZE: Gauge "graphmill.resource.size" "By" SESSION,
        "Bytes of what is loaded now, as those who loaded it say.";
    PROCESS_ABANDONED_THREADS: Gauge "graphmill.process.abandoned_threads" "{thread}" &[],
        "Abandoned threads of all sessions of the process that have not come back.";
    LOG_DAMAGED: Counter "graphmill.log.damaged_records" "{record}" &["reason"],
        "Log records of plugins, or texts in them, that were lost or changed, in all sessions of the process.";
}
