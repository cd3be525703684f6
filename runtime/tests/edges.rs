//! What goes wrong at the edges: full and shared links, cycles that lose packets, stops in the middle, misuse.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use graphmill::exec::{CallError, EmitError, Inlet, Outlet, VirtualClock};
use graphmill::graph::{DeadlinesSpec, GraphBuilder, LateTicks, LinkSpec, NodeSpec, TickSpec};
use graphmill::{Graph, Outcome, Packet, Runtime, Session};
use graphmill_plugin_sdk::Waker;
use graphmill_plugin_sdk::prelude::*;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(60);

static IS_IN_CALL: AtomicBool = AtomicBool::new(false);
static SAW_CANCEL: AtomicBool = AtomicBool::new(false);
static LEFT_SOMETHING: AtomicBool = AtomicBool::new(false);
static WAKER: Mutex<Option<Waker>> = Mutex::new(None);
static TICKS: AtomicU64 = AtomicU64::new(0);
static STOPS: AtomicU64 = AtomicU64::new(0);

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NoParams {}

/// Stays in its call until it is cancelled.
struct Patient;

impl Node for Patient {
    type Params = NoParams;

    fn kind() -> Kind {
        Kind::new("edge.patient").input("in", "any")
    }

    fn create(_params: NoParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        Ok(Self)
    }
}

impl Sink for Patient {
    fn consume(&mut self, _pin: usize, _packet: &mut Packet, cx: &mut Context<'_>) -> Result<()> {
        IS_IN_CALL.store(true, Ordering::SeqCst);
        while !cx.is_cancelled() {
            std::thread::yield_now();
        }
        SAW_CANCEL.store(true, Ordering::SeqCst);
        Ok(())
    }
}

/// Looks at what `emit` leaves behind.
struct Tidy;

impl Node for Tidy {
    type Params = NoParams;

    fn kind() -> Kind {
        Kind::new("edge.tidy").input("in", "any").output("out", "any")
    }

    fn create(_params: NoParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        Ok(Self)
    }
}

impl Processor for Tidy {
    fn process(&mut self, _pin: usize, packet: &mut Packet, cx: &mut Context<'_>) -> Result<()> {
        cx.emit(0, &mut *packet)?;
        LEFT_SOMETHING.fetch_or(!packet.is_empty(), Ordering::SeqCst);
        Ok(())
    }
}

/// A source that counts its ticks and gives its waker away.
struct Ticker;

impl Node for Ticker {
    type Params = NoParams;

    fn kind() -> Kind {
        Kind::new("edge.ticker").output("out", "any")
    }

    fn create(_params: NoParams, cx: &mut CreateContext<'_>) -> Result<Self> {
        *WAKER.lock().map_err(|_| Error::new("poisoned"))? = Some(cx.waker());
        Ok(Self)
    }
}

impl Source for Ticker {
    fn tick(&mut self, _cx: &mut Context<'_>) -> Result<Tick> {
        TICKS.fetch_add(1, Ordering::SeqCst);
        Ok(Tick::Again)
    }
}

/// A source whose first tick is refused.
struct Refusing;

impl Node for Refusing {
    type Params = NoParams;

    fn kind() -> Kind {
        Kind::new("edge.refusing").output("out", "any")
    }

    fn create(_params: NoParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        Ok(Self)
    }

    fn stop(&mut self, _cx: &mut Context<'_>) -> Result<()> {
        STOPS.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

impl Source for Refusing {
    fn tick(&mut self, _cx: &mut Context<'_>) -> Result<Tick> {
        Err(Error::new("nothing today"))
    }
}

/// Head of a cycle that sends everything around when its input has ended.
struct LateHead(Vec<Packet>);

impl Node for LateHead {
    type Params = NoParams;

    fn kind() -> Kind {
        Kind::new("edge.late-head").input("in", "any").input("back", "any").output("around", "any").output("out", "any")
    }

    fn create(_params: NoParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        Ok(Self(Vec::new()))
    }
}

impl Processor for LateHead {
    fn process(&mut self, pin: usize, packet: &mut Packet, cx: &mut Context<'_>) -> Result<()> {
        if pin == 1 {
            return cx.emit(1, packet);
        }
        self.0.push(packet.take());
        Ok(())
    }

    fn flush(&mut self, pin: usize, cx: &mut Context<'_>) -> Result<()> {
        if pin == 0 { self.0.drain(..).try_for_each(|packet| cx.emit(0, packet)) } else { Ok(()) }
    }
}

graphmill_plugin_sdk::export!(Patient, Tidy, Ticker, Refusing, LateHead);

fn with_plugins(runtime: Runtime) -> Runtime {
    runtime.plugins().link(module()).unwrap();
    runtime.plugins().link(graphmill_fixture_flow::module()).unwrap();
    runtime
}

fn start(graph: GraphBuilder) -> Session {
    let runtime = with_plugins(Runtime::new());
    let graph = graph.build(runtime.plugins()).unwrap_or_else(|error| panic!("{error}"));
    runtime.start(&graph).unwrap()
}

fn run(graph: GraphBuilder) -> graphmill::SessionReport {
    start(graph).wait_timeout(LONG).unwrap_or_else(|| panic!("the session ends by itself"))
}

fn text(seq: u64) -> Packet {
    let mut packet = Packet::from_text("x").unwrap();
    packet.set_seq(seq);
    packet
}

fn count(params: Value) -> NodeSpec {
    NodeSpec::new("flow.count").with_params(params)
}

fn check(params: Value) -> NodeSpec {
    NodeSpec::new("flow.check").with_params(params)
}

#[test]
fn acyclic_graph_whose_shared_workers_form_a_cycle_loses_nothing() {
    let graph = Graph::builder()
        .node_with("count", count(json!({ "packets": 900, "per_tick": 300 })).with_worker("w1"))
        .node_with("pass", NodeSpec::new("flow.pass").with_worker("w2"))
        .node_with("check", check(json!({ "expect": 900 })).with_worker("w1"))
        .chain(["count", "pass", "check"]);
    let report = run(graph);
    assert_eq!((report.outcome, report.dropped()), (Outcome::Completed, 0), "{report:#?}");
}

#[test]
fn one_call_may_give_as_much_on_one_worker_as_on_two() {
    for worker in [None, Some("one")] {
        let place = |spec: NodeSpec| match worker {
            Some(worker) => spec.with_worker(worker),
            None => spec,
        };
        let graph = Graph::builder()
            .node_with("count", place(count(json!({ "packets": 5000, "per_tick": 5000 }))))
            .node_with("check", place(check(json!({ "expect": 5000 }))))
            .chain(["count", "check"]);
        let report = run(graph);
        assert_eq!(report.outcome, Outcome::Completed, "{worker:?}: {:?}", report.failures);
    }
}

#[test]
fn cycle_goes_on_when_a_node_of_it_refused_more_packets_than_there_are_credits() {
    let clock = Arc::new(VirtualClock::new());
    let runtime = with_plugins(Runtime::with_clock(clock.clone()));
    // The clock is moved in seconds; no call shall seem late for that.
    let hour = 3_600_000;
    let deadlines =
        json!({ "tick_ms": hour, "process_ms": hour, "flush_ms": hour, "stop_ms": hour, "destroy_ms": hour });
    let deadlines: DeadlinesSpec = serde_json::from_value(deadlines).unwrap();
    let node = |kind: &str, params| NodeSpec::new(kind).with_params(params).with_deadlines(deadlines);
    let graph = Graph::builder()
        .node_with("count", node("flow.count", json!({ "packets": 500 })))
        .node_with("turn", node("flow.turn", json!({ "rounds": 1 })))
        .node_with("pass", node("flow.pass", json!({ "fail_every": 10 })))
        .node_with("check", node("flow.check", json!({ "gaps": true, "expect": 450 })))
        .link("count", "turn.in")
        .link("turn.around", "pass")
        .link_with(LinkSpec::new("pass", "turn.back").with_credits(8))
        .link("turn.out", "check")
        .build(runtime.plugins())
        .unwrap();
    let mut session = runtime.start(&graph).unwrap();
    // What the cycle swallowed is taken for lost five seconds later: the clock is moved until it is through.
    let report = loop {
        match session.wait_timeout(Duration::from_millis(5)) {
            Some(report) => break report,
            None => clock.advance_ns(1_000_000_000),
        }
    };
    assert_eq!((report.outcome, report.node("pass").unwrap().errors), (Outcome::Completed, 50), "{report:#?}");
    assert!(report.node("turn").unwrap().lost_in_cycle >= 42, "{report:#?}");
}

#[test]
fn packets_that_a_flush_gives_into_a_cycle_come_out() {
    let graph = Graph::builder()
        .node_with("count", count(json!({ "packets": 5 })))
        .node("head", "edge.late-head", json!({}))
        .node("pass", "flow.pass", json!({}))
        .node_with("check", check(json!({ "expect": 5 })))
        .link("count", "head.in")
        .link("head.around", "pass")
        .link_with(LinkSpec::new("pass", "head.back").with_credits(8))
        .link("head.out", "check");
    let report = run(graph);
    assert_eq!((report.outcome, report.dropped()), (Outcome::Completed, 0), "{report:#?}");
}

#[test]
fn abort_cancels_a_call_that_is_under_way() {
    let graph = Graph::builder().inlet("in", "any").node("patient", "edge.patient", json!({})).link("in", "patient");
    let mut session = start(graph);
    session.take_inlet("in").unwrap().send(text(0), LONG).unwrap();
    while !IS_IN_CALL.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
    session.abort();
    let report = session.wait_timeout(LONG).unwrap();
    assert!(SAW_CANCEL.load(Ordering::SeqCst));
    assert_eq!((report.outcome, report.stragglers.len()), (Outcome::Aborted, 0));
}

fn ends() -> (Session, Inlet, Outlet) {
    let graph = Graph::builder()
        .inlet("in", "text")
        .node("pass", "flow.pass", json!({}))
        .outlet("out", "any")
        .link_with(LinkSpec::new("in", "pass").with_capacity(1))
        .link_with(LinkSpec::new("pass", "out").with_capacity(1));
    let session = start(graph);
    let (inlet, outlet) = (session.take_inlet("in").unwrap(), session.take_outlet("out").unwrap());
    (session, inlet, outlet)
}

#[test]
fn waits_without_an_end_are_waits_without_an_end() {
    let (mut session, mut inlet, mut outlet) = ends();
    inlet.send(text(0), Duration::MAX).unwrap();
    outlet.recv(Duration::MAX).unwrap();
    drop((inlet, outlet));
    assert!(session.wait_timeout(Duration::MAX).is_some());
}

#[test]
fn packet_that_the_application_gets_back_and_sends_again_is_not_counted_as_lost() {
    let (mut session, mut inlet, mut outlet) = ends();
    let mut sent = 0;
    // Nobody reads: sooner or later there is no room.
    while inlet.send(text(sent), Duration::from_millis(50)).is_ok() {
        sent += 1;
    }
    let mut again = text(sent);
    for _ in 0..3 {
        let error = inlet.send(&mut again, Duration::from_millis(1)).unwrap_err();
        assert!(matches!(error.reason, EmitError::Timeout { .. }) && !again.is_empty(), "{error}");
    }
    let reader = std::thread::spawn(move || std::iter::from_fn(|| outlet.recv(LONG).ok()).count() as u64);
    inlet.send(&mut again, LONG).unwrap();
    drop(inlet);
    assert_eq!(reader.join().unwrap(), sent + 1);
    assert_eq!(session.wait_timeout(LONG).unwrap().dropped(), 0);
}

#[test]
fn fan_out_to_a_link_without_room_is_a_counted_loss_there_and_never_a_second_delivery() {
    let graph = Graph::builder()
        .inlet("in", "any")
        .node("pass", "flow.pass", json!({}))
        .outlet("fast", "any")
        .outlet("slow", "any")
        .link("in", "pass")
        .link("in", "fast")
        .link_with(LinkSpec::new("pass", "slow").with_capacity(1));
    let graph = graph.link_with(LinkSpec::new("in", "slow").with_capacity(1));
    let mut session = start(graph);
    let (mut inlet, mut fast, slow) =
        (session.take_inlet("in").unwrap(), session.take_outlet("fast").unwrap(), session.take_outlet("slow").unwrap());
    inlet.send(text(0), LONG).unwrap();
    // The direct link to `slow` is full; the others take the packet, so it is sent.
    inlet.send(text(1), Duration::from_millis(5)).unwrap();
    drop(inlet);
    let seqs: Vec<u64> = std::iter::from_fn(|| fast.recv(LONG).ok()).map(|packet| packet.seq()).collect();
    assert_eq!(seqs, [0, 1]);
    drop((fast, slow));
    let report = session.wait_timeout(LONG).unwrap();
    assert_eq!(report.link("in.out -> slow.in").unwrap().dropped_for("full"), 1);
}

#[test]
fn send_timeout_ends_a_wait_for_room_and_the_packet_is_counted() {
    let pass = NodeSpec::new("flow.pass").with_params(json!({ "copies": 3 })).with_send_timeout_ms(20);
    let graph = Graph::builder()
        .node_with("count", count(json!({ "packets": 1 })))
        .node_with("pass", pass)
        .outlet("out", "any")
        .link("count", "pass")
        .link_with(LinkSpec::new("pass", "out").with_capacity(1));
    let mut session = start(graph);
    let unread = session.take_outlet("out").unwrap();
    let report = session.wait_timeout(LONG).unwrap();
    let pass = report.node("pass").unwrap();
    assert_eq!((pass.packets_out, pass.errors), (1, 1));
    let said = pass.last_error.as_ref().unwrap();
    let waited_ms = said.split("had no room for ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok());
    assert!(waited_ms.is_some_and(|ms| ms >= 20), "{said}");
    assert_eq!(report.link("pass.out -> out.in").unwrap().dropped_for("full"), 1);
    drop(unread);
}

#[test]
fn abort_counts_the_packet_that_waits_for_room() {
    let graph = Graph::builder()
        .node_with("count", count(json!({ "packets": 10 })))
        .node_with("pass", NodeSpec::new("flow.pass").with_params(json!({ "copies": 3 })).with_send_timeout_ms(60_000))
        .outlet("out", "any")
        .link("count", "pass")
        .link_with(LinkSpec::new("pass", "out").with_capacity(1));
    let mut session = start(graph);
    let unread = session.take_outlet("out").unwrap();
    while session.report().node("pass").unwrap().packets_out < 1 {
        std::thread::yield_now();
    }
    session.abort();
    let report = session.wait_timeout(LONG).unwrap();
    let link = report.link("pass.out -> out.in").unwrap();
    assert_eq!(link.dropped_for("stopped"), 1, "{report:#?}");
    drop(unread);
}

#[test]
fn wake_does_not_cost_the_ticks_of_the_interval() {
    let clock = Arc::new(VirtualClock::new());
    let runtime = with_plugins(Runtime::with_clock(clock.clone()));
    let ticker =
        NodeSpec::new("edge.ticker").with_tick(TickSpec::Interval { interval_ms: 20.0, late: LateTicks::Burst });
    let graph = Graph::builder().node_with("ticker", ticker).build(runtime.plugins()).unwrap();
    let session = runtime.start(&graph).unwrap();
    let await_ticks = |n: u64| {
        while TICKS.load(Ordering::SeqCst) < n {
            std::thread::yield_now();
        }
    };
    await_ticks(1);
    let waker = WAKER.lock().unwrap().take().unwrap();
    for wakes in 1..=50 {
        waker.wake();
        await_ticks(1 + wakes);
    }
    clock.advance_ns(20_000_000);
    // The interval's own tick, on the clock that was moved and on no other.
    await_ticks(52);
    assert_eq!(session.stop().outcome, Outcome::Stopped);
}

#[test]
fn emit_leaves_an_empty_packet() {
    let graph = Graph::builder()
        .node_with("count", count(json!({ "packets": 3 })))
        .node("tidy", "edge.tidy", json!({}))
        .node_with("check", check(json!({ "expect": 3 })))
        .chain(["count", "tidy", "check"]);
    assert_eq!(run(graph).outcome, Outcome::Completed);
    assert!(!LEFT_SOMETHING.load(Ordering::SeqCst));
}

#[test]
fn source_that_fails_with_a_typed_error_is_stopped_before_it_is_freed() {
    let graph = Graph::builder()
        .node("refusing", "edge.refusing", json!({}))
        .node_with("check", check(json!({})))
        .chain(["refusing", "check"]);
    assert_eq!(run(graph).outcome, Outcome::Failed);
    assert_eq!(STOPS.load(Ordering::SeqCst), 1);
}

#[test]
fn single_instance_is_not_called_with_what_its_kind_does_not_have() {
    let runtime = with_plugins(Runtime::new());
    let mut pass = runtime.instance("flow.pass", &json!({})).unwrap();
    let error = pass.process(4_000_000_000, text(0)).unwrap_err();
    assert_eq!(error.to_string(), "process of `flow.pass`: there is no input with number 4000000000; the kind has 1");
    let error = pass.tick().unwrap_err();
    assert!(matches!(error, CallError::Misuse { .. }), "{error}");
    assert_eq!(pass.process(0, text(1)).unwrap().len(), 1, "a mistake of the caller does not cost the instance");
}
