//! A session stops within its bounds whatever its nodes are doing, and says who did not finish.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use graphmill::exec::{NodeState, SessionEvent};
use graphmill::graph::NodeSpec;
use graphmill::{Graph, Outcome, Runtime, Session, SessionReport};
use serde_json::{Value, json};
use std::time::Duration;

mod gated;

use gated::{Gated, GatedSource, await_call, calls, close_gate};

graphmill_plugin_sdk::export!(Gated, GatedSource);

/// Deadlines that no test waits for.
const LONG: Duration = Duration::from_secs(600);

/// in -> model -> check, with a model that a test can hold in one of its calls.
struct Held {
    runtime: Runtime,
    session: Session,
    inlet: graphmill::exec::Inlet,
}

/// The outcome of a stop with these timeouts, with the session's own deadlines out of reach.
fn held(test: &str, gated: &str, policy: Value, [drain, stop]: [Duration; 2]) -> Held {
    let runtime = Runtime::new();
    runtime.plugins().link(module()).unwrap();
    runtime.plugins().link(graphmill_fixture_flow::module()).unwrap();
    let hour = 3_600_000;
    let deadlines = json!({ "process_ms": hour, "flush_ms": hour, "stop_ms": hour, "destroy_ms": hour });
    let node = NodeSpec::new("gated")
        .with_params(json!({ "test": test, "gated": gated, "fails": "process", "heals": true }))
        .with_deadlines(serde_json::from_value(deadlines).unwrap())
        .with_policy(serde_json::from_value(policy).unwrap());
    let graph = Graph::builder()
        .inlet("in", "any")
        .node_with("model", node)
        .node("check", "flow.check", json!({ "gaps": true }))
        .chain(["in", "model", "check"])
        .build(runtime.plugins())
        .unwrap();
    let mut options = runtime.session_options();
    (options.drain_timeout, options.stop_timeout) = (drain, stop);
    let session = runtime.start_with(&graph, options).unwrap();
    let inlet = session.take_inlet("in").unwrap();
    Held { runtime, session, inlet }
}

const SHORT: Duration = Duration::from_millis(50);

impl Held {
    fn send(&mut self) {
        self.inlet.send(graphmill::Packet::from_text("x").unwrap(), LONG).unwrap();
    }

    fn await_state(&self, wanted: NodeState) {
        let is_there = |event: &SessionEvent| matches!(event, SessionEvent::State(change) if change.node == "model" && change.to == wanted);
        self.session.events().find(is_there).unwrap();
    }

    fn stop(self) -> SessionReport {
        drop(self.inlet);
        let report = self.session.stop();
        drop(self.runtime);
        report
    }
}

#[test]
fn r13_stop_is_bounded_by_its_timeouts_in_whatever_call_a_node_hangs_and_names_it() {
    // The gate stays closed: only the timeouts of the stop can end it.
    for gated in ["process", "flush", "stop", "destroy"] {
        let test = format!("stop-{gated}");
        let open = close_gate(&test);
        let mut held = held(&test, gated, json!({ "on_error": "skip" }), [SHORT, SHORT]);
        if gated == "process" {
            held.send();
            await_call(&test, "process");
        }
        let report = held.stop();
        assert_eq!((report.outcome, &report.stragglers), (Outcome::Aborted, &vec!["model".to_string()]), "{gated}");
        assert!(calls(&test).iter().any(|(call, _)| *call == gated), "it hangs in {gated}");
        drop(open);
    }
}

#[test]
fn r13_stop_is_bounded_while_a_node_waits_for_its_next_instance() {
    let policy =
        json!({ "on_error": "restart", "restart": { "backoff_first_ms": 3_600_000, "backoff_max_ms": 3_600_000 } });
    let mut held = held("stop-restarting", "", policy, [LONG, LONG]);
    held.send();
    held.await_state(NodeState::Restarting);
    let report = held.stop();
    assert_eq!((report.outcome, report.stragglers.len()), (Outcome::Failed, 0), "{report:#?}");
    assert_eq!(report.node("model").unwrap().state, NodeState::Failed);
}

#[test]
fn r13_stop_is_bounded_after_a_node_was_isolated_and_when_nothing_happens() {
    let policy = json!({ "on_error": "restart", "restart": { "max": 0 }, "on_trip": "isolate" });
    let mut held_isolated = held("stop-isolated", "", policy, [LONG, LONG]);
    held_isolated.send();
    held_isolated.await_state(NodeState::Tripped);
    let report = held_isolated.stop();
    assert_eq!((report.outcome, report.tripped.len()), (Outcome::Stopped, 1), "{report:#?}");
    let report = held("stop-idle", "", json!({}), [LONG, LONG]).stop();
    assert_eq!((report.outcome, report.failures.len()), (Outcome::Stopped, 0), "{report:#?}");
}

#[test]
fn stop_finishes_what_is_queued_and_frees_the_nodes_of_a_worker_against_the_order_of_the_graph() {
    let runtime = Runtime::new();
    runtime.plugins().link(module()).unwrap();
    runtime.plugins().link(graphmill_fixture_flow::module()).unwrap();
    let node = |test: &str| NodeSpec::new("gated").with_params(json!({ "test": test })).with_worker("one");
    let graph = Graph::builder()
        .inlet("in", "any")
        .node_with("first", node("order"))
        .node_with("second", node("order-second"))
        .node("check", "flow.check", json!({ "expect": 40 }))
        .chain(["in", "first", "second", "check"])
        .build(runtime.plugins())
        .unwrap();
    let session = runtime.start(&graph).unwrap();
    let mut inlet = session.take_inlet("in").unwrap();
    for seq in 0..40 {
        let mut packet = graphmill::Packet::from_text("x").unwrap();
        packet.set_seq(seq);
        inlet.send(packet, LONG).unwrap();
    }
    let report = session.stop();
    assert_eq!((report.outcome, report.dropped()), (Outcome::Stopped, 0), "{report:#?}");
    let ends = |test: &str| calls(test).iter().rev().take(2).rev().map(|(call, _)| *call).collect::<Vec<_>>();
    assert_eq!((ends("order"), ends("order-second")), (vec!["stop", "destroy"], vec!["stop", "destroy"]));
    assert!(gated::came_before(("order-second", "destroy"), ("order", "destroy")));
    assert!(gated::came_before(("order", "stop"), ("order-second", "stop")), "packets leave in the order of the graph");
    drop(inlet);
}
