//! A spec becomes a graph, or the list of everything that is wrong with it.
//!
//! The checks go on after a fault wherever the rest can still be judged: what hangs on a broken node or link is left out instead of
//! being reported as a second fault.

mod cycles;
mod ends;
mod links;
mod meeting;
mod named;
mod order;
mod vertices;

use std::path::Path;

use super::diagnostic::{Diagnostic, GraphError};
use super::kind::Kinds;
use super::model::{Graph, Link, Node, PinRef, WarmUp};
use super::source::{Place, Reporter, Source};
use super::spec::{GraphSpec, LINKS_MAX, NODES_MAX, WARM_UPS_MAX};
use links::Draft;
use vertices::Vertex;

/// Looks up an environment variable; `None` when it is not set.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The environment of this process.
pub(crate) fn process_env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// What a graph is built from.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a> {
    pub(crate) spec: &'a GraphSpec,
    pub(crate) source: Option<&'a Source>,
    pub(crate) base_dir: Option<&'a Path>,
    pub(crate) kinds: &'a dyn Kinds,
    pub(crate) env: Env<'a>,
}

/// Checks the spec and makes the graph; `mistakes` are faults that were found before.
pub(crate) fn build(input: &Input<'_>, mistakes: Vec<Diagnostic>) -> Result<Graph, GraphError> {
    let mut reporter = Reporter::new(input.source);
    check_size(input.spec, &mut reporter);
    if reporter.has_errors() {
        return Err(GraphError::new(reporter.finish().0));
    }
    let (mut vertices, warm_ups) = vertices::collect(input, &mut reporter);
    let mut drafts = links::connect(input, &mut vertices, &mut reporter);
    links::check_unlinked(&vertices, &drafts, &mut reporter);
    cycles::check(&vertices, &mut drafts, &mut reporter);
    let order = order::arrange(vertices.len(), &mut drafts);
    let (errors, warnings) = reporter.finish();
    let faults: Vec<Diagnostic> = mistakes.into_iter().chain(errors).collect();
    if !faults.is_empty() {
        return Err(GraphError::new(faults));
    }
    Ok(assemble(input.spec, (vertices, drafts), &order, (warm_ups, warnings)))
}

/// Sizes are checked first, so that no later check has to work on more than that.
fn check_size(spec: &GraphSpec, reporter: &mut Reporter<'_>) {
    let count = spec.nodes.len() + spec.inlets.len() + spec.outlets.len();
    if spec.nodes.is_empty() {
        let error = Diagnostic::error("the graph has no nodes")
            .help("add a node, like `[nodes.mic]` with `kind = \"wav.source\"`");
        reporter.report(&Place::of(&["nodes"]), error);
    }
    if count > NODES_MAX {
        let error =
            Diagnostic::error(format!("the graph has {count} nodes, at most {NODES_MAX} are allowed")).help("split it");
        reporter.report(&Place::of(&["nodes"]), error);
    }
    if spec.warm_up.len() > WARM_UPS_MAX {
        let count = spec.warm_up.len();
        let error = Diagnostic::error(format!("`warm_up` has {count} entries, at most {WARM_UPS_MAX} are allowed"));
        reporter.report(&Place::of(&["warm_up"]), error.help("list each model once; nodes share what is loaded"));
    }
    if spec.links.len() > LINKS_MAX {
        let error =
            Diagnostic::error(format!("the graph has {} links, at most {LINKS_MAX} are allowed", spec.links.len()));
        reporter.report(&Place::of(&["links"]), error.help("split it"));
    }
}

/// Puts the vertices in their order and points the links at their new places.
fn assemble(
    spec: &GraphSpec,
    (vertices, drafts): (Vec<Vertex<'_>>, Vec<Draft>),
    order: &[usize],
    (warm_ups, warnings): (Vec<WarmUp>, Vec<Diagnostic>),
) -> Graph {
    let place_of = order::positions(order);
    let moved = |pin: PinRef| PinRef { node: place_of.get(pin.node).copied().unwrap_or_default(), pin: pin.pin };
    let links = drafts
        .into_iter()
        .map(|draft| Link { from: moved(draft.from), to: moved(draft.to), ..draft.into_link() })
        .collect();
    let mut slots: Vec<Option<Node>> = vertices.into_iter().map(|vertex| Some(vertex.into_node())).collect();
    let nodes = order.iter().filter_map(|vertex| slots.get_mut(*vertex)?.take()).collect();
    Graph { name: spec.name.clone(), description: spec.description.clone(), warm_ups, nodes, links, warnings }
}
