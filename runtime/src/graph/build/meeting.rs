//! Formats at the two ends of a link.

use serde_json::Value;

use super::ends::Side;
use super::links::{Draft, end_text};
use super::vertices::Vertex;
use crate::graph::diagnostic::Diagnostic;
use crate::graph::format::FormatSet;
use crate::graph::kind::{KindInfo, Kinds};
use crate::graph::model::{NodeRole, Pin};
use crate::graph::source::Reporter;
use crate::graph::suggest;

/// Capability of a kind that checks the shape of each tensor that it gets.
const JUDGES_SHAPES: &str = "judges_shapes";
/// Converters named in one message.
const CONVERTERS_SHOWN: usize = 3;

/// Finds what may travel on each link, and reports links on which nothing may.
pub(crate) fn check(kinds: &dyn Kinds, vertices: &mut [Vertex<'_>], drafts: &mut [Draft], reporter: &mut Reporter<'_>) {
    for draft in drafts {
        let given = vertices.get(draft.from.node).and_then(|vertex| vertex.outputs.get(draft.from.pin));
        let taken = vertices.get(draft.to.node).and_then(|vertex| vertex.inputs.get(draft.to.pin));
        let (Some(given), Some(taken)) = (given, taken) else {
            continue;
        };
        match given.format.intersect(&taken.format) {
            Some(format) => draft.format = if judges_shapes(vertices, draft) { lenient(given, taken) } else { format },
            None => {
                let from = end_text(vertices, draft.from, Side::Output);
                let to = end_text(vertices, draft.to, Side::Input);
                let title = format!("`{from}` gives `{}`, but `{to}` takes `{}`", given.format, taken.format);
                let error = Diagnostic::error(title).label("no packet fits both");
                reporter.report(&draft.place, error.help(way_out(kinds, &given.format, &taken.format)));
            }
        }
    }
}

/// Whether the taker looks at the lengths of every tensor itself: one that does not fit costs itself there, and not the
/// node that gave it.
fn judges_shapes(vertices: &[Vertex<'_>], draft: &Draft) -> bool {
    let role = vertices.get(draft.to.node).and_then(|vertex| vertex.role.as_ref());
    matches!(role, Some(NodeRole::Kind(kind)) if kind.capabilities.iter().any(|capability| capability == JUDGES_SHAPES))
}

/// What may travel where the taker judges shapes: what was given and known to fit is not looked at again.
fn lenient(given: &Pin, taken: &Pin) -> FormatSet {
    given.format.intersect(&taken.format.with_open_shapes()).unwrap_or_else(FormatSet::any)
}

fn way_out(kinds: &dyn Kinds, given: &FormatSet, taken: &FormatSet) -> String {
    let known = kinds.kinds();
    let mut converters: Vec<(bool, &str)> =
        known.iter().filter_map(|kind| Some((!converts(kind, given, taken)?, kind.id.as_str()))).collect();
    converters.sort_unstable();
    let names: Vec<&str> = converters.into_iter().map(|(_, name)| name).take(CONVERTERS_SHOWN).collect();
    if names.is_empty() {
        return "change the params of one of the two nodes, or load a plugin with a kind that converts".to_owned();
    }
    format!("put {} between them", suggest::list(&names, "or"))
}

/// Whether a kind could stand between the two; the answer is whether a param decides on its output.
///
/// A kind whose two pins are described alike passes on what it takes, so it converts nothing. Of one whose pins depend on params
/// nothing can be said.
fn converts(kind: &KindInfo, given: &FormatSet, taken: &FormatSet) -> Option<bool> {
    let ([input], [output]) = (kind.inputs.as_slice(), kind.outputs.as_slice()) else {
        return None;
    };
    if input.format == output.format || kind.has_pins_by_params() {
        return None;
    }
    let takes = input.format.resolve(&Value::Null).ok()?;
    let gives = output.format.resolve(&Value::Null).ok()?;
    given.intersect(&takes)?;
    gives.intersect(taken)?;
    Some(output.format.params().next().is_some())
}
