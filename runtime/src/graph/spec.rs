//! The one serde model of a graph: what files, launch lines and the builder all become.
//!
//! A spec is text turned into values and nothing more; whether it makes sense is decided by `build`.

mod deadlines;
mod link;
mod parse;
mod policy;
mod tick;
mod warm_up;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use deadlines::{Deadlines, DeadlinesSpec};
pub use link::LinkSpec;
pub(crate) use parse::spec_from_source;
pub use policy::{
    DeadLetterContent, OnError, OnTrip, PassThrough, Policy, PolicyError, PolicySpec, REDELIVER_MAX, RESTARTS_MAX,
    RestartPolicy, RestartSpec,
};
pub use tick::{LateTicks, TickSpec};
pub use warm_up::{WARM_UPS_MAX, WarmUpSpec};

use super::format::FormatSet;

/// Packets that a link holds unless the graph says otherwise.
pub const CAPACITY_DEFAULT: u32 = 64;
/// Most packets that a link may hold; 16 MiB of packet headers.
pub const CAPACITY_MAX: u32 = 65_536;
/// How long a blocked send waits unless the graph says otherwise.
pub const SEND_TIMEOUT_DEFAULT_MS: u64 = 1_000;
/// Longest send timeout and tick interval: one day.
pub const TIME_MAX_MS: u64 = 86_400_000;
/// Most nodes of one graph, inlets and outlets included.
pub const NODES_MAX: usize = 10_000;
/// Most links of one graph, counted after chains are taken apart.
pub const LINKS_MAX: usize = 100_000;
/// Longest id of a node, inlet, outlet or worker.
pub const NODE_ID_LEN_MAX: usize = 64;

/// A graph as a person wrote it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GraphSpec {
    /// Name for people, logs and metrics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the graph is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Plugin files or folders to load, relative to the graph file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<String>,
    /// What is made before the nodes and kept as long as the session, so that what it loads is there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warm_up: Vec<WarmUpSpec>,
    /// The nodes by id.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub nodes: IndexMap<String, NodeSpec>,
    /// Where the application pushes packets in.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub inlets: IndexMap<String, EndSpec>,
    /// Where the application takes packets out.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub outlets: IndexMap<String, EndSpec>,
    /// What is connected to what.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<LinkSpec>,
    /// What holds for links and nodes that do not say otherwise.
    pub defaults: DefaultsSpec,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `kind`")]
pub struct NodeSpec {
    /// Id of the kind, for example `wav.source`.
    pub kind: String,
    /// The params object; what may stand in it is decided by the kind.
    #[serde(default = "no_params", skip_serializing_if = "is_no_params")]
    pub params: Value,
    /// Nodes that name the same worker share its thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// When a source is asked for packets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tick: Option<TickSpec>,
    /// How long a call of this node may wait for room for a packet, without any progress of the consumer. A node is not
    /// called while its blocking links are full, so this concerns calls that give more packets than there is room for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_timeout_ms: Option<u64>,
    /// How long each call into this node may take.
    #[serde(default, skip_serializing_if = "DeadlinesSpec::is_empty")]
    pub deadlines: DeadlinesSpec,
    /// What is done about the failures of this node.
    #[serde(default, skip_serializing_if = "PolicySpec::is_empty")]
    pub policy: PolicySpec,
}

/// One inlet or outlet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "an object with `format`")]
pub struct EndSpec {
    /// What may pass.
    pub format: FormatSet,
}

/// What holds for links and nodes that do not say otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "an object with `capacity`, `when_full`, `send_timeout_ms`, `deadlines` or `policy`"
)]
pub struct DefaultsSpec {
    /// Packets that a link holds.
    pub capacity: u32,
    /// What a full link does with the next packet.
    pub when_full: WhenFull,
    /// How long a blocked send waits.
    pub send_timeout_ms: u64,
    /// How long each call into a node may take.
    #[serde(skip_serializing_if = "DeadlinesSpec::is_empty")]
    pub deadlines: DeadlinesSpec,
    /// What is done about the failures of a node.
    #[serde(skip_serializing_if = "PolicySpec::is_empty")]
    pub policy: PolicySpec,
}

impl Default for DefaultsSpec {
    fn default() -> Self {
        Self {
            capacity: CAPACITY_DEFAULT,
            when_full: WhenFull::Block,
            send_timeout_ms: SEND_TIMEOUT_DEFAULT_MS,
            deadlines: DeadlinesSpec::default(),
            policy: PolicySpec::default(),
        }
    }
}

/// What a full link does with the next packet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", expecting = "`block`, `drop-oldest`, `drop-newest` or `fail`")]
#[non_exhaustive]
pub enum WhenFull {
    /// The sender waits for room, at most its send timeout.
    #[default]
    Block,
    /// The oldest packet makes room and is counted as dropped.
    DropOldest,
    /// The new packet is dropped and counted.
    DropNewest,
    /// The send fails at once.
    Fail,
}

impl WhenFull {
    /// The word for this policy in graph files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::DropOldest => "drop-oldest",
            Self::DropNewest => "drop-newest",
            Self::Fail => "fail",
        }
    }

    /// Whether a full link never makes its sender wait or fail.
    #[must_use]
    pub const fn drops(self) -> bool {
        matches!(self, Self::DropOldest | Self::DropNewest)
    }
}

impl NodeSpec {
    /// A node of a kind with an empty params object.
    #[must_use]
    pub fn new(kind: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            params: no_params(),
            worker: None,
            tick: None,
            send_timeout_ms: None,
            deadlines: DeadlinesSpec::default(),
            policy: PolicySpec::default(),
        }
    }

    /// Sets the params object.
    #[must_use]
    pub fn with_params(mut self, params: Value) -> Self {
        self.params = params;
        self
    }

    /// Puts the node on a named worker.
    #[must_use]
    pub fn with_worker(mut self, worker: impl Into<String>) -> Self {
        self.worker = Some(worker.into());
        self
    }

    /// Sets when a source is asked for packets.
    #[must_use]
    pub fn with_tick(mut self, tick: TickSpec) -> Self {
        self.tick = Some(tick);
        self
    }

    /// Sets what is done about the failures of this node.
    #[must_use]
    pub fn with_policy(mut self, policy: PolicySpec) -> Self {
        self.policy = policy;
        self
    }

    /// Sets how long each call into this node may take.
    #[must_use]
    pub fn with_deadlines(mut self, deadlines: DeadlinesSpec) -> Self {
        self.deadlines = deadlines;
        self
    }

    /// Sets how long a send of the node may wait for room.
    #[must_use]
    pub fn with_send_timeout_ms(mut self, send_timeout_ms: u64) -> Self {
        self.send_timeout_ms = Some(send_timeout_ms);
        self
    }
}

fn no_params() -> Value {
    Value::Object(Map::new())
}

fn is_no_params(params: &Value) -> bool {
    params.as_object().is_some_and(Map::is_empty)
}

/// Keys of the objects of a graph file, for suggestions; a test compares them with the model above.
pub(crate) mod keys {
    pub(crate) const GRAPH: &[&str] =
        &["name", "description", "plugins", "warm_up", "nodes", "inlets", "outlets", "links", "defaults"];
    pub(crate) const NODE: &[&str] = &["kind", "params", "worker", "tick", "send_timeout_ms", "deadlines", "policy"];
    pub(crate) const POLICY: &[&str] = &["on_error", "restart", "on_trip", "redeliver", "dead_letters"];
    pub(crate) const RESTART: &[&str] = &["max", "window_ms", "backoff_first_ms", "backoff_max_ms", "reset_after_ms"];
    pub(crate) const DEADLINES: &[&str] = &[
        "load_ms",
        "pins_ms",
        "create_ms",
        "start_ms",
        "process_ms",
        "tick_ms",
        "flush_ms",
        "update_ms",
        "hint_ms",
        "stop_ms",
        "destroy_ms",
    ];
    pub(crate) const WARM_UP: &[&str] = &["kind", "params"];
    pub(crate) const END: &[&str] = &["format"];
    pub(crate) const DEFAULTS: &[&str] = &["capacity", "when_full", "send_timeout_ms", "deadlines", "policy"];
    pub(crate) const LINK: &[&str] = &["from", "to", "capacity", "when_full", "credits"];
    pub(crate) const TICK: &[&str] = &["interval_ms", "late"];
}
