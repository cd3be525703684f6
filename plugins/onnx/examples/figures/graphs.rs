//! The same models as nodes of a graph.

use std::ops::Range;

use graphmill::exec::{Inlet, Outlet};
use graphmill::{AudioHeader, Buffer, Graph, Packet, Runtime, Session};
use serde_json::{Value, json};

use crate::support::{LONG, content, listening, next, runtime};

/// Time that a packet holds, as those of `wav.source` do.
const PACKET_MS: u32 = 30;

/// A graph that makes text of what is given to it; its session is of a runtime that keeps the model.
pub(crate) struct Listening {
    runtime: Runtime,
    graph: Graph,
}

impl Listening {
    pub(crate) fn new() -> Self {
        let runtime = runtime();
        let builder = Graph::builder().inlet("in", "audio f32 16000 Hz mono").outlet("out", "event speech.text/1");
        let graph = listening(builder, "in", "vad.earshot").link("listen.text", "out").build(runtime.plugins());
        Self { runtime, graph: graph.unwrap() }
    }

    /// Which samples became text.
    pub(crate) fn run(&self, sound: &[f32]) -> Vec<Range<usize>> {
        let at = |seconds: &Value| (seconds.as_f64().unwrap() * 16_000.0).round() as usize;
        let mut spans = Vec::new();
        through(&self.runtime, &self.graph, (sound, 16_000), |packet| {
            let text = content(&packet);
            spans.push(at(&text["start_s"])..at(&text["end_s"]));
        });
        spans
    }
}

/// RNNoise over 48 kHz sound.
pub(crate) fn denoise(sound: &[f32]) {
    let runtime = Runtime::new();
    runtime.plugins().link(graphmill_rnnoise::module()).unwrap();
    let graph = Graph::builder()
        .inlet("in", "audio f32 48000 Hz mono")
        .node("clean", "rnnoise", json!({}))
        .outlet("out", "audio f32 48000 Hz mono")
        .chain(["in", "clean", "out"])
        .build(runtime.plugins())
        .unwrap();
    through(&runtime, &graph, (sound, 48_000), |packet| drop(std::hint::black_box(packet)));
}

/// Gives sound of a rate to a graph, and what comes out to `each`.
fn through(runtime: &Runtime, graph: &Graph, (sound, rate_hz): (&[f32], u32), mut each: impl FnMut(Packet)) {
    let mut session: Session = runtime.start(graph).unwrap();
    let inlet: Inlet = session.take_inlet("in").unwrap();
    let mut outlet: Outlet = session.take_outlet("out").unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || speak(inlet, sound, rate_hz));
        while let Some(packet) = next(&mut outlet) {
            each(packet);
        }
    });
    session.wait_timeout(LONG).unwrap();
}

fn speak(mut inlet: Inlet, sound: &[f32], rate_hz: u32) {
    for chunk in sound.chunks((rate_hz * PACKET_MS / 1_000) as usize) {
        let header = AudioHeader::f32(rate_hz, 1, u32::try_from(chunk.len()).unwrap());
        let bytes: &[u8] = bytemuck::cast_slice(chunk);
        inlet.send(Packet::from_audio(header, Buffer::copy_from_slice(bytes)).unwrap(), LONG).unwrap();
    }
}
