//! A node whose instance fails gets another one, within its budget; then its policy decides.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use graphmill::exec::{NodeState, SessionEvent, VirtualClock};
use graphmill::graph::{DeadlinesSpec, FileType, NodeSpec, PolicySpec};
use graphmill::{Graph, GraphSpec, Outcome, Runtime, SessionReport};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Runs count -> pass -> check with a policy for `pass`; the clock moves while `pass` waits for its next instance.
fn run(pass: Value, policy: Value, packets: u64) -> SessionReport {
    let clock = Arc::new(VirtualClock::new());
    let runtime = Runtime::with_clock(clock.clone());
    runtime.plugins().link(graphmill_fixture_flow::module()).unwrap();
    let policy: PolicySpec = serde_json::from_value(policy).unwrap();
    let graph = Graph::builder()
        .node("count", "flow.count", json!({ "packets": packets }))
        .node_with("pass", NodeSpec::new("flow.pass").with_params(pass).with_policy(policy))
        .node("check", "flow.check", json!({ "gaps": true }))
        .chain(["count", "pass", "check"])
        .build(runtime.plugins())
        .unwrap_or_else(|error| panic!("{error}"));
    let mut session = runtime.start(&graph).unwrap();
    loop {
        match session.wait_timeout(Duration::from_millis(2)) {
            Some(report) => return report,
            // At any other time the clock would run against a call: a first panic takes a while to be told.
            None if session.report().node("pass").unwrap().state == NodeState::Restarting => {
                clock.advance_ns(50_000_000);
            }
            None => {}
        }
    }
}

/// What came out, and what was lost at `pass`.
fn figures(report: &SessionReport) -> (u64, u64, u64) {
    let pass = report.node("pass").unwrap();
    (report.node("check").unwrap().packets_in, pass.restarts, pass.lost_in_flight)
}

#[test]
fn poison_packet_costs_itself_and_one_restart() {
    let report = run(json!({ "panic_at": 42 }), json!({}), 1000);
    assert_eq!((report.outcome, report.failures.len()), (Outcome::Completed, 0), "{report:#?}");
    assert_eq!(figures(&report), (999, 1, 1));
    let pass = report.node("pass").unwrap();
    assert_eq!((pass.packets_in, pass.packets_out, pass.errors), (1000, 999, 1));
    assert!(pass.last_error.as_ref().unwrap().contains("packet 42 is poison"));
    assert_eq!(report.dropped(), 0, "what was queued waited for the next instance");
}

#[test]
fn events_tell_every_change_of_a_node_in_order_and_end_with_the_session() {
    let runtime = Runtime::new();
    runtime.plugins().link(graphmill_fixture_flow::module()).unwrap();
    let policy: PolicySpec = serde_json::from_value(json!({ "restart": { "backoff_first_ms": 1 } })).unwrap();
    // The trace of a first panic may take long on a busy machine, and the node would be told to be slow.
    let deadlines: DeadlinesSpec = serde_json::from_value(json!({ "process_ms": 60_000 })).unwrap();
    let pass = NodeSpec::new("flow.pass").with_params(json!({ "panic_at": 42 }));
    let pass = pass.with_policy(policy).with_deadlines(deadlines);
    let graph = Graph::builder()
        .node("count", "flow.count", json!({ "packets": 100 }))
        .node_with("pass", pass)
        .node("check", "flow.check", json!({ "gaps": true }))
        .chain(["count", "pass", "check"])
        .build(runtime.plugins())
        .unwrap();
    let session = runtime.start(&graph).unwrap();
    let mut events = session.events();
    let all: Vec<_> = events
        .by_ref()
        .map(|event| if let SessionEvent::State(change) = event { change } else { panic!("{event:?}") })
        .collect();
    assert!(events.has_ended());
    assert!(all.iter().enumerate().all(|(number, change)| change.number == number as u64), "{all:#?}");
    assert!(all.windows(2).all(|pair| pair[0].number < pair[1].number));
    let pass: Vec<_> = all.iter().filter(|change| change.node == "pass").collect();
    let states: Vec<_> = pass.iter().map(|change| change.to.name()).collect();
    let twice = ["ready", "running", "restarting", "starting", "ready", "running", "draining", "stopped"];
    assert_eq!(states, twice);
    assert!(pass.windows(2).all(|pair| pair[0].to == pair[1].from && pair[0].at_ns <= pair[1].at_ns));
    let reasons: Vec<_> = pass.iter().filter_map(|change| change.reason.as_deref()).collect();
    let [reason] = reasons.as_slice() else { panic!("{reasons:?}") };
    assert!(reason.contains("packet 42 is poison"), "{reason}");
    assert_eq!(session.report().outcome, Outcome::Completed, "the report knows the end before anybody waits for it");
}

#[test]
fn redelivered_poison_packet_costs_a_restart_each_time_and_is_given_up_then() {
    let report = run(json!({ "panic_at": 42 }), json!({ "redeliver": 2 }), 1000);
    assert_eq!(report.outcome, Outcome::Completed, "{report:#?}");
    assert_eq!(figures(&report), (999, 3, 1), "handed over three times in all");
}

#[test]
fn without_restarts_the_first_failure_ends_the_session() {
    let report = run(json!({ "panic_at": 42 }), json!({ "restart": { "max": 0 } }), 1000);
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(figures(&report), (42, 0, 1));
    let failure = report.failures.first().unwrap().to_string();
    assert!(failure.contains("packet 42 is poison"), "{failure}");
}

#[test]
fn node_that_fails_more_often_than_its_budget_allows_trips_and_names_the_key() {
    let policy = json!({ "on_error": "restart", "restart": { "max": 2, "window_ms": 60_000 } });
    let report = run(json!({ "fail_every": 10 }), policy, 1000);
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(figures(&report), (27, 2, 3), "the third failure trips");
    let failure = report.failures.first().unwrap().to_string();
    assert!(
        failure.contains("it failed again after 2 restarts within 60000 ms; `restart.max` would allow more"),
        "{failure}"
    );
}

#[test]
fn isolated_node_leaves_and_the_session_goes_on() {
    let policy = json!({ "on_trip": "isolate", "restart": { "max": 0 } });
    let report = run(json!({ "panic_at": 10 }), policy, 1000);
    assert_eq!(
        (report.outcome, report.failures.len(), report.tripped.len()),
        (Outcome::Completed, 0, 1),
        "{report:#?}"
    );
    assert_eq!(report.node("pass").unwrap().state, NodeState::Tripped);
    assert_eq!(report.node("check").unwrap().packets_in, 10);
    let before = report.link("count.out -> pass.in").unwrap();
    assert_eq!(before.delivered + before.dropped_for("closed"), 1000, "packets to it are dropped and counted");
}

#[test]
fn bypassed_node_lets_packets_pass() {
    let policy = json!({ "on_trip": "bypass", "restart": { "max": 0 } });
    let report = run(json!({ "panic_at": 10 }), policy, 1000);
    assert_eq!((report.outcome, report.dropped()), (Outcome::Completed, 0), "{report:#?}");
    let pass = report.node("pass").unwrap();
    assert_eq!((pass.state, pass.bypassed, pass.lost_in_flight), (NodeState::Tripped, 989, 1));
    assert_eq!(report.node("check").unwrap().packets_in, 999);
}

#[test]
fn on_error_fail_ends_the_node_at_its_first_typed_error() {
    let report = run(json!({ "fail_every": 10 }), json!({ "on_error": "fail" }), 1000);
    assert_eq!((report.outcome, figures(&report)), (Outcome::Failed, (9, 0, 1)));
}

#[test]
fn policy_of_the_graph_holds_for_nodes_that_do_not_say_otherwise_and_bad_ones_are_refused() {
    let runtime = Runtime::new();
    runtime.plugins().link(graphmill_fixture_flow::module()).unwrap();
    let build = |text: &str| {
        GraphSpec::parse(text, "graph.toml", FileType::Toml).and_then(|spec| spec.build(runtime.plugins()))
    };
    let graph = build(
        r#"
        links = ["count -> pass -> check"]
        defaults = { policy = { on_error = "restart", restart = { max = 7 } } }
        nodes.count = { kind = "flow.count", params = { packets = 1 } }
        nodes.pass = { kind = "flow.pass", policy = { on_trip = "bypass" } }
        nodes.check = { kind = "flow.check" }
        "#,
    );
    let graph = graph.unwrap_or_else(|error| panic!("{error}"));
    let (_, pass) = graph.find("pass").unwrap();
    let json = serde_json::to_value(pass.policy()).unwrap();
    assert_eq!(
        (&json["on_error"], &json["restart"]["max"], &json["on_trip"]),
        (&json!("restart"), &json!(7), &json!("bypass"))
    );
    let error = build(
        r#"
        links = ["count -> check"]
        nodes.count = { kind = "flow.count", params = { packets = 1 }, policy = { on_trip = "bypass", restart = { maxx = 3 } } }
        nodes.check = { kind = "flow.check", policy = { restart = { max = 101 } } }
        "#,
    );
    let error = error.unwrap_err().to_string();
    assert!(error.contains("`restart` has no key `maxx`") && error.contains("did you mean `max`?"), "{error}");
    let error = build(
        r#"
        links = ["count -> check"]
        nodes.count = { kind = "flow.count", params = { packets = 1 }, policy = { on_trip = "bypass" } }
        nodes.check = { kind = "flow.check", policy = { restart = { max = 101 } } }
        "#,
    );
    let error = error.unwrap_err().to_string();
    assert!(error.contains("packets cannot pass this node by"), "{error}");
    assert!(error.contains("`restart.max` is 101; it must be between 0 and 100"), "{error}");
}
