//! Tests of the whole way from a text to a graph or to a message.

mod accepted;
mod files;
mod formats;
mod garbage;
mod launch;
mod manifests;
mod params;
mod refused;
mod spec;

use std::sync::{Arc, OnceLock};

use serde_json::json;

use super::{FileType, Graph, GraphError, GraphSpec, KindInfo, Manifest};

/// The kinds of a small audio plugin, with every feature that the checks look at.
pub(super) fn kinds() -> Vec<Arc<KindInfo>> {
    static KINDS: OnceLock<Vec<Arc<KindInfo>>> = OnceLock::new();
    KINDS.get_or_init(make_kinds).clone()
}

fn make_kinds() -> Vec<Arc<KindInfo>> {
    let gain = json!({ "type": "number", "minimum": -60, "maximum": 24, "description": "gain in decibels" });
    let path =
        |description: &str| json!({ "type": "string", "format": "path", "x-env": true, "description": description });
    let object = |properties: serde_json::Value, required: serde_json::Value| json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false });
    let pin = |name: &str, format: &str| json!({ "name": name, "format": format });
    let kind = |id: &str,
                role: &str,
                pins: (Vec<serde_json::Value>, Vec<serde_json::Value>),
                schema: serde_json::Value| {
        json!({ "id": id, "role": role, "title": id, "description": "", "inputs": pins.0, "outputs": pins.1, "params_schema": schema })
    };
    let pace = json!({ "description": "how fast packets come", "$ref": "#/$defs/Pace" });
    let mut source = object(
        json!({ "path": path("the file to read"), "pace": pace, "label": { "type": "string" } }),
        json!(["path"]),
    );
    source["$defs"] = json!({ "Pace": { "oneOf": [{ "const": "realtime" }, { "const": "asap" }] } });
    let rate = json!({ "type": "integer", "minimum": 1, "description": "frames per second to convert to" });
    let manifest = json!({
        "plugin": { "id": "test", "version": "1.0.0" },
        "kinds": [
            kind("wav.source", "source", (vec![], vec![pin("out", "audio f32")]), source),
            kind("tone.source", "source", (vec![], vec![pin("out", "audio f32 {rate_hz} Hz mono")]),
                object(json!({ "rate_hz": { "type": "integer", "default": 48_000 } }), json!([]))),
            kind("wav.sink", "sink", (vec![pin("in", "audio f32")], vec![]), object(json!({ "path": path("the file to write") }), json!(["path"]))),
            kind("rnnoise", "processor", (vec![pin("in", "audio f32 48000 Hz mono")], vec![pin("out", "audio f32 48000 Hz mono")]), object(json!({}), json!([]))),
            kind("vad", "processor", (vec![pin("in", "audio f32 16000 Hz mono")], vec![pin("events", "event speech.*"), pin("frames", "tensor f32 [?]")]), object(json!({}), json!([]))),
            kind("audio.resample", "processor", (vec![pin("in", "audio f32")], vec![pin("out", "audio f32 {rate_hz} Hz")]), object(json!({ "rate_hz": rate }), json!(["rate_hz"]))),
            kind("audio.gain", "processor", (vec![pin("in", "audio f32")], vec![pin("out", "audio f32")]), object(json!({ "gain_db": gain }), json!([]))),
            kind("audio.mix", "processor", (vec![pin("in1", "audio f32"), pin("in2", "audio f32")], vec![pin("out", "audio f32")]), object(json!({}), json!([]))),
            kind("text.sink", "sink", (vec![pin("in", "text | event")], vec![]), object(json!({}), json!([]))),
        ]
    });
    Manifest::parse(&manifest.to_string()).expect("the test manifest is valid").into_kinds(None)
}

/// An environment with one variable.
pub(super) fn env(name: &str) -> Option<String> {
    (name == "SPEECH").then(|| "speech".to_owned())
}

/// Builds a TOML graph.
pub(super) fn build(text: &str) -> Result<Graph, GraphError> {
    GraphSpec::parse(text, "graph.toml", FileType::Toml)?.build_with_env(&kinds(), &env)
}

/// Builds a TOML graph that has to be fine.
pub(super) fn accept(text: &str) -> Graph {
    build(text).unwrap_or_else(|error| panic!("{error}"))
}

/// The ids of the nodes in their order.
pub(super) fn order(graph: &Graph) -> Vec<&str> {
    graph.nodes().iter().map(|node| node.id()).collect()
}
