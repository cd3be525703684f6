//! A node whose first instance cannot be made or started: the failure of the start, or of that node alone, as its policy
//! says.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use graphmill::exec::{NodeState, VirtualClock};
use graphmill::graph::{DeadlinesSpec, GraphBuilder, NodeSpec, PolicySpec};
use graphmill::{Graph, Outcome, Runtime, Session, SessionReport};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

mod gated;

use gated::{Gated, GatedSource, close_gate};

graphmill_plugin_sdk::export!(Gated, GatedSource);

const LONG: Duration = Duration::from_secs(60);

fn runtime() -> Runtime {
    with_plugins(Runtime::new())
}

fn with_plugins(runtime: Runtime) -> Runtime {
    runtime.plugins().link(module()).unwrap();
    runtime.plugins().link(graphmill_fixture_flow::module()).unwrap();
    runtime
}

/// Every way in which a first instance can fail: a param of the gated kind, and what is said then.
const WAYS: [(&str, &str); 3] = [("fails", "as it should"), ("panics", "as it should"), ("gated", "no return after")];

/// Two branches: count -> model -> check, whose model does not come to be, and other -> all, which loses nothing.
fn branches(test: &str, (way, call): (&str, &str), policy: &Value) -> GraphBuilder {
    let policy: PolicySpec = serde_json::from_value(policy.clone()).unwrap();
    let deadlines: DeadlinesSpec = serde_json::from_value(json!({ "create_ms": 500, "start_ms": 500 })).unwrap();
    let model = NodeSpec::new("gated").with_params(json!({ "test": test, way: call })).with_policy(policy);
    Graph::builder()
        .node("count", "flow.count", json!({ "packets": 1000 }))
        .node_with("model", model.with_deadlines(deadlines))
        .node("check", "flow.check", json!({ "gaps": true }))
        .chain(["count", "model", "check"])
        .node("other", "flow.count", json!({ "packets": 1000 }))
        .node("all", "flow.check", json!({ "expect": 1000 }))
        .link("other", "all")
}

fn start(runtime: &Runtime, graph: GraphBuilder) -> Session {
    runtime.start(&graph.build(runtime.plugins()).unwrap()).unwrap()
}

fn end(mut session: Session) -> SessionReport {
    session.wait_timeout(LONG).unwrap_or_else(|| panic!("the session ends by itself: {:#?}", session.report()))
}

#[test]
fn node_that_may_be_isolated_or_bypassed_does_not_keep_the_rest_from_running() {
    for call in ["create", "start"] {
        for (way, said) in WAYS {
            for (on_trip, through) in [("isolate", 0), ("bypass", 1000)] {
                let runtime = runtime();
                let test = format!("{way}-{call}-{on_trip}");
                let open = close_gate(&test);
                let policy = json!({ "on_trip": on_trip, "restart": { "max": 0 } });
                let report = end(start(&runtime, branches(&test, (way, call), &policy)));
                assert_eq!((report.outcome, report.failures.len()), (Outcome::Completed, 0), "{test}: {report:#?}");
                let failure = report.tripped.first().unwrap();
                assert_eq!((failure.node.as_str(), failure.operation.name()), ("model", call), "{test}");
                assert!(failure.message.contains(said), "{test}: {failure}");
                assert_eq!(report.node("model").unwrap().state, NodeState::Tripped, "{test}");
                assert_eq!(report.node("all").unwrap().packets_in, 1000, "{test}");
                assert_eq!(report.node("check").unwrap().packets_in, through, "{test}");
                let before = report.link("count.out -> model.in").unwrap();
                let given = report.node("count").unwrap().packets_out;
                assert_eq!(before.delivered + before.dropped_total(), given, "{test}: every packet is counted");
                drop(open);
            }
        }
    }
}

#[test]
fn session_does_not_start_without_a_node_that_it_needs() {
    for call in ["create", "start"] {
        for (way, said) in WAYS {
            let runtime = runtime();
            let test = format!("{way}-{call}-needed");
            let open = close_gate(&test);
            let graph = branches(&test, (way, call), &json!({})).build(runtime.plugins()).unwrap();
            let error = runtime.start(&graph).unwrap_err().to_string();
            assert!(error.contains("node `model`") && error.contains(call) && error.contains(said), "{test}: {error}");
            drop(open);
        }
    }
}

/// The first instance is one of the attempts that the budget counts from, and packets wait for the one that works.
#[test]
fn node_that_heals_within_its_budget_gets_every_packet() {
    for (way, call) in [("fails", "create"), ("fails", "start"), ("gated", "create"), ("gated", "start")] {
        let runtime = runtime();
        let test = format!("{way}-{call}-heals");
        let open = close_gate(&test);
        let policy = json!({ "on_trip": "isolate", "restart": { "backoff_first_ms": 1 } });
        let mut graph = branches(&test, (way, call), &policy);
        if way == "fails" {
            let policy: PolicySpec = serde_json::from_value(policy).unwrap();
            let params = json!({ "test": test, "fails": call, "heals": true });
            graph = Graph::builder()
                .node("count", "flow.count", json!({ "packets": 1000 }))
                .node_with("model", NodeSpec::new("gated").with_params(params).with_policy(policy))
                .node("check", "flow.check", json!({ "expect": 1000 }))
                .chain(["count", "model", "check"]);
        }
        let report = end(start(&runtime, graph));
        assert_eq!(report.outcome, Outcome::Completed, "{test}: {report:#?}");
        assert_eq!((report.node("model").unwrap().restarts, report.dropped()), (1, 0), "{test}: {report:#?}");
        assert_eq!(report.node("check").unwrap().packets_in, 1000, "{test}");
        drop(open);
    }
}

#[test]
fn node_that_never_comes_to_be_uses_its_budget_up_and_says_so() {
    let clock = Arc::new(VirtualClock::new());
    let runtime = with_plugins(Runtime::with_clock(clock.clone()));
    let policy = json!({ "on_trip": "isolate", "restart": { "max": 2 } });
    let mut session = start(&runtime, branches("never", ("fails", "create"), &policy));
    let report = loop {
        match session.wait_timeout(Duration::from_millis(2)) {
            Some(report) => break report,
            None => clock.advance_ns(50_000_000),
        }
    };
    let model = report.node("model").unwrap();
    assert_eq!((report.outcome, model.restarts, model.state), (Outcome::Completed, 2, NodeState::Tripped));
    assert!(report.tripped.first().unwrap().message.contains("`restart.max` would allow more"), "{report:#?}");
    assert_eq!(report.node("all").unwrap().packets_in, 1000);
}

/// Two nodes on one worker: the one that works is made again where the other one took its thread.
#[test]
fn nodes_beside_one_that_hangs_at_the_start_get_instances_of_their_own() {
    for (call, restarts) in [("create", 0), ("create", 1), ("start", 1)] {
        let runtime = runtime();
        let test = format!("beside-{call}-{restarts}");
        let open = close_gate(&test);
        let policy: PolicySpec = serde_json::from_value(
            json!({ "on_trip": "isolate", "restart": { "max": restarts, "backoff_first_ms": 1 } }),
        )
        .unwrap();
        let deadlines: DeadlinesSpec = serde_json::from_value(json!({ "create_ms": 500, "start_ms": 500 })).unwrap();
        let model = NodeSpec::new("gated").with_params(json!({ "test": test, "gated": call }));
        let graph = Graph::builder()
            .node("count", "flow.count", json!({ "packets": 1000 }))
            .node_with("model", model.with_policy(policy).with_deadlines(deadlines).with_worker("both"))
            .node("check", "flow.check", json!({ "gaps": true }))
            .chain(["count", "model", "check"])
            .node("other", "flow.count", json!({ "packets": 1000 }))
            .node_with("pass", NodeSpec::new("flow.pass").with_worker("both"))
            .node("all", "flow.check", json!({ "expect": 1000 }))
            .chain(["other", "pass", "all"]);
        let report = end(start(&runtime, graph));
        assert_eq!((report.outcome, report.failures.len()), (Outcome::Completed, 0), "{test}: {report:#?}");
        assert_eq!(report.node("all").unwrap().packets_in, 1000, "{test}");
        let healed = if restarts > 0 { 1000 } else { 0 };
        assert_eq!(report.node("check").unwrap().packets_in, healed, "{test}: {report:#?}");
        drop(open);
    }
}
