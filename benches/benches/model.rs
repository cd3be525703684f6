//! How much of a real model's throughput is left inside a graph?
//!
//! RNNoise on 10 ms packets of noise: pushed in by the application, denoised by the node, taken out again; and from a
//! source to a sink on the worker of the node, where no sample goes from one processor to another. Baseline in the same
//! run: a bare loop around the same model, on the same samples. It has a thread of its own as the node has, because where
//! the state of the model lies in memory makes up to 3 % of its speed, and each thread has another part of the heap.
//! Figures are per packet.

use graphmill::exec::{Inlet, Outlet};
use graphmill::graph::{LinkSpec, NodeSpec};
use graphmill::plugin::pooled_buffer;
use graphmill::{Graph, Outcome, Runtime, Session};
use graphmill_benches::{Request, Way};
use graphmill_plugin_sdk::prelude::*;
use serde_json::json;
use std::hint::black_box;
use std::sync::LazyLock;
use std::time::Duration;

const FRAMES: u32 = 480;
const PACKETS: u32 = 6_000;
/// Samples that the application is ahead of what comes out: a third of a second.
const AHEAD: u32 = 32 * FRAMES;
const TIMEOUT: Duration = Duration::from_secs(60);

static NOISE: LazyLock<Vec<f32>> = LazyLock::new(|| {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from(u8::try_from(state >> 24).unwrap_or(0)) / 1280.0 - 0.1
    };
    (0..FRAMES * PACKETS).map(|_| next()).collect()
});

/// A packet of these samples.
fn sound(buffer: Buffer, samples: &[f32]) -> Result<Packet> {
    let mut packet = Packet::from_audio(AudioHeader::f32(48_000, 1, FRAMES), buffer)?;
    packet.samples_mut::<f32>()?.copy_from_slice(samples);
    Ok(packet)
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NoParams {}

/// Gives the noise once.
struct Gives {
    next: usize,
}

impl Node for Gives {
    type Params = NoParams;

    fn kind() -> Kind {
        Kind::new("gives").output("out", "audio f32 48000 Hz mono")
    }

    fn create(_params: NoParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        Ok(Self { next: 0 })
    }
}

impl Source for Gives {
    fn tick(&mut self, cx: &mut Context<'_>) -> Result<Tick> {
        let Some(samples) = NOISE.chunks(FRAMES as usize).nth(self.next) else { return Ok(Tick::End) };
        self.next += 1;
        let buffer = cx.buffer(size_of_val(samples))?;
        cx.emit(0, sound(buffer, samples)?)?;
        Ok(Tick::Again)
    }
}

graphmill_plugin_sdk::export!(Gives);

fn bare_loop() {
    let cleaned = std::thread::spawn(|| graphmill_rnnoise::clean(&NOISE, 1.0)).join();
    assert!(cleaned.is_ok_and(|cleaned| black_box(cleaned).len() == NOISE.len()));
}

/// Source, model and sink on one worker, from start to end.
fn on_one_worker(runtime: &Runtime) {
    let here = |kind: &str, params| NodeSpec::new(kind).with_params(params).with_worker("all");
    let graph = Graph::builder()
        .node_with("give", here("gives", json!({})))
        .node_with("rnnoise", here("rnnoise", json!({})))
        .node_with("check", here("flow.check", json!({ "expect": PACKETS })))
        .chain(["give", "rnnoise", "check"]);
    let graph = graph.build(runtime.plugins()).unwrap_or_else(|error| panic!("{error}"));
    let report = runtime.start(&graph).unwrap_or_else(|error| panic!("{error}")).wait();
    assert_eq!(report.outcome, Outcome::Completed);
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
            let packet = sound(pooled_buffer(size_of_val(frame)), frame);
            assert!(packet.is_ok_and(|packet| self.inlet.send(packet, TIMEOUT).is_ok()));
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
    let linked = runtime.plugins().link(graphmill_rnnoise::module()).and(runtime.plugins().link(module()));
    linked.unwrap_or_else(|error| panic!("{error}"));
    let mut running = Running::start(&runtime);
    let ways = vec![
        Way::new("bare loop", bare_loop),
        Way::new("through a graph", || running.clean(&NOISE)),
        Way::new("on one worker", || on_one_worker(&runtime)),
    ];
    Request::from_arguments().contest("RNNoise, 10 ms", u64::from(PACKETS), ways);
}
