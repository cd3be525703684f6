//! Params against a schema that comes from a plugin: `{"schema": ..., "params": ...}`.
#![no_main]

use graphmill::graph::{Graph, KindInfo, Manifest};
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};

#[derive(Deserialize)]
struct Case {
    schema: Value,
    params: Value,
}

static KIND: LazyLock<KindInfo> = LazyLock::new(|| {
    let pin = json!({ "name": "out", "format": "audio f32 {rate_hz} Hz" });
    let kind = json!({ "id": "k", "role": "source", "title": "", "description": "", "inputs": [], "outputs": [pin],
        "params_schema": { "type": "object" } });
    let manifest = json!({ "plugin": { "id": "p", "version": "1.0.0" }, "kinds": [kind] });
    let kinds = Manifest::parse(&manifest.to_string()).expect("a sound manifest").into_kinds(None);
    kinds.first().expect("one kind").as_ref().clone()
});

fuzz_target!(|text: &str| {
    let Ok(Case { schema, params }) = serde_json::from_str(text) else { return };
    let kind = KindInfo { params_schema: schema, ..KIND.clone() };
    let filled = kind.params_with_defaults(&params);
    let kinds = vec![Arc::new(kind)];
    for params in [params, filled] {
        match Graph::builder().node("node", "k", params).build(&kinds) {
            Ok(graph) => assert_eq!(graph.nodes().len(), 1),
            Err(error) => assert!(!error.render(false).is_empty()),
        }
    }
});
