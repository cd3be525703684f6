//! Graphs written in Rust.

use std::path::PathBuf;

use serde_json::Value;

use super::build::{self, Env};
use super::diagnostic::{Diagnostic, GraphError};
use super::format::FormatSet;
use super::kind::Kinds;
use super::model::Graph;
use super::spec::{DefaultsSpec, EndSpec, GraphSpec, LinkSpec, NodeSpec, WarmUpSpec};

/// Collects a graph; every mistake is kept and reported by [`GraphBuilder::build`].
///
/// # Examples
/// ```
/// use graphmill::graph::Graph;
/// use serde_json::json;
///
/// let spec = Graph::builder()
///     .node("mic", "wav.source", json!({ "path": "a.wav" }))
///     .node("denoise", "rnnoise", json!({}))
///     .outlet("out", "audio f32 48000 Hz mono")
///     .chain(["mic", "denoise", "out"])
///     .into_spec();
/// assert_eq!(spec.nodes.len(), 2);
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct GraphBuilder {
    spec: GraphSpec,
    base_dir: Option<PathBuf>,
    mistakes: Vec<Diagnostic>,
}

impl GraphBuilder {
    /// Names the graph.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.spec.name = Some(name.into());
        self
    }

    /// Has a session make an instance before the nodes and keep it, so that what it loads is there when they ask.
    pub fn warm_up(mut self, kind: impl Into<String>, params: Value) -> Self {
        self.spec.warm_up.push(WarmUpSpec::new(kind, params));
        self
    }

    /// Adds a node of a kind with its params.
    pub fn node(self, id: impl Into<String>, kind: impl Into<String>, params: Value) -> Self {
        self.node_with(id, NodeSpec::new(kind).with_params(params))
    }

    /// Adds a node with all its settings.
    pub fn node_with(mut self, id: impl Into<String>, node: NodeSpec) -> Self {
        let id = id.into();
        if self.spec.nodes.contains_key(&id) {
            self.mistakes.push(twice("node", &id));
        }
        self.spec.nodes.insert(id, node);
        self
    }

    /// Adds a place where the application pushes packets in, with what may pass, for example `audio f32 16000 Hz mono` or `any`.
    pub fn inlet(mut self, id: impl Into<String>, format: &str) -> Self {
        let id = id.into();
        if self.spec.inlets.contains_key(&id) {
            self.mistakes.push(twice("inlet", &id));
        }
        let format = self.read_format(("inlet", &id), format);
        self.spec.inlets.insert(id, EndSpec { format });
        self
    }

    /// Adds a place where the application takes packets out, with what may pass.
    pub fn outlet(mut self, id: impl Into<String>, format: &str) -> Self {
        let id = id.into();
        if self.spec.outlets.contains_key(&id) {
            self.mistakes.push(twice("outlet", &id));
        }
        let format = self.read_format(("outlet", &id), format);
        self.spec.outlets.insert(id, EndSpec { format });
        self
    }

    /// Links an output to an input; each is `node` or `node.pin`.
    pub fn link(self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.link_with(LinkSpec::new(from, to))
    }

    /// Adds a link with its options.
    pub fn link_with(mut self, link: LinkSpec) -> Self {
        self.spec.links.push(link);
        self
    }

    /// Links each of these to the next one.
    pub fn chain<S: AsRef<str>>(mut self, ids: impl IntoIterator<Item = S>) -> Self {
        let ids: Vec<String> = ids.into_iter().map(|id| id.as_ref().to_owned()).collect();
        self.spec.links.push(LinkSpec::Chain(ids.join(" -> ")));
        self
    }

    /// Sets what holds for links and nodes that do not say otherwise.
    pub const fn defaults(mut self, defaults: DefaultsSpec) -> Self {
        self.spec.defaults = defaults;
        self
    }

    /// Sets the folder that relative paths in params start at.
    pub fn base_dir(mut self, base_dir: impl Into<PathBuf>) -> Self {
        self.base_dir = Some(base_dir.into());
        self
    }

    /// Checks the graph against the kinds and makes it.
    ///
    /// # Errors
    /// Everything that is wrong with the graph, at once.
    pub fn build(self, kinds: &dyn Kinds) -> Result<Graph, GraphError> {
        self.build_with_env(kinds, &build::process_env)
    }

    /// As [`GraphBuilder::build`], with `${VAR}` looked up in `env` instead of the environment of the process.
    ///
    /// # Errors
    /// Everything that is wrong with the graph, at once.
    pub fn build_with_env(self, kinds: &dyn Kinds, env: Env<'_>) -> Result<Graph, GraphError> {
        let input = build::Input { spec: &self.spec, source: None, base_dir: self.base_dir.as_deref(), kinds, env };
        build::build(&input, self.mistakes)
    }

    /// The spec as it stands, without any check.
    #[must_use]
    pub fn into_spec(self) -> GraphSpec {
        self.spec
    }

    fn read_format(&mut self, (what, id): (&str, &str), text: &str) -> FormatSet {
        text.parse().unwrap_or_else(|error| {
            self.mistakes.push(Diagnostic::error(format!("format of {what} `{id}`: {error}")));
            FormatSet::any()
        })
    }
}

fn twice(what: &str, id: &str) -> Diagnostic {
    Diagnostic::error(format!("{what} `{id}` is added twice")).help("give each its own id")
}
