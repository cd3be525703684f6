//! What a graph costs beside its models: the same models in a bare loop and in a graph, in one run, as ratios.
//!
//! Counts processor time of the whole process, so other programs on the machine do not matter. Run it with
//! `RTEN_NUM_THREADS=1` and the models that it names:
//!
//! ```sh
//! RTEN_NUM_THREADS=1 cargo run --release -p graphmill-onnx --features model-tests --example figures
//! ```
#![expect(clippy::print_stdout, reason = "an example speaks on the terminal")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "without its models and media there are no figures")]
#![expect(clippy::cast_possible_truncation, reason = "times and samples of seconds fit")]

mod bare;
mod graphs;

#[path = "../../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use support::{clips, samples};

/// Rounds of both; the median counts.
const ROUNDS: usize = 7;

/// What one run takes.
#[derive(Debug, Clone, Copy)]
struct Cost {
    processor: Duration,
    wall: Duration,
}

fn main() {
    let sound = speech();
    let seconds = sound.len() as f64 / 16_000.0;
    let (model, graph) = (bare::Moonshine::load(), graphs::Listening::new());
    let spans = graph.run(&sound);
    println!("speech to text: {} utterances in {seconds:.1} s of sound", spans.len());
    let (alone, in_graph) = compare(|| drop(model.run(&sound, &spans)), || drop(graph.run(&sound)));
    println!("  bare rten loop  {:.4} of real time", alone.processor.as_secs_f64() / seconds);
    print_ratio(alone, in_graph);

    let noisy = noise();
    println!("RNNoise: {:.1} s of sound", noisy.len() as f64 / 48_000.0);
    let (alone, in_graph) = compare(|| bare::denoise(&noisy), || graphs::denoise(&noisy));
    print_ratio(alone, in_graph);
}

/// Five sentences one after the other, with pauses, at 16 kHz.
fn speech() -> Vec<f32> {
    clips().iter().flat_map(|clip| [samples(&clip.path), vec![0.0; 8_000]].concat()).collect()
}

/// Noise at 48 kHz; what it is does not matter to the time that it takes.
fn noise() -> Vec<f32> {
    let mut state = 1_u32;
    let mut sample = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from((state >> 16) as u16) / 65_536.0 - 0.5
    };
    (0..60 * 48_000).map(|_| sample() * 0.2).collect()
}

/// Runs both in turn; gives the medians.
fn compare(mut alone: impl FnMut(), mut in_graph: impl FnMut()) -> (Cost, Cost) {
    let mut costs: [Vec<Cost>; 2] = Default::default();
    for _ in 0..ROUNDS {
        costs[0].push(cost(&mut alone));
        costs[1].push(cost(&mut in_graph));
    }
    let [alone, in_graph] = costs.map(|mut costs| {
        costs.sort_by_key(|cost| cost.processor);
        costs[ROUNDS / 2]
    });
    (alone, in_graph)
}

fn print_ratio(alone: Cost, in_graph: Cost) {
    let ratio = |of: fn(Cost) -> Duration| of(in_graph).as_secs_f64() / of(alone).as_secs_f64();
    println!("  alone {:?}, in a graph {:?} of processor time", alone.processor, in_graph.processor);
    let (processor, wall) = (ratio(|cost| cost.processor), ratio(|cost| cost.wall));
    println!(
        "  the graph adds {:+.2} % of processor time, and {:+.2} % of time",
        (processor - 1.0) * 100.0,
        (wall - 1.0) * 100.0
    );
    println!("  throughput per processor time: {:.1} % of the bare loop", 100.0 / processor);
}

fn cost(run: &mut impl FnMut()) -> Cost {
    let (begun, before) = (Instant::now(), processor_time());
    run();
    Cost { processor: processor_time() - before, wall: begun.elapsed() }
}

/// Processor time of this process, threads that have ended included.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap())
}
