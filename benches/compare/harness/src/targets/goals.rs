//! The targets, each with what shows it.

use compare_common::Work;

/// Nodes of the chains that a target speaks of.
pub(super) const DEPTH: usize = 8;

/// Something that has to be as cheap as it says.
#[derive(Debug)]
pub(super) struct Goal {
    pub(super) id: &'static str,
    /// What is measured, in words.
    pub(super) what: &'static str,
    pub(super) ours: Place,
    pub(super) baseline: Place,
    pub(super) limit: Limit,
}

/// Where a figure stands among those of the benches.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) bench: &'static str,
    pub(super) contest: &'static str,
    pub(super) way: &'static str,
    pub(super) figure: &'static str,
}

/// What it may come to at most.
#[derive(Debug, Clone, Copy)]
pub(super) enum Limit {
    /// The figure itself, in the unit of the figure.
    Figure(f64),
    /// Its ratio to the baseline.
    Ratio(f64),
}

/// Somebody else who has to be slower by a factor.
#[derive(Debug)]
pub(super) struct Rival {
    pub(super) id: &'static str,
    pub(super) what: &'static str,
    pub(super) work: Work,
    pub(super) peer: &'static str,
    pub(super) at_least: f64,
}

const fn place(bench: &'static str, contest: &'static str, way: &'static str, figure: &'static str) -> Place {
    Place { bench, contest, way, figure }
}

const fn in_turns(id: &'static str, what: &'static str, ours: Place, bare: &'static str, limit: Limit) -> Goal {
    Goal { id, what, ours, baseline: Place { way: bare, ..ours }, limit }
}

/// Names of contests that several goals and curves share.
const ONE_WORKER: &str = "8 nodes on one worker";
const LATENESS: &str = "lateness at 1 kHz";
const ALLOCATIONS: &str = "allocations per packet";
const LOG: &str = "log call that nobody wants";
const IDLE: &str = "1000 idle nodes";
const MODEL: &str = "RNNoise, 10 ms";
const WALL: &str = "wall ns";
/// One allocation in ten thousand packets: threads that start and sleep allocate now and then, bare ones too.
const NO_ALLOCATION: Limit = Limit::Figure(1e-4);
/// 98 % of it.
const MOST_OF_THE_THROUGHPUT: Limit = Limit::Ratio(1.0 / 0.98);

/// All of them.
pub(super) const GOALS: &[Goal] = &[
    in_turns(
        "P1",
        "eight nodes on one worker, per node and packet",
        place("chain", ONE_WORKER, "one worker", WALL),
        "bare queues and calls",
        Limit::Figure(25.0),
    ),
    in_turns(
        "P2",
        "eight nodes, a worker each, links of 64 places, per node and packet",
        place("chain", "8 nodes, a worker each, capacity 64", "a worker each", WALL),
        "bare threads",
        Limit::Ratio(1.0),
    ),
    in_turns(
        "P2",
        "the same with 256 places",
        place("chain", "8 nodes, a worker each, capacity 256", "a worker each", WALL),
        "bare threads",
        Limit::Ratio(1.0),
    ),
    in_turns(
        "P3",
        "round trip of `instance.process`",
        place("process_latency", "round trip", "instance.process", WALL),
        "bare channels",
        Limit::Ratio(1.3),
    ),
    in_turns(
        "P4",
        "lateness of ticks at 1 kHz, 99th percentile",
        place("tick_latency", LATENESS, "ticks of a source", "p99 µs"),
        "bare sleep loop",
        Limit::Ratio(1.2),
    ),
    in_turns(
        "P5",
        "allocations per packet, eight nodes on one worker",
        place("allocations", ALLOCATIONS, "one worker", "allocations"),
        "bare threads",
        NO_ALLOCATION,
    ),
    in_turns(
        "P5",
        "allocations per packet, a worker for each node",
        place("allocations", ALLOCATIONS, "a worker each", "allocations"),
        "bare threads",
        NO_ALLOCATION,
    ),
    Goal {
        id: "P6",
        what: "fan-out to 8 with 16 MiB against none, per packet that arrives",
        ours: place("fan_out", "fan-out to 8, 16777216 bytes", "a worker each", WALL),
        baseline: place("fan_out", "fan-out to 8, 0 bytes", "a worker each", WALL),
        limit: Limit::Ratio(1.2),
    },
    in_turns(
        "P7",
        "disabled `tracing` call in a loaded plugin",
        place("log_bridge", LOG, "tracing in a plugin", WALL),
        "tracing in the application",
        Limit::Figure(5.0),
    ),
    in_turns(
        "P7",
        "disabled `log` call in a loaded plugin",
        place("log_bridge", LOG, "log in a plugin", WALL),
        "tracing in the application",
        Limit::Figure(5.0),
    ),
    in_turns(
        "P8",
        "RNNoise through a graph, per packet of 10 ms",
        place("model", MODEL, "through a graph", WALL),
        "bare loop",
        MOST_OF_THE_THROUGHPUT,
    ),
    in_turns(
        "P8",
        "the same with source and sink on the worker of the model",
        place("model", MODEL, "on one worker", WALL),
        "bare loop",
        MOST_OF_THE_THROUGHPUT,
    ),
    in_turns(
        "P9",
        "1,000 idle nodes: resident memory of each",
        place("idle_nodes", IDLE, "session", "KiB each"),
        "parked threads",
        Limit::Figure(64.0),
    ),
    in_turns(
        "P9",
        "1,000 idle nodes: processor time of all, percent of one processor",
        place("idle_nodes", IDLE, "session", "cpu %"),
        "parked threads",
        // The watch of a session looks at the workers fifty times a second.
        Limit::Figure(1.0),
    ),
];

/// Who else has to be slower, in the cases of the comparison.
pub(super) const RIVALS: &[Rival] = &[
    Rival { id: "P1", what: "eight nodes on one thread", work: Work::Inline, peer: "gstreamer", at_least: 6.0 },
    Rival { id: "P1", what: "eight nodes on one thread", work: Work::Inline, peer: "futuresdr", at_least: 4.0 },
    Rival { id: "P2", what: "eight nodes, a thread each", work: Work::Threads, peer: "gstreamer", at_least: 6.0 },
    Rival { id: "P3", what: "request and reply", work: Work::Call, peer: "tokio", at_least: 2.5 },
];
