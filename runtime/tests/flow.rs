//! Graphs of counting and checking nodes: nothing lost, nothing reordered, every loss counted.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use graphmill::exec::{EmitError, NextTick, NodeState, RecvError};
use graphmill::graph::{GraphBuilder, LinkSpec, NodeSpec, PolicySpec, TickSpec, WhenFull};
use graphmill::{Graph, Outcome, Packet, Runtime, SessionReport};
use serde_json::json;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(60);

fn runtime() -> Runtime {
    let runtime = Runtime::new();
    runtime.plugins().link(graphmill_fixture_flow::module()).unwrap();
    runtime
}

fn run(graph: GraphBuilder) -> SessionReport {
    let runtime = runtime();
    let graph = graph.build(runtime.plugins()).unwrap_or_else(|error| panic!("{error}"));
    let mut session = runtime.start(&graph).unwrap();
    session.wait_timeout(LONG).unwrap_or_else(|| panic!("the session ends by itself"))
}

/// A report in which everything went as planned: every node ended well, nothing was lost or refused.
fn assert_clean(report: &SessionReport) {
    assert_eq!(report.outcome, Outcome::Completed, "{:?}", report.failures);
    assert_eq!((report.errors(), report.dropped()), (0, 0), "{report:#?}");
    assert!(report.nodes.iter().all(|node| node.state == NodeState::Stopped), "{report:#?}");
}

/// A chain of `n` nodes, each on the worker that `worker` names.
fn chain(n: usize, packets: u64, worker: impl Fn(usize) -> Option<String>) -> GraphBuilder {
    let place = |spec: NodeSpec, at: usize| match worker(at) {
        Some(name) => spec.with_worker(name),
        None => spec,
    };
    let mut ids = vec!["count".to_string()];
    let mut graph = Graph::builder().node_with(
        "count",
        place(NodeSpec::new("flow.count").with_params(json!({ "packets": packets, "bytes": 64 })), 0),
    );
    for at in 1..n - 1 {
        let id = format!("pass-{at}");
        graph = graph.node_with(&id, place(NodeSpec::new("flow.pass"), at));
        ids.push(id);
    }
    ids.push("check".to_string());
    graph
        .node_with("check", place(NodeSpec::new("flow.check").with_params(json!({ "expect": packets })), n - 1))
        .chain(ids)
}

#[test]
fn chain_of_64_nodes_on_64_workers_keeps_every_packet_in_order() {
    let report = run(chain(64, 5_000, |_| None));
    assert_clean(&report);
    assert!(report.links.iter().all(|link| link.delivered == 5_000 && link.high_water <= link.capacity));
    assert_eq!(report.node("pass-30").unwrap().packets_out, 5_000);
}

#[test]
fn chain_of_64_nodes_on_one_worker_keeps_every_packet_in_order() {
    let report = run(chain(64, 20_000, |_| Some("all".to_string())));
    assert_clean(&report);
    assert!(report.links.iter().all(|link| link.delivered == 20_000));
}

#[test]
fn chain_over_workers_that_alternate_keeps_every_packet_in_order() {
    assert_clean(&run(chain(16, 5_000, |at| Some(format!("w{}", at % 3)))));
}

#[test]
fn fan_out_of_large_packets_shares_the_bytes_and_loses_nothing() {
    let mut graph = Graph::builder().node("count", "flow.count", json!({ "packets": 200, "bytes": 1 << 20 }));
    for at in 0..8 {
        let id = format!("check-{at}");
        graph = graph.node(&id, "flow.check", json!({ "expect": 200 })).link("count", &id);
    }
    let report = run(graph);
    assert_clean(&report);
    assert_eq!(report.node("count").unwrap().packets_out, 200, "one emit serves all links");
}

#[test]
fn large_packets_do_not_pile_up_on_one_worker() {
    let here = |kind: &str, params| NodeSpec::new(kind).with_params(params).with_worker("all");
    for (bytes, most) in [(64, 32), (128 << 10, 4), (1 << 20, 1)] {
        let graph = Graph::builder()
            .node_with("count", here("flow.count", json!({ "packets": 40, "bytes": bytes })))
            .node_with("pass", here("flow.pass", json!({})))
            .node_with("check", here("flow.check", json!({ "expect": 40 })));
        let report = run(graph.chain(["count", "pass", "check"]));
        assert_clean(&report);
        let waited: Vec<u64> = report.links.iter().map(|link| link.high_water).collect();
        assert_eq!(waited, [most; 2], "of {bytes} bytes");
    }
}

#[test]
fn busy_input_of_large_packets_leaves_others_their_turn() {
    const PACKETS: usize = 20;
    let here = |kind: &str, params| NodeSpec::new(kind).with_params(params).with_worker("all");
    let count = |stream| here("flow.count", json!({ "packets": PACKETS, "bytes": 1 << 20, "stream": stream }));
    let graph = Graph::builder()
        .node_with("a", count(1))
        .node_with("b", count(2))
        .node_with("join", here("flow.join", json!({})))
        .node_with("pass", here("flow.pass", json!({})))
        .outlet("out", "any")
        .link("a", "join.a")
        .link("b", "join.b")
        .link("join", "pass")
        .link("pass", "out");
    let runtime = runtime();
    let session = runtime.start(&graph.build(runtime.plugins()).unwrap()).unwrap();
    let mut outlet = session.take_outlet("out").unwrap();
    let streams: Vec<u64> = std::iter::from_fn(|| outlet.recv(LONG).ok()).map(|packet| packet.stream_id()).collect();
    assert_eq!(streams.len(), 2 * PACKETS);
    let first_of_b = streams.iter().position(|stream| *stream == 2);
    assert!(first_of_b < Some(PACKETS / 2), "{streams:?}");
}

#[test]
fn four_sources_into_one_node_keep_their_order_each() {
    let mut graph =
        Graph::builder().node("join", "flow.join", json!({})).node("check", "flow.check", json!({ "expect": 8000 }));
    for (stream, pin) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let id = format!("count-{pin}");
        graph = graph
            .node(&id, "flow.count", json!({ "packets": 2000, "stream": stream }))
            .link(&id, format!("join.{pin}"));
    }
    assert_clean(&run(graph.link("join", "check")));
}

#[test]
fn several_links_may_meet_at_one_input() {
    let graph = Graph::builder()
        .node("a", "flow.count", json!({ "packets": 1000, "stream": 1 }))
        .node("b", "flow.count", json!({ "packets": 1000, "stream": 2 }))
        .node("check", "flow.check", json!({ "expect": 2000 }))
        .link("a", "check")
        .link("b", "check");
    assert_clean(&run(graph));
}

#[test]
fn optional_input_may_stay_without_a_link_and_another_may_not() {
    let graph = |pin: &str| {
        Graph::builder()
            .node("count", "flow.count", json!({ "packets": 10 }))
            .node("join", "flow.join", json!({}))
            .node("check", "flow.check", json!({ "expect": 10 }))
            .link("count", format!("join.{pin}"))
            .link("join", "check")
    };
    assert_clean(&run(graph("a")));
    let error = graph("b").build(runtime().plugins()).unwrap_err().to_string();
    assert!(error.contains("nothing is linked to the input `join.a`"), "{error}");
}

fn cycle(rounds: u64, swallow_every: u64, packets: u64, worker: Option<&str>) -> GraphBuilder {
    let place = |spec: NodeSpec| match worker {
        Some(worker) => spec.with_worker(worker),
        None => spec,
    };
    let turn = NodeSpec::new("flow.turn").with_params(json!({ "rounds": rounds, "swallow_every": swallow_every }));
    Graph::builder()
        .node("count", "flow.count", json!({ "packets": packets }))
        .node_with("turn", place(turn))
        .node_with("pass", place(NodeSpec::new("flow.pass")))
        .node("check", "flow.check", json!({ "gaps": swallow_every > 0 }))
        .link("count", "turn.in")
        .link("turn.around", "pass")
        .link_with(LinkSpec::new("pass", "turn.back").with_credits(8))
        .link("turn.out", "check")
}

#[test]
fn cycle_with_credits_lets_every_packet_out_once_and_in_order() {
    for worker in [None, Some("loop")] {
        let report = run(cycle(3, 0, 3_000, worker));
        assert_clean(&report);
        assert_eq!(report.node("check").unwrap().packets_in, 3_000);
        assert_eq!(report.node("pass").unwrap().packets_in, 9_000);
        let around = report.link("turn.around -> pass.in").unwrap();
        assert!(around.high_water <= 8, "at most as many packets are under way as there are credits: {around:?}");
    }
}

#[test]
fn cycle_that_swallows_packets_still_ends_and_the_report_shows_what_is_missing() {
    // The swallowing happens at the head, so its credits come back all the same.
    let report = run(cycle(2, 7, 700, None));
    assert_eq!((report.outcome, report.errors(), report.dropped()), (Outcome::Completed, 0, 0), "{report:#?}");
    let out = report.node("check").unwrap().packets_in;
    assert!(out > 0 && out < 700, "{out}");
}

#[test]
fn dropping_link_counts_what_it_drops_and_keeps_the_order_of_the_rest() {
    for (when_full, reason) in [(WhenFull::DropOldest, "drop-oldest"), (WhenFull::DropNewest, "drop-newest")] {
        for worker in [None, Some("one")] {
            let place = |spec: NodeSpec| match worker {
                Some(worker) => spec.with_worker(worker),
                None => spec,
            };
            let count = NodeSpec::new("flow.count").with_params(json!({ "packets": 5_000, "per_tick": 100 }));
            let check = NodeSpec::new("flow.check").with_params(json!({ "gaps": true }));
            let graph = Graph::builder()
                .node_with("count", place(count))
                .node_with("check", place(check))
                .link_with(LinkSpec::new("count", "check").with_capacity(4).with_when_full(when_full));
            let report = run(graph);
            let link = report.link("count.out -> check.in").unwrap();
            assert_eq!((report.outcome, report.errors()), (Outcome::Completed, 0), "{report:#?}");
            assert_eq!(link.delivered + link.dropped_for(reason), 5_000);
            assert_eq!(link.dropped_total(), link.dropped_for(reason));
            assert_eq!(report.node("check").unwrap().packets_in, link.delivered);
            assert!(worker.is_none() || link.dropped_total() > 0, "100 packets a tick do not fit into 4 places");
        }
    }
}

#[test]
fn link_that_must_not_be_full_fails_the_session_and_names_itself() {
    let graph = Graph::builder()
        .node_with(
            "count",
            NodeSpec::new("flow.count").with_params(json!({ "packets": 100, "per_tick": 100 })).with_worker("one"),
        )
        .node_with("check", NodeSpec::new("flow.check").with_worker("one"))
        .link_with(LinkSpec::new("count", "check").with_capacity(4).with_when_full(WhenFull::Fail));
    let report = run(graph);
    assert_eq!(report.outcome, Outcome::Failed);
    let failure = report.failures.first().unwrap();
    assert_eq!(failure.node, "count");
    assert!(failure.to_string().contains("link count.out -> check.in is full"), "{failure}");
    assert_eq!(report.link("count.out -> check.in").unwrap().dropped_for("full"), 1);
}

#[test]
fn call_that_gives_more_than_a_local_link_holds_loses_nothing() {
    let graph = Graph::builder()
        .node_with(
            "count",
            NodeSpec::new("flow.count").with_params(json!({ "packets": 900, "per_tick": 300 })).with_worker("one"),
        )
        .node_with("check", NodeSpec::new("flow.check").with_params(json!({ "expect": 900 })).with_worker("one"))
        .link_with(LinkSpec::new("count", "check").with_capacity(4));
    assert_clean(&run(graph));
}

#[test]
fn refused_packet_costs_only_itself_and_is_counted() {
    let graph = Graph::builder()
        .node("count", "flow.count", json!({ "packets": 100 }))
        .node("pass", "flow.pass", json!({ "fail_every": 10 }))
        .node("check", "flow.check", json!({ "gaps": true, "expect": 90 }))
        .chain(["count", "pass", "check"]);
    let report = run(graph);
    let pass = report.node("pass").unwrap();
    assert_eq!(report.outcome, Outcome::Completed);
    assert_eq!((pass.packets_in, pass.packets_out, pass.errors), (100, 90, 10));
    assert_eq!(pass.last_error.as_deref(), Some("packet 99 is not wanted"));
}

fn no_restarts() -> PolicySpec {
    serde_json::from_value(json!({ "restart": { "max": 0 } })).unwrap()
}

#[test]
fn panic_costs_the_node_and_the_rest_of_the_graph_is_finished() {
    let graph = Graph::builder()
        .node("count", "flow.count", json!({ "packets": 1000 }))
        .node_with("pass", NodeSpec::new("flow.pass").with_params(json!({ "panic_at": 10 })).with_policy(no_restarts()))
        .node("check", "flow.check", json!({ "expect": 10 }))
        .chain(["count", "pass", "check"]);
    let report = run(graph);
    assert_eq!(report.outcome, Outcome::Failed);
    let [failure] = report.failures.as_slice() else { panic!("{report:#?}") };
    assert_eq!((failure.node.as_str(), failure.kind.as_str()), ("pass", "flow.pass"));
    assert!(failure.to_string().contains("packet 10 is poison"), "{failure}");
    assert_eq!(report.node("check").unwrap().state, NodeState::Stopped);
    assert_eq!(report.node("pass").unwrap().state, NodeState::Tripped);
    let before = report.link("count.out -> pass.in").unwrap();
    assert_eq!(
        before.delivered + before.dropped_total(),
        report.node("count").unwrap().packets_out,
        "every packet was taken or is counted as lost"
    );
}

#[test]
fn wrong_format_at_run_time_fails_the_session_and_names_pins_and_formats() {
    let runtime = runtime();
    let graph = Graph::builder()
        .inlet("in", "any")
        .node("check", "flow.check", json!({}))
        .outlet("out", "text")
        .node("pass", "flow.pass", json!({}))
        .link("in", "check")
        .link("in", "pass")
        .link("pass", "out")
        .build(runtime.plugins())
        .unwrap();
    let mut session = runtime.start(&graph).unwrap();
    let mut inlet = session.take_inlet("in").unwrap();
    inlet.send(Packet::from_bytes("image/png", graphmill::Buffer::zeroed(3)).unwrap(), LONG).unwrap();
    drop(inlet);
    let report = session.wait_timeout(LONG).unwrap();
    assert_eq!(report.outcome, Outcome::Failed);
    let text = report.failures.first().unwrap().to_string();
    assert!(
        text.contains("`pass.out` now gives bytes image/png, but the link pass.out -> out.in carries text"),
        "{text}"
    );
    assert_eq!(report.link("pass.out -> out.in").unwrap().dropped_for("format"), 1);
}

#[test]
fn application_pushes_into_an_inlet_and_takes_from_an_outlet() {
    let runtime = runtime();
    let graph = Graph::builder()
        .inlet("in", "text")
        .node("pass", "flow.pass", json!({}))
        .outlet("out", "text")
        .chain(["in", "pass", "out"])
        .build(runtime.plugins())
        .unwrap();
    let mut session = runtime.start(&graph).unwrap();
    let (mut inlet, mut outlet) = (session.take_inlet("in").unwrap(), session.take_outlet("out").unwrap());
    assert!(session.take_inlet("in").is_none(), "an end can be taken once");
    let sender = std::thread::spawn(move || {
        for seq in 0..1000 {
            let mut packet = Packet::from_text(&format!("line {seq}")).unwrap();
            packet.set_seq(seq);
            inlet.send(packet, LONG).unwrap();
        }
    });
    for seq in 0..1000 {
        let packet = outlet.recv(LONG).unwrap();
        assert_eq!((packet.seq(), packet.as_text()), (seq, Some(format!("line {seq}").as_str())));
    }
    assert_eq!(outlet.recv(LONG).unwrap_err(), RecvError::Ended);
    sender.join().unwrap();
    drop(outlet);
    assert_clean(&session.wait_timeout(LONG).unwrap());
}

#[test]
fn inlet_gives_a_refused_packet_back() {
    let runtime = runtime();
    let graph = Graph::builder()
        .inlet("in", "text")
        .node("pass", "flow.pass", json!({}))
        .outlet("out", "any")
        .link_with(LinkSpec::new("in", "pass").with_capacity(1))
        .link_with(LinkSpec::new("pass", "out").with_capacity(1))
        .build(runtime.plugins())
        .unwrap();
    let session = runtime.start(&graph).unwrap();
    let mut inlet = session.take_inlet("in").unwrap();
    let mut bytes = Packet::from_bytes("a/b", graphmill::Buffer::zeroed(1)).unwrap();
    let error = inlet.try_send(&mut bytes).unwrap_err();
    assert_eq!(bytes.media_type(), Some("a/b"));
    assert!(error.to_string().contains("inlet `in`: output `in.out` is declared as text"), "{error}");
    // Nobody reads the outlet: after two packets on the links there is no room for a third.
    inlet.send(Packet::from_text("1").unwrap(), LONG).unwrap();
    inlet.send(Packet::from_text("2").unwrap(), LONG).unwrap();
    let mut third = Packet::from_text("3").unwrap();
    assert_eq!(inlet.try_send(&mut third).unwrap_err().reason, EmitError::WouldBlock);
    assert_eq!(third.as_text(), Some("3"));
}

#[test]
fn stop_drains_what_is_under_way() {
    let runtime = runtime();
    let graph = Graph::builder()
        .node("count", "flow.count", json!({ "packets": u64::MAX, "bytes": 16 }))
        .node("pass", "flow.pass", json!({}))
        .node("check", "flow.check", json!({}))
        .chain(["count", "pass", "check"])
        .build(runtime.plugins())
        .unwrap();
    let session = runtime.start(&graph).unwrap();
    while session.report().node("check").unwrap().packets_in < 1000 {
        std::thread::yield_now();
    }
    let report = session.stop();
    assert_eq!((report.outcome, report.errors(), report.dropped()), (Outcome::Stopped, 0, 0), "{report:#?}");
    let counted = report.node("count").unwrap().packets_out;
    assert_eq!(report.node("check").unwrap().packets_in, counted, "what was given before the stop has arrived");
}

#[test]
fn aborted_session_counts_what_it_did_not_finish() {
    let runtime = runtime();
    let graph = Graph::builder()
        .node("count", "flow.count", json!({ "packets": u64::MAX }))
        .outlet("out", "any")
        .node("check", "flow.check", json!({}))
        .node("pass", "flow.pass", json!({}))
        .link("count", "pass")
        .link("pass", "check")
        .link("pass", "out")
        .build(runtime.plugins())
        .unwrap();
    let mut session = runtime.start(&graph).unwrap();
    // Nobody reads the outlet, so everything before it is held up and full.
    while session.report().link("count.out -> pass.in").unwrap().delivered < 64 {
        std::thread::yield_now();
    }
    session.abort();
    let report = session.wait_timeout(LONG).unwrap();
    assert_eq!(report.outcome, Outcome::Aborted);
    let link = report.link("count.out -> pass.in").unwrap();
    assert_eq!(link.delivered + link.dropped_total(), report.node("count").unwrap().packets_out, "{report:#?}");
}

#[test]
fn source_on_an_interval_is_ticked_by_the_clock() {
    let count = NodeSpec::new("flow.count")
        .with_params(json!({ "packets": 5 }))
        .with_tick(TickSpec::Interval { interval_ms: 5.0, late: graphmill::graph::LateTicks::Burst });
    let graph = Graph::builder()
        .node_with("count", count)
        .node("check", "flow.check", json!({ "expect": 5 }))
        .link("count", "check");
    let report = run(graph);
    assert_clean(&report);
    // Five packets and the tick that ends: at least five whole intervals.
    assert!(report.elapsed_ns >= 25_000_000, "{}", report.elapsed_ns);
}

#[test]
fn single_instance_answers_process_and_tick() {
    let runtime = runtime();
    let mut pass = runtime.instance("flow.pass", &json!({ "copies": 3 })).unwrap();
    for seq in 0..100 {
        let mut packet = Packet::from_text("x").unwrap();
        packet.set_seq(seq);
        let emitted = pass.process(0, packet).unwrap();
        assert_eq!(emitted.len(), 3);
        assert!(emitted.iter().all(|emitted| emitted.pin == 0 && emitted.packet.seq() == seq));
    }
    let mut count = runtime.instance("flow.count", &json!({ "packets": 1 })).unwrap();
    assert_eq!(count.tick().unwrap(), NextTick::Now);
    assert_eq!(count.emitted().len(), 1);
    assert_eq!(count.tick().unwrap(), NextTick::Ended);
    assert!(pass.close(LONG) && count.close(LONG));
}

#[test]
fn single_instance_tells_a_refusal_from_a_failure() {
    let runtime = runtime();
    let mut pass = runtime.instance("flow.pass", &json!({ "fail_every": 2, "panic_at": 2 })).unwrap();
    let mut send = |seq| {
        let mut packet = Packet::from_text("x").unwrap();
        packet.set_seq(seq);
        pass.process(0, packet).map(|emitted| emitted.len()).map_err(|error| error.to_string())
    };
    assert_eq!(send(0), Ok(1));
    assert_eq!(send(1), Err("process of `flow.pass`: packet 1 is not wanted".to_string()));
    let failed = send(2).unwrap_err();
    assert!(failed.contains("the plugin panicked: packet 2 is poison"), "{failed}");
    assert_eq!(
        send(3),
        Err("instance of `flow.pass` is not called any more: packet 2 is poison; make a new one".to_string())
    );
}
