//! A packet that costs an instance its life becomes a dead letter: kept, counted, saved and sent again.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use graphmill::exec::supervise::{
    DeadLetter, DeadLetterLimits, ENTRIES_MAX, MESSAGE_LEN_MAX, read_dead_letters, write_dead_letters,
};
use graphmill::exec::{NodeState, Operation, VirtualClock};
use graphmill::graph::FileType;
use graphmill::{CallError, GraphSpec, Outcome, Packet, Runtime, Session, SessionHandle, SessionReport};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const LOOK: Duration = Duration::from_millis(2);

/// Starts count -> pass -> check from a graph file with a policy for `pass`.
fn start(pass: Value, policy: Value, packets: u64) -> (Session, Arc<VirtualClock>) {
    let clock = Arc::new(VirtualClock::new());
    let runtime = Runtime::with_clock(clock.clone());
    runtime.plugins().link(graphmill_fixture_flow::module()).unwrap();
    let text = json!({
        "links": ["count -> pass -> check"],
        "nodes": {
            "count": { "kind": "flow.count", "params": { "packets": packets, "bytes": 24 } },
            "pass": { "kind": "flow.pass", "params": pass, "policy": policy },
            "check": { "kind": "flow.check", "params": { "gaps": true } },
        },
    });
    let spec = GraphSpec::parse(&text.to_string(), "graph.json", FileType::Json).unwrap();
    let graph = spec.build(runtime.plugins()).unwrap_or_else(|error| panic!("{error}"));
    (runtime.start(&graph).unwrap(), clock)
}

/// Runs the graph to its end; the clock moves while `pass` waits for its next instance.
fn run(pass: Value, policy: Value, packets: u64) -> (SessionReport, Vec<DeadLetter>) {
    let (mut session, clock) = start(pass, policy, packets);
    loop {
        match session.wait_timeout(LOOK) {
            Some(report) => return (report, session.dead_letters()),
            // At any other time the clock would run against a call: a first panic takes a while to be told.
            None if session.report().node("pass").unwrap().state == NodeState::Restarting => {
                clock.advance_ns(50_000_000);
            }
            None => {}
        }
    }
}

/// The only letter of a run.
fn only(letters: &[DeadLetter]) -> &DeadLetter {
    assert_eq!(letters.len(), 1, "{letters:#?}");
    letters.first().unwrap()
}

#[test]
fn poison_packet_becomes_a_letter_that_says_who_failed_where_and_why() {
    let (report, letters) = run(json!({ "panic_at": 42 }), json!({}), 100);
    assert_eq!((report.outcome, report.dead_letters), (Outcome::Completed, 1), "{report:#?}");
    assert_eq!(report.node("pass").unwrap().lost_in_flight, 1);
    let letter = only(&letters);
    assert_eq!((&*letter.node, &*letter.kind, &*letter.pin), ("pass", "flow.pass", "in"));
    assert_eq!((&*letter.reason.operation, letter.attempts), (Operation::Process.name(), 1));
    assert!(letter.reason.message.contains("packet 42 is poison"), "{}", letter.reason.message);
    let [plane, ..] = letter.header.planes;
    assert_eq!((letter.header.seq, letter.header.n_planes, plane.len), (42, 1, 24));
    assert_eq!(letter.packet.as_ref().map(Packet::seq), None, "only the header is kept unless the policy says more");
}

#[test]
fn payload_is_kept_where_the_policy_asks_for_it() {
    let policy = json!({ "dead_letters": "payload" });
    let (report, letters) = run(json!({ "panic_at": 42 }), policy, 100);
    assert_eq!((report.outcome, report.node("check").unwrap().packets_in), (Outcome::Completed, 99));
    let packet = only(&letters).packet.as_ref().unwrap();
    assert_eq!((packet.seq(), packet.plane(0).map(<[u8]>::len)), (42, Some(24)));
}

#[test]
fn letter_that_was_saved_and_read_again_panics_the_kind_again() {
    let (_, letters) = run(json!({ "panic_at": 42 }), json!({ "dead_letters": "payload" }), 100);
    let mut file = Vec::new();
    write_dead_letters(&letters, &mut file).unwrap();
    let letters = read_dead_letters(&mut &*file, &DeadLetterLimits::default()).unwrap();
    let packet = only(&letters).packet.clone().unwrap();
    let runtime = Runtime::new();
    runtime.plugins().link(graphmill_fixture_flow::module()).unwrap();
    let mut poisoned = runtime.instance("flow.pass", &json!({ "panic_at": 42 })).unwrap();
    match poisoned.process(0, packet.clone()) {
        Err(CallError::Failed(failure)) => assert!(failure.message.contains("packet 42 is poison"), "{failure}"),
        other => panic!("{other:?}"),
    }
    let mut cured = runtime.instance("flow.pass", &json!({ "panic_at": 43 })).unwrap();
    assert_eq!(cured.process(0, packet).unwrap().len(), 1);
}

#[test]
fn packet_is_a_letter_only_after_its_last_delivery() {
    for (content, keeps_payload) in [("header", false), ("payload", true)] {
        let policy = json!({ "redeliver": 2, "dead_letters": content });
        let (report, letters) = run(json!({ "panic_at": 42 }), policy, 100);
        assert_eq!((report.outcome, report.node("pass").unwrap().restarts), (Outcome::Completed, 3));
        let letter = only(&letters);
        assert_eq!((letter.attempts, letter.header.seq, letter.packet.is_some()), (3, 42, keeps_payload), "{content}");
    }
}

#[test]
fn typed_errors_make_letters_only_where_they_count_as_failures() {
    let refusals = json!({ "fail_every": 40 });
    let (report, letters) = run(refusals.clone(), json!({ "on_error": "skip" }), 100);
    assert_eq!((report.node("pass").unwrap().errors, report.dead_letters, letters.len()), (2, 0, 0));
    let (report, letters) = run(refusals.clone(), json!({ "on_error": "restart" }), 100);
    assert_eq!((report.outcome, report.dead_letters), (Outcome::Completed, 2));
    assert_eq!(letters.iter().map(|letter| letter.header.seq).collect::<Vec<_>>(), [39, 79]);
    let (report, letters) = run(refusals, json!({ "on_error": "fail" }), 100);
    assert_eq!((report.outcome, only(&letters).header.seq), (Outcome::Failed, 39));
    assert!(only(&letters).reason.message.contains("packet 39 is not wanted"));
}

#[test]
fn packet_that_waits_for_an_instance_that_never_comes_is_a_letter_too() {
    for (outcome, stop) in
        [(Outcome::Failed, SessionHandle::drain as fn(&SessionHandle)), (Outcome::Aborted, SessionHandle::abort)]
    {
        let (mut session, _clock) = start(json!({ "panic_at": 42 }), json!({ "redeliver": 1 }), 100);
        // The clock stands still, so the next instance is never due.
        while session.report().node("pass").unwrap().state != NodeState::Restarting {
            assert!(session.wait_timeout(LOOK).is_none(), "the session waits for the next instance");
        }
        let dead = session.dead_letter_box();
        assert_eq!((dead.received(), session.report().dead_letters), (0, 0));
        stop(&session);
        let report = session.wait();
        assert_eq!((report.outcome, report.dead_letters), (outcome, 1), "{report:#?}");
        assert_eq!(report.node("pass").unwrap().lost_in_flight, 1);
        let letters = dead.letters();
        assert_eq!((only(&letters).header.seq, only(&letters).attempts), (42, 1));
        assert!(only(&letters).reason.message.contains("packet 42 is poison"));
    }
}

#[test]
fn session_keeps_the_newest_letters_and_counts_all() {
    let restart = json!({ "window_ms": 1, "backoff_first_ms": 1, "backoff_max_ms": 1 });
    let policy = json!({ "on_error": "restart", "restart": restart });
    let packets = u64::from(ENTRIES_MAX) + 50;
    let (report, letters) = run(json!({ "fail_every": 1 }), policy, packets);
    assert_eq!((report.outcome, report.dead_letters), (Outcome::Completed, packets));
    let seqs: Vec<_> = letters.iter().map(|letter| letter.header.seq).collect();
    assert_eq!(seqs, (50..packets).collect::<Vec<_>>());
    assert!(letters.iter().all(|letter| letter.reason.message.len() <= MESSAGE_LEN_MAX));
}
