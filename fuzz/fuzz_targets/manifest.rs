//! The text in which a plugin describes itself, and a graph that uses what it says.
#![no_main]

use graphmill::graph::manifest::{ID_LEN_MAX, KINDS_MAX, PINS_MAX};
use graphmill::graph::{Graph, Manifest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let manifest = match Manifest::parse(text) {
        Ok(manifest) => manifest,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert!(manifest.kinds.len() <= KINDS_MAX);
    let kinds = manifest.into_kinds(None);
    for kind in &kinds {
        assert!(!kind.id.is_empty() && kind.id.len() <= ID_LEN_MAX);
        assert!(kind.inputs.len() <= PINS_MAX && kind.outputs.len() <= PINS_MAX);
        // Compiles the schema and fills its defaults into the formats of the pins.
        let params = kind.params_with_defaults(&serde_json::json!({}));
        let graph = Graph::builder().node("node", kind.id.as_str(), params).build(&kinds);
        if let Err(error) = graph {
            assert!(!error.render(false).is_empty());
        }
    }
});
