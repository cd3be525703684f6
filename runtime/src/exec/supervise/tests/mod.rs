//! The supervisor as a whole: every transition as a table, and rules that hold for any order of events.

mod properties;
mod rules;
mod table;

use super::*;
use crate::graph::{OnError, OnTrip, PassThrough, Policy, PolicyError, RestartPolicy};

const MS: i64 = 1_000_000;

fn policy(change: fn(&mut Policy)) -> Policy {
    let mut policy = Policy::default();
    change(&mut policy);
    policy
}

fn supervisor(change: fn(&mut Policy)) -> Supervisor {
    Supervisor::new(&policy(change), PassThrough::Possible, 1).unwrap()
}

/// A supervisor whose node runs since `now_ns`.
fn running(change: fn(&mut Policy), now_ns: i64) -> Supervisor {
    let mut supervisor = supervisor(change);
    supervisor.on(Event::Created, now_ns);
    supervisor.on(Event::Started, now_ns);
    supervisor
}

const fn panicked(attempts: u32) -> Event {
    Event::Failure { kind: FailureKind::Panic, attempts }
}

const fn hung(attempts: u32) -> Event {
    Event::Failure { kind: FailureKind::Deadline { operation: crate::exec::Operation::Process }, attempts }
}

/// The delay of a decision to restart.
fn delay_ns(decision: Decision) -> Option<i64> {
    match decision.node {
        NodeFate::RestartAfter { delay_ns } => Some(delay_ns),
        _ => None,
    }
}

/// Lets the back-off elapse and brings the replacement up; gives the time.
fn replace(supervisor: &mut Supervisor) -> i64 {
    let now_ns = supervisor.restart_due_ns().expect("the node waits for its restart");
    assert_eq!(supervisor.on(Event::BackoffElapsed, now_ns).node, NodeFate::Create);
    supervisor.on(Event::Created, now_ns);
    supervisor.on(Event::Started, now_ns);
    assert_eq!(supervisor.state(), NodeState::Running);
    now_ns
}
