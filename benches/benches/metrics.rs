//! What do the times of a session cost per call: call time, queue wait and send wait, against counts alone?
//!
//! A source, some nodes that hand packets on, and a sink that checks every number, on workers of their own and on one
//! worker. Runs with and without times take turns, because a machine that is busy for a while would otherwise favour
//! one of them; of each the quickest run counts, which had the least of such company.

#![expect(clippy::print_stdout, reason = "a bench tells its figures")]

use graphmill::exec::Measure;
use graphmill::{Runtime, SessionReport};
use graphmill_benches::{Chain, Workers};

const PACKETS: u64 = 200_000;
const PASSES: usize = 6;
const ROUNDS: usize = 15;

fn main() {
    let runtime = graphmill_benches::runtime();
    println!("{:<14} {:>12} {:>12} {:>12} {:>7}", "links", "counts", "with times", "times alone", "ratio");
    for (name, workers) in [("one worker", Workers::One), ("worker each", Workers::OneEach)] {
        let chain = Chain { passes: PASSES, packets: PACKETS, bytes: 0, capacity: 64, workers };
        let [counts, times] = best(&runtime, &chain);
        println!("{name:<14} {counts:>9.1} ns {times:>9.1} ns {:>9.1} ns {:>7.3}", times - counts, times / counts);
    }
}

/// Nanoseconds per call of the quickest run without and with times.
fn best(runtime: &Runtime, chain: &Chain) -> [f64; 2] {
    let mut best = [f64::INFINITY; 2];
    for _ in 0..ROUNDS {
        for (best, measure) in best.iter_mut().zip([Measure::Counts, Measure::Times]) {
            let mut options = runtime.session_options();
            options.measure = measure;
            *best = best.min(ns_per_call(&chain.run_with(runtime, options)));
        }
    }
    best
}

#[expect(clippy::cast_precision_loss, reason = "a run is far shorter than 104 days")]
fn ns_per_call(report: &SessionReport) -> f64 {
    let calls: u64 = report.nodes.iter().map(|node| node.calls).sum();
    report.elapsed_ns as f64 / calls as f64
}
