//! A graph that has passed every check. It never changes, so threads share it freely.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::builder::GraphBuilder;
use super::diagnostic::Diagnostic;
use super::format::FormatSet;
use super::kind::{KindInfo, Role};
use super::spec::{Deadlines, PassThrough, Policy, TickSpec, WhenFull};

/// A validated, immutable graph.
#[derive(Debug, Clone)]
pub struct Graph {
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) warm_ups: Vec<WarmUp>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) links: Vec<Link>,
    pub(crate) warnings: Vec<Diagnostic>,
}

/// One vertex of a graph: a node, an inlet or an outlet.
#[derive(Debug, Clone)]
pub struct Node {
    pub(crate) id: String,
    pub(crate) role: NodeRole,
    pub(crate) params: Value,
    pub(crate) worker: Option<String>,
    pub(crate) tick: TickSpec,
    pub(crate) send_timeout: Duration,
    pub(crate) deadlines: Deadlines,
    pub(crate) policy: Policy,
    pub(crate) missing: Option<String>,
    pub(crate) inputs: Vec<Pin>,
    pub(crate) outputs: Vec<Pin>,
}

/// An instance that is made before the nodes, for what it loads.
#[derive(Debug, Clone)]
pub struct WarmUp {
    pub(crate) kind: Arc<KindInfo>,
    pub(crate) params: Value,
    pub(crate) create_timeout: Duration,
}

/// What stands behind a vertex.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum NodeRole {
    /// An instance of a kind.
    Kind(Arc<KindInfo>),
    /// The application pushes packets in here; one output `out`.
    Inlet,
    /// The application takes packets out here; one input `in`.
    Outlet,
}

/// One pin of a node with what it takes or gives under the node's params.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    pub(crate) name: String,
    pub(crate) format: FormatSet,
    pub(crate) optional: bool,
}

/// One end of a link, as positions in [`Graph::nodes`] and in the node's pins of that side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PinRef {
    /// Position of the node.
    pub node: usize,
    /// Position of the pin among the outputs (`from`) or inputs (`to`) of the node.
    pub pin: usize,
}

/// A bounded connection from an output to an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub(crate) from: PinRef,
    pub(crate) to: PinRef,
    pub(crate) capacity: usize,
    pub(crate) when_full: WhenFull,
    pub(crate) credits: Option<u32>,
    pub(crate) feedback: bool,
    pub(crate) format: FormatSet,
}

impl WarmUp {
    /// The kind of the instance.
    #[must_use]
    pub fn kind(&self) -> &Arc<KindInfo> {
        &self.kind
    }

    /// Its params, expanded and checked.
    #[must_use]
    pub fn params(&self) -> &Value {
        &self.params
    }

    /// How long making it may take: the deadline `create_ms` of the graph.
    #[must_use]
    pub fn create_timeout(&self) -> Duration {
        self.create_timeout
    }
}

impl Graph {
    /// Starts a graph in code.
    pub fn builder() -> GraphBuilder {
        GraphBuilder::default()
    }

    /// Name for people, logs and metrics.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What the graph is for.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// What is made before the nodes and kept as long as a session of the graph.
    #[must_use]
    pub fn warm_ups(&self) -> &[WarmUp] {
        &self.warm_ups
    }

    /// The vertices in topological order: each one stands after all that feed it, feedback links not counted.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The links in the order in which they were declared.
    #[must_use]
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// What is probably not meant, although the graph can run.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// The vertex with this id and its position.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<(usize, &Node)> {
        self.nodes.iter().enumerate().find(|(_, node)| node.id == id)
    }

    /// The links that leave a vertex, with their positions.
    pub fn links_from(&self, node: usize) -> impl Iterator<Item = (usize, &Link)> {
        self.links.iter().enumerate().filter(move |(_, link)| link.from.node == node)
    }

    /// The links that reach a vertex, with their positions.
    pub fn links_to(&self, node: usize) -> impl Iterator<Item = (usize, &Link)> {
        self.links.iter().enumerate().filter(move |(_, link)| link.to.node == node)
    }

    /// A link as a person writes it: `mic.out -> denoise.in`.
    #[must_use]
    pub fn link_text(&self, link: &Link) -> String {
        let output = self.nodes.get(link.from.node).map(|node| node.output_text(link.from.pin));
        let input = self.nodes.get(link.to.node).map(|node| node.input_text(link.to.pin));
        format!("{} -> {}", output.unwrap_or_default(), input.unwrap_or_default())
    }
}

impl Node {
    /// Id, unique in the graph.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What stands behind the vertex.
    #[must_use]
    pub const fn role(&self) -> &NodeRole {
        &self.role
    }

    /// The kind; `None` for inlets and outlets.
    #[must_use]
    pub const fn kind(&self) -> Option<&Arc<KindInfo>> {
        match &self.role {
            NodeRole::Kind(kind) => Some(kind),
            NodeRole::Inlet | NodeRole::Outlet => None,
        }
    }

    /// Whether the node makes packets on its own and so has to be ticked.
    #[must_use]
    pub fn is_source(&self) -> bool {
        self.kind().is_some_and(|kind| kind.role == Role::Source)
    }

    /// The params as written, with variables expanded and paths resolved; the kind fills in its own defaults.
    #[must_use]
    pub const fn params(&self) -> &Value {
        &self.params
    }

    /// The worker that the node shares with others; `None` gives it one of its own.
    #[must_use]
    pub fn worker(&self) -> Option<&str> {
        self.worker.as_deref()
    }

    /// When a source is asked for packets; without meaning for other nodes.
    #[must_use]
    pub const fn tick(&self) -> TickSpec {
        self.tick
    }

    /// How long a send of this node may wait for room.
    #[must_use]
    pub const fn send_timeout(&self) -> Duration {
        self.send_timeout
    }

    /// What is done about the failures of the node.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Why no instance of the node can be made, where its policy lets the rest go on without it.
    #[must_use]
    pub fn missing(&self) -> Option<&str> {
        self.missing.as_deref()
    }

    /// Whether packets may pass the node by: it has one input and one output, and they have the same format.
    #[must_use]
    pub fn pass_through(&self) -> PassThrough {
        PassThrough::of(&self.inputs, &self.outputs)
    }

    /// How long each call into the node may take.
    #[must_use]
    pub const fn deadlines(&self) -> &Deadlines {
        &self.deadlines
    }

    /// Pins that take packets.
    #[must_use]
    pub fn inputs(&self) -> &[Pin] {
        &self.inputs
    }

    /// Pins that give packets.
    #[must_use]
    pub fn outputs(&self) -> &[Pin] {
        &self.outputs
    }

    fn output_text(&self, pin: usize) -> String {
        pin_text(&self.id, self.outputs.get(pin))
    }

    fn input_text(&self, pin: usize) -> String {
        pin_text(&self.id, self.inputs.get(pin))
    }
}

/// A pin as a person writes it: `mix.left`.
pub(crate) fn pin_text(id: &str, pin: Option<&Pin>) -> String {
    format!("{id}.{}", pin.map_or("?", |pin| pin.name.as_str()))
}

impl NodeRole {
    /// The kind's id, or `inlet` or `outlet`.
    #[must_use]
    pub fn label(&self) -> &str {
        match self {
            Self::Kind(kind) => &kind.id,
            Self::Inlet => "inlet",
            Self::Outlet => "outlet",
        }
    }
}

impl Pin {
    /// Name, unique on its side of the node.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the pin takes or gives.
    #[must_use]
    pub const fn format(&self) -> &FormatSet {
        &self.format
    }
}

impl Link {
    /// The output.
    #[must_use]
    pub const fn from(&self) -> PinRef {
        self.from
    }

    /// The input.
    #[must_use]
    pub const fn to(&self) -> PinRef {
        self.to
    }

    /// Packets that the link holds.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// What the full link does with the next packet.
    #[must_use]
    pub const fn when_full(&self) -> WhenFull {
        self.when_full
    }

    /// Packets that may be under way around the cycle that this link closes.
    #[must_use]
    pub const fn credits(&self) -> Option<u32> {
        self.credits
    }

    /// Whether the link runs against the order of the nodes and closes a cycle.
    #[must_use]
    pub const fn is_feedback(&self) -> bool {
        self.feedback
    }

    /// What may travel here: what the output gives and the input takes.
    #[must_use]
    pub const fn format(&self) -> &FormatSet {
        &self.format
    }
}
