//! What the tests with real models share: the recordings with what is said in them, and the graph that listens.
#![allow(dead_code, reason = "every test binary uses a part of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

pub(crate) mod words;

use std::path::PathBuf;
use std::time::Duration;

use graphmill::exec::{Outlet, RecvError};
use graphmill::graph::{DeadlinesSpec, GraphBuilder, NodeSpec};
use graphmill::{Graph, Packet, Runtime};
use graphmill_models::Store;
use serde_json::{Value, json};

/// Longer than any machine takes; a test that waits this long has failed.
pub(crate) const LONG: Duration = Duration::from_secs(100);

/// A model may be slow where many tests run at once.
pub(crate) const CALL_MS: u64 = 60_000;

/// A file of the store of models.
pub(crate) fn stored(model: &str, file: &str) -> PathBuf {
    Store::open().and_then(|store| store.path(model, file)).unwrap()
}

/// A sentence that somebody reads, and the file with it.
#[derive(Debug)]
pub(crate) struct Clip {
    pub(crate) path: PathBuf,
    pub(crate) said: String,
}

/// Five sentences, with what is said in them.
pub(crate) fn clips() -> Vec<Clip> {
    let text = std::fs::read_to_string(stored("librivox-five", "transcription")).unwrap();
    let clip = |line: &str| {
        let (said, name) = line.strip_prefix("<s> ").unwrap().split_once(" </s> (").unwrap();
        let name = format!("{}.wav", name.strip_suffix(')').unwrap());
        // The book, and who reads it, say `a more amiable woman`.
        let said = said.replace("a more a amiable", "a more amiable");
        Clip { path: stored("librivox-five", &name), said }
    };
    text.lines().map(clip).collect()
}

/// Samples of a 16 kHz mono file.
pub(crate) fn samples(path: &std::path::Path) -> Vec<f32> {
    let mut reader = hound::WavReader::open(path).unwrap();
    assert_eq!((reader.spec().sample_rate, reader.spec().channels), (16_000, 1));
    reader.samples::<i16>().map(|sample| f32::from(sample.unwrap()) / 32_768.0).collect()
}

/// A runtime with every plugin that the tests need.
pub(crate) fn runtime() -> Runtime {
    let runtime = Runtime::new();
    let modules =
        [graphmill_audio::module(), graphmill_onnx::module(), graphmill_text::module(), graphmill_vad::module()];
    for module in modules {
        runtime.plugins().link(module).unwrap();
    }
    runtime
}

/// A node that may take its time.
pub(crate) fn patient(kind: &str, params: Value) -> NodeSpec {
    let deadlines = DeadlinesSpec { process_ms: Some(CALL_MS), flush_ms: Some(CALL_MS), ..DeadlinesSpec::default() };
    NodeSpec::new(kind).with_params(params).with_deadlines(deadlines)
}

/// Sound of `head` goes to voice activity and to speech to text.
pub(crate) fn listening(builder: GraphBuilder, head: &str, vad: &str) -> GraphBuilder {
    builder
        .node_with("voice", patient(vad, json!({})))
        .node_with("listen", patient("stt.moonshine", json!({})))
        .chain([head, "voice"])
        .link(head, "listen.in")
        .link("voice.segments", "listen.segments")
}

/// A graph that transcribes a file; its texts come out at `text`, the partial ones at `partial`.
pub(crate) fn transcribing(runtime: &Runtime, clip: &Clip, vad: &str) -> Graph {
    let builder = Graph::builder()
        .node("file", "wav.source", json!({ "path": clip.path }))
        .outlet("text", "event speech.text/1")
        .outlet("partial", "event speech.partial/1");
    listening(builder, "file", vad)
        .link("listen.text", "text")
        .link("listen.partial", "partial")
        .build(runtime.plugins())
        .unwrap()
}

/// The next packet, until the stream ends.
pub(crate) fn next(outlet: &mut Outlet) -> Option<Packet> {
    match outlet.recv(LONG) {
        Ok(packet) => Some(packet),
        Err(RecvError::Ended) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Content of an event.
pub(crate) fn content(packet: &Packet) -> Value {
    serde_json::from_str(packet.event().unwrap().json).unwrap()
}

/// All texts of a stream, one after the other.
pub(crate) fn all_text(outlet: &mut Outlet) -> String {
    let texts = std::iter::from_fn(|| next(outlet)).map(|packet| content(&packet)["text"].as_str().unwrap().to_owned());
    texts.collect::<Vec<_>>().join(" ")
}
