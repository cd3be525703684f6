//! How much of a real model's throughput is left inside a graph?
//!
//! RNNoise on 10 ms packets of noise: pushed in by the application, denoised by the node, taken out again. Baseline in
//! the same run: a bare loop around the same model, on the same samples. Figures are per packet.

use graphmill::exec::{Inlet, Outlet};
use graphmill::graph::LinkSpec;
use graphmill::plugin::pooled_buffer;
use graphmill::{AudioHeader, Graph, Packet, Runtime, Session};
use graphmill_benches::{Request, Way};
use serde_json::json;
use std::hint::black_box;
use std::time::Duration;

const FRAMES: u32 = 480;
const PACKETS: u32 = 1_000;
/// Samples that the application is ahead of what comes out: a third of a second.
const AHEAD: u32 = 32 * FRAMES;
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
    let graph = graph.link_with(LinkSpec::new("in", "rnnoise").with_capacity(64));
    let graph = graph.link_with(LinkSpec::new("rnnoise", "out").with_capacity(64));
    graph.build(runtime.plugins()).unwrap_or_else(|error| panic!("{error}"))
}

/// A session that runs for as long as the bench does: how long it takes to start is another question.
struct Running {
    inlet: Inlet,
    outlet: Outlet,
    /// Samples that the model still has inside.
    held: u32,
    _session: Session,
}

impl Running {
    fn start(runtime: &Runtime) -> Self {
        let session = runtime.start(&graph(runtime)).unwrap_or_else(|error| panic!("{error}"));
        let (Some(inlet), Some(outlet)) = (session.take_inlet("in"), session.take_outlet("out")) else {
            panic!("there are an inlet and an outlet")
        };
        Self { inlet, outlet, held: 0, _session: session }
    }

    /// Pushes every sample in, some packets ahead of those it takes out; one packet stays, as the model looks ahead.
    fn clean(&mut self, samples: &[f32]) {
        for frame in samples.chunks(FRAMES as usize) {
            let header = AudioHeader::f32(48_000, 1, FRAMES);
            let mut packet = Packet::from_audio(header, pooled_buffer(FRAMES as usize * 4)).unwrap_or_default();
            if let Ok(target) = packet.samples_mut::<f32>() {
                target.copy_from_slice(frame);
            }
            assert!(self.inlet.send(packet, TIMEOUT).is_ok());
            self.held += FRAMES;
            self.take_down_to(AHEAD);
        }
        self.take_down_to(FRAMES);
    }

    /// Takes packets out until so many samples are inside.
    fn take_down_to(&mut self, held: u32) {
        while self.held > held {
            let Ok(packet) = self.outlet.recv(TIMEOUT) else { panic!("every sample comes back") };
            self.held -= packet.audio().map_or(0, |header| header.frames);
        }
    }
}

fn main() {
    let runtime = graphmill_benches::runtime();
    if let Err(error) = runtime.plugins().link(graphmill_rnnoise::module()) {
        panic!("{error}");
    }
    let (samples, mut running) = (noise(), Running::start(&runtime));
    let ways = vec![
        Way::new("bare loop", || drop(black_box(graphmill_rnnoise::clean(&samples, 1.0)))),
        Way::new("through a graph", || running.clean(&samples)),
    ];
    Request::from_arguments().contest("RNNoise, 10 ms", u64::from(PACKETS), ways);
}
