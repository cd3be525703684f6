//! What a session measures: every call once, every wait, and what the docs promise about it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use graphmill::exec::{
    CallError, Factories, Factory, Fault, FaultClass, Hint, HintAnswer, Instance, InstanceOptions, Measure, NextTick,
    NodeContext, Outputs, Phase, Wait,
};
use graphmill::graph::{LinkSpec, NodeSpec};
use graphmill::telemetry::{INSTRUMENTS, MetricsSnapshot, Observer, Value};
use graphmill::{Graph, Outcome, Packet, Runtime, Session};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

mod gated;
mod warnings;

use gated::{Gated, GatedSource, await_call, close_gate};

graphmill_plugin_sdk::export!(Gated, GatedSource);

const LONG: Duration = Duration::from_secs(60);
const CALLS: &str = "graphmill.node.calls";
const OUTCOMES: [&str; 6] = ["ok", "error", "panic", "contract_breach", "timeout", "cancelled"];

fn runtime() -> Runtime {
    let runtime = Runtime::new();
    runtime.plugins().link(module()).unwrap();
    runtime.plugins().link(graphmill_fixture_flow::module()).unwrap();
    runtime
}

/// How many calls of a node ended in each way.
fn outcomes(metrics: &MetricsSnapshot, node: &str) -> [u64; 6] {
    OUTCOMES.map(|outcome| metrics.count(CALLS, &[("node", node), ("outcome", outcome)]))
}

/// How often a distribution of a node was recorded, and its longest time.
fn times(metrics: &MetricsSnapshot, name: &str, node: &str) -> (u64, Duration) {
    let series = metrics.series(name).unwrap();
    let point = series.points.iter().find(|point| point.has(&[("node", node)])).unwrap();
    let Value::Distribution(distribution) = &point.value else { panic!("{name} is no distribution") };
    (distribution.summary.count, Duration::from_nanos(distribution.summary.max_ns))
}

/// Waits until a number is reached; one that never is ends in the time limit of the test run.
fn await_count(observer: &Observer, name: &str, node: &str, wanted: u64) {
    while observer.metrics().count(name, &[("node", node)]) < wanted {
        std::thread::yield_now();
    }
}

/// Takes the place of every kind but the two ends: fails in the way that the number of the packet says.
#[derive(Debug)]
struct Moody;

impl Factory for Moody {
    fn create(&self, _context: &Arc<NodeContext>, _params: &str) -> Result<Box<dyn Instance>, Fault> {
        Ok(Box::new(Self))
    }
}

impl Instance for Moody {
    fn start(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn tick(&mut self, _now_ns: i64, _outputs: &mut dyn Outputs) -> Result<NextTick, Fault> {
        Ok(NextTick::Ended)
    }

    fn process(&mut self, _pin: usize, packet: &mut Packet, outputs: &mut dyn Outputs) -> Result<(), Fault> {
        let classes = [FaultClass::Error, FaultClass::Panic, FaultClass::Contract, FaultClass::Cancelled];
        match usize::try_from(packet.seq()).ok().and_then(|seq| classes.get(seq % 10)) {
            Some(class) => Err(Fault::new(*class, "as the packet says")),
            None => outputs
                .emit(0, Wait::ForRoom, &mut Box::new(packet.take()))
                .map_err(|error| Fault::new(FaultClass::Error, error.to_string())),
        }
    }

    fn flush(&mut self, _pin: usize, _outputs: &mut dyn Outputs) -> Result<(), Fault> {
        Ok(())
    }

    fn update(&mut self, _params: &str) -> Result<(), Fault> {
        Ok(())
    }

    fn hint(&mut self, _hint: &Hint) -> Result<HintAnswer, Fault> {
        Ok(HintAnswer::Taken)
    }

    fn stop(&mut self) -> Result<(), Fault> {
        Ok(())
    }
}

struct MoodyMiddle(Runtime);

impl Factories for MoodyMiddle {
    fn factory(&self, kind: &str) -> Option<Arc<dyn Factory>> {
        if kind == "flow.pass" { Some(Arc::new(Moody)) } else { self.0.plugins().factory(kind) }
    }
}

#[test]
fn outcomes_of_calls_add_up_and_each_call_has_one() {
    let runtime = runtime();
    let policy = json!({ "restart": { "max": 100, "backoff_first_ms": 1, "backoff_max_ms": 1 } });
    let node = NodeSpec::new("flow.pass").with_policy(serde_json::from_value(policy).unwrap());
    let graph = Graph::builder()
        .node("count", "flow.count", json!({ "packets": 200 }))
        .node_with("moody", node)
        .node("check", "flow.check", json!({ "gaps": true, "expect": 120 }))
        .chain(["count", "moody", "check"])
        .build(runtime.plugins())
        .unwrap();
    let options = runtime.session_options();
    let session = Session::start(&graph, &MoodyMiddle(runtime), options).unwrap();
    let observer = session.observer();
    let report = session.wait();
    assert_eq!(report.outcome, Outcome::Completed, "{report:#?}");
    let metrics = observer.metrics();
    // The flush is a call too.
    assert_eq!(outcomes(&metrics, "moody"), [121, 20, 20, 20, 0, 20]);
    assert_eq!(report.node("moody").unwrap().calls, 201);
    assert_eq!(metrics.count("graphmill.node.active_calls", &[]), 0);
    assert_eq!(metrics.count("graphmill.node.restarts", &[("node", "moody")]), 40);
    assert_eq!(metrics.count("graphmill.node.packets", &[("node", "moody"), ("direction", "out")]), 120);
    assert_eq!(times(&metrics, "graphmill.node.call.duration", "moody").0, 201);
}

#[test]
fn f24_call_that_comes_back_after_its_timeout_is_one_call_one_timeout_and_one_late_completion() {
    let runtime = runtime();
    let open = close_gate("late");
    let node = NodeSpec::new("gated")
        .with_params(json!({ "test": "late", "gated": "process" }))
        .with_deadlines(serde_json::from_value(json!({ "process_ms": 20 })).unwrap())
        .with_policy(serde_json::from_value(json!({ "restart": { "max": 0 } })).unwrap());
    let graph = Graph::builder()
        .node("count", "flow.count", json!({ "packets": 1 }))
        .node_with("model", node)
        .node("check", "flow.check", json!({ "expect": 0 }))
        .chain(["count", "model", "check"])
        .build(runtime.plugins())
        .unwrap();
    let session = runtime.start(&graph).unwrap();
    let observer = session.observer();
    await_call("late", "process");
    assert_eq!(observer.metrics().count("graphmill.node.active_calls", &[("node", "model")]), 1);
    let report = session.wait();
    let counts = |metrics: &MetricsSnapshot| {
        let count = |name| metrics.count(name, &[("node", "model")]);
        let late = (count("graphmill.node.late_completions"), count("graphmill.node.late_outputs"));
        (outcomes(metrics, "model"), count("graphmill.node.call_timeouts"), late)
    };
    assert_eq!(counts(&observer.metrics()), ([0, 0, 0, 0, 1, 0], 1, (0, 0)), "{report:#?}");
    assert_eq!(observer.metrics().count("graphmill.session.abandoned_threads", &[]), 1);
    drop(open);
    await_count(&observer, "graphmill.node.late_completions", "model", 1);
    // What the call gave when it was back came too late, too, and is dropped.
    assert_eq!(counts(&observer.metrics()), ([0, 0, 0, 0, 1, 0], 1, (1, 1)));
    assert_eq!(observer.metrics().count("graphmill.node.active_calls", &[]), 0);
}

/// inlet -> gated -> outlet; the gate holds the first call.
fn held_chain(runtime: &Runtime, test: &str, capacity: u32) -> Graph {
    let params = json!({ "test": test, "gated": "process" });
    let deadlines = serde_json::from_value(json!({ "process_ms": 60_000 })).unwrap();
    Graph::builder()
        .inlet("in", "any")
        .node_with("model", NodeSpec::new("gated").with_params(params).with_deadlines(deadlines))
        .outlet("out", "any")
        .link_with(LinkSpec::new("in", "model").with_capacity(capacity))
        .link("model", "out")
        .build(runtime.plugins())
        .unwrap()
}

#[test]
fn time_on_a_link_is_queue_wait_and_time_without_room_is_send_wait() {
    const HELD: Duration = Duration::from_millis(5);
    let runtime = runtime();
    let open = close_gate("waits");
    let session = runtime.start(&held_chain(&runtime, "waits", 1)).unwrap();
    let (mut inlet, mut outlet) = (session.take_inlet("in").unwrap(), session.take_outlet("out").unwrap());
    let observer = session.observer();
    let packet = || Packet::from_text("x").unwrap();
    inlet.send(packet(), LONG).unwrap();
    await_call("waits", "process");
    // The second one waits on the link, the third one for room on it.
    inlet.send(packet(), LONG).unwrap();
    let (begun, queued) = (Instant::now(), observer.metrics());
    assert_eq!(queued.count("graphmill.link.depth", &[("link", "in.out -> model.in")]), 1, "{queued:#?}");
    std::thread::scope(|scope| {
        scope.spawn(|| inlet.send(packet(), LONG).unwrap());
        while begun.elapsed() < 2 * HELD {
            std::thread::yield_now();
        }
        drop(open);
    });
    for _ in 0..3 {
        outlet.recv(LONG).unwrap();
    }
    inlet.end();
    session.wait();
    let metrics = observer.metrics();
    let (count, longest) = times(&metrics, "graphmill.node.queue_wait.duration", "model");
    assert!(count == 3 && longest >= HELD, "{count} {longest:?}");
    assert_eq!(times(&metrics, "graphmill.node.queue_wait.duration", "out").0, 3);
    assert_eq!(times(&metrics, "graphmill.node.queue_wait.duration", "in").0, 0);
    assert_eq!(times(&metrics, "graphmill.node.send_wait.duration", "model").0, 0);
    assert_eq!(metrics.count("graphmill.link.depth", &[]), 0);
}

#[test]
fn send_that_found_no_room_for_a_while_is_in_the_send_wait() {
    let runtime = runtime();
    let open = close_gate("full");
    let session = runtime.start(&held_chain(&runtime, "full", 1)).unwrap();
    let mut inlet = session.take_inlet("in").unwrap();
    for _ in 0..2 {
        inlet.send(Packet::from_text("x").unwrap(), LONG).unwrap();
        await_call("full", "process");
    }
    let timeout = Duration::from_millis(5);
    inlet.send(Packet::from_text("x").unwrap(), timeout).unwrap_err();
    let metrics = session.metrics();
    let (count, longest) = times(&metrics, "graphmill.node.send_wait.duration", "in");
    assert!(count == 1 && longest >= timeout, "{count} {longest:?}");
    assert_eq!(metrics.count("graphmill.node.send_timeouts", &[("node", "in")]), 1);
    drop(open);
    drop(inlet);
    session.stop();
}

#[test]
fn every_packet_has_a_queue_wait_on_both_kinds_of_link_unless_only_counts_are_wanted() {
    const PACKETS: u64 = 1000;
    let place = |spec: NodeSpec, worker: &Option<&str>| match worker {
        Some(worker) => spec.with_worker(*worker),
        None => spec,
    };
    for worker in [None, Some("all")] {
        for (measure, wanted) in [(Measure::Times, PACKETS), (Measure::Counts, 0)] {
            let runtime = runtime();
            let count = NodeSpec::new("flow.count").with_params(json!({ "packets": PACKETS }));
            let check = NodeSpec::new("flow.check").with_params(json!({ "expect": PACKETS }));
            let graph = Graph::builder()
                .node_with("count", place(count, &worker))
                .node_with("pass", place(NodeSpec::new("flow.pass"), &worker))
                .node_with("check", place(check, &worker))
                .link_with(LinkSpec::new("count", "pass").with_capacity(8))
                .link_with(LinkSpec::new("pass", "check").with_capacity(8))
                .build(runtime.plugins())
                .unwrap();
            let mut options = runtime.session_options();
            options.measure = measure;
            let session = runtime.start_with(&graph, options).unwrap();
            let observer = session.observer();
            let report = session.wait();
            assert_eq!((report.outcome, report.errors()), (Outcome::Completed, 0), "{report:#?}");
            for node in ["pass", "check"] {
                assert_eq!(report.node(node).unwrap().queue_wait.count, wanted, "{worker:?} {measure:?}");
            }
            let calls = report.node("pass").unwrap().calls;
            assert_eq!(outcomes(&observer.metrics(), "pass"), [calls, 0, 0, 0, 0, 0]);
            let timed = report.node("pass").unwrap().call_time.count;
            assert_eq!(timed, if measure == Measure::Times { calls } else { 0 });
        }
    }
}

#[test]
fn f8_send_and_reply_timeouts_are_counted_apart_and_warned_about_a_few_times() {
    const SENDS: u64 = 1000;
    let runtime = runtime();
    let open = close_gate("phases");
    let mut options = InstanceOptions::default();
    (options.send_timeout, options.reply_timeout) = (Duration::from_micros(1), LONG);
    let params = json!({ "test": "phases", "gated": "process" });
    let mut busy = runtime.instance_with("gated", &params, options).unwrap();
    let packet = || Packet::from_text("x").unwrap();
    let watching = busy.clone();
    // One of the two gets the place in front of the busy instance and waits there; the other one finds none.
    let knock = || {
        let mut others = watching.clone();
        while others.timeouts().send < SENDS {
            let answer = others.process(0, packet()).map(drop);
            assert!(matches!(answer, Ok(()) | Err(CallError::Timeout { phase: Phase::Send, .. })), "{answer:?}");
        }
    };
    let warned = std::thread::scope(|scope| {
        scope.spawn(|| busy.process(0, packet()).map(drop).unwrap());
        await_call("phases", "process");
        let knocking = [(); 2].map(|()| scope.spawn(|| warnings::of_this_thread(knock).1));
        while watching.timeouts().send < SENDS {
            std::thread::yield_now();
        }
        drop(open);
        knocking.map(|thread| thread.join().unwrap()).concat()
    });
    assert_eq!((watching.timeouts().send, watching.timeouts().reply), (SENDS, 0));
    assert!((1..=3).contains(&warned.len()), "{warned:#?}");
    assert!(warned.iter().all(|warning| warning.contains("raise `send_timeout`")), "{warned:#?}");

    let open = close_gate("replies");
    options.reply_timeout = Duration::from_millis(1);
    let params = json!({ "test": "replies", "gated": "process" });
    let mut instance = runtime.instance_with("gated", &params, options).unwrap();
    let (result, warned) = warnings::of_this_thread(|| instance.process(0, packet()).map(drop));
    assert!(matches!(result, Err(CallError::Timeout { phase: Phase::Reply, .. })), "{result:?}");
    assert_eq!((instance.timeouts().send, instance.timeouts().reply), (0, 1));
    assert!(warned.len() == 1 && warned[0].contains("raise `reply_timeout`"), "{warned:#?}");
    drop(open);
}

#[test]
fn f8_thousand_send_timeouts_of_a_node_are_counted_exactly_and_warned_about_a_few_times() {
    const TIMEOUTS: u64 = 1000;
    let runtime = runtime();
    let open = close_gate("sends");
    let session = runtime.start(&held_chain(&runtime, "sends", 1)).unwrap();
    let mut inlet = session.take_inlet("in").unwrap();
    for _ in 0..2 {
        inlet.send(Packet::from_text("x").unwrap(), LONG).unwrap();
        await_call("sends", "process");
    }
    let ((), warned) = warnings::of_this_thread(|| {
        for _ in 0..TIMEOUTS {
            inlet.send(Packet::from_text("x").unwrap(), Duration::ZERO).unwrap_err();
        }
    });
    assert_eq!(session.metrics().count("graphmill.node.send_timeouts", &[("node", "in")]), TIMEOUTS);
    assert!((1..=3).contains(&warned.len()), "{warned:#?}");
    assert!(warned[0].contains("link in.out -> model.in had no room"), "{warned:#?}");
    drop(open);
    drop(inlet);
    session.stop();
}

/// The cells of the rows of the first table after a heading.
fn table<'a>(docs: &'a str, first_cell: &str) -> Vec<Vec<&'a str>> {
    let rows = docs.lines().skip_while(|line| !line.starts_with(&format!("| {first_cell} |"))).skip(2);
    rows.take_while(|line| line.starts_with('|'))
        .map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

fn words(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

const DOCS: &str = include_str!("../../docs/METRICS.md");

#[test]
fn table_in_the_docs_is_the_table_of_instruments() {
    let rows = table(DOCS, "Name");
    assert_eq!(rows.len(), INSTRUMENTS.len());
    for (row, instrument) in rows.iter().zip(INSTRUMENTS) {
        let told = (words(row[0]), row[2], words(row[3]), words(row[4]), row[5]);
        let attributes = instrument.attributes.to_vec();
        let wanted =
            (vec![instrument.name], instrument.kind.name(), vec![instrument.unit], attributes, instrument.description);
        assert_eq!(told, wanted);
    }
}

#[test]
fn session_tells_every_instrument_of_the_table_with_the_values_of_the_docs() {
    let runtime = runtime();
    let graph = Graph::builder()
        .inlet("in", "any")
        .node("pass", "flow.pass", json!({}))
        .outlet("out", "any")
        .chain(["in", "pass", "out"])
        .build(runtime.plugins())
        .unwrap();
    let session = runtime.start(&graph).unwrap();
    let mut packet = Packet::from_text("x").unwrap();
    packet.set_pts_ns(Some(1_500_000_000));
    session.take_inlet("in").unwrap().send(packet, LONG).unwrap();
    let metrics = session.metrics();
    let told: Vec<_> = metrics.series.iter().map(|series| series.instrument.name).collect();
    assert_eq!(told, INSTRUMENTS.iter().map(|instrument| instrument.name).collect::<Vec<_>>());
    let position = &metrics.series("graphmill.node.position").unwrap().points[0];
    assert_eq!(position.value, Value::TimeNs(1_500_000_000));
    let instruments = [
        ("`outcome` of calls", CALLS),
        ("`direction`", "graphmill.node.packets"),
        ("`fate`", "graphmill.node.hints"),
        ("`state`", "graphmill.node.state"),
        ("`reason` of lost packets", "graphmill.node.lost_packets"),
        ("`reason` of dropped packets", "graphmill.link.dropped_packets"),
        ("`reason` of damaged records", "graphmill.log.damaged_records"),
        ("`outcome` of requests", "graphmill.resource.requests"),
    ];
    let rows = table(DOCS, "Attribute");
    assert_eq!(rows.len(), instruments.len());
    for (row, (cell, name)) in rows.iter().zip(instruments) {
        assert_eq!(row[0], cell);
        let key = words(cell)[0];
        let points = &metrics.series(name).unwrap().points;
        let value = |at: usize| points[at].attributes.iter().find(|(name, _)| *name == key).unwrap().1.to_string();
        let values = words(row[1]);
        assert_eq!((0..values.len()).map(value).collect::<Vec<_>>(), values, "{name}");
        assert_eq!(points.len() % values.len(), 0, "every node or link has all of them");
    }
    session.stop();
}
