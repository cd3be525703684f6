//! The pins of a node of which nothing is known but what the links of the graph call them.

use super::ends::split_chain;
use crate::graph::format::FormatTemplate;
use crate::graph::kind::{KindInfo, PinInfo};
use crate::graph::spec::LinkSpec;

/// The kind with the pins that links name at this node, each for anything; on a side where they name none, with those that
/// it has without params. A pin that is named in the middle of a chain is taken for an output.
pub(crate) fn with_named_pins(kind: &KindInfo, node: &str, links: &[LinkSpec]) -> KindInfo {
    let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
    let mut note = |term: &str, is_input: bool, is_middle: bool| {
        let Some(pin) = term.strip_prefix(node).and_then(|rest| rest.strip_prefix('.')) else { return };
        let side = if is_input && !is_middle { &mut inputs } else { &mut outputs };
        if !side.iter().any(|known: &PinInfo| known.name == pin) {
            side.extend(pin_for_anything(pin));
        }
    };
    for link in links {
        match link {
            LinkSpec::Chain(chain) => {
                let terms = split_chain(chain);
                let last = terms.len().saturating_sub(1);
                terms.iter().enumerate().for_each(|(at, (term, _))| note(term, at == last, at > 0 && at < last));
            }
            LinkSpec::Detailed { from, to, .. } => {
                note(from.trim(), false, false);
                note(to.trim(), true, false);
            }
        }
    }
    let or_own = |named: Vec<PinInfo>, own: &[PinInfo]| if named.is_empty() { own.to_vec() } else { named };
    KindInfo { inputs: or_own(inputs, &kind.inputs), outputs: or_own(outputs, &kind.outputs), ..kind.clone() }
}

fn pin_for_anything(name: &str) -> Option<PinInfo> {
    let format = FormatTemplate::parse("any").ok()?;
    Some(PinInfo { name: name.to_owned(), format, description: String::new(), optional: true })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Manifest;

    fn kind() -> KindInfo {
        let text = r#"{"plugin": {"id": "p", "version": "1.0.0"}, "kinds": [{
            "id": "p.kind", "role": "processor", "title": "", "description": "", "params_schema": {},
            "inputs": [{"name": "in", "format": "text"}], "outputs": [{"name": "out", "format": "text"}]}]}"#;
        Manifest::parse(text).unwrap().kinds.remove(0)
    }

    /// The pins of `model` among these links, inputs then outputs.
    fn pins(links: &[LinkSpec]) -> [Vec<String>; 2] {
        let named = with_named_pins(&kind(), "model", links);
        [named.inputs, named.outputs].map(|pins| pins.into_iter().map(|pin| pin.name).collect())
    }

    #[test]
    fn pins_are_those_that_links_name_and_else_those_of_the_kind() {
        let chain = |text: &str| LinkSpec::Chain(text.to_owned());
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let table: [(&[LinkSpec], &[&str], &[&str]); 5] = [
            (&[], &["in"], &["out"]),
            (&[chain("a -> model -> b")], &["in"], &["out"]),
            (&[chain("a -> model.x"), LinkSpec::new("c", " model.y "), chain("a -> model.x")], &["x", "y"], &["out"]),
            (&[chain("model.p -> b"), chain("a -> model.q -> b"), chain("model2.r -> b")], &["in"], &["p", "q"]),
            (&[LinkSpec::new("model.p", "b.p"), chain("a -> model.x")], &["x"], &["p"]),
        ];
        for (links, inputs, outputs) in table {
            assert_eq!(pins(links), [owned(inputs), owned(outputs)], "{links:?}");
        }
    }
}
