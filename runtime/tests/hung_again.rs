//! A call has its whole deadline, also where the one before it in its place was given up.

use graphmill::exec::{NodeState, SessionEvent};
use graphmill::graph::NodeSpec;
use graphmill::{Graph, Runtime};
use serde_json::json;

const CALLS: usize = 4;
const DEADLINE_MS: i64 = 200;

#[test]
fn every_hung_call_has_its_whole_deadline_whatever_was_given_up_before() {
    let runtime = Runtime::new();
    runtime.plugins().link(graphmill_fixture_flow::module()).unwrap();
    // The next instance is there before the watch looks again, and its first call has the number of the one before.
    let restart = json!({ "max": CALLS, "backoff_first_ms": 1, "backoff_max_ms": 1 });
    let node = NodeSpec::new("flow.hang")
        .with_params(json!({}))
        .with_policy(serde_json::from_value(json!({ "restart": restart })).unwrap())
        .with_deadlines(serde_json::from_value(json!({ "process_ms": DEADLINE_MS })).unwrap());
    let graph = Graph::builder()
        .node("count", "flow.count", json!({ "packets": CALLS }))
        .node_with("hangs", node)
        .link("count", "hangs")
        .build(runtime.plugins())
        .unwrap();
    let session = runtime.start(&graph).unwrap();
    let mut events = session.handle().events();
    session.wait();
    let changes = std::iter::from_fn(|| events.try_next()).filter_map(|event| match event {
        SessionEvent::State(change) if change.to == NodeState::Hung => Some(change.at_ns),
        _ => None,
    });
    let noticed: Vec<i64> = changes.collect();
    let entered = graphmill_fixture_flow::entered();
    assert_eq!((entered.len(), noticed.len()), (CALLS, CALLS));
    for (entered, noticed) in entered.iter().zip(&noticed) {
        let took_ms = (noticed - entered) / 1_000_000;
        assert!(took_ms >= DEADLINE_MS, "a call was given up after {took_ms} ms");
    }
}
