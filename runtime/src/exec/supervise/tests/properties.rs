//! Rules that hold for any policy and any order of events.

use super::*;
use crate::exec::Operation;
use proptest::prelude::*;

prop_compose! {
    fn any_policy()(
        max in 0_u32..5, window_ms in 1_u64..2_000, first in 1_u64..200, times in 1_u64..64, reset in 1_u64..4_000,
        redeliver in 0_u32..3,
        on_error in prop_oneof![Just(OnError::Skip), Just(OnError::Restart), Just(OnError::Fail)],
        on_trip in prop_oneof![Just(OnTrip::StopSession), Just(OnTrip::Isolate), Just(OnTrip::Bypass)],
    ) -> Policy {
        let restart = RestartPolicy {
            max, window_ms, backoff_first_ms: first, backoff_max_ms: first * times, reset_after_ms: reset,
        };
        Policy { on_error, restart, on_trip, redeliver, ..Policy::default() }
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    let kind = prop_oneof![
        Just(FailureKind::Panic),
        Just(FailureKind::Contract),
        Just(FailureKind::Deadline { operation: Operation::Process }),
        Just(FailureKind::CreateFailed),
        Just(FailureKind::StartFailed),
        Just(FailureKind::Crash),
    ];
    prop_oneof![
        8 => Just(Event::Created),
        8 => Just(Event::Started),
        4 => Just(Event::CallOk),
        1 => (0_u32..4).prop_map(|attempts| Event::TypedError { attempts }),
        4 => (kind, 0_u32..4).prop_map(|(kind, attempts)| Event::Failure { kind, attempts }),
        12 => Just(Event::BackoffElapsed),
        1 => prop_oneof![Just(Event::Slow), Just(Event::Recovered)],
        1 => prop_oneof![3 => Just(Event::CallOk), 1 => Just(Event::WorkerLost), 1 => Just(Event::Fatal { attempts: 1 })],
        1 => prop_oneof![3 => Just(Event::CallOk), 1 => Just(Event::Drain), 1 => Just(Event::Ended)],
        1 => prop_oneof![3 => Just(Event::CallOk), 1 => Just(Event::Stopped), 1 => Just(Event::AbandonedCap)],
    ]
}

/// Events with the time that passes before each, in milliseconds.
fn any_story() -> impl Strategy<Value = Vec<(Event, i64)>> {
    let pause = prop_oneof![4 => 0_i64..20, 2 => 0_i64..300, 1 => 0_i64..5_000];
    proptest::collection::vec((any_event(), pause), 0..100)
}

/// Tells a story after a node has come up, and gives time, event, decision and state of each step.
fn tell(policy: &Policy, seed: u64, story: &[(Event, i64)]) -> Vec<(i64, Event, Decision, NodeState)> {
    let mut node = Supervisor::new(policy, PassThrough::Possible, seed).expect("the policy is valid");
    let mut now = 0;
    let opening = [(Event::Created, 0), (Event::Started, 0)];
    opening
        .iter()
        .chain(story)
        .map(|&(event, pause_ms)| {
            now += pause_ms * MS;
            (now, event, node.on(event, now), node.state())
        })
        .collect()
}

fn ns(time_ms: u64) -> i64 {
    i64::try_from(time_ms).expect("short") * MS
}

proptest! {
    #[test]
    fn no_window_without_a_forgiven_failure_holds_more_restarts_than_the_budget(
        policy in any_policy(), seed: u64, story in any_story(),
    ) {
        let max = usize::try_from(policy.restart.max).expect("small");
        let mut restarts: Vec<i64> = Vec::new();
        let mut running_since = None;
        let mut is_free = false;
        for (now, event, decision, state) in tell(&policy, seed, &story) {
            is_free |= event == Event::WorkerLost && delay_ns(decision).is_some();
            if is_free && decision.node == NodeFate::Create {
                is_free = false;
            } else if decision.node == NodeFate::Create {
                restarts.push(now);
                let in_window = restarts.iter().filter(|&&then| now - then < ns(policy.restart.window_ms)).count();
                prop_assert!(in_window <= max, "{in_window} restarts in a window for {max}");
            }
            if event == Event::Started && state == NodeState::Running && running_since.is_none() {
                running_since = Some(now);
            }
            if is_free {
                running_since = None;
            }
            if matches!(state, NodeState::Hung | NodeState::Restarting)
                && let Some(since) = running_since.take()
                && now - since >= ns(policy.restart.reset_after_ms)
            {
                restarts.clear();
            }
        }
    }

    #[test]
    fn delays_stay_in_the_upper_half_and_never_fall_until_a_reset(
        policy in any_policy(), seed: u64, failures in 1_usize..20,
    ) {
        let restart = RestartPolicy { max: 100, window_ms: 1_000_000, reset_after_ms: 1_000_000, ..policy.restart };
        let mut node = Supervisor::new(&Policy { restart, ..policy }, PassThrough::Possible, seed).expect("valid");
        node.on(Event::Created, 0);
        node.on(Event::Started, 0);
        let (mut ceiling, mut last) = (ns(restart.backoff_first_ms), 0);
        for _ in 0..failures {
            let delay = delay_ns(node.on(panicked(0), 0)).expect("the budget is large");
            prop_assert!(delay >= last && (ceiling / 2..=ceiling).contains(&delay));
            (ceiling, last) = ((ceiling * 2).min(ns(restart.backoff_max_ms)), delay);
            replace(&mut node);
        }
        node.on(Event::CallOk, 0);
        let delay = delay_ns(node.on(panicked(0), 0)).expect("the budget is large");
        prop_assert!(delay <= ns(restart.backoff_first_ms));
    }

    #[test]
    fn same_seed_and_events_give_the_same_decisions(policy in any_policy(), seed: u64, story in any_story()) {
        prop_assert_eq!(tell(&policy, seed, &story), tell(&policy, seed, &story));
    }

    #[test]
    fn no_instance_is_made_after_a_final_state(policy in any_policy(), seed: u64, story in any_story()) {
        let mut ended = None;
        for (_, event, decision, state) in tell(&policy, seed, &story) {
            let is_hung = matches!(event, Event::Failure { kind: FailureKind::Deadline { .. }, .. });
            if let Some(last) = ended {
                prop_assert!(state.is_final() && delay_ns(decision).is_none());
                prop_assert!(is_hung || (decision, state) == (Decision::NOTHING, last));
            }
            ended = state.is_final().then_some(state);
        }
    }

    #[test]
    fn no_restart_begins_before_its_delay_is_over(policy in any_policy(), seed: u64, story in any_story()) {
        let mut due = None;
        for (now, _, decision, _) in tell(&policy, seed, &story) {
            if let Some(delay) = delay_ns(decision) {
                due = Some(now + delay);
            }
            if decision.node == NodeFate::Create {
                prop_assert!(due.take().is_some_and(|due| now >= due));
            }
        }
    }

    #[test]
    fn no_instance_is_made_once_the_node_drains(policy in any_policy(), seed: u64, story in any_story()) {
        let mut draining = false;
        for (_, _, decision, state) in tell(&policy, seed, &story) {
            prop_assert!(!draining || (delay_ns(decision).is_none() && decision.node != NodeFate::Create));
            draining |= state == NodeState::Draining;
        }
    }

    #[test]
    fn packet_is_delivered_again_only_to_a_replacement(policy in any_policy(), seed: u64, story in any_story()) {
        let mut waited = false;
        for (_, event, decision, state) in tell(&policy, seed, &story) {
            let waits = matches!(state, NodeState::Hung | NodeState::Restarting);
            let waited = std::mem::replace(&mut waited, waits);
            if decision.packet == PacketFate::Redeliver {
                prop_assert!(delay_ns(decision).is_some());
                if waited {
                    // It was decided before, and what is left of the instance hangs.
                    continue;
                }
                let (Event::Failure { attempts, .. } | Event::TypedError { attempts }) = event else {
                    return Err(TestCaseError::fail("only a failure redelivers"));
                };
                prop_assert!(attempts <= policy.redeliver);
            }
        }
    }
}
