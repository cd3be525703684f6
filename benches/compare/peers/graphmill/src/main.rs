//! The work done by Graphmill, as an application uses it: plugins from a library file, every call with a deadline,
//! counted and timed.
//!
//! The file of the plugin is in the environment variable `COMPARE_PLUGIN`.

use compare_common::{CAPACITY, Case, Failure, Meter, Work, answer};
use graphmill::graph::{GraphBuilder, LinkSpec, NodeSpec};
use graphmill::plugin::pooled_buffer;
use graphmill::{Graph, Outcome, Packet, Runtime, SessionReport};
use serde_json::json;
use std::process::ExitCode;
use std::time::Duration;

/// Longer than anything takes that does not hang.
const LONG: Duration = Duration::from_secs(60);
const FORMAT: &str = "bytes application/octet-stream";

fn main() -> ExitCode {
    answer("graphmill", concat!("graphmill ", env!("CARGO_PKG_VERSION")), |case, meter| {
        let file = std::env::var_os("COMPARE_PLUGIN");
        let file = file.ok_or_else(|| Failure::Failed("COMPARE_PLUGIN does not name the plugin's file".into()))?;
        let runtime = Runtime::new();
        runtime.plugins().load_path(&file).map_err(Failure::of)?;
        match case.work {
            Work::Inline => run(&runtime, case, chain(case, true), meter),
            Work::Threads => run(&runtime, case, chain(case, false), meter),
            Work::Caterpillar => run(&runtime, case, caterpillar(case), meter),
            Work::Call => calls(&runtime, case, meter),
            Work::RoundTrip | Work::Paced => round_trips(&runtime, case, meter),
        }
    })
}

/// A node on the worker that all share, or on one of its own.
fn place(spec: NodeSpec, is_shared: bool) -> NodeSpec {
    if is_shared { spec.with_worker("all") } else { spec }
}

fn link(from: &str, to: &str) -> LinkSpec {
    LinkSpec::new(from, to).with_capacity(u32::try_from(CAPACITY).unwrap_or(u32::MAX))
}

fn source(case: &Case) -> NodeSpec {
    NodeSpec::new("flow.count").with_params(json!({ "packets": case.packets, "bytes": case.bytes }))
}

fn sink(case: &Case) -> NodeSpec {
    NodeSpec::new("flow.check").with_params(json!({ "expect": case.packets }))
}

fn chain(case: &Case, is_shared: bool) -> GraphBuilder {
    let mut graph = Graph::builder().node_with("source", place(source(case), is_shared));
    let mut last = "source".to_owned();
    for at in 0..case.depth {
        let id = format!("pass-{at}");
        graph = graph.node_with(&id, place(NodeSpec::new("flow.pass"), is_shared)).link_with(link(&last, &id));
        last = id;
    }
    graph.node_with("sink", place(sink(case), is_shared)).link_with(link(&last, "sink"))
}

fn caterpillar(case: &Case) -> GraphBuilder {
    let mut graph = Graph::builder().node_with("source", place(source(case), true));
    let mut last = "source".to_owned();
    for at in 0..case.depth {
        let (id, sink_id) = (format!("pass-{at}"), format!("sink-{at}"));
        graph = graph.node_with(&id, place(NodeSpec::new("flow.pass"), true)).link_with(link(&last, &id));
        graph = graph.node_with(&sink_id, place(sink(case), true)).link_with(link(&id, &sink_id));
        last = id;
    }
    graph
}

/// Runs a graph that ends by itself.
fn run(runtime: &Runtime, case: &Case, graph: GraphBuilder, meter: &mut Meter) -> Result<(), Failure> {
    let graph = graph.build(runtime.plugins()).map_err(Failure::of)?;
    meter.begin();
    let session = runtime.start(&graph).map_err(Failure::of)?;
    meter.is_running();
    let report = session.wait();
    meter.end();
    check(&report, case.packets * sinks(case))
}

fn sinks(case: &Case) -> u64 {
    if case.work == Work::Caterpillar { case.depth as u64 } else { 1 }
}

/// Every packet came to every sink, and every call was counted.
fn check(report: &SessionReport, expected: u64) -> Result<(), Failure> {
    let sinks = report.nodes.iter().filter(|node| node.id.starts_with("sink"));
    let arrived: u64 = sinks.map(|node| node.packets_in).sum();
    let is_right = report.outcome == Outcome::Completed && report.errors() == 0 && report.dropped() == 0;
    if is_right && arrived == expected {
        return Ok(());
    }
    Err(Failure::Failed(format!("{arrived} of {expected} packets came; {report:?}")))
}

/// One request at a time to one instance.
fn calls(runtime: &Runtime, case: &Case, meter: &mut Meter) -> Result<(), Failure> {
    let mut instance = runtime.instance("flow.pass", &json!({})).map_err(Failure::of)?;
    meter.round_trips(case, |number| {
        let emitted = instance.process(0, packet(case, number)?).map_err(Failure::of)?;
        let packet = emitted.pop().map(|emitted| emitted.packet);
        same(packet.as_ref(), number)
    })
}

/// One packet at a time through inlet, node and outlet of a session.
fn round_trips(runtime: &Runtime, case: &Case, meter: &mut Meter) -> Result<(), Failure> {
    let graph = Graph::builder().inlet("in", FORMAT).outlet("out", FORMAT);
    let graph = graph.node("pass", "flow.pass", json!({})).link_with(link("in", "pass")).link_with(link("pass", "out"));
    let graph = graph.build(runtime.plugins()).map_err(Failure::of)?;
    let session = runtime.start(&graph).map_err(Failure::of)?;
    let ends = session.take_inlet("in").zip(session.take_outlet("out"));
    let (mut inlet, mut outlet) = ends.ok_or_else(|| Failure::Failed("the graph has no ends".into()))?;
    meter.round_trips(case, |number| {
        inlet.send(packet(case, number)?, LONG).map_err(Failure::of)?;
        let packet = outlet.recv(LONG).map_err(Failure::of)?;
        same(Some(&packet), number)
    })?;
    inlet.end();
    drop(outlet);
    let report = session.stop();
    if report.errors() == 0 && report.dropped() == 0 { Ok(()) } else { Err(Failure::Failed(format!("{report:?}"))) }
}

fn packet(case: &Case, number: u64) -> Result<Packet, Failure> {
    let buffer = pooled_buffer(case.bytes);
    let mut packet = Packet::from_bytes("application/octet-stream", buffer).map_err(Failure::of)?;
    packet.set_seq(number);
    Ok(packet)
}

fn same(packet: Option<&Packet>, number: u64) -> Result<(), Failure> {
    match packet.map(Packet::seq) {
        Some(seq) if seq == number => Ok(()),
        other => Err(Failure::Failed(format!("packet {other:?} came for {number}"))),
    }
}
