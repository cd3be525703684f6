//! Large packets use their buffers again, and give them back when nobody is left to need them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use graphmill::graph::{LinkSpec, NodeSpec};
use graphmill::plugin::{BufferStats, buffer_stats, pooled_buffer, set_buffer_budget};
use graphmill::{Graph, Outcome, Runtime};
use serde_json::json;
use std::sync::Mutex;
use std::time::Duration;
use support::wait_for;

const BYTES: usize = 1 << 20;
const CAPACITY: u32 = 8;

/// The pool is one for the process, so the tests take turns.
static TURN: Mutex<()> = Mutex::new(());

fn runtime() -> Runtime {
    let runtime = Runtime::new();
    runtime.plugins().link(graphmill_fixture_flow::module()).unwrap();
    runtime
}

/// Sends packets of [`BYTES`] through a link, and says how many buffers were made for them.
fn buffers_made(runtime: &Runtime, packets: u64, worker: Option<&str>) -> u64 {
    let place = |spec: NodeSpec| match worker {
        Some(worker) => spec.with_worker(worker),
        None => spec,
    };
    let count = NodeSpec::new("flow.count").with_params(json!({ "packets": packets, "bytes": BYTES }));
    let check = NodeSpec::new("flow.check").with_params(json!({ "expect": packets }));
    let graph = Graph::builder().node_with("count", place(count)).node_with("check", place(check));
    let graph = graph.link_with(LinkSpec::new("count", "check").with_capacity(CAPACITY));
    let graph = graph.build(runtime.plugins()).unwrap();
    let before = buffer_stats().large_made;
    let report = runtime.start(&graph).unwrap().wait_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!(report.outcome, Outcome::Completed, "{report:#?}");
    buffer_stats().large_made - before
}

#[test]
fn large_packets_use_their_buffers_again_and_give_them_back_at_the_end() {
    let _turn = TURN.lock().unwrap();
    let runtime = runtime();
    for worker in [None, Some("one")] {
        let made = buffers_made(&runtime, 1_000, worker);
        // What is on the link, and what its two nodes hold: a batch of each.
        assert!((1..=128).contains(&made), "{made} buffers for a thousand packets");
        wait_for("the instances to be gone, and the buffers with them", || buffer_stats().large_bytes == 0);
    }
}

#[test]
fn without_a_budget_nothing_is_kept() {
    let _turn = TURN.lock().unwrap();
    let runtime = runtime();
    let instance = runtime.instance("flow.pass", &json!({})).unwrap();
    drop(pooled_buffer(BYTES));
    let BufferStats { large_idle, large_idle_bytes, large_bytes, .. } = buffer_stats();
    assert_eq!((large_idle, large_idle_bytes, large_bytes), (1, BYTES, BYTES));
    set_buffer_budget(0);
    assert_eq!(buffer_stats().large_bytes, 0, "what is beyond the budget goes at once");
    drop(pooled_buffer(BYTES));
    assert_eq!(buffer_stats().large_bytes, 0);
    set_buffer_budget(BYTES);
    let pair = [pooled_buffer(BYTES), pooled_buffer(BYTES)];
    assert_eq!(buffer_stats().large_bytes, 2 * BYTES);
    drop(pair);
    assert_eq!(buffer_stats().large_idle_bytes, BYTES, "as many as the budget allows");
    set_buffer_budget(512 << 20);
    drop(instance);
    wait_for("the instance to be gone", || buffer_stats().large_bytes == 0);
}
