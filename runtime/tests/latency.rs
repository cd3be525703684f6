//! The latency ledger of a session: every followed packet is accounted for, hop by hop.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use graphmill::graph::{GraphBuilder, NodeSpec};
use graphmill::telemetry::LatencyReport;
use graphmill::{Graph, Outcome, Packet, Runtime, Session, SessionReport};
use serde_json::json;
use std::num::NonZeroU64;
use std::time::Duration;

mod gated;

use gated::{Gated, GatedSource, await_call, close_gate};

graphmill_plugin_sdk::export!(Gated, GatedSource);

const LONG: Duration = Duration::from_secs(60);

fn runtime() -> Runtime {
    let runtime = Runtime::new();
    runtime.plugins().link(module()).unwrap();
    runtime.plugins().link(graphmill_fixture_flow::module()).unwrap();
    runtime
}

fn start(graph: GraphBuilder, every: Option<u64>) -> Session {
    let runtime = runtime();
    let graph = graph.build(runtime.plugins()).unwrap_or_else(|error| panic!("{error}"));
    let mut options = runtime.session_options();
    options.follow_every = every.and_then(NonZeroU64::new);
    runtime.start_with(&graph, options).unwrap()
}

fn run(graph: GraphBuilder, every: u64) -> (SessionReport, LatencyReport) {
    let report = start(graph, Some(every)).wait();
    assert_eq!(report.outcome, Outcome::Completed, "{report:#?}");
    let latency = report.latency.clone().unwrap();
    assert_eq!((latency.every, latency.lost), (every, 0));
    let nodes = latency.nodes.iter().map(|node| node.p99_share);
    let shares: f64 = nodes.chain(latency.links.iter().map(|link| link.p99_share)).sum();
    assert!((shares - 1.0).abs() < 1e-6, "the parts make the whole: {latency:#?}");
    (report, latency)
}

fn chain(worker: Option<&str>) -> GraphBuilder {
    let on = |spec: NodeSpec| match worker {
        Some(worker) => spec.with_worker(worker),
        None => spec,
    };
    Graph::builder()
        .node_with("count", on(NodeSpec::new("flow.count").with_params(json!({ "packets": 1000 }))))
        .node_with("pass", on(NodeSpec::new("flow.pass")))
        .node_with("check", on(NodeSpec::new("flow.check").with_params(json!({ "expect": 1000 }))))
        .chain(["count", "pass", "check"])
}

#[test]
fn every_packet_is_followed_over_every_hop_on_either_kind_of_link() {
    for worker in [None, Some("one")] {
        let (_, latency) = run(chain(worker), 1);
        assert_eq!(latency.followed, 1000, "{worker:?}");
        let ends: Vec<&str> = latency.ends.iter().map(|end| end.sink.as_str()).collect();
        let nodes: Vec<&str> = latency.nodes.iter().map(|node| node.node.as_str()).collect();
        let links: Vec<&str> = latency.links.iter().map(|link| link.link.as_str()).collect();
        assert_eq!(ends, ["check"]);
        assert_eq!(nodes, ["count", "pass", "check"]);
        assert_eq!(links, ["count.out -> pass.in", "pass.out -> check.in"]);
        let total = &latency.ends[0].total;
        assert!(total.p50_ns > 0 && total.p50_ns <= total.p99_ns && total.p99_ns <= total.max_ns, "{total:?}");
        let part_max = latency.links.iter().map(|link| link.wait.max_ns).max().unwrap();
        assert!(part_max <= total.max_ns, "no part is longer than the longest whole");
    }
}

#[test]
fn one_packet_of_a_hundred_is_followed_and_the_others_are_measured_as_ever() {
    let (report, latency) = run(chain(None), 100);
    assert_eq!(latency.followed, 10);
    assert_eq!(report.node("check").unwrap().queue_wait.count, 1000, "the wait of all packets is measured");
}

#[test]
fn session_that_follows_nothing_has_no_ledger() {
    assert_eq!(start(chain(None), None).wait().latency, None);
}

#[test]
fn packet_that_becomes_several_arrives_several_times() {
    let graph = Graph::builder()
        .node("count", "flow.count", json!({ "packets": 50 }))
        .node("pass", "flow.pass", json!({ "copies": 3 }))
        .node("left", "flow.check", json!({ "gaps": true }))
        .node("right", "flow.check", json!({ "gaps": true }))
        .link("count", "pass")
        .link("pass", "left")
        .link("pass", "right");
    let report = start(graph, Some(1)).wait();
    let latency = report.latency.unwrap();
    let arrived =
        report.nodes.iter().filter(|node| node.id != "pass").map(|node| node.packets_in - node.errors).sum::<u64>();
    assert_eq!(latency.followed, arrived, "copies that the sink refuses do not arrive");
    let ends: Vec<&str> = latency.ends.iter().map(|end| end.sink.as_str()).collect();
    assert_eq!(ends, ["left", "right"]);
}

#[test]
fn time_that_packets_spend_before_a_held_node_is_found_on_its_link_and_in_it() {
    let open = close_gate("latency");
    let graph = Graph::builder()
        .inlet("in", "any")
        .node("model", "gated", json!({ "test": "latency", "gated": "process" }))
        .outlet("out", "any")
        .chain(["in", "model", "out"]);
    let session = start(graph, Some(1));
    let (mut inlet, mut outlet) = (session.take_inlet("in").unwrap(), session.take_outlet("out").unwrap());
    inlet.send(Packet::from_text("x").unwrap(), LONG).unwrap();
    await_call("latency", "process");
    inlet.send(Packet::from_text("x").unwrap(), LONG).unwrap();
    // Both packets wait for at least this long: the one in the node, the other before it.
    std::thread::sleep(Duration::from_millis(30));
    drop(open);
    for _ in 0..2 {
        outlet.recv(LONG).unwrap();
    }
    let latency = session.latency().unwrap();
    assert_eq!((latency.followed, latency.ends[0].sink.as_str()), (2, "out"));
    let model = latency.nodes.iter().find(|node| node.node == "model").unwrap();
    let before = latency.links.iter().find(|link| link.link == "in.out -> model.in").unwrap();
    assert!(model.service.max_ns >= 30_000_000 && before.wait.max_ns >= 30_000_000, "{latency:#?}");
    let owner = latency.p99_owner.unwrap();
    assert!(["model", "in.out -> model.in"].contains(&owner.place.as_str()), "{owner:?}");
}
