//! Budget, back-off and redelivery on a clock that the test moves.

use super::*;

#[test]
fn delays_climb_while_restarts_fail_and_fall_with_the_first_success() {
    let mut node = running(|p| p.restart.max = 100, 0);
    let mut fail_in_create = |expected_ms: &[i64]| {
        let mut now = delay_due(&mut node, panicked(0), expected_ms[0]);
        for &ceiling in &expected_ms[1..] {
            assert_eq!(node.on(Event::BackoffElapsed, now).node, NodeFate::Create);
            let create = Event::Failure { kind: FailureKind::CreateFailed, attempts: 0 };
            now = delay_due(&mut node, create, ceiling);
        }
        replace(&mut node);
        assert!(node.awaits_success());
        node.on(Event::CallOk, now);
        assert!(!node.awaits_success());
    };
    fail_in_create(&[100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
    fail_in_create(&[100, 200]);
}

/// Sends a failure one millisecond after the last time and checks the ceiling of the delay; gives when it is over.
fn delay_due(node: &mut Supervisor, event: Event, ceiling_ms: i64) -> i64 {
    let now = node.restart_due_ns().unwrap_or_default().max(0) + MS;
    let delay = delay_ns(node.on(event, now)).expect("a restart");
    assert!((ceiling_ms * MS / 2..=ceiling_ms * MS).contains(&delay), "{delay} of {ceiling_ms} ms");
    node.restart_due_ns().unwrap()
}

#[test]
fn start_without_a_success_does_not_reset_the_delay() {
    let mut node = running(|_| {}, 0);
    for ceiling in [100, 200, 400] {
        let now = node.restart_due_ns().unwrap_or_default().max(0);
        let delay = delay_ns(node.on(panicked(0), now)).unwrap();
        assert!((ceiling * MS / 2..=ceiling * MS).contains(&delay));
        replace(&mut node);
    }
}

/// Fails a node at each of these times, with a replacement in between, and gives the number of the one that trips.
fn trips_at(change: fn(&mut Policy), failures_ms: &[i64]) -> Option<usize> {
    let mut node = running(change, 0);
    for (index, at_ms) in failures_ms.iter().enumerate() {
        if matches!(node.on(panicked(0), at_ms * MS).node, NodeFate::Trip { .. }) {
            return Some(index);
        }
        replace(&mut node);
    }
    None
}

#[test]
fn budget_counts_the_restarts_of_the_newest_window() {
    fn one_ms(p: &mut Policy) {
        p.restart = RestartPolicy { max: 2, window_ms: 100, backoff_first_ms: 1, backoff_max_ms: 1, ..p.restart };
    }
    assert_eq!(trips_at(one_ms, &[0, 10, 20]), Some(2));
    assert_eq!(trips_at(one_ms, &[0, 10, 99]), Some(2));
    assert_eq!(trips_at(one_ms, &[0, 10, 101, 102]), Some(3));
    assert_eq!(trips_at(one_ms, &[0, 90, 180, 270, 360, 450]), None);
    assert_eq!(trips_at(|p| p.restart.max = 0, &[0]), Some(0));
    assert_eq!(trips_at(|_| {}, &[0, 1_000, 2_000, 3_000]), Some(3), "three restarts in thirty seconds");
}

#[test]
fn long_health_gives_budget_and_delay_back_and_a_shorter_one_does_not() {
    fn long_window(p: &mut Policy) {
        p.restart = RestartPolicy { max: 2, window_ms: 1_000_000, reset_after_ms: 500, ..p.restart };
    }
    let healthy_for = |health_ns: i64| {
        let mut node = running(long_window, 0);
        let mut now = 0;
        for _ in 0..2 {
            node.on(panicked(0), now);
            now = replace(&mut node);
        }
        node.on(panicked(0), now + health_ns)
    };
    let trip = NodeFate::Trip { cause: TripCause::Budget { max: 2, window_ms: 1_000_000 }, then: OnTrip::StopSession };
    assert_eq!(healthy_for(500 * MS - 1).node, trip);
    let delay = delay_ns(healthy_for(500 * MS)).expect("the budget was given back");
    assert!((50 * MS..=100 * MS).contains(&delay), "the delay is the first one again, not {delay}");
}

#[test]
fn replacement_that_never_runs_earns_no_health() {
    let mut node =
        running(|p| p.restart = RestartPolicy { max: 1, window_ms: 50_000, reset_after_ms: 1, ..p.restart }, 0);
    node.on(panicked(0), 0);
    let due = node.restart_due_ns().unwrap();
    node.on(Event::BackoffElapsed, due);
    let create = Event::Failure { kind: FailureKind::CreateFailed, attempts: 0 };
    assert!(matches!(node.on(create, due + 10_000 * MS).node, NodeFate::Trip { .. }));
}

#[test]
fn trip_says_what_the_policy_says() {
    for then in [OnTrip::StopSession, OnTrip::Isolate, OnTrip::Bypass] {
        let policy = Policy { on_trip: then, ..policy(|p| p.restart.max = 0) };
        let mut node = Supervisor::new(&policy, PassThrough::Possible, 1).unwrap();
        node.on(Event::Created, 0);
        node.on(Event::Started, 0);
        let cause = TripCause::Budget { max: 0, window_ms: 30_000 };
        assert_eq!(node.on(panicked(0), 0).node, NodeFate::Trip { cause, then });
    }
    let refused = Supervisor::new(&policy(|p| p.on_trip = OnTrip::Bypass), PassThrough::Impossible, 1);
    assert_eq!(refused.unwrap_err(), PolicyError::BypassImpossible);
}

#[test]
fn packet_is_delivered_again_as_often_as_the_policy_says() {
    for redeliver in 0..4 {
        let policy = Policy { redeliver, ..policy(|p| p.restart.max = 100) };
        let mut node = Supervisor::new(&policy, PassThrough::Possible, 1).unwrap();
        node.on(Event::Created, 0);
        node.on(Event::Started, 0);
        for attempts in 1..=redeliver {
            assert_eq!(node.on(panicked(attempts), 0).packet, PacketFate::Redeliver);
            replace(&mut node);
        }
        assert_eq!(node.on(hung(redeliver + 1), 0).packet, PacketFate::DeadLetter);
        assert_eq!(node.restarts(), u64::from(redeliver));
    }
}

#[test]
fn packet_without_a_second_chance_becomes_a_dead_letter_when_the_node_is_given_up() {
    let waiting = || {
        let mut node = running(|p| p.redeliver = 1, 0);
        assert_eq!(node.on(panicked(1), 0).packet, PacketFate::Redeliver);
        node
    };
    assert_eq!(waiting().on(Event::Drain, MS).packet, PacketFate::DeadLetter);
    assert_eq!(waiting().on(Event::AbandonedCap, MS).packet, PacketFate::DeadLetter);
    let mut again = waiting();
    replace(&mut again);
    again.on(Event::Drain, i64::MAX);
    assert_eq!(again.on(panicked(0), i64::MAX).packet, PacketFate::Keep, "it was delivered");
    let mut drained = waiting();
    drained.on(Event::BackoffElapsed, i64::MAX);
    drained.on(Event::Drain, i64::MAX);
    assert_eq!(drained.clone().on(panicked(0), i64::MAX).packet, PacketFate::DeadLetter, "nobody took it");
    drained.on(Event::Started, i64::MAX);
    assert_eq!(drained.on(panicked(0), i64::MAX).packet, PacketFate::Keep, "the replacement took it");
}

#[test]
fn packet_waits_through_failures_of_its_replacement() {
    let mut node = running(|p| p.redeliver = 1, 0);
    assert_eq!(node.on(panicked(1), 0).packet, PacketFate::Redeliver);
    node.on(Event::BackoffElapsed, 1_000 * MS);
    let create = Event::Failure { kind: FailureKind::CreateFailed, attempts: 0 };
    assert_eq!(node.on(create, 1_000 * MS).packet, PacketFate::Keep);
    assert_eq!(node.on(Event::AbandonedCap, 1_000 * MS).packet, PacketFate::DeadLetter);
}

#[test]
fn timer_that_comes_too_early_is_sent_back_for_the_rest() {
    let mut node = running(|_| {}, 0);
    assert_eq!(node.restart_due_ns(), None);
    let due = delay_ns(node.on(panicked(0), 0)).unwrap();
    assert_eq!(node.restart_due_ns(), Some(due));
    assert_eq!(node.on(Event::BackoffElapsed, due - 1).node, NodeFate::RestartAfter { delay_ns: 1 });
    assert_eq!((node.state(), node.restarts()), (NodeState::Restarting, 0));
    assert_eq!(node.on(Event::BackoffElapsed, due).node, NodeFate::Create);
    assert_eq!((node.restart_due_ns(), node.restarts()), (None, 1));
}

#[test]
fn time_that_goes_back_counts_as_the_newest() {
    let mut node = running(|_| {}, 1_000 * MS);
    let delay = delay_ns(node.on(hung(0), 0)).unwrap();
    assert_eq!(node.restart_due_ns(), Some(1_000 * MS + delay));
}

#[test]
fn success_is_awaited_only_while_calls_are_made() {
    let mut node = supervisor(|_| {});
    assert!(!node.awaits_success());
    node.on(Event::Created, 0);
    node.on(Event::Started, 0);
    assert!(node.awaits_success());
    node.on(Event::Slow, 0);
    assert!(node.awaits_success());
    node.on(Event::Drain, 0);
    assert!(!node.awaits_success());
}

#[test]
fn causes_name_the_way_out() {
    let budget = TripCause::Budget { max: 3, window_ms: 30_000 }.to_string();
    assert_eq!(budget, "it failed again after 3 restarts within 30000 ms; `restart.max` would allow more");
    assert!(TripCause::AbandonedCap.to_string().contains("new process"));
}

#[test]
fn node_that_lost_its_thread_to_another_one_is_replaced_at_once_and_for_free() {
    let mut node = running(|p| p.restart.max = 0, 0);
    for round in 1..=5 {
        assert_eq!(
            node.on(Event::WorkerLost, MS),
            Decision {
                instance: InstanceFate::Abandon,
                packet: PacketFate::Keep,
                node: NodeFate::RestartAfter { delay_ns: 0 },
            }
        );
        assert_eq!((replace(&mut node), node.restarts()), (MS, round));
    }
    assert!(matches!(node.on(panicked(0), MS).node, NodeFate::Trip { .. }), "its own failures still count");
    let mut node = running(|p| p.restart.max = 1, 0);
    node.on(Event::WorkerLost, 0);
    replace(&mut node);
    node.on(panicked(0), 0);
    replace(&mut node);
    assert!(matches!(node.on(panicked(0), MS).node, NodeFate::Trip { .. }), "only the one restart was free");
}

#[test]
fn instance_that_hangs_in_destroy_does_not_change_when_the_next_one_is_due() {
    let mut node = running(|p| p.redeliver = 1, 0);
    assert_eq!(node.on(panicked(1), 0).packet, PacketFate::Redeliver);
    let due_ns = node.restart_due_ns().unwrap();
    let kind = FailureKind::Deadline { operation: crate::exec::Operation::Destroy };
    let decision = node.on(Event::Failure { kind, attempts: 1 }, 10 * MS);
    assert_eq!((delay_ns(decision), node.state()), (Some(due_ns - 10 * MS), NodeState::Hung));
    assert_eq!(decision.packet, PacketFate::Redeliver, "the packet still waits for the next instance");
    assert_eq!(node.on(Event::Drain, due_ns).packet, PacketFate::DeadLetter);
    let mut node = running(|_| {}, 0);
    assert_eq!(node.on(panicked(1), 0).packet, PacketFate::DeadLetter);
    assert_eq!(node.on(Event::Failure { kind, attempts: 1 }, 10 * MS).packet, PacketFate::DeadLetter);
}

#[test]
fn fate_says_whether_something_is_left_to_do_and_whether_the_session_ends() {
    let trip = |then| NodeFate::Trip { cause: TripCause::AbandonedCap, then };
    let table = [
        (NodeFate::GoOn, false, false),
        (NodeFate::Create, false, false),
        (NodeFate::RestartAfter { delay_ns: 1 }, true, false),
        (NodeFate::Fail, false, true),
        (trip(OnTrip::StopSession), false, true),
        (trip(OnTrip::Isolate), false, false),
        (trip(OnTrip::Bypass), true, false),
    ];
    for (fate, has_successor, stops_session) in table {
        assert_eq!((fate.has_successor(), fate.stops_session()), (has_successor, stops_session), "{fate:?}");
    }
}

#[test]
fn packets_pass_a_node_by_once_it_has_tripped_and_if_its_policy_says_so() {
    let tripped = |change: fn(&mut Policy)| {
        let mut node = running(change, 0);
        assert!(!node.is_bypassed(), "not while it runs");
        node.on(panicked(0), 0);
        assert_eq!(node.state(), NodeState::Tripped);
        node.is_bypassed()
    };
    assert!(tripped(|p| (p.restart.max, p.on_trip) = (0, OnTrip::Bypass)));
    assert!(!tripped(|p| (p.restart.max, p.on_trip) = (0, OnTrip::Isolate)));
}
