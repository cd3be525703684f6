//! How late are the ticks of a source at 1 kHz, and what does a `tick` round trip cost?
//!
//! Baseline of the lateness in the same run: a bare loop that sleeps until the next millisecond of the same grid, in
//! turns with the session. Of the round trip: two `crossbeam` channels of one place, as for `process_latency`.

#![expect(clippy::print_stdout, reason = "a bench tells its figures")]

use crossbeam_channel::bounded;
use graphmill::graph::{LateTicks, LinkSpec, NodeSpec, TickSpec};
use graphmill::{Graph, Runtime};
use graphmill_benches::{Request, Way, quantile};
use serde_json::json;
use std::time::{Duration, Instant};

const TICKS: u32 = 500;
/// Many, because a machine that halts for some milliseconds spoils a whole round.
const ROUNDS: usize = 24;
const INTERVAL: Duration = Duration::from_millis(1);
const TIMEOUT: Duration = Duration::from_secs(1);
const TRIPS: u64 = 5_000;

/// Nanoseconds that each turn of a bare loop is late.
fn bare_loop() -> Vec<f64> {
    let begun = Instant::now();
    let late = |at: u32| {
        let due = begun + INTERVAL * at;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        due.elapsed().as_nanos()
    };
    #[expect(clippy::cast_precision_loss, reason = "a lateness is far shorter than 104 days")]
    (1..=TICKS).map(|at| late(at) as f64).collect()
}

/// Nanoseconds that each tick of a source is late against the grid of the first one.
fn ticks(runtime: &Runtime) -> Vec<f64> {
    let tick = TickSpec::Interval { interval_ms: 1.0, late: LateTicks::Burst };
    let clock = NodeSpec::new("flow.clock").with_params(json!({ "ticks": TICKS + 1 })).with_tick(tick);
    let graph = Graph::builder().node_with("clock", clock).outlet("out", "any");
    // Nobody reads before the end, and a source whose link is full is not asked whether it has ended.
    let graph = graph.link_with(LinkSpec::new("clock", "out").with_capacity(TICKS + 2));
    let graph = graph.build(runtime.plugins()).unwrap_or_else(|error| panic!("{error}"));
    let session = runtime.start(&graph).unwrap_or_else(|error| panic!("{error}"));
    let Some(mut outlet) = session.take_outlet("out") else { panic!("there is an outlet") };
    session.wait();
    let times: Vec<i64> =
        std::iter::from_fn(|| outlet.recv(TIMEOUT).ok()).filter_map(|packet| packet.pts_ns()).collect();
    let Some((first_ns, rest)) = times.split_first() else { panic!("the source ticks") };
    assert!(rest.len() == TICKS as usize, "no tick is lost");
    let interval_ns = i64::try_from(INTERVAL.as_nanos()).unwrap_or(i64::MAX);
    #[expect(clippy::cast_precision_loss, reason = "a lateness is far shorter than 104 days")]
    rest.iter().zip(1..).map(|(at_ns, count)| (at_ns - first_ns - count * interval_ns).max(0) as f64).collect()
}

fn lateness(runtime: &Runtime, request: &Request) {
    let rounds = 0..request.rounds(ROUNDS);
    let (mut bare, mut source): (Vec<_>, Vec<_>) = rounds.map(|_| (bare_loop(), ticks(runtime))).unzip();
    println!("\nlateness at 1 kHz\n  {:<34} {:>10} {:>10} {:>10} {:>10}", "", "p50 µs", "p90 µs", "p99 µs", "p99.9 µs");
    let tell = |name: &str, rounds: &mut [Vec<f64>]| -> Vec<f64> {
        let mut times: Vec<f64> = rounds.iter().flatten().copied().collect();
        let [a, b, c, d] = [0.5, 0.9, 0.99, 0.999].map(|q| quantile(&mut times, q) / 1000.0);
        println!("  {name:<34} {a:>10.1} {b:>10.1} {c:>10.1} {d:>10.1}");
        let p99s: Vec<f64> = rounds.iter_mut().map(|times| quantile(times, 0.99) / 1000.0).collect();
        request.keep("lateness at 1 kHz", name, ("p99 µs", &p99s));
        p99s
    };
    let (baseline, measured) = (tell("bare sleep loop", &mut bare), tell("ticks of a source", &mut source));
    let mut ratios: Vec<f64> = measured.iter().zip(&baseline).map(|(ours, bare)| ours / bare).collect();
    println!("  p99 against that of the loop before it, median of the rounds: x {:.2}", quantile(&mut ratios, 0.5));
}

fn round_trip(runtime: &Runtime, request: &Request) {
    let (to_worker, inbox) = bounded::<()>(1);
    let (reply, from_worker) = bounded::<()>(1);
    let worker = std::thread::spawn(move || while inbox.recv().is_ok() && reply.send(()).is_ok() {});
    let endless = json!({ "ticks": u64::MAX });
    let Ok(mut clock) = runtime.instance("flow.clock", &endless) else { panic!("the instance starts") };
    request.contest(
        "tick round trip",
        TRIPS,
        vec![
            Way::new("bare channels", || {
                for _ in 0..TRIPS {
                    assert!(to_worker.send_timeout((), TIMEOUT).is_ok() && from_worker.recv_timeout(TIMEOUT).is_ok());
                }
            }),
            Way::new("instance.tick", || {
                for _ in 0..TRIPS {
                    assert!(clock.tick().is_ok() && clock.emitted().pop().is_some());
                }
            }),
        ],
    );
    drop(to_worker);
    drop(worker.join());
}

fn main() {
    let (runtime, request) = (graphmill_benches::runtime(), Request::from_arguments());
    if request.wants("lateness") {
        lateness(&runtime, &request);
    }
    round_trip(&runtime, &request);
}
