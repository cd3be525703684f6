//! What do the times of a session cost per call: call time, queue wait and send wait, against counts alone?
//!
//! A source, some nodes that hand packets on, and a sink that checks every number, on workers of their own and on one
//! worker. Runs with and without times take turns, because a machine that is busy for a while would otherwise favour
//! one of them; of each the quickest run counts, which had the least of such company, and the ratio is the median of those
//! of neighbours.

#![expect(clippy::print_stdout, reason = "a bench tells its figures")]

use graphmill::exec::Measure;
use graphmill::{Runtime, SessionReport};
use graphmill_benches::{Chain, Request, Workers, quantile};

const PACKETS: u64 = 200_000;
const PASSES: usize = 6;
const ROUNDS: usize = 15;

fn main() {
    let (runtime, request) = (graphmill_benches::runtime(), Request::from_arguments());
    println!("{:<14} {:>12} {:>12} {:>12} {:>7}", "links", "counts", "with times", "times alone", "ratio");
    for (name, workers) in [("one worker", Workers::One), ("worker each", Workers::OneEach)] {
        let chain = Chain { passes: PASSES, packets: PACKETS, bytes: 0, capacity: 64, workers };
        let [mut counts, mut times] = measure(&runtime, &chain, request.rounds(ROUNDS));
        request.keep(name, "counts", ("wall ns", &counts));
        request.keep(name, "with times", ("wall ns", &times));
        let mut ratios: Vec<f64> = times.iter().zip(&counts).map(|(times, counts)| times / counts).collect();
        let [counts, times] = [&mut counts, &mut times].map(|all| quantile(all, 0.0));
        let ratio = quantile(&mut ratios, 0.5);
        println!("{name:<14} {counts:>9.1} ns {times:>9.1} ns {:>9.1} ns {ratio:>7.3}", times - counts);
    }
}

/// Nanoseconds per call without and with times, one of each for every round.
fn measure(runtime: &Runtime, chain: &Chain, rounds: usize) -> [Vec<f64>; 2] {
    let mut all = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (of_measure, measure) in all.iter_mut().zip([Measure::Counts, Measure::Times]) {
            let mut options = runtime.session_options();
            options.measure = measure;
            of_measure.push(ns_per_call(&chain.run_with(runtime, options)));
        }
    }
    all
}

#[expect(clippy::cast_precision_loss, reason = "a run is far shorter than 104 days")]
fn ns_per_call(report: &SessionReport) -> f64 {
    let calls: u64 = report.nodes.iter().map(|node| node.calls).sum();
    report.elapsed_ns as f64 / calls as f64
}
