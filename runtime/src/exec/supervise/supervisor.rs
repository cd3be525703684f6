//! The supervisor of one node: what happened and when in, what is to be done out.

use super::backoff::Backoff;
use super::budget::Budget;
use super::decision::{Decision, InstanceFate, NodeFate, PacketFate, TripCause};
use super::event::{Event, FailureKind};
use super::state::NodeState;
use crate::graph::{OnError, OnTrip, PassThrough, Policy, PolicyError};

const NS_PER_MS: u64 = 1_000_000;

/// Decides about one node.
///
/// It is a value without thread, clock or I/O: the same policy, seed and events give the same decisions. The rules:
///
/// * A node that never ran, and whose policy ends the session, is not restarted: its failure is that of the session's
///   start. With another policy it is restarted and trips like one that ran.
/// * At most `restart.max` restarts begin within any `restart.window_ms`; the failure after them trips the node.
/// * A success takes the back-off to its first wait; `restart.reset_after_ms` of running without a failure does so
///   too and gives the whole budget back.
/// * A packet in flight at a failure is delivered again at most `redeliver` times, and only if there is a restart.
/// * A node that drains is not restarted. After `Tripped`, `Stopped` and `Failed` no instance is made any more; only a
///   `destroy` that hangs is still heard of, because its thread is lost.
/// * A node whose thread was lost to another node gets its next instance at once, and that uses no restart of its own.
///
/// ```text
/// let mut supervisor = Supervisor::new(&policy, PassThrough::Impossible, seed)?;
/// match supervisor.on(Event::Failure { kind: FailureKind::Panic, attempts: 1 }, clock.now_ns()).node { .. }
/// ```
#[derive(Debug, Clone)]
pub struct Supervisor {
    policy: Policy,
    state: NodeState,
    budget: Budget,
    backoff: Backoff,
    now_ns: i64,
    due_ns: i64,
    /// Since when the instance runs; `None` while none does.
    running_since_ns: Option<i64>,
    has_run: bool,
    awaits_success: bool,
    /// Whether a packet waits to be delivered again; only until the replacement runs.
    holds_packet: bool,
    /// The next restart is not the node's fault, so the budget does not pay for it.
    next_is_free: bool,
    /// Why the node tripped.
    cause: Option<TripCause>,
    restarts: u64,
}

impl Supervisor {
    /// A supervisor of a node whose first instance is about to be made.
    ///
    /// # Errors
    /// The policy cannot hold for this node.
    pub fn new(policy: &Policy, formats: PassThrough, seed: u64) -> Result<Self, PolicyError> {
        policy.validate(formats)?;
        let restart = &policy.restart;
        let max = usize::try_from(restart.max).unwrap_or(usize::MAX);
        Ok(Self {
            policy: *policy,
            state: NodeState::Starting,
            budget: Budget::new(max, to_ns(restart.window_ms)),
            backoff: Backoff::new(restart.backoff_first_ms * NS_PER_MS, restart.backoff_max_ms * NS_PER_MS, seed),
            now_ns: i64::MIN,
            due_ns: i64::MIN,
            running_since_ns: None,
            has_run: false,
            awaits_success: false,
            holds_packet: false,
            next_is_free: false,
            cause: None,
            restarts: 0,
        })
    }

    /// Where the node is.
    pub fn state(&self) -> NodeState {
        self.state
    }

    /// Whether the node tripped and packets pass it by.
    pub fn is_bypassed(&self) -> bool {
        self.state == NodeState::Tripped && self.policy.on_trip == OnTrip::Bypass
    }

    /// Whether the session does not start without an instance of the node: it never ran, and its policy wants it so.
    pub fn is_needed_to_start(&self) -> bool {
        !self.has_run && self.policy.on_trip == OnTrip::StopSession
    }

    /// Restarts that were begun.
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// Whether the next [`Event::CallOk`] matters: true after each start until the first success.
    pub fn awaits_success(&self) -> bool {
        self.awaits_success && matches!(self.state, NodeState::Running | NodeState::Degraded)
    }

    /// When [`Event::BackoffElapsed`] is due, if the node waits for it.
    pub fn restart_due_ns(&self) -> Option<i64> {
        matches!(self.state, NodeState::Hung | NodeState::Restarting).then_some(self.due_ns)
    }

    /// Takes note of what happened and decides. A time before the last one counts as the last one.
    pub fn on(&mut self, event: Event, now_ns: i64) -> Decision {
        use NodeState::{Degraded, Draining, Hung, Ready, Restarting, Running, Starting, Stopped};
        self.now_ns = self.now_ns.max(now_ns);
        match (self.state, event) {
            (Starting, Event::Created) => self.enter(Ready),
            (Ready, Event::Started) => self.run(),
            (Draining, Event::Started) => self.hand_packet_over(),
            (Running | Degraded, Event::CallOk) => self.succeed(),
            (Running, Event::Slow) => self.enter(Degraded),
            (Degraded, Event::Recovered) => self.enter(Running),
            (Running | Degraded | Draining, Event::TypedError { attempts }) => self.typed_error(attempts),
            (Starting | Ready | Running | Degraded | Draining, Event::Failure { kind, attempts }) => {
                self.failure(fate_of_instance(kind), attempts)
            }
            (_, Event::Failure { kind, attempts }) if kind.holds_the_thread() => self.hang_after_the_end(attempts),
            (Starting | Ready | Running | Degraded, Event::WorkerLost) => self.lose_worker(),
            (Draining, Event::WorkerLost) => self.fail(InstanceFate::Abandon, 0),
            (Starting | Ready | Running | Degraded | Draining, Event::Fatal { attempts }) => {
                self.fail(InstanceFate::Discard, attempts)
            }
            (Hung | Restarting, Event::BackoffElapsed) => self.restart(),
            (Starting | Hung | Restarting, Event::AbandonedCap) => {
                self.trip(TripCause::AbandonedCap, InstanceFate::Keep, 0)
            }
            // There is no instance that could work off what is queued, and none is made any more.
            (Hung | Restarting, Event::Drain) => self.fail(InstanceFate::Keep, 0),
            (Starting | Ready | Running | Degraded, Event::Drain) => self.enter(Draining),
            (Running | Degraded, Event::Ended) => self.enter(Draining),
            (Starting | Ready | Running | Degraded | Draining, Event::Stopped) => self.enter(Stopped),
            _ => Decision::NOTHING,
        }
    }

    fn enter(&mut self, state: NodeState) -> Decision {
        self.state = state;
        Decision::NOTHING
    }

    fn run(&mut self) -> Decision {
        self.has_run = true;
        self.awaits_success = true;
        self.holds_packet = false;
        self.running_since_ns = Some(self.now_ns);
        self.enter(NodeState::Running)
    }

    /// A replacement that began to run while the node drains gets the packet that waited for it.
    fn hand_packet_over(&mut self) -> Decision {
        self.holds_packet = false;
        Decision::NOTHING
    }

    fn succeed(&mut self) -> Decision {
        self.awaits_success = false;
        self.backoff.reset();
        Decision::NOTHING
    }

    fn typed_error(&mut self, attempts: u32) -> Decision {
        match (self.policy.on_error, self.state) {
            (OnError::Skip, _) => Decision::packet(packet_or_none(attempts, PacketFate::Skip)),
            (OnError::Fail, _) => self.fail(InstanceFate::Discard, attempts),
            // The instance is fine after a typed error, so a node that may not be restarted can still drain.
            (OnError::Restart, NodeState::Draining) => {
                Decision::packet(packet_or_none(attempts, PacketFate::DeadLetter))
            }
            (OnError::Restart, _) => self.failure(InstanceFate::Discard, attempts),
        }
    }

    fn failure(&mut self, instance: InstanceFate, attempts: u32) -> Decision {
        if self.state == NodeState::Draining || self.is_needed_to_start() {
            return self.fail(instance, attempts);
        }
        self.forgive_after_health();
        if !self.budget.allows(self.now_ns) {
            let restart = &self.policy.restart;
            let cause = TripCause::Budget { max: restart.max, window_ms: restart.window_ms };
            return self.trip(cause, instance, attempts);
        }
        let abandoned = instance == InstanceFate::Abandon;
        self.state = if abandoned { NodeState::Hung } else { NodeState::Restarting };
        let delay_ns = i64::try_from(self.backoff.next_ns()).unwrap_or(i64::MAX);
        self.due_ns = self.now_ns.saturating_add(delay_ns);
        let again = if attempts <= self.policy.redeliver { PacketFate::Redeliver } else { PacketFate::DeadLetter };
        let packet = packet_or_none(attempts, again);
        self.holds_packet |= packet == PacketFate::Redeliver;
        Decision { instance, packet, node: NodeFate::RestartAfter { delay_ns } }
    }

    /// What was left of an instance does not let go: its thread is lost, and what was decided before stays decided.
    fn hang_after_the_end(&mut self, attempts: u32) -> Decision {
        let mut packet = self.lost_packet(attempts);
        let node = match (self.state, self.cause) {
            (NodeState::Hung | NodeState::Restarting, _) => {
                self.state = NodeState::Hung;
                if self.holds_packet {
                    packet = PacketFate::Redeliver;
                }
                NodeFate::RestartAfter { delay_ns: self.due_ns.saturating_sub(self.now_ns).max(0) }
            }
            (NodeState::Tripped, Some(cause)) => NodeFate::Trip { cause, then: self.policy.on_trip },
            _ => {
                self.state = NodeState::Failed;
                NodeFate::Fail
            }
        };
        Decision { instance: InstanceFate::Abandon, packet, node }
    }

    /// The instance went with the thread of another node's; the next one is made at once.
    fn lose_worker(&mut self) -> Decision {
        self.next_is_free = true;
        self.running_since_ns = None;
        self.due_ns = self.now_ns;
        self.state = NodeState::Restarting;
        let node = NodeFate::RestartAfter { delay_ns: 0 };
        Decision { instance: InstanceFate::Abandon, packet: PacketFate::Keep, node }
    }

    /// A long time without a failure gives budget and back-off back.
    fn forgive_after_health(&mut self) {
        let Some(since_ns) = self.running_since_ns.take() else { return };
        if self.now_ns.saturating_sub(since_ns) >= to_ns(self.policy.restart.reset_after_ms) {
            self.budget.reset();
            self.backoff.reset();
        }
    }

    fn restart(&mut self) -> Decision {
        let early_ns = self.due_ns.saturating_sub(self.now_ns);
        if early_ns > 0 {
            return Decision::node(NodeFate::RestartAfter { delay_ns: early_ns });
        }
        if !std::mem::take(&mut self.next_is_free) {
            self.budget.spend(self.now_ns);
        }
        self.restarts += 1;
        self.state = NodeState::Starting;
        Decision::node(NodeFate::Create)
    }

    fn fail(&mut self, instance: InstanceFate, attempts: u32) -> Decision {
        self.state = NodeState::Failed;
        Decision { instance, packet: self.lost_packet(attempts), node: NodeFate::Fail }
    }

    fn trip(&mut self, cause: TripCause, instance: InstanceFate, attempts: u32) -> Decision {
        self.state = NodeState::Tripped;
        self.cause = Some(cause);
        let node = NodeFate::Trip { cause, then: self.policy.on_trip };
        Decision { instance, packet: self.lost_packet(attempts), node }
    }

    /// The packet in flight, or the one that waited for a replacement, has nobody left to go to.
    fn lost_packet(&self, attempts: u32) -> PacketFate {
        if attempts == 0 && !self.holds_packet { PacketFate::Keep } else { PacketFate::DeadLetter }
    }
}

fn fate_of_instance(kind: FailureKind) -> InstanceFate {
    if kind.holds_the_thread() { InstanceFate::Abandon } else { InstanceFate::Discard }
}

fn packet_or_none(attempts: u32, fate: PacketFate) -> PacketFate {
    if attempts == 0 { PacketFate::Keep } else { fate }
}

/// A time of a validated policy, at most one day.
fn to_ns(time_ms: u64) -> i64 {
    i64::try_from(time_ms * NS_PER_MS).unwrap_or(i64::MAX)
}
