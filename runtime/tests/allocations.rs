//! In steady state a packet costs no allocation: not on a link between workers, not on a local one, not in a plugin.
//!
//! The plugin is linked statically, so its allocations are counted as well as the runtime's.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use graphmill::graph::NodeSpec;
use graphmill::{Graph, Outcome, Runtime};
use serde_json::json;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

#[expect(unsafe_code, reason = "a counting allocator is a global allocator")]
// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: passed on from the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: passed on from the caller.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The counter is one for the process, so the measurements take turns.
static TURN: Mutex<()> = Mutex::new(());

fn runtime() -> Runtime {
    let runtime = Runtime::new();
    runtime.plugins().link(graphmill_fixture_flow::module()).unwrap();
    runtime
}

/// Allocations of a whole session: start, `packets` packets through three nodes, end.
fn allocations_of(packets: u64, worker: Option<&str>) -> u64 {
    let place = |spec: NodeSpec| match worker {
        Some(worker) => spec.with_worker(worker),
        None => spec,
    };
    let runtime = runtime();
    let graph = Graph::builder()
        .node_with(
            "count",
            place(NodeSpec::new("flow.count").with_params(json!({ "packets": packets, "bytes": 1920 }))),
        )
        .node_with("pass", place(NodeSpec::new("flow.pass")))
        .node_with("check", place(NodeSpec::new("flow.check").with_params(json!({ "expect": packets }))))
        .chain(["count", "pass", "check"])
        .build(runtime.plugins())
        .unwrap();
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let mut session = runtime.start(&graph).unwrap();
    let report = session.wait_timeout(Duration::from_secs(60)).unwrap();
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
    assert_eq!(report.outcome, Outcome::Completed, "{report:#?}");
    assert_eq!(report.node("check").unwrap().packets_in, packets);
    allocations
}

/// A hundred times as many packets may cost only what filling the pool once more costs, not something per packet.
fn assert_no_allocation_per_packet(worker: Option<&str>) {
    let _turn = TURN.lock().unwrap();
    // The first run fills the pool.
    let _warm_up = allocations_of(2_000, worker);
    let few = allocations_of(2_000, worker);
    let many = allocations_of(200_000, worker);
    assert!(many <= few + 200, "198,000 further packets cost {} allocations", many - few);
}

#[test]
fn packets_between_workers_cost_no_allocation() {
    assert_no_allocation_per_packet(None);
}

#[test]
fn packets_on_one_worker_cost_no_allocation() {
    assert_no_allocation_per_packet(Some("one"));
}

#[test]
fn calls_of_a_single_instance_cost_no_allocation() {
    let _turn = TURN.lock().unwrap();
    let runtime = runtime();
    let mut pass = runtime.instance("flow.pass", &json!({})).unwrap();
    let mut packet = graphmill::Packet::from_text("x").unwrap();
    let mut calls = |n: u64| {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        for _ in 0..n {
            packet = pass.process(0, std::mem::take(&mut packet)).unwrap().pop().unwrap().packet;
        }
        ALLOCATIONS.load(Ordering::Relaxed) - before
    };
    calls(100);
    // The threads of the test harness allocate now and then; they only ever add.
    assert_eq!((0..5).map(|_| calls(2_000)).min(), Some(0));
}

#[test]
fn f14_looking_at_pins_costs_no_allocation() {
    let _turn = TURN.lock().unwrap();
    let runtime = runtime();
    let graph = Graph::builder()
        .node("count", "flow.count", json!({ "packets": 1 }))
        .node("check", "flow.check", json!({}))
        .link("count", "check")
        .build(runtime.plugins())
        .unwrap();
    let look = || {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        let pins = graph.nodes().iter().flat_map(|node| node.inputs().iter().chain(node.outputs()));
        let seen: usize = pins.map(|pin| pin.name().len() + pin.format().alternatives().len()).sum();
        assert!(seen > 0);
        ALLOCATIONS.load(Ordering::Relaxed) - before
    };
    assert_eq!((0..5).map(|_| look()).min(), Some(0));
}
