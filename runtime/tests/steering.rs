//! A running session is steered: new params, hints against the stream, sources that rest.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use graphmill::exec::{NodeState, Outlet, SessionEvent, SteerError, VirtualClock};
use graphmill::graph::{FileType, GraphBuilder, NodeSpec};
use graphmill::{Graph, GraphSpec, Outcome, Packet, Runtime, Session};
use graphmill_plugin_sdk::prelude::*;
use serde_json::{Value, json};
use std::sync::{Arc, Barrier};
use std::time::Duration;

mod gated;

use gated::{Gated, GatedSource, await_call, calls, close_gate};

graphmill_plugin_sdk::export!(Gated, GatedSource, Stamp, Clockwork);

const LONG: Duration = Duration::from_secs(60);

/// Params of `stamp`.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StampParams {
    /// Written into every packet.
    #[serde(default)]
    stamp: u64,
    /// Largest stamp that is taken.
    #[serde(default = "no_limit")]
    limit: u64,
    /// Name of the hint that is for this node.
    #[serde(default)]
    hears: String,
    /// Panic at a packet with this number.
    #[serde(default)]
    panic_at: Option<u64>,
}

fn no_limit() -> u64 {
    u64::MAX
}

/// Stamps packets with its param, and takes a new stamp from a hint too.
struct Stamp(StampParams);

impl Node for Stamp {
    type Params = StampParams;

    fn kind() -> Kind {
        Kind::new("stamp").input("in", "any").output("out", "any")
    }

    fn create(params: StampParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        Ok(Self(params))
    }

    fn update(&mut self, params: StampParams, _cx: &mut Context<'_>) -> Result<()> {
        assert!(params.stamp != 13, "thirteen is too much");
        if params.stamp > params.limit {
            return Err(Error::invalid("the stamp is beyond the limit"));
        }
        self.0 = params;
        Ok(())
    }

    fn hint(&mut self, hint: &Hint<'_>, _cx: &mut Context<'_>) -> Result<HintAnswer> {
        if hint.name() != self.0.hears {
            return Ok(HintAnswer::Pass);
        }
        self.0.stamp = hint.content()?;
        Ok(HintAnswer::Taken)
    }
}

impl Processor for Stamp {
    fn process(&mut self, _pin: usize, packet: &mut Packet, cx: &mut Context<'_>) -> Result<()> {
        assert!(self.0.panic_at != Some(packet.seq()), "packet {} is poison", packet.seq());
        packet.set_stream_id(self.0.stamp);
        cx.emit(0, packet)
    }
}

/// Gives a packet per tick, for ever, and tells hints by their numbers.
struct Clockwork {
    next: u64,
}

/// Params of kinds that have none.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NoParams {}

impl Node for Clockwork {
    type Params = NoParams;

    fn kind() -> Kind {
        Kind::new("clockwork").output("out", "any")
    }

    fn create(_params: NoParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        Ok(Self { next: 0 })
    }

    fn hint(&mut self, hint: &Hint<'_>, _cx: &mut Context<'_>) -> Result<HintAnswer> {
        if hint.name() == "clockwork.next" {
            self.next = hint.content()?;
            return Ok(HintAnswer::Taken);
        }
        if hint.name() == "clockwork.bad" { Err(Error::invalid("no such thing")) } else { Ok(HintAnswer::Pass) }
    }
}

impl Source for Clockwork {
    fn tick(&mut self, cx: &mut Context<'_>) -> Result<Tick> {
        let mut packet = cx.text("tick")?;
        packet.set_seq(self.next);
        self.next += 1;
        cx.emit(0, packet)?;
        Ok(Tick::Again)
    }
}

fn runtime() -> Runtime {
    let runtime = Runtime::new();
    runtime.plugins().link(module()).unwrap();
    runtime
}

fn start(runtime: &Runtime, graph: GraphBuilder) -> Session {
    runtime.start(&graph.build(runtime.plugins()).unwrap_or_else(|error| panic!("{error}"))).unwrap()
}

/// in -> stamp -> out
fn stamped(runtime: &Runtime, params: Value) -> Session {
    let graph = Graph::builder().inlet("in", "any").node("stamp", "stamp", params).outlet("out", "any");
    start(runtime, graph.chain(["in", "stamp", "out"]))
}

fn numbered(number: u64) -> Packet {
    let mut packet = Packet::from_text("x").unwrap();
    packet.set_seq(number);
    packet
}

/// Sends one packet and gives the stamp that it comes out with.
fn stamp_of_next(session: &mut (graphmill::exec::Inlet, Outlet)) -> u64 {
    let (inlet, outlet) = session;
    inlet.send(numbered(0), LONG).unwrap();
    outlet.recv(LONG).unwrap().stream_id()
}

fn ends(session: &Session) -> (graphmill::exec::Inlet, Outlet) {
    (session.take_inlet("in").unwrap(), session.take_outlet("out").unwrap())
}

#[test]
fn new_params_hold_from_the_next_packet_on_and_those_that_are_not_named_stay() {
    let runtime = runtime();
    let session = stamped(&runtime, json!({ "stamp": 1, "limit": 5 }));
    let mut ends = ends(&session);
    assert_eq!(stamp_of_next(&mut ends), 1);
    session.update("stamp", &json!({ "stamp": 5 })).unwrap();
    assert_eq!(stamp_of_next(&mut ends), 5);
    let refused = session.update("stamp", &json!({ "stamp": 6 })).unwrap_err();
    assert_eq!(refused.to_string(), "node `stamp` (stamp) refused the new params: the stamp is beyond the limit");
    assert_eq!(stamp_of_next(&mut ends), 5, "the old params hold");
    session.update("stamp", &json!({ "limit": null, "stamp": 6 })).unwrap();
    assert_eq!(stamp_of_next(&mut ends), 6, "null brings the default back");
    drop(ends);
    assert_eq!(session.wait().outcome, Outcome::Completed);
}

#[test]
fn wrong_params_are_refused_before_the_plugin_sees_them() {
    let runtime = runtime();
    let session = stamped(&runtime, json!({}));
    let refuse = |node: &str, change: Value| session.update(node, &change).unwrap_err().to_string();
    let unknown = refuse("stamp", json!({ "stamps": 1 }));
    assert!(unknown.contains("stamps") && unknown.contains("did you mean `stamp`?"), "{unknown}");
    assert!(refuse("stamp", json!({ "stamp": "one" })).contains("`stamp`"));
    assert!(refuse("stamp", json!(3)).contains("must be an object"));
    assert_eq!(refuse("stomp", json!({})), "the session has no node `stomp`");
    assert_eq!(refuse("in", json!({})), "`in` (inlet) has no params");
}

#[test]
fn next_instance_is_made_with_the_new_params() {
    let runtime = runtime();
    let policy = serde_json::from_value(json!({ "restart": { "backoff_first_ms": 1 } })).unwrap();
    let node = NodeSpec::new("stamp").with_params(json!({ "panic_at": 7 })).with_policy(policy);
    let graph = Graph::builder().inlet("in", "any").node_with("stamp", node).outlet("out", "any");
    let session = start(&runtime, graph.chain(["in", "stamp", "out"]));
    let mut ends = ends(&session);
    session.update("stamp", &json!({ "stamp": 9 })).unwrap();
    ends.0.send(numbered(7), LONG).unwrap();
    assert_eq!(stamp_of_next(&mut ends), 9);
    assert_eq!(session.report().node("stamp").unwrap().restarts, 1);
    let lost = session.update("stamp", &json!({ "stamp": 13 })).unwrap_err();
    assert!(matches!(&lost, SteerError::Lost { reason, .. } if reason.contains("thirteen is too much")), "{lost}");
    assert_eq!(stamp_of_next(&mut ends), 9, "what cost an instance its life does not hold for the next one");
    drop(ends);
    let left = session.report();
    assert_eq!((left.node("stamp").unwrap().restarts, session.wait().outcome), (2, Outcome::Completed));
}

#[test]
fn params_of_a_node_that_waits_for_its_next_instance_hold_for_that_one() {
    let clock = Arc::new(VirtualClock::new());
    let runtime = Runtime::with_clock(clock.clone());
    runtime.plugins().link(module()).unwrap();
    let session = stamped(&runtime, json!({ "panic_at": 7 }));
    let mut ends = ends(&session);
    let mut events = session.events();
    ends.0.send(numbered(7), LONG).unwrap();
    events
        .by_ref()
        .find(|event| matches!(event, SessionEvent::State(change) if change.to == NodeState::Restarting))
        .unwrap();
    session.update("stamp", &json!({ "stamp": 4, "panic_at": null })).unwrap();
    clock.advance_ns(1_000_000_000);
    ends.0.send(numbered(7), LONG).unwrap();
    assert_eq!(ends.1.recv(LONG).unwrap().stream_id(), 4);
}

#[test]
fn update_that_hangs_costs_the_node_at_its_own_deadline_and_tells_all_who_wait_at_once() {
    let runtime = runtime();
    let open = close_gate("update");
    let deadlines = serde_json::from_value(json!({ "update_ms": 30, "process_ms": 60_000 })).unwrap();
    let node = NodeSpec::new("gated").with_params(json!({ "test": "update", "gated": "update" }));
    let policy = serde_json::from_value(json!({ "restart": { "max": 0 }, "on_trip": "isolate" })).unwrap();
    let node = node.with_deadlines(deadlines).with_policy(policy);
    let graph = Graph::builder().inlet("in", "any").node_with("model", node).outlet("out", "any");
    let session = start(&runtime, graph.chain(["in", "model", "out"]));
    let together = Barrier::new(20);
    let errors: Vec<SteerError> = std::thread::scope(|scope| {
        let ask = || {
            together.wait();
            session.update("model", &json!({})).unwrap_err()
        };
        let asking: Vec<_> = (0..20).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    });
    // None of them waited for the end of its own patience, which is more than a minute: the gate is still closed.
    for error in &errors {
        let is_told = matches!(error, SteerError::Lost { .. } | SteerError::NotRunning { .. });
        assert!(is_told, "{error}");
    }
    let told = errors.iter().find(|error| matches!(error, SteerError::Lost { .. })).unwrap().to_string();
    assert!(told.contains("raise `deadlines.update_ms`"), "{told}");
    assert_eq!(calls("update").iter().filter(|(call, _)| *call == "update").count(), 1);
    let report = session.report();
    assert_eq!(report.tripped.first().unwrap().operation, graphmill::exec::Operation::Update);
    drop(open);
}

#[test]
fn hint_that_hangs_costs_the_node_at_its_own_deadline_and_names_the_operation() {
    let runtime = runtime();
    let open = close_gate("hint");
    let deadlines = serde_json::from_value(json!({ "hint_ms": 30, "process_ms": 60_000 })).unwrap();
    let node = NodeSpec::new("gated").with_params(json!({ "test": "hint", "gated": "hint" })).with_deadlines(deadlines);
    let policy = serde_json::from_value(json!({ "restart": { "max": 0 } })).unwrap();
    let graph = Graph::builder().inlet("in", "any").node_with("model", node.with_policy(policy)).outlet("out", "any");
    let session = start(&runtime, graph.chain(["in", "model", "out"]));
    session.hint("model", "out", "any.hint", &json!({})).unwrap();
    let report = session.wait();
    let failure = report.failures.first().unwrap().to_string();
    assert!(failure.contains("node `model` (gated) failed in hint: no return after"), "{failure}");
    assert!(failure.contains("the deadline is 30 ms") && failure.contains("raise `deadlines.hint_ms`"), "{failure}");
    drop(open);
}

#[test]
fn f9_hints_run_against_the_links_to_the_node_that_takes_them() {
    let runtime = runtime();
    let graph = Graph::builder()
        .inlet("in", "any")
        .node("first", "stamp", json!({ "hears": "for.first" }))
        .node("second", "stamp", json!({ "hears": "for.second" }))
        .outlet("out", "any");
    let session = start(&runtime, graph.chain(["in", "first", "second", "out"]));
    let (mut inlet, outlet) = ends(&session);
    outlet.hint("for.first", &json!(3)).unwrap();
    outlet.hint("for.inlet", &json!({ "please": true })).unwrap();
    let hint = std::iter::repeat_with(|| inlet.take_hint()).find_map(|hint| hint).unwrap();
    assert_eq!((hint.name(), hint.json()), ("for.inlet", r#"{"please":true}"#));
    session.hint("second", "out", "for.second", &json!(4)).unwrap();
    while session.report().node("second").unwrap().hints == 0 {
        std::thread::yield_now();
    }
    let report = session.report();
    let heard = ["in", "first", "second"].map(|id| report.node(id).unwrap().hints);
    assert_eq!(heard, [1, 1, 1], "{report:#?}");
    let unknown = session.hint("second", "aut", "x", &json!(1)).unwrap_err().to_string();
    assert_eq!(unknown, "hint for node `second`: there is no output `aut`; the node has: out");
}

#[test]
fn f9_newest_hint_wins_while_the_node_is_busy_and_the_rest_is_counted() {
    let runtime = runtime();
    let open = close_gate("coalesce");
    let node = NodeSpec::new("gated").with_params(json!({ "test": "coalesce", "gated": "process" }));
    let graph = Graph::builder().inlet("in", "any").node_with("model", node).outlet("out", "any");
    let session = start(&runtime, graph.chain(["in", "model", "out"]));
    let (mut inlet, outlet) = ends(&session);
    inlet.send(numbered(0), LONG).unwrap();
    await_call("coalesce", "process");
    for number in 0..100 {
        outlet.hint("video.quality", &json!(number)).unwrap();
    }
    drop(open);
    // The node has no use for it and passes it on.
    let hint = std::iter::repeat_with(|| inlet.take_hint()).find_map(|hint| hint).unwrap();
    assert_eq!(hint.json(), "99");
    let model = session.report().node("model").unwrap().clone();
    assert_eq!((model.hints_coalesced, model.hints_dropped, model.hints), (99, 0, 0));
    assert_eq!(calls("coalesce").iter().filter(|(call, _)| *call == "hint").count(), 1);
}

#[test]
fn packets_that_wait_on_a_link_are_its_depth_until_they_are_taken() {
    let runtime = runtime();
    let open = close_gate("depth");
    let node = NodeSpec::new("gated").with_params(json!({ "test": "depth", "gated": "process" }));
    let graph = Graph::builder().inlet("in", "any").node_with("model", node).outlet("out", "any");
    let session = start(&runtime, graph.chain(["in", "model", "out"]));
    let (mut inlet, mut outlet) = ends(&session);
    let depths = |session: &Session| session.report().links.iter().map(|link| link.depth).collect::<Vec<_>>();
    inlet.send(numbered(0), LONG).unwrap();
    await_call("depth", "process");
    for number in 1..=5 {
        inlet.send(numbered(number), LONG).unwrap();
    }
    assert_eq!(depths(&session), [5, 0]);
    drop(open);
    while depths(&session) != [0, 6] {
        std::thread::yield_now();
    }
    outlet.recv(LONG).unwrap();
    assert_eq!(depths(&session), [0, 5]);
}

#[test]
fn hint_that_nobody_takes_or_that_is_refused_is_counted() {
    let runtime = runtime();
    let graph =
        Graph::builder().node("clockwork", "clockwork", json!({})).outlet("out", "any").link("clockwork", "out");
    let session = start(&runtime, graph);
    let outlet = session.take_outlet("out").unwrap();
    outlet.hint("for.nobody", &json!(1)).unwrap();
    outlet.hint("clockwork.bad", &json!(1)).unwrap();
    while session.report().node("clockwork").unwrap().hints_dropped < 2 {
        std::thread::yield_now();
    }
    assert_eq!(session.report().node("clockwork").unwrap().state, NodeState::Running);
}

#[test]
fn paused_source_gives_nothing_until_it_is_resumed() {
    let clock = Arc::new(VirtualClock::new());
    let runtime = Runtime::with_clock(clock.clone());
    runtime.plugins().link(module()).unwrap();
    let text = r#"
        nodes.clockwork = { kind = "clockwork", tick = { interval_ms = 10 } }
        outlets.out = { format = "any" }
        links = ["clockwork -> out"]
    "#;
    let graph = GraphSpec::parse(text, "graph.toml", FileType::Toml).unwrap().build(runtime.plugins()).unwrap();
    let session = runtime.start(&graph).unwrap();
    let mut outlet = session.take_outlet("out").unwrap();
    assert_eq!(outlet.recv(LONG).unwrap().seq(), 0);
    session.pause("clockwork").unwrap();
    // The call that is heard after the pause shows that the worker has seen it.
    session.hint("clockwork", "out", "clockwork.next", &json!(100)).unwrap();
    while session.report().node("clockwork").unwrap().hints == 0 {
        std::thread::yield_now();
    }
    clock.advance_ns(1_000_000_000);
    session.hint("clockwork", "out", "clockwork.next", &json!(200)).unwrap();
    while session.report().node("clockwork").unwrap().hints < 2 {
        std::thread::yield_now();
    }
    let report = session.report();
    let source = report.node("clockwork").unwrap();
    assert_eq!((source.packets_out, source.paused, source.state), (1, true, NodeState::Running));
    session.resume("clockwork").unwrap();
    assert_eq!(outlet.recv(LONG).unwrap().seq(), 200);
    assert_eq!(session.report().node("clockwork").unwrap().late_ticks, 0, "a pause is not lateness");
    session.pause_all();
    assert!(session.report().node("clockwork").unwrap().paused);
    let error = session.pause("out").unwrap_err().to_string();
    assert_eq!(error, "`out` (outlet) is no source; only a source can be paused");
    assert_eq!(session.stop().outcome, Outcome::Stopped, "a paused source is stopped like any other");
}

#[test]
fn node_that_has_left_takes_no_params() {
    let runtime = runtime();
    let mut session = stamped(&runtime, json!({}));
    drop(ends(&session));
    session.wait_timeout(LONG).unwrap();
    let error = session.update("stamp", &json!({ "stamp": 1 })).unwrap_err();
    assert_eq!(error.to_string(), "node `stamp` is stopped and takes nothing any more");
}
