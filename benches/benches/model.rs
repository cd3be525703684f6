//! How much of a real model's throughput is left inside a graph?
//!
//! RNNoise on 10 ms packets of noise: pushed in by the application, denoised by the node, taken out again. Baseline in
//! the same run: a bare loop around the same model, on the same samples. Figures are per packet.

use graphmill::graph::LinkSpec;
use graphmill::{AudioHeader, Buffer, Graph, Packet, Runtime};
use graphmill_benches::{Request, Way};
use serde_json::json;
use std::hint::black_box;
use std::time::Duration;

const FRAMES: u32 = 480;
const PACKETS: u32 = 1_000;
const TIMEOUT: Duration = Duration::from_secs(60);

fn noise() -> Vec<f32> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from(u8::try_from(state >> 24).unwrap_or(0)) / 1280.0 - 0.1
    };
    (0..FRAMES * PACKETS).map(|_| next()).collect()
}

fn graph(runtime: &Runtime) -> Graph {
    let graph = Graph::builder().inlet("in", "audio f32 48000 Hz mono").outlet("out", "any");
    let graph = graph.node("rnnoise", "rnnoise", json!({}));
    let graph = graph.link_with(LinkSpec::new("in", "rnnoise").with_capacity(PACKETS));
    let graph = graph.link_with(LinkSpec::new("rnnoise", "out").with_capacity(PACKETS + 1));
    graph.build(runtime.plugins()).unwrap_or_else(|error| panic!("{error}"))
}

fn through_the_graph(runtime: &Runtime, graph: &Graph, samples: &[f32]) {
    let session = runtime.start(graph).unwrap_or_else(|error| panic!("{error}"));
    let (Some(mut inlet), Some(mut outlet)) = (session.take_inlet("in"), session.take_outlet("out")) else {
        panic!("there are an inlet and an outlet")
    };
    for frame in samples.chunks(FRAMES as usize) {
        let header = AudioHeader::f32(48_000, 1, FRAMES);
        let mut packet = Packet::from_audio(header, Buffer::zeroed(FRAMES as usize * 4)).unwrap_or_default();
        if let Ok(target) = packet.samples_mut::<f32>() {
            target.copy_from_slice(frame);
        }
        assert!(inlet.send(packet, TIMEOUT).is_ok());
    }
    inlet.end();
    let mut frames = 0;
    while let Ok(packet) = outlet.recv(TIMEOUT) {
        frames += packet.audio().map_or(0, |header| header.frames);
    }
    assert!(frames == FRAMES * PACKETS, "every sample comes back");
}

fn main() {
    let runtime = graphmill_benches::runtime();
    if let Err(error) = runtime.plugins().link(graphmill_rnnoise::module()) {
        panic!("{error}");
    }
    let (samples, graph) = (noise(), graph(&runtime));
    let ways = vec![
        Way::new("bare loop", || drop(black_box(graphmill_rnnoise::clean(&samples, 1.0)))),
        Way::new("through a graph", || through_the_graph(&runtime, &graph, &samples)),
    ];
    Request::from_arguments().contest("RNNoise, 10 ms", u64::from(PACKETS), ways);
}
