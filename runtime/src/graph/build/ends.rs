//! The two ends of a link: from the names that a person wrote to pins.

use std::collections::HashMap;
use std::ops::Range;

use super::vertices::Vertex;
use crate::graph::diagnostic::Diagnostic;
use crate::graph::model::{NodeRole, Pin, PinRef};
use crate::graph::source::{Place, Reporter};
use crate::graph::suggest;

/// A name in a link: `node` or `node.pin`.
#[derive(Debug, Clone)]
pub(crate) struct Term<'s> {
    pub(crate) text: &'s str,
    pub(crate) place: Place,
}

/// Which end of a link a term stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Output,
    Input,
}

impl Side {
    const fn word(self) -> &'static str {
        match self {
            Self::Output => "output",
            Self::Input => "input",
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::Output => Self::Input,
            Self::Input => Self::Output,
        }
    }

    fn pins<'v>(self, vertex: &'v Vertex<'_>) -> &'v [Pin] {
        match self {
            Self::Output => &vertex.outputs,
            Self::Input => &vertex.inputs,
        }
    }
}

/// Takes a chain apart; the range of each term counts bytes of the chain.
pub(crate) fn split_chain(chain: &str) -> Vec<(&str, Range<usize>)> {
    let mut terms = Vec::new();
    let mut start = 0;
    for raw in chain.split("->") {
        let text = raw.trim();
        let from = start + (raw.len() - raw.trim_start().len());
        terms.push((text, from..from + text.len()));
        start += raw.len() + 2;
    }
    terms
}

/// What became of a term.
pub(crate) enum Found {
    /// The pin.
    Pin(PinRef),
    /// The node is of an unknown kind, so nothing can be said; that was reported with the node.
    Unknowable,
    /// It was reported; the position is that of the node, if there is one.
    Wrong(Option<usize>),
}

/// Finds pins by name.
pub(crate) struct Finder<'v, 'a> {
    pub(crate) vertices: &'v [Vertex<'a>],
    by_id: HashMap<&'a str, usize>,
}

impl<'v, 'a> Finder<'v, 'a> {
    pub(crate) fn new(vertices: &'v [Vertex<'a>]) -> Self {
        let by_id = vertices.iter().enumerate().map(|(position, vertex)| (vertex.id, position)).collect();
        Self { vertices, by_id }
    }

    /// The pin that a term stands for; in the middle of a chain a pin name may belong to either side.
    pub(crate) fn find(&self, term: &Term<'_>, side: Side, is_middle: bool, reporter: &mut Reporter<'_>) -> Found {
        let (id, pin) = match term.text.split_once('.') {
            Some((id, pin)) => (id, Some(pin)),
            None => (term.text, None),
        };
        let known = self.by_id.get(id).and_then(|position| Some((*position, self.vertices.get(*position)?)));
        let Some((node, vertex)) = known else {
            let error = self.unknown_node(id, reporter.is_flooded());
            reporter.report(&term.place, error);
            return Found::Wrong(None);
        };
        if vertex.role.is_none() {
            return Found::Unknowable;
        }
        let is_here = |name: &str| has_pin(vertex, side, name);
        let is_there = |name: &str| is_middle && has_pin(vertex, side.other(), name);
        let chosen = match pin {
            Some(name) if is_middle && !is_here(name) && !is_there(name) => Err(no_pin(vertex, name)),
            Some(name) if is_here(name) || !is_there(name) => named_pin(vertex, side, name),
            Some(_) | None => only_pin(vertex, side),
        };
        match chosen {
            Ok(pin) => Found::Pin(PinRef { node, pin }),
            Err(error) => {
                reporter.report(&term.place, *error);
                Found::Wrong(Some(node))
            }
        }
    }

    /// Looking for the nearest of thousands of ids costs time, so it is done only for what is shown.
    fn unknown_node(&self, id: &str, is_flooded: bool) -> Diagnostic {
        if id.is_empty() {
            return Diagnostic::error("a link has an empty end")
                .help("write `a -> b` with the id of a node on both sides");
        }
        let error = Diagnostic::error(format!("there is no node `{id}`")).label("unknown node");
        if is_flooded {
            return error;
        }
        error.maybe_help(suggest::help_for(id, self.vertices.iter().map(|vertex| vertex.id)))
    }
}

fn has_pin(vertex: &Vertex<'_>, side: Side, name: &str) -> bool {
    side.pins(vertex).iter().any(|pin| pin.name == name)
}

fn named_pin(vertex: &Vertex<'_>, side: Side, name: &str) -> Result<usize, Box<Diagnostic>> {
    let pins = side.pins(vertex);
    if let Some(position) = pins.iter().position(|pin| pin.name == name) {
        return Ok(position);
    }
    if pins.is_empty() {
        return Err(no_side(vertex, side));
    }
    let here: Vec<&str> = pins.iter().map(|pin| pin.name.as_str()).collect();
    if has_pin(vertex, side.other(), name) {
        let verb = if side == Side::Output { "starts" } else { "ends" };
        let title =
            format!("`{}.{name}` is an {}, and a link {verb} at an {}", vertex.id, side.other().word(), side.word());
        let qualified: Vec<String> = here.iter().map(|pin| format!("{}.{pin}", vertex.id)).collect();
        return Err(Diagnostic::error(title).help(format!("use {}", suggest::list(&qualified, "or"))).into());
    }
    let title = format!("node `{}` has no {} `{name}`", vertex.id, side.word());
    let error = Diagnostic::error(title).label("unknown pin").maybe_help(suggest::help_for(name, here.iter().copied()));
    // No description of the kind tells what such a node has, so all of it is said here.
    let is_only_here = matches!(&vertex.role, Some(NodeRole::Kind(kind)) if kind.has_pins_by_params());
    let note = || format!("with its params it has {}", suggest::list(&here, "and"));
    Err(if is_only_here { error.note(note()) } else { error }.into())
}

/// The pin of a node that is named without one: the only pin of that side, or the only output that is not optional.
/// Among several inputs nothing is guessed: two links would quietly meet at one of them.
fn only_pin(vertex: &Vertex<'_>, side: Side) -> Result<usize, Box<Diagnostic>> {
    match side.pins(vertex) {
        [] => Err(no_side(vertex, side)),
        [_] => Ok(0),
        pins => {
            let mut needed = pins.iter().enumerate().filter(|(_, pin)| !pin.optional);
            if let (Side::Output, Some((position, _)), None) = (side, needed.next(), needed.next()) {
                return Ok(position);
            }
            let choices: Vec<String> = pins.iter().map(|pin| format!("{}.{}", vertex.id, pin.name)).collect();
            let title = format!("node `{}` has {} {}s; say which one is meant", vertex.id, pins.len(), side.word());
            Err(Diagnostic::error(title).help(format!("write {}", suggest::list(&choices, "or"))).into())
        }
    }
}

/// In the middle of a chain the pins of both sides would do.
fn no_pin(vertex: &Vertex<'_>, name: &str) -> Box<Diagnostic> {
    let pins = vertex.inputs.iter().chain(&vertex.outputs);
    let title = format!("node `{}` has no pin `{name}`", vertex.id);
    let help = suggest::help_for(name, pins.map(|pin| pin.name.as_str()));
    Box::new(Diagnostic::error(title).label("unknown pin").maybe_help(help))
}

/// A source takes nothing, and a sink gives nothing.
fn no_side(vertex: &Vertex<'_>, side: Side) -> Box<Diagnostic> {
    let label = vertex.role.as_ref().map_or("", |role| role.label());
    let verb = if side == Side::Output { "start" } else { "end" };
    let title = format!("node `{}` (`{label}`) has no {}, so no link can {verb} there", vertex.id, side.word());
    Box::new(Diagnostic::error(title).help("turn the link round, or link another node"))
}
