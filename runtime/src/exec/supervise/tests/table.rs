//! Every state and every event: what is not in the table changes nothing.

use super::*;
use crate::exec::Operation;
use FailureKind::{Contract, Crash, CreateFailed, Deadline, Panic, StartFailed};

const FAR_NS: i64 = 1_000 * MS;

fn events() -> Vec<(&'static str, Event)> {
    let failure = |kind| Event::Failure { kind, attempts: 1 };
    vec![
        ("created", Event::Created),
        ("started", Event::Started),
        ("call-ok", Event::CallOk),
        ("error", Event::TypedError { attempts: 1 }),
        ("panic", failure(Panic)),
        ("contract", failure(Contract)),
        ("deadline", failure(Deadline { operation: Operation::Create })),
        ("create-failed", failure(CreateFailed)),
        ("start-failed", failure(StartFailed)),
        ("crash", failure(Crash)),
        ("worker-lost", Event::WorkerLost),
        ("fatal", Event::Fatal { attempts: 1 }),
        ("backoff-elapsed", Event::BackoffElapsed),
        ("slow", Event::Slow),
        ("recovered", Event::Recovered),
        ("drain", Event::Drain),
        ("ended", Event::Ended),
        ("stopped", Event::Stopped),
        ("abandoned-cap", Event::AbandonedCap),
    ]
}

/// A supervisor in the state that a row begins with; `starting` and `ready` are those of the first instance.
fn in_state(row: &str, change: fn(&mut Policy)) -> Supervisor {
    let mut node = if matches!(row, "starting" | "ready") { supervisor(change) } else { running(change, 0) };
    let path: &[Event] = match row {
        "starting" | "running" => &[],
        "ready" => &[Event::Created],
        "starting again" => &[panicked(0), Event::BackoffElapsed],
        "ready again" => &[panicked(0), Event::BackoffElapsed, Event::Created],
        "degraded" => &[Event::Slow],
        "hung" => &[hung(0)],
        "restarting" => &[panicked(0)],
        "tripped" => &[panicked(0), Event::AbandonedCap],
        "draining" => &[Event::Drain],
        "stopped" => &[Event::Stopped],
        "failed" => &[Event::Drain, panicked(0)],
        other => panic!("no such row: {other}"),
    };
    for (step, event) in (1..).zip(path) {
        node.on(*event, step * 200 * MS);
    }
    assert_eq!(Some(node.state().name()), row.split(' ').next(), "the row begins in its state");
    node
}

fn describe(decision: Decision) -> String {
    let instance = match decision.instance {
        InstanceFate::Keep => "",
        InstanceFate::Discard => "discard ",
        InstanceFate::Abandon => "abandon ",
    };
    let packet = match decision.packet {
        PacketFate::Keep => "",
        PacketFate::Skip => "skip ",
        PacketFate::Redeliver => "redeliver ",
        PacketFate::DeadLetter => "dead-letter ",
    };
    let node = match decision.node {
        NodeFate::GoOn => "",
        NodeFate::RestartAfter { .. } => "restart",
        NodeFate::Create => "create",
        NodeFate::Fail => "fail",
        NodeFate::Trip { cause: TripCause::Budget { .. }, .. } => "trip-budget",
        NodeFate::Trip { cause: TripCause::AbandonedCap, .. } => "trip-cap",
    };
    format!("{instance}{packet}{node}").trim_end().to_string()
}

/// Checks one row: `cells` are lines of `event -> state: decision`; all other events must change nothing.
fn check(row: &str, change: fn(&mut Policy), cells: &str) {
    let mut unused: Vec<&str> = cells.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    for (name, event) in events() {
        let mut node = in_state(row, change);
        let before = node.state();
        let decision = node.on(event, FAR_NS);
        let cell = format!("{name} -> {}: {}", node.state().name(), describe(decision));
        if let Some(place) = unused.iter().position(|line| line.starts_with(&format!("{name} -> "))) {
            assert_eq!(cell.trim_end(), unused.remove(place), "in row {row}");
        } else {
            assert_eq!((node.state(), decision), (before, Decision::NOTHING), "{cell} in row {row}");
        }
    }
    assert!(unused.is_empty(), "no such events: {unused:?}");
}

/// The default policy, but with a long budget.
fn plain(policy: &mut Policy) {
    policy.restart.window_ms = 10_000_000;
}

const FAILS_FOR_GOOD: &str = "
    panic -> failed: discard dead-letter fail
    contract -> failed: discard dead-letter fail
    deadline -> failed: abandon dead-letter fail
    create-failed -> failed: discard dead-letter fail
    start-failed -> failed: discard dead-letter fail
    crash -> failed: discard dead-letter fail
    fatal -> failed: discard dead-letter fail
    stopped -> stopped:";

const IS_REPLACED: &str = "
    panic -> restarting: discard dead-letter restart
    contract -> restarting: discard dead-letter restart
    deadline -> hung: abandon dead-letter restart
    create-failed -> restarting: discard dead-letter restart
    start-failed -> restarting: discard dead-letter restart
    crash -> restarting: discard dead-letter restart
    worker-lost -> restarting: abandon restart
    fatal -> failed: discard dead-letter fail
    drain -> draining:
    stopped -> stopped:";

#[test]
fn node_that_never_ran_fails_for_good_where_the_session_needs_it() {
    let drain = "drain -> draining:\n worker-lost -> restarting: abandon restart";
    let create = "created -> ready:\n abandoned-cap -> tripped: trip-cap";
    check("starting", plain, &format!("{create}\n {drain} {FAILS_FOR_GOOD}"));
    check("ready", plain, &format!("started -> running:\n {drain} {FAILS_FOR_GOOD}"));
}

#[test]
fn node_that_never_ran_is_replaced_where_the_session_can_start_without_it() {
    fn isolated(policy: &mut Policy) {
        plain(policy);
        policy.on_trip = OnTrip::Isolate;
    }
    let create = "created -> ready:\n abandoned-cap -> tripped: trip-cap";
    check("starting", isolated, &format!("{create} {IS_REPLACED}"));
    check("ready", isolated, &format!("started -> running: {IS_REPLACED}"));
}

#[test]
fn node_that_ran_is_replaced() {
    let running = "error -> running: skip\n slow -> degraded:\n ended -> draining:";
    let degraded = "error -> degraded: skip\n recovered -> running:\n ended -> draining:";
    let starting = "created -> ready:\n abandoned-cap -> tripped: trip-cap";
    check("running", plain, &format!("{running} {IS_REPLACED}"));
    check("degraded", plain, &format!("{degraded} {IS_REPLACED}"));
    check("starting again", plain, &format!("{starting} {IS_REPLACED}"));
    check("ready again", plain, &format!("started -> running: {IS_REPLACED}"));
}

#[test]
fn node_without_an_instance_waits_for_its_restart_only() {
    let cells = "
        backoff-elapsed -> starting: create
        deadline -> hung: abandon dead-letter restart
        abandoned-cap -> tripped: trip-cap
        drain -> failed: fail";
    check("hung", plain, cells);
    check("restarting", plain, cells);
}

#[test]
fn node_that_drains_is_not_replaced() {
    let lost = "worker-lost -> failed: abandon fail";
    check("draining", plain, &format!("error -> draining: skip\n {lost} {FAILS_FOR_GOOD}"));
}

#[test]
fn after_the_end_only_a_destroy_that_hangs_is_heard_of() {
    check("tripped", plain, "deadline -> tripped: abandon dead-letter trip-cap");
    check("stopped", plain, "deadline -> failed: abandon dead-letter fail");
    check("failed", plain, "deadline -> failed: abandon dead-letter fail");
}

#[test]
fn failure_beyond_the_budget_trips() {
    let cells = "
        error -> running: skip
        slow -> degraded:
        drain -> draining:
        ended -> draining:
        stopped -> stopped:
        panic -> tripped: discard dead-letter trip-budget
        contract -> tripped: discard dead-letter trip-budget
        deadline -> tripped: abandon dead-letter trip-budget
        create-failed -> tripped: discard dead-letter trip-budget
        start-failed -> tripped: discard dead-letter trip-budget
        crash -> tripped: discard dead-letter trip-budget
        worker-lost -> restarting: abandon restart
        fatal -> failed: discard dead-letter fail";
    check("running", |policy| policy.restart.max = 0, cells);
}

#[test]
fn typed_error_follows_its_policy() {
    let after_error = |row, change| {
        let mut node = in_state(row, change);
        let decision = node.on(Event::TypedError { attempts: 1 }, FAR_NS);
        format!("{}: {}", node.state().name(), describe(decision))
    };
    for row in ["running", "degraded"] {
        assert_eq!(after_error(row, |p| p.on_error = OnError::Fail), "failed: discard dead-letter fail");
        assert_eq!(after_error(row, |p| p.on_error = OnError::Restart), "restarting: discard dead-letter restart");
    }
    assert_eq!(after_error("draining", |p| p.on_error = OnError::Fail), "failed: discard dead-letter fail");
    assert_eq!(after_error("draining", |p| p.on_error = OnError::Restart), "draining: dead-letter");
    let mut node = in_state("running", plain);
    assert_eq!(node.on(Event::TypedError { attempts: 0 }, 0), Decision::NOTHING, "there is no packet to skip");
}
