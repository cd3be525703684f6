//! How late is a hung call noticed, with as many threads as cores and with many more?
//!
//! Each call of a node hangs until it is given up, is noticed by the watch of the session, and the next instance hangs
//! again. What counts is the time from the deadline of the call, which begins when the plugin is entered, to the time at
//! which the watch acted. Baseline in the same run: by how much a thread oversleeps that waits as long as the deadline.

#![expect(clippy::print_stdout, reason = "a bench tells its figures")]

use graphmill::Graph;
use graphmill::exec::SessionEvent;
use graphmill::graph::{DeadlinesSpec, NodeSpec, PolicySpec};
use graphmill_benches::quantile;
use serde_json::json;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Calls that hang; no more than a window may have restarts.
const CALLS: u64 = 60;
const DEADLINE: Duration = Duration::from_millis(100);

/// How long after its deadline each hung call was noticed, in milliseconds.
fn noticed() -> Vec<f64> {
    let runtime = graphmill_benches::runtime();
    let _of_earlier_sessions = graphmill_fixture_flow::entered();
    let restart = json!({ "max": CALLS, "window_ms": 86_400_000, "backoff_first_ms": 1, "backoff_max_ms": 1 });
    let policy: PolicySpec = serde_json::from_value(json!({ "restart": restart })).unwrap_or_default();
    let deadline_ms = u64::try_from(DEADLINE.as_millis()).unwrap_or(u64::MAX);
    let deadlines: DeadlinesSpec = serde_json::from_value(json!({ "process_ms": deadline_ms })).unwrap_or_default();
    let hangs = NodeSpec::new("flow.hang").with_params(json!({})).with_policy(policy).with_deadlines(deadlines);
    let graph = Graph::builder()
        .node("count", "flow.count", json!({ "packets": CALLS }))
        .node_with("hangs", hangs)
        .link("count", "hangs")
        .build(runtime.plugins());
    let graph = graph.unwrap_or_else(|error| panic!("{error}"));
    let session = runtime.start(&graph).unwrap_or_else(|error| panic!("{error}"));
    let mut events = session.handle().events();
    session.wait();
    let changes = std::iter::from_fn(|| events.try_next()).filter_map(|event| match event {
        SessionEvent::State(change) if change.node == "hangs" => Some(change),
        _ => None,
    });
    let is_hung = |reason: &Option<String>| reason.as_ref().is_some_and(|reason| reason.contains("no return after"));
    let hung = changes.filter(|change| is_hung(&change.reason)).map(|change| change.at_ns);
    let entered = graphmill_fixture_flow::entered();
    let late = entered.iter().zip(hung).map(|(entered, noticed)| late_ms(noticed - entered));
    late.collect()
}

#[expect(clippy::cast_precision_loss, reason = "a call lasts far less than 104 days")]
fn late_ms(took_ns: i64) -> f64 {
    (took_ns as f64 - DEADLINE.as_nanos() as f64) / 1e6
}

/// By how much a thread oversleeps, in milliseconds.
fn overslept() -> Vec<f64> {
    let (_open, never) = mpsc::channel::<()>();
    let sleep = |_| {
        let begun = Instant::now();
        let _timed_out = never.recv_timeout(DEADLINE);
        late_ms(i64::try_from(begun.elapsed().as_nanos()).unwrap_or(i64::MAX))
    };
    (0..CALLS).map(sleep).collect()
}

fn tell(name: &str, mut late: Vec<f64>) {
    let [low, middle, high, most] = [0.1, 0.5, 0.9, 1.0].map(|q| quantile(&mut late, q));
    println!("  {name:<34} {:>5} {middle:>9.2} {:>19} {most:>9.2}", late.len(), format!("{low:.2} .. {high:.2}"));
}

fn main() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("calls with a deadline of {} ms, on {cores} cores", DEADLINE.as_millis());
    println!("  {:<34} {:>5} {:>9} {:>19} {:>9}", "ms too late", "calls", "median", "10 % .. 90 %", "most");
    for busy in [0, cores, cores * 4] {
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..busy {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        black_box((0..10_000_u64).sum::<u64>());
                    }
                });
            }
            tell(&format!("a thread that waits, {busy} busy"), overslept());
            tell(&format!("hung calls, {busy} busy"), noticed());
            is_over.store(true, Ordering::Relaxed);
        });
    }
}
