//! What can be typed after `graphmill`.

#[cfg(feature = "models")]
mod models;

#[cfg(feature = "models")]
pub(crate) use models::{ModelsCommand, StoreAt};

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU64;
use std::path::PathBuf;

const SEARCH: &str = "\
Where plugins come from, in this order:
  1. --plugins PATH, each a library file or a folder of them
  2. `plugins` in the graph file
  3. the variable GRAPHMILL_PLUGIN_PATH, files and folders separated by colons
  4. the folder `plugins` beside this program, and the folder of this program itself
In 1 to 3 everything that is named has to load, and a kind that is offered twice is an error.
In 4 files that are no plugins are left out, and so are plugins whose kinds are there already.

Exit codes: 0 done, 1 the graph failed, 2 bad usage, file, plugin or param; 130 ended by a second ctrl-c.";

/// Runs graphs of media and ML nodes, each node a plugin on a worker of its own.
#[derive(Debug, Parser)]
#[command(name = "graphmill", version, after_help = SEARCH, max_term_width = 110)]
#[command(disable_help_subcommand = true, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command understands.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// Load a plugin library, or every one of a folder; can be given several times
    #[arg(long, value_name = "PATH", global = true, value_hint = ValueHint::AnyPath)]
    pub(crate) plugins: Vec<PathBuf>,
    /// Write the result as JSON to standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to use colours; `auto` is on a terminal, unless NO_COLOR is set
    #[arg(long, value_name = "WHEN", global = true, default_value = "auto")]
    pub(crate) color: Color,
    /// Say nothing but errors: no warnings, no progress, no report
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Log more: -v info, -vv debug, -vvv trace; RUST_LOG says it for each target and wins
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    // No docs here: with them the help would take a paragraph for each word.
    Auto,
    Always,
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a graph file to its end and report what every node did
    ///
    /// The report goes to standard error, so that standard output belongs to sinks of the graph. With --json it is
    /// one line of JSON, the last on standard output. Its times are those of single calls, waiting for room on a
    /// full link included. The first ctrl-c lets the graph finish what is under way, a second one ends at once.
    Run {
        /// Graph file: .toml, .json or .json5
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        #[command(flatten)]
        keep: Keep,
    },
    /// Run a graph written in one line: 'wav.source path=a.wav ! rnnoise ! wav.sink path=b.wav'
    ///
    /// A word is a kind, `key=value` after it a param, and `!` a link. `name=ID` names a node, `ID.` and `ID.PIN`
    /// come back to it: 'wav.source path=a.wav name=a ! wav.sink path=b.wav a. ! wav.sink path=c.wav'.
    Launch {
        /// The graph; several words are put together with spaces
        #[arg(required = true, value_name = "GRAPH")]
        words: Vec<String>,
        #[command(flatten)]
        keep: Keep,
    },
    /// Measure a graph, or one kind on its own: throughput, latency, allocations and processor time per packet
    ///
    /// A graph is run to its end again and again, first without looking, then for the figures, of which the medians
    /// are told, and once more following packets, which costs time, for the times from end to end. Its sinks write
    /// what they write each time. A kind gets made-up packets of the format of its first input, one at a time, and each
    /// has to be answered before the next. Allocations are those of the host; Rust plugins have an allocator of their
    /// own, which nobody counts. Ends with 1 when the graph failed or a figure is worse than --max-regress allows.
    Bench {
        /// Graph file (with a `/` or ending in .toml, .json or .json5) or a kind
        #[arg(value_name = "FILE|KIND", value_hint = ValueHint::FilePath)]
        subject: PathBuf,
        #[command(flatten)]
        how: Measuring,
    },
    /// Check a graph file without running it
    ///
    /// Loads the plugins and checks kinds, pins, formats, params and cycles. Nothing of the graph is created.
    Check {
        /// Graph file: .toml, .json or .json5
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// List the kinds of nodes that the plugins offer, or show one with its pins and params
    Kinds {
        /// Kind to show
        kind: Option<String>,
        /// Params of a node as a JSON object: shows the pins that it has with them
        #[arg(long, value_name = "JSON", requires = "kind")]
        params: Option<String>,
    },
    /// Show what a plugin library offers, or one kind with its pins and params
    ///
    /// A library is loaded in a process of its own: one that crashes, hangs or exits harms nothing but its own look.
    Inspect {
        /// Library file (with a `/` or ending in .so) or a kind
        #[arg(value_name = "LIB|KIND", value_hint = ValueHint::FilePath)]
        subject: PathBuf,
        /// How long a library may take to load, in seconds
        #[arg(long = "timeout", value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
        timeout_s: u64,
    },
    /// Check whether a plugin library keeps its contract, in many trials
    ///
    /// Loads the library, reads what it declares, and makes, uses and destroys instances of each kind in every way that
    /// a host may. Each trial runs in a process of its own: one that crashes or hangs is a finding and not the end.
    /// Ends with 0 when nothing but notes was found, 1 when there are errors or warnings, 2 when the file cannot be
    /// read or a word is wrong.
    Validate(ValidateOf),
    /// Hand saved dead letters to their nodes again, and say which of them fail again
    ///
    /// Makes one instance of each node that the letters come from, with the params that the graph gives it, and hands
    /// it the packets of its letters in order; after a failure it is made anew. Nothing else of the graph runs. Only
    /// packets with payload can be sent again: see `dead_letters` in the `policy` of a node. Ends with 1 if a packet
    /// failed again.
    ReplayDeadLetters {
        /// File that `run --dead-letters` or `launch --dead-letters` has written
        #[arg(value_hint = ValueHint::FilePath)]
        letters: PathBuf,
        /// Graph file with the nodes: .toml, .json or .json5
        #[arg(value_name = "GRAPH", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Only the letters of this node
        #[arg(long, value_name = "ID")]
        node: Option<String>,
    },
    /// Ask and steer a running graph: `run FILE --control SOCKET` serves the socket
    ///
    /// Ends with 0 when it was done, 1 when the session refuses or ends otherwise than it should, 2 when there is no
    /// such session, node or param. With --json everything that the session says is written as it says it.
    Control {
        /// Socket that `run --control` or `launch --control` serves
        #[arg(value_hint = ValueHint::AnyPath)]
        socket: PathBuf,
        #[command(subcommand)]
        what: Steer,
    },
    /// Watch a running graph on the whole terminal: `run FILE --control SOCKET` serves the socket
    ///
    /// Shows rates, times, queues, losses and changes of state of every node; the key `?` says which keys there are.
    #[cfg(feature = "top")]
    Top {
        /// Socket that `run --control` or `launch --control` serves
        #[arg(value_hint = ValueHint::AnyPath)]
        socket: PathBuf,
        /// Time between two looks, in milliseconds; rates are those of the time between them
        #[arg(long, value_name = "MS", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(100..=10_000))]
        interval_ms: u64,
    },
    /// Draw a graph file
    Graph {
        /// Graph file: .toml, .json or .json5
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        #[command(flatten)]
        to: Drawing,
        /// Write to a file instead of standard output
        #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        output: Option<PathBuf>,
    },
    /// Fetch and check model files, and say where they are
    ///
    /// A model's packages come through the client that you have for them: `npm`, `pip` or `apt-get`. Models are kept in
    /// the folder that GRAPHMILL_MODELS names, else in the folder for caches. No graph ever fetches one by itself.
    #[cfg(feature = "models")]
    Models {
        #[command(flatten)]
        store: StoreAt,
        #[command(subcommand)]
        what: ModelsCommand,
    },
    /// Write a completion script for a shell
    Completions {
        /// Shell to write it for
        shell: Shell,
    },
    /// Make one trial of a library; what `validate` runs in a process of its own
    #[command(hide = true)]
    Trial(TrialOf),
    /// Load a library and write its manifest; what `inspect` runs in a process of its own
    #[command(hide = true)]
    ProbePlugin {
        /// Library file
        library: PathBuf,
        /// How long loading may take
        #[arg(long)]
        timeout_ms: u64,
    },
}

/// What to validate, and how.
#[derive(Debug, Clone, Args)]
pub(crate) struct ValidateOf {
    /// Library file
    #[arg(value_name = "LIB", value_hint = ValueHint::FilePath, required_unless_present = "list")]
    pub(crate) library: Option<PathBuf>,
    /// Params for the instances of a kind, where those that its schema allows are not enough: 'wav.source={"path": "a.wav"}'
    #[arg(long, value_name = "KIND=JSON")]
    pub(crate) params: Vec<String>,
    /// Judge only this rule; can be given several times
    #[arg(long, value_name = "RULE")]
    pub(crate) only: Vec<String>,
    /// Chance begins here: the same seed makes the same trials
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) seed: u64,
    /// How long a call may take before the library counts as hung, in seconds
    #[arg(long = "timeout", value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout_s: u64,
    /// List the rules instead
    #[arg(long, conflicts_with_all = ["library", "params", "only"])]
    pub(crate) list: bool,
}

/// One trial.
#[derive(Debug, Clone, Args)]
pub(crate) struct TrialOf {
    /// Library file
    pub(crate) library: PathBuf,
    /// Name of the trial
    #[arg(long)]
    pub(crate) trial: String,
    /// Kind that it is about
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// Params of its instances
    #[arg(long)]
    pub(crate) params: Option<String>,
    /// Where chance begins
    #[arg(long)]
    pub(crate) seed: u64,
    /// How long loading may take
    #[arg(long)]
    pub(crate) timeout_ms: u64,
    /// Folder for files
    #[arg(long)]
    pub(crate) scratch: PathBuf,
}

/// How to measure, and what to compare with.
#[derive(Debug, Clone, Args)]
pub(crate) struct Measuring {
    /// Runs that count
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) runs: u64,
    /// Runs before them that do not count
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u64).range(0..=10_000))]
    pub(crate) warm_up: u64,
    /// End each run of a graph after this long; without it the graph has to end by itself
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) seconds: Option<u64>,
    /// Follow one packet of this many in the run for the times from end to end
    #[arg(long, value_name = "EVERY", default_value = "1")]
    pub(crate) latency: NonZeroU64,
    /// Packets, or ticks of a source, in each run of a kind
    #[arg(long, value_name = "COUNT", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub(crate) packets: u64,
    /// Params of a kind as JSON: '{"db": -6}'
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub(crate) params: String,
    /// Compare with the figures that an earlier `bench --json` has written
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) baseline: Option<PathBuf>,
    /// How much worse than in the baseline a figure may be
    #[arg(long, value_name = "PERCENT", default_value_t = 10.0, requires = "baseline")]
    pub(crate) max_regress: f64,
}

/// What a run leaves behind beside its report, and who may look at it meanwhile.
#[derive(Debug, Clone, Args)]
pub(crate) struct Keep {
    /// Save the packets that made nodes fail and were given up, for `replay-dead-letters` and `packets.source`
    #[arg(long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    pub(crate) dead_letters: Option<PathBuf>,
    /// Follow one packet of this many and show where its time goes; without EVERY all of them
    #[arg(long, value_name = "EVERY", num_args = 0..=1, require_equals = true, default_missing_value = "1")]
    pub(crate) latency: Option<NonZeroU64>,
    /// Serve a socket on which you, and nobody else, can watch and steer the run: see `control` and `top`
    #[arg(long, value_name = "SOCKET", value_hint = ValueHint::AnyPath)]
    pub(crate) control: Option<PathBuf>,
    // Last, because its heading would hold for what comes after it.
    #[command(flatten)]
    pub(crate) metrics: MetricsTo,
}

/// Where the metrics of a run go while it runs.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Metrics")]
pub(crate) struct MetricsTo {
    /// Write metrics to a file, a line of JSON an interval and a last one at the end
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) metrics_json: Option<PathBuf>,
    /// Serve metrics for Prometheus under /metrics while the graph runs; without ADDRESS on this machine only
    #[arg(long, value_name = "[ADDRESS:]PORT", value_parser = page_address)]
    pub(crate) metrics_addr: Option<SocketAddr>,
    /// Send metrics, and with --latency traces, to an OpenTelemetry collector over HTTP, such as http://127.0.0.1:4318
    #[arg(long, value_name = "ENDPOINT", value_hint = ValueHint::Url)]
    pub(crate) otlp: Option<String>,
    /// Seconds between two lines, or two exports to the collector
    #[arg(long = "metrics-interval", value_name = "SECONDS", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) metrics_interval_s: u64,
}

/// A port of this machine alone, or an address that says who may read.
fn page_address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    text.parse().map_err(|_| "write a port, such as 9464, or an address with a port, such as 127.0.0.1:9464".to_owned())
}

/// What to ask of a running session.
#[derive(Debug, Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum Steer {
    /// Show what every node and link has done so far
    Report,
    /// Follow the changes of state, from the start to the end of the session
    ///
    /// Ends with 1 when the session did not end as it should.
    Events,
    /// Show the packets that made nodes fail and were given up
    DeadLetters,
    /// Give a node new params; those that are not named keep their values, `null` takes one back to its default
    Update {
        /// Id of the node
        node: String,
        /// Params as JSON: '{"db": -6}'
        params: String,
    },
    /// Tell a node something as if a node downstream did
    Hint {
        /// Id of the node
        node: String,
        /// Output that the hint comes in on
        output: String,
        /// Name of the hint, such as `video.keyframe`
        name: String,
        /// Content as JSON
        #[arg(default_value = "null")]
        content: String,
    },
    /// Let a source rest
    Pause(Which),
    /// Let a source go on
    Resume(Which),
    /// End the sources and let the rest finish, as ctrl-c does
    Drain,
    /// End everything at once; what is under way is dropped and counted
    Abort,
}

/// Which sources.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Which {
    /// Id of the source
    pub(crate) node: Option<String>,
    /// All sources
    #[arg(long)]
    pub(crate) all: bool,
}

/// As what to draw.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Drawing {
    /// As text for Graphviz
    #[arg(long)]
    pub(crate) dot: bool,
    /// As text for Mermaid
    #[arg(long)]
    pub(crate) mermaid: bool,
    /// As a picture
    #[arg(long)]
    pub(crate) svg: bool,
}
