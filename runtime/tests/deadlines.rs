//! A call that does not return costs its node, at its deadline, and the rest of the graph is finished.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use graphmill::exec::{FaultClass, NodeState, Operation, SessionEvent, abandoned_threads};
use graphmill::graph::{DeadlinesSpec, GraphBuilder, LinkSpec, NodeSpec, PolicySpec};
use graphmill::{Graph, Outcome, Runtime, SessionReport};
use serde_json::{Value, json};
use std::time::Duration;

mod gated;

use gated::{Gated, GatedSource, await_call, calls, close_gate};

graphmill_plugin_sdk::export!(Gated, GatedSource);

const LONG: Duration = Duration::from_secs(60);

fn runtime() -> Runtime {
    let runtime = Runtime::new();
    runtime.plugins().link(module()).unwrap();
    runtime.plugins().link(graphmill_fixture_flow::module()).unwrap();
    runtime
}

fn no_restarts() -> PolicySpec {
    serde_json::from_value(json!({ "restart": { "max": 0 } })).unwrap()
}

fn deadlines(key: &str, ms: u64) -> DeadlinesSpec {
    serde_json::from_value(json!({ key: ms })).unwrap()
}

/// count -> gated -> check, with one call of `gated` held and one deadline set.
fn chain(test: &str, gated: &str, key: &str) -> GraphBuilder {
    let node = NodeSpec::new("gated").with_params(json!({ "test": test, "gated": gated }));
    Graph::builder()
        .node("count", "flow.count", json!({ "packets": 1000 }))
        .node_with("model", node.with_deadlines(deadlines(key, 20)).with_policy(no_restarts()))
        .node("check", "flow.check", json!({}))
        .chain(["count", "model", "check"])
}

/// Checks that the node failed in the call, and that the message names what to raise.
fn assert_hung(report: &SessionReport, operation: Operation, key: &str) {
    assert_eq!((report.outcome, &report.abandoned), (Outcome::Failed, &vec!["model".to_string()]), "{report:#?}");
    let failure = report.failures.first().unwrap();
    assert_eq!((failure.node.as_str(), failure.operation, failure.class), ("model", operation, FaultClass::Hung));
    let text = failure.to_string();
    assert!(text.contains("the deadline is 20 ms"), "{text}");
    assert!(text.contains(&format!("raise `deadlines.{key}`")), "{text}");
    let model = report.node("model").unwrap();
    assert!(matches!(model.state, NodeState::Tripped | NodeState::Failed), "{:?}", model.state);
    assert_eq!(model.timeouts, 1);
}

#[test]
fn each_deadline_ends_the_call_that_it_is_for_and_the_session_names_it() {
    let table = [
        ("process", "process_ms", Operation::Process),
        ("flush", "flush_ms", Operation::Flush),
        ("stop", "stop_ms", Operation::Stop),
        ("destroy", "destroy_ms", Operation::Destroy),
    ];
    for (gated, key, operation) in table {
        let runtime = runtime();
        let test = format!("hung-{gated}");
        let open = close_gate(&test);
        let graph = chain(&test, gated, key).build(runtime.plugins()).unwrap();
        let report = runtime.start(&graph).unwrap().wait();
        assert_hung(&report, operation, key);
        assert_eq!(report.node("check").unwrap().state, NodeState::Stopped, "the rest of the graph is finished");
        assert!(report.stragglers.is_empty());
        let link = report.link("count.out -> model.in").unwrap();
        let given = report.node("count").unwrap().packets_out;
        assert_eq!(link.delivered + link.dropped_total(), given, "every packet was taken or is counted as lost");
        drop(open);
    }
}

#[test]
fn instance_that_hangs_in_destroy_after_a_failure_is_replaced_and_its_packet_is_counted_or_handed_over_again() {
    for (test, redeliver) in [("held-lost", 0), ("held-again", 1)] {
        let runtime = runtime();
        let open = close_gate(test);
        let policy = json!({ "on_error": "restart", "redeliver": redeliver, "restart": { "backoff_first_ms": 1 } });
        let node = NodeSpec::new("gated")
            .with_params(json!({ "test": test, "gated": "destroy", "fails": "process", "heals": true }))
            .with_deadlines(deadlines("destroy_ms", 20))
            .with_policy(serde_json::from_value(policy).unwrap());
        let graph = Graph::builder()
            .node("count", "flow.count", json!({ "packets": 100 }))
            .node_with("model", node)
            .node("check", "flow.check", json!({ "gaps": true }))
            .chain(["count", "model", "check"])
            .build(runtime.plugins())
            .unwrap();
        let report = runtime.start(&graph).unwrap().wait();
        let abandoned = vec!["model".to_string()];
        assert_eq!((report.outcome, &report.abandoned), (Outcome::Completed, &abandoned), "{report:#?}");
        let model = report.node("model").unwrap();
        let lost = 1 - redeliver;
        assert_eq!((model.packets_in, model.restarts, model.timeouts, model.lost_in_flight), (100, 1, 1, lost));
        assert_eq!(report.node("check").unwrap().packets_in, 100 - lost);
        drop(open);
    }
}

#[test]
fn instance_that_is_not_made_or_started_in_time_ends_the_start() {
    for (gated, key, operation) in [("create", "create_ms", "create"), ("start", "start_ms", "start")] {
        let runtime = runtime();
        let test = format!("hung-{gated}");
        let open = close_gate(&test);
        let graph = chain(&test, gated, key).build(runtime.plugins()).unwrap();
        let error = runtime.start(&graph).unwrap_err().to_string();
        assert!(error.contains(&format!("node `model` (gated) failed in {operation}: no return after")), "{error}");
        assert!(error.contains(&format!("raise `deadlines.{key}`")), "{error}");
        drop(open);
    }
}

#[test]
fn source_that_does_not_return_from_a_tick_is_hung() {
    let runtime = runtime();
    let open = close_gate("hung-tick");
    let source = NodeSpec::new("gated.source").with_params(json!({ "test": "hung-tick", "gated": "tick" }));
    let graph = Graph::builder()
        .node_with("model", source.with_deadlines(deadlines("tick_ms", 20)).with_policy(no_restarts()))
        .node("check", "flow.check", json!({ "expect": 0 }))
        .link("model", "check")
        .build(runtime.plugins())
        .unwrap();
    assert_hung(&runtime.start(&graph).unwrap().wait(), Operation::Tick, "tick_ms");
    drop(open);
}

#[test]
fn defaults_of_the_graph_hold_for_every_node() {
    let spec = |deadlines: Value| {
        json!({
            "links": ["count -> model -> check"],
            "defaults": { "deadlines": deadlines, "policy": { "restart": { "max": 0 } } },
            "nodes": {
                "count": { "kind": "flow.count", "params": { "packets": 10 } },
                "model": { "kind": "gated", "params": { "test": "defaults", "gated": "process" } },
                "check": { "kind": "flow.check" },
            },
        })
    };
    let runtime = runtime();
    let open = close_gate("defaults");
    let text = spec(json!({ "process_ms": 20 })).to_string();
    let sourced = graphmill::GraphSpec::parse(&text, "test.json", graphmill::graph::FileType::Json).unwrap();
    let graph = sourced.build(runtime.plugins()).unwrap();
    assert_hung(&runtime.start(&graph).unwrap().wait(), Operation::Process, "process_ms");
    drop(open);
}

#[test]
fn call_that_comes_back_late_changes_nothing_and_its_thread_frees_the_instance() {
    let runtime = runtime();
    let open = close_gate("late");
    let graph = chain("late", "process", "process_ms").build(runtime.plugins()).unwrap();
    let mut session = runtime.start(&graph).unwrap();
    let report = session.wait_timeout(LONG).unwrap();
    assert_hung(&report, Operation::Process, "process_ms");
    let model = report.node("model").unwrap();
    assert_eq!((model.packets_in, model.packets_out, model.late_outputs), (1, 0, 0));
    assert!(abandoned_threads() >= 1);
    drop(open);
    await_call("late", "destroy");
    let seen = calls("late");
    let (_, owner) = seen.first().unwrap();
    assert!(seen.iter().all(|(_, thread)| thread == owner), "also an abandoned instance is freed on its own thread");
    let names: Vec<&str> = seen.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["create", "start", "process", "destroy"], "it is not called again");
    let late = session.report();
    let model = late.node("model").unwrap();
    assert_eq!((model.packets_out, model.late_outputs, model.state), (0, 1, NodeState::Tripped));
    assert_eq!(late.node("check").unwrap().packets_in, 0, "the late packet went nowhere");
}

#[test]
fn hung_instance_is_replaced_and_costs_one_packet() {
    let runtime = runtime();
    let open = close_gate("replaced");
    let node = NodeSpec::new("gated").with_params(json!({ "test": "replaced", "gated": "process" }));
    let policy = json!({ "restart": { "backoff_first_ms": 1 } });
    let node = node.with_deadlines(deadlines("process_ms", 20)).with_policy(serde_json::from_value(policy).unwrap());
    let graph = Graph::builder()
        .node("count", "flow.count", json!({ "packets": 1000 }))
        .node_with("model", node)
        .node("check", "flow.check", json!({ "gaps": true, "expect": 999 }))
        .chain(["count", "model", "check"])
        .build(runtime.plugins())
        .unwrap();
    let mut session = runtime.start(&graph).unwrap();
    let report = session.wait_timeout(LONG).unwrap();
    assert_eq!(
        (report.outcome, report.dropped(), &report.abandoned),
        (Outcome::Completed, 0, &vec!["model".to_string()])
    );
    let model = report.node("model").unwrap();
    assert_eq!(
        (model.packets_in, model.packets_out, model.restarts, model.timeouts, model.lost_in_flight),
        (1000, 999, 1, 1, 1)
    );
    // The first instance comes back after the second one has done its work.
    drop(open);
    while calls("replaced").iter().filter(|(name, _)| *name == "destroy").count() < 2 {
        std::thread::yield_now();
    }
    let late = session.report();
    let model = late.node("model").unwrap();
    assert_eq!((model.packets_out, model.late_outputs, late.node("check").unwrap().packets_in), (999, 1, 999));
    let seen = calls("replaced");
    let (_, first) = seen.first().unwrap();
    let of_first: Vec<_> = seen.iter().filter(|(_, thread)| thread == first).map(|(name, _)| *name).collect();
    assert_eq!(of_first, ["create", "start", "process", "destroy"], "each instance stays on its own thread");
}

#[test]
fn packet_that_hangs_its_node_is_handed_over_again_or_becomes_a_letter_as_the_policy_says() {
    let run = |test: &str, policy: Value| {
        let runtime = runtime();
        let open = close_gate(test);
        let node = NodeSpec::new("gated").with_params(json!({ "test": test, "gated": "process" }));
        let node =
            node.with_deadlines(deadlines("process_ms", 20)).with_policy(serde_json::from_value(policy).unwrap());
        let graph = Graph::builder()
            .node("count", "flow.count", json!({ "packets": 100, "bytes": 24 }))
            .node_with("model", node)
            .node("check", "flow.check", json!({ "gaps": true }))
            .chain(["count", "model", "check"])
            .build(runtime.plugins())
            .unwrap();
        let mut session = runtime.start(&graph).unwrap();
        let report = session.wait_timeout(LONG).unwrap();
        assert_eq!(report.dropped(), 0, "{report:#?}");
        drop(open);
        let model = report.node("model").unwrap();
        (model.lost_in_flight, report.node("check").unwrap().packets_in, session.dead_letters())
    };
    let (lost, arrived, letters) = run("kept-not", json!({ "restart": { "backoff_first_ms": 1 } }));
    assert_eq!((lost, arrived, letters.len()), (1, 99, 0), "nothing of it is kept, so it is only counted");
    let policy = json!({ "restart": { "backoff_first_ms": 1 }, "dead_letters": "payload" });
    let (lost, arrived, letters) = run("kept-letter", policy);
    assert_eq!((lost, arrived), (1, 99));
    let [letter] = letters.as_slice() else { panic!("{letters:#?}") };
    assert_eq!((&*letter.pin, &*letter.reason.operation, letter.attempts), ("in", "process", 1));
    assert!(letter.reason.message.contains("the deadline is 20 ms for packet 0; the instance"), "{letter:#?}");
    assert_eq!(letter.packet.as_ref().unwrap().plane(0).map(<[u8]>::len), Some(24));
    let policy = json!({ "restart": { "backoff_first_ms": 1 }, "redeliver": 1 });
    let (lost, arrived, letters) = run("kept-again", policy);
    assert_eq!((lost, arrived, letters.len()), (0, 100, 0), "the next instance gets it");
    let policy = json!({ "restart": { "max": 0 }, "on_trip": "bypass", "redeliver": 1 });
    let (lost, arrived, letters) = run("kept-tripped", policy);
    assert_eq!((lost, arrived, letters.len()), (1, 99, 1), "there is no next instance");
}

#[test]
fn what_calls_gave_beyond_the_room_of_a_link_is_counted_when_their_worker_hangs() {
    let runtime = runtime();
    let (open, held) = (close_gate("beyond"), close_gate("beyond-held"));
    let gated = |test: &str| NodeSpec::new("gated").with_params(json!({ "test": test, "gated": "process" }));
    let both = |node: NodeSpec| node.with_worker("both");
    let copies = NodeSpec::new("flow.pass").with_params(json!({ "copies": 8 }));
    let isolate = serde_json::from_value(json!({ "on_trip": "isolate", "restart": { "max": 0 } })).unwrap();
    // `copies` gives eight packets to a link of two, whose consumer is held, and to `model`, which then hangs.
    let graph = Graph::builder()
        .node("count", "flow.count", json!({ "packets": 1 }))
        .node_with("copies", both(copies))
        .node_with("model", both(gated("beyond")).with_deadlines(deadlines("process_ms", 20)).with_policy(isolate))
        .node_with("consumer", gated("beyond-held"))
        .node("check", "flow.check", json!({}))
        .link("count", "copies")
        .link_with(LinkSpec::new("copies", "consumer").with_capacity(2))
        .chain(["copies", "model", "check"])
        .link("consumer", "check")
        .build(runtime.plugins())
        .unwrap();
    let mut session = runtime.start(&graph).unwrap();
    // Its worker is replaced by the time that its node has left.
    while session.report().abandoned.is_empty() {
        std::thread::yield_now();
    }
    drop(held);
    let report = session.wait_timeout(LONG).unwrap();
    drop(open);
    let link = report.link("copies.out -> consumer.in").unwrap();
    assert_eq!(link.delivered + link.dropped_total(), 8, "{link:#?}");
    assert_eq!(link.depth, 0, "{link:#?}");
}

/// count -> pass -> model -> check, with `pass` and `model` on one worker and a model that hangs once.
fn shared_worker(test: &str, policy: Value) -> (Graph, Runtime) {
    let runtime = runtime();
    let model = NodeSpec::new("gated").with_params(json!({ "test": test, "gated": "process" }));
    let model = model.with_policy(serde_json::from_value(policy).unwrap());
    let place = |spec: NodeSpec| spec.with_worker("both");
    let graph = Graph::builder()
        .node("count", "flow.count", json!({ "packets": 200 }))
        .node_with("pass", place(NodeSpec::new("flow.pass")))
        .node_with("model", place(model).with_deadlines(deadlines("process_ms", 20)))
        .node("check", "flow.check", json!({ "gaps": true }))
        .chain(["count", "pass", "model", "check"])
        .build(runtime.plugins())
        .unwrap();
    (graph, runtime)
}

/// Checks that every packet that `pass` gave was taken, or is counted as lost on the queue of the lost thread.
fn assert_all_counted(report: &SessionReport) {
    let local = report.link("pass.out -> model.in").unwrap();
    assert_eq!(local.delivered + local.dropped_total(), report.node("pass").unwrap().packets_out, "{report:#?}");
    assert_eq!((&report.abandoned, report.stragglers.len()), (&vec!["worker both".to_string()], 0));
}

#[test]
fn nodes_that_share_a_worker_with_a_hung_one_get_new_instances_with_it() {
    let open = close_gate("shared");
    let (graph, runtime) = shared_worker("shared", json!({ "restart": { "backoff_first_ms": 1 } }));
    let mut session = runtime.start(&graph).unwrap();
    let report = session.wait_timeout(LONG).unwrap();
    assert_eq!((report.outcome, report.failures.len()), (Outcome::Completed, 0), "{report:#?}");
    assert_all_counted(&report);
    let [pass, model, check] = ["pass", "model", "check"].map(|id| report.node(id).unwrap());
    assert_eq!((pass.restarts, model.restarts, model.timeouts, model.lost_in_flight), (1, 1, 1, 1));
    assert_eq!((pass.packets_in, check.packets_in), (200, model.packets_in - 1), "{report:#?}");
    let lost: Vec<_> = session
        .events()
        .filter_map(|event| match event {
            SessionEvent::State(change) if &*change.node == "pass" => change.reason,
            _ => None,
        })
        .collect();
    let [lost] = lost.as_slice() else { panic!("{lost:?}") };
    assert!(lost.contains("its worker was lost to node `model`"), "{lost}");
    drop(open);
}

#[test]
fn node_that_shares_a_worker_with_a_hung_and_isolated_one_goes_on_alone() {
    let open = close_gate("shared-isolated");
    let policy = json!({ "on_trip": "isolate", "restart": { "max": 0 } });
    let (graph, runtime) = shared_worker("shared-isolated", policy);
    let report = runtime.start(&graph).unwrap().wait();
    assert_eq!((report.outcome, report.tripped.len()), (Outcome::Completed, 1), "{report:#?}");
    assert_all_counted(&report);
    let [pass, model, check] = ["pass", "model", "check"].map(|id| report.node(id).unwrap());
    assert_eq!((pass.restarts, pass.packets_in, pass.state), (1, 200, NodeState::Stopped));
    assert_eq!((model.restarts, model.packets_in, model.state), (0, 1, NodeState::Tripped));
    assert_eq!((check.packets_in, check.state), (0, NodeState::Stopped));
    drop(open);
}

#[test]
fn nodes_that_share_a_worker_with_a_hung_one_that_stops_the_session_are_lost_with_it() {
    let open = close_gate("shared-stops");
    let (graph, runtime) = shared_worker("shared-stops", json!({ "restart": { "max": 0 } }));
    let report = runtime.start(&graph).unwrap().wait();
    let [hung, lost] = report.failures.as_slice() else { panic!("{report:#?}") };
    assert_eq!((hung.node.as_str(), hung.class), ("model", FaultClass::Hung));
    assert_eq!((lost.node.as_str(), lost.class), ("pass", FaultClass::WorkerLost));
    assert!(lost.to_string().contains("its worker was lost to node `model`"), "{lost}");
    assert_all_counted(&report);
    drop(open);
}

#[test]
fn hung_node_that_is_bypassed_lets_packets_pass() {
    let runtime = runtime();
    let open = close_gate("bypassed");
    let policy = json!({ "on_trip": "bypass", "restart": { "max": 0 } });
    let node = NodeSpec::new("gated").with_params(json!({ "test": "bypassed", "gated": "process" }));
    let node = node.with_deadlines(deadlines("process_ms", 20)).with_policy(serde_json::from_value(policy).unwrap());
    let graph = Graph::builder()
        .node("count", "flow.count", json!({ "packets": 1000 }))
        .node_with("model", node)
        .node("check", "flow.check", json!({ "gaps": true, "expect": 999 }))
        .chain(["count", "model", "check"])
        .build(runtime.plugins())
        .unwrap();
    let report = runtime.start(&graph).unwrap().wait();
    assert_eq!((report.outcome, report.dropped()), (Outcome::Completed, 0), "{report:#?}");
    let model = report.node("model").unwrap();
    assert_eq!((model.state, model.bypassed, model.lost_in_flight), (NodeState::Tripped, 999, 1));
    drop(open);
}

#[test]
fn waiting_for_room_is_not_hanging() {
    let runtime = runtime();
    let pass = NodeSpec::new("flow.pass").with_params(json!({ "copies": 60 }));
    let graph = Graph::builder()
        .node("count", "flow.count", json!({ "packets": 1 }))
        .node_with("pass", pass.with_deadlines(deadlines("process_ms", 20)))
        .outlet("out", "any")
        .link("count", "pass")
        .link_with(LinkSpec::new("pass", "out").with_capacity(2))
        .build(runtime.plugins())
        .unwrap();
    let mut session = runtime.start(&graph).unwrap();
    let mut outlet = session.take_outlet("out").unwrap();
    // A slow consumer: the one call of `pass` takes several deadlines, nearly all of it waiting for room.
    let mut taken = 0;
    while outlet.recv(LONG).is_ok() {
        taken += 1;
        std::thread::sleep(Duration::from_millis(2));
    }
    let report = session.wait_timeout(LONG).unwrap();
    assert_eq!((taken, report.outcome, report.failures.len()), (60, Outcome::Completed, 0), "{report:#?}");
    assert!(
        report.node("pass").unwrap().call_time.max_ns > 20_000_000,
        "the call really took longer than its deadline"
    );
}
