//! From a file or a line to a graph, with the plugins that it needs.

use crate::arguments::Global;
use crate::console::Console;
use crate::failure::Failure;
use crate::plugins;
use graphmill::graph::{NodeRole, SourcedSpec};
use graphmill::{Graph, GraphSpec, Runtime};
use std::path::Path;

/// A graph that has passed every check, and the runtime with its plugins.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) runtime: Runtime,
    pub(crate) graph: Graph,
    /// What the graph was made of, to point into it.
    pub(crate) spec: SourcedSpec,
}

impl Loaded {
    /// Reads a graph file.
    ///
    /// # Errors
    /// The file, a plugin that it wants, or the graph is wrong.
    pub(crate) fn from_file(console: Console, global: &Global, file: &Path) -> Result<Self, Failure> {
        Self::from_spec(console, global, GraphSpec::load(file)?)
    }

    /// Reads a launch line.
    ///
    /// # Errors
    /// A plugin or the graph is wrong.
    pub(crate) fn from_line(console: Console, global: &Global, line: &str) -> Result<Self, Failure> {
        Self::from_spec(console, global, GraphSpec::parse_launch(line)?)
    }

    fn from_spec(console: Console, global: &Global, spec: SourcedSpec) -> Result<Self, Failure> {
        let runtime = Runtime::new();
        plugins::load(runtime.plugins(), global, Some(&spec))?;
        let graph = spec.build(runtime.plugins()).map_err(|error| match runtime.plugins().plugins().as_slice() {
            [] => Failure::from(error).note(plugins::none_found()),
            _ => error.into(),
        })?;
        for warning in graph.warnings() {
            console.note(&format!("{}\n", warning.render(true)));
        }
        Ok(Self { runtime, graph, spec })
    }

    /// The name of the graph, or else of its file.
    pub(crate) fn session_name(&self) -> String {
        let stem = || Path::new(self.spec.source_name()).file_stem().map(|stem| stem.to_string_lossy().into_owned());
        self.graph.name().map(ToOwned::to_owned).or_else(stem).unwrap_or_default()
    }

    /// The nodes that nothing comes after.
    pub(crate) fn sinks(&self) -> Vec<String> {
        let nodes = self.graph.nodes().iter().enumerate();
        let sinks = nodes.filter(|(at, _)| self.graph.links_from(*at).next().is_none());
        sinks.map(|(_, node)| node.id().to_owned()).collect()
    }

    /// The inlets and outlets, which only an application can use.
    pub(crate) fn ends(&self) -> impl Iterator<Item = (&str, &NodeRole)> {
        let nodes = self.graph.nodes().iter().filter(|node| node.kind().is_none());
        nodes.map(|node| (node.id(), node.role()))
    }

    /// Whether a node writes to standard output: one of its params is `-`, by itself or by default.
    pub(crate) fn writes_to_stdout(&self) -> bool {
        self.graph.nodes().iter().any(|node| {
            let params = node.kind().map(|kind| kind.params_with_defaults(node.params()));
            let values = params.as_ref().and_then(|params| params.as_object()).into_iter().flatten();
            values.into_iter().any(|(_, value)| value == "-")
        })
    }
}
