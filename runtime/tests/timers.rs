//! Nodes with inputs that are called at a time that they asked for, although no packet comes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use graphmill::exec::{Inlet, Outlet, RecvError, VirtualClock};
use graphmill::graph::NodeSpec;
use graphmill::{Graph, Outcome, Packet, Runtime, Session};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(60);
const MS: i64 = 1_000_000;

/// given -> hold -> made, on a clock that stands still; `hold` shares its worker where there is a name.
fn holding(params: Value, worker: Option<&str>) -> (Arc<VirtualClock>, Session, Inlet, Outlet) {
    let clock = Arc::new(VirtualClock::new());
    let runtime = Runtime::with_clock(clock.clone());
    runtime.plugins().link(graphmill_fixture_flow::module()).unwrap();
    let place = |spec: NodeSpec| worker.map_or(spec.clone(), |name| spec.with_worker(name));
    let graph = Graph::builder()
        .inlet("given", "any")
        .node_with("hold", place(NodeSpec::new("flow.hold").with_params(params)))
        .node_with("pass", place(NodeSpec::new("flow.pass")))
        .outlet("made", "any")
        .chain(["given", "hold", "pass", "made"])
        .build(runtime.plugins())
        .unwrap();
    let session = runtime.start(&graph).unwrap();
    let (inlet, outlet) = (session.take_inlet("given").unwrap(), session.take_outlet("made").unwrap());
    (clock, session, inlet, outlet)
}

fn numbered(seq: u64) -> Packet {
    let mut packet = Packet::from_text("x").unwrap();
    packet.set_seq(seq);
    packet
}

/// Waits until the node has ended so many calls.
fn await_calls(session: &Session, calls: u64) {
    let since = Instant::now();
    while session.report().node("hold").unwrap().calls < calls {
        assert!(since.elapsed() < LONG, "{:#?}", session.report());
        std::thread::yield_now();
    }
}

#[test]
fn lone_packet_leaves_when_its_time_is_up_although_none_follows() {
    for worker in [None, Some("one")] {
        let (clock, session, mut inlet, mut outlet) = holding(json!({ "for_ms": 10 }), worker);
        for seq in 0..3 {
            inlet.send(numbered(seq), LONG).unwrap();
            // The packet, and the tick that it asked for.
            await_calls(&session, seq * 3 + 2);
            clock.advance_ns(9 * MS);
            assert!(matches!(outlet.recv(Duration::from_millis(5)), Err(RecvError::Timeout)), "too early");
            clock.advance_ns(MS);
            assert_eq!(outlet.recv(LONG).unwrap().seq(), seq);
            await_calls(&session, seq * 3 + 3);
        }
        inlet.end();
        let mut session = session;
        let report = session.wait_timeout(LONG).unwrap();
        assert_eq!((report.outcome, report.errors(), report.dropped()), (Outcome::Completed, 0, 0), "{report:#?}");
    }
}

#[test]
fn tick_that_is_refused_is_counted_and_comes_again_only_when_it_is_asked_for() {
    let (clock, session, mut inlet, mut outlet) = holding(json!({ "for_ms": 10, "fail_ticks": 1 }), None);
    inlet.send(numbered(0), LONG).unwrap();
    await_calls(&session, 2);
    clock.advance_ns(100 * MS);
    assert!(matches!(outlet.recv(Duration::from_millis(5)), Err(RecvError::Timeout)), "nobody asked again");
    inlet.send(numbered(1), LONG).unwrap();
    assert_eq!(outlet.recv(LONG).unwrap().seq(), 0, "the next packet wakes the node");
    let report = session.report();
    assert_eq!(report.node("hold").unwrap().errors, 1, "{report:#?}");
}

#[test]
fn what_is_held_at_the_end_is_flushed_and_no_tick_is_waited_for() {
    let (_clock, mut session, mut inlet, mut outlet) = holding(json!({ "for_ms": 10 }), None);
    inlet.send(numbered(7), LONG).unwrap();
    inlet.end();
    assert_eq!(outlet.recv(LONG).unwrap().seq(), 7);
    assert!(matches!(outlet.recv(LONG), Err(RecvError::Ended)));
    assert_eq!(session.wait_timeout(LONG).unwrap().outcome, Outcome::Completed);
}
