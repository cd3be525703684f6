//! The watch: one thread of a session that notices calls which do not return.
//!
//! It looks at the call words of the workers again and again. A word that stays the same for longer than the deadline
//! of its call is a hung call; the watch takes the lease of that worker away, and from then on acts for it: it starts
//! another thread on the same links, or closes them, and tells the session. The hung thread is left alone, with the
//! lowest priority; nobody calls its instances again, and what it gives later is dropped and counted.
//!
//! A call costs no clock reading for this: time is read here, once a round.

use crate::exec::abandoned::{Abandoned, abandoned_threads};
use crate::exec::clock::Clock;
use crate::exec::context::CurrentContext;
use crate::exec::control::NodeControl;
use crate::exec::counters::{NodeCounters, NodeFailure, Operation};
use crate::exec::instance::{Fault, FaultClass};
use crate::exec::lease::{CallWord, Lease};
use crate::exec::link::{DropReason, Link, LinkCounters};
use crate::exec::shared::SessionShared;
use crate::exec::supervise::{Event, FailureKind, NodeFate, NodeState, PacketFate, Reason, SharedSupervisor};
use crate::exec::sys::{self, AtomicU64, Ordering};
use crate::exec::worker::{InFlight, Kept, Milestone, Redelivery, WorkerPlan};
use crate::graph::{Deadlines, OnTrip};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The longest time between two looks: a hung call is noticed that much after its deadline at the latest.
const PERIOD_MAX: Duration = Duration::from_millis(20);
/// The shortest time between two looks, for deadlines of a few milliseconds.
const PERIOD_MIN: Duration = Duration::from_millis(1);

/// About how long it is from one upkeep to the next.
const UPKEEP_PERIOD: Duration = Duration::from_secs(1);

/// Abandoned threads of this process beyond which a hung instance is not replaced: each may hold a core and memory.
pub(crate) const ABANDONED_MAX: u64 = 8;

/// What the watch knows of a worker.
#[derive(Debug)]
pub(crate) struct WatchedWorker {
    pub(crate) name: String,
    pub(crate) lease: Arc<Lease>,
    /// Number of the worker's thread for the kernel; 0 until it runs.
    pub(crate) thread: Arc<AtomicU64>,
    pub(crate) nodes: Vec<WatchedNode>,
    /// Links between nodes of this worker: their queues are on its stack.
    pub(crate) locals: Vec<Arc<LinkCounters>>,
    /// Whether its thread was lost before.
    pub(crate) was_replaced: bool,
    /// The plan of a thread that could take this one's place.
    pub(crate) replica: Option<WorkerPlan>,
}

/// What the watch knows of a node.
#[derive(Debug)]
pub(crate) struct WatchedNode {
    pub(crate) current: Arc<CurrentContext>,
    pub(crate) supervisor: Arc<SharedSupervisor>,
    /// Packets in flight, where the policy keeps them.
    pub(crate) kept: Arc<Kept>,
    pub(crate) counters: Arc<NodeCounters>,
    pub(crate) control: Arc<NodeControl>,
    pub(crate) deadlines: Deadlines,
    /// Until when a slow call is remembered.
    pub(crate) slow_until_ns: Option<i64>,
    pub(crate) plugin_file: Option<PathBuf>,
    /// Links from other threads that lead to it.
    pub(crate) inputs: Vec<Arc<Link>>,
    /// Links to other threads that leave it.
    pub(crate) outputs: Vec<Arc<Link>>,
}

/// The watch of a session.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) workers: Vec<WatchedWorker>,
    pub(crate) shared: Arc<SessionShared>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) milestones: Sender<Milestone>,
    /// How the place of a hung worker is taken.
    pub(crate) start: StartWorker,
}

/// Starts a worker on a thread of its own, or says that there is none.
pub(crate) type StartWorker = fn(WorkerPlan, Sender<Milestone>) -> std::io::Result<()>;

/// A call that was seen, and when for the first time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    call: CallWord,
    since_ns: i64,
}

impl Watch {
    /// The body of the watch's thread; it ends when the other side of `end` is dropped. `upkeep` is done now and then:
    /// no other thread of a session wakes up when nothing happens.
    pub(crate) fn run(mut self, end: &Receiver<()>, upkeep: impl Fn()) {
        let period = self.period();
        let looks_per_upkeep = UPKEEP_PERIOD.as_nanos() / period.as_nanos();
        let mut seen = vec![None; self.workers.len()];
        let mut looks = 0;
        while end.recv_timeout(period) == Err(RecvTimeoutError::Timeout) {
            let now_ns = self.clock.now_ns();
            self.look(&mut seen, now_ns);
            looks += 1;
            if looks >= looks_per_upkeep {
                looks = 0;
                upkeep();
            }
        }
    }

    /// A quarter of the shortest deadline, within bounds.
    fn period(&self) -> Duration {
        let nodes = self.workers.iter().flat_map(|worker| &worker.nodes);
        let shortest = nodes.map(|node| shortest(&node.deadlines)).min().unwrap_or(PERIOD_MAX);
        (shortest / 4).clamp(PERIOD_MIN, PERIOD_MAX)
    }

    /// Looks at every worker once. `seen` is what the last look saw, for each worker.
    pub(crate) fn look(&mut self, seen: &mut [Option<Seen>], now_ns: i64) {
        let Self { workers, shared, milestones, start, .. } = self;
        let start = *start;
        for (worker, seen) in workers.iter_mut().zip(seen) {
            worker.forgive_slow_calls(now_ns);
            if worker.lease.is_revoked() {
                continue;
            }
            let Some(call) = worker.lease.call() else {
                *seen = None;
                continue;
            };
            let since_ns = match *seen {
                Some(seen) if seen.call == call => seen.since_ns,
                _ => now_ns,
            };
            *seen = Some(Seen { call, since_ns });
            let elapsed = Duration::from_nanos(now_ns.saturating_sub(since_ns).unsigned_abs());
            if let Some(hung) = worker.judge(call, elapsed, now_ns)
                && Abandoned::here().count_if(|| worker.lease.revoke(call))
            {
                shared.worker_abandoned(&worker.name);
                // Who takes its place counts its calls anew, and an equal word is another call.
                *seen = None;
                let was_replaced = std::mem::replace(&mut worker.was_replaced, true);
                let is_replaced = worker.abandon(&hung, shared, (now_ns, milestones, start));
                if !is_replaced {
                    shared.worker_ended();
                }
                // Told once for each worker, as nobody reads while the session runs; one that is gone never does.
                match (is_replaced, was_replaced) {
                    (false, _) => drop(milestones.send(Milestone::Lost(worker.name.clone()))),
                    (true, false) => drop(milestones.send(Milestone::Replaced(worker.name.clone()))),
                    (true, true) => {}
                }
            }
        }
    }
}

/// A call that did not return in time.
struct Hung {
    node: usize,
    operation: Operation,
    message: String,
}

impl WatchedWorker {
    /// Looks how long a call has been under way: it is hung at its deadline, and slow at half of it.
    fn judge(&mut self, call: CallWord, elapsed: Duration, now_ns: i64) -> Option<Hung> {
        let operation = call.operation()?;
        let node = self.nodes.get_mut(call.node())?;
        let (deadline, key) = deadline_of(&node.deadlines, operation);
        if elapsed >= deadline {
            let of_packet = if operation == Operation::Process {
                format!(" for packet {}", node.counters.newest_seq.value())
            } else {
                String::new()
            };
            let message = format!(
                "no return after {} ms, the deadline is {} ms{of_packet}; the instance is abandoned; \
                 raise `deadlines.{key}` if the call may take that long",
                elapsed.as_millis(),
                deadline.as_millis(),
            );
            return Some(Hung { node: call.node(), operation, message });
        }
        if elapsed >= deadline / 2 && matches!(operation, Operation::Process | Operation::Tick) {
            let why =
                format!("{} takes more than half of its deadline of {} ms", operation.name(), deadline.as_millis());
            node.is_slow(deadline, now_ns, &why);
        }
        None
    }

    fn forgive_slow_calls(&mut self, now_ns: i64) {
        for node in &mut self.nodes {
            if node.slow_until_ns.is_some_and(|until_ns| now_ns >= until_ns) {
                node.slow_until_ns = None;
                node.supervisor.on(Event::Recovered, now_ns, None);
            }
        }
    }

    /// Acts for the worker, whose lease was just revoked; whether another thread takes its place.
    #[cold]
    fn abandon(
        &mut self,
        hung: &Hung,
        shared: &SessionShared,
        (now_ns, milestones, start): (i64, &Sender<Milestone>, StartWorker),
    ) -> bool {
        sys::demote_thread(self.thread.load(Ordering::Relaxed));
        for (at, node) in self.nodes.iter().enumerate() {
            node.current.now().cancel();
            node.control.instance_is_lost(&hung.message);
            if at != hung.node && node.counters.take_held_packet() {
                node.counters.lost_in_flight.increment();
            }
        }
        let Some(culprit) = self.nodes.get(hung.node) else { return false };
        culprit.counters.timed_out();
        let fate = culprit.hangs(hung, shared, now_ns);
        let lost = format!(
            "its worker was lost to node `{}`; give nodes that may hang a worker of their own",
            culprit.current.now().node()
        );
        let mut has_successors = fate.has_successor();
        for (_, node) in self.nodes.iter().enumerate().filter(|(at, _)| *at != hung.node) {
            has_successors |= node.supervisor.on(Event::WorkerLost, now_ns, Some(&lost)).node.has_successor();
        }
        let goes_on = has_successors && !fate.stops_session() && !shared.is_draining();
        let is_replaced = goes_on && self.replace(milestones, start);
        self.tell(hung, &lost, (fate, is_replaced), shared);
        if !is_replaced {
            self.give_up(shared, now_ns);
        }
        is_replaced
    }

    /// Starts a thread in the place of the hung one; its nodes do there what their supervisors say.
    fn replace(&mut self, milestones: &Sender<Milestone>, start: StartWorker) -> bool {
        let Some(plan) = self.replica.take() else { return false };
        self.replica = Some(plan.replica());
        let (lease, thread) = (plan.lease.clone(), plan.thread.clone());
        if start(plan, milestones.clone()).is_err() {
            return false;
        }
        (self.lease, self.thread) = (lease, thread);
        true
    }

    /// Tells log and session what became of the hung node, and of those that are lost with it.
    fn tell(&self, hung: &Hung, lost: &str, (fate, is_replaced): (NodeFate, bool), shared: &SessionShared) {
        let Some(culprit) = self.nodes.get(hung.node) else { return };
        let mut failure = culprit.failure(hung.operation, Fault::new(FaultClass::Hung, hung.message.clone()));
        match fate {
            NodeFate::RestartAfter { delay_ns } if is_replaced => {
                let (delay_ms, timeouts) = (delay_ns / 1_000_000, culprit.counters.timeouts.value());
                if let Some(unsaid) = culprit.counters.timeout_warnings.admit(Instant::now()) {
                    tracing::warn!(
                        node = %failure.node, kind = %failure.kind, timeouts, unsaid,
                        "{failure}; another one is made in {delay_ms} ms"
                    );
                }
            }
            NodeFate::Trip { cause, then } => {
                failure.message = cause.complete(failure.message);
                tracing::error!(node = %failure.node, kind = %failure.kind, "{failure}");
                if then == OnTrip::StopSession { shared.node_failed(failure) } else { shared.node_tripped(failure) }
            }
            _ => {
                tracing::error!(node = %failure.node, kind = %failure.kind, "{failure}");
                shared.node_failed(failure);
            }
        }
        for (at, node) in self.nodes.iter().enumerate() {
            if at == hung.node || node.counters.state().is_final() && node.counters.state() != NodeState::Failed {
                continue;
            }
            let failure = node.failure(hung.operation, Fault::new(FaultClass::WorkerLost, lost));
            if is_replaced {
                tracing::warn!(node = %failure.node, kind = %failure.kind, "{failure}; another instance is made at once");
            } else {
                tracing::error!(node = %failure.node, kind = %failure.kind, "{failure}");
                shared.node_failed(failure);
            }
        }
    }

    /// Takes the nodes of the worker out of the graph: nobody makes further instances of them.
    fn give_up(&self, shared: &SessionShared, now_ns: i64) {
        for node in &self.nodes {
            if let Some(redelivery) = node.kept.take_redelivery() {
                node.counters.take_held_packet();
                node.lose(redelivery, shared);
            }
            node.supervisor.on(Event::Drain, now_ns, None);
            node.control.close();
            node.inputs.iter().for_each(|link| link.close(DropReason::Closed));
            for link in &node.outputs {
                link.counters.lose_waiting();
                link.end();
            }
        }
        self.locals.iter().for_each(|counters| counters.lose_waiting());
    }
}

impl WatchedNode {
    /// Notes a slow call; the node keeps up again when none was slow for a whole deadline.
    fn is_slow(&mut self, deadline: Duration, now_ns: i64, why: &str) {
        let deadline_ns = i64::try_from(deadline.as_nanos()).unwrap_or(i64::MAX);
        if self.slow_until_ns.replace(now_ns.saturating_add(deadline_ns)).is_none() {
            self.supervisor.on(Event::Slow, now_ns, Some(why));
        }
    }

    /// Tells the supervisor that a call hangs, and does with its packet what it says. No further instance is made when
    /// too many threads are lost already.
    fn hangs(&self, hung: &Hung, shared: &SessionShared, now_ns: i64) -> NodeFate {
        let reason = Reason { operation: hung.operation.name().to_string(), message: hung.message.clone() };
        let kept = self.kept.take_hung(reason);
        let attempts = kept.as_ref().map_or(0, |kept| kept.last.attempts);
        let event = Event::Failure { kind: FailureKind::Deadline { operation: hung.operation }, attempts };
        let mut decision = self.supervisor.on(event, now_ns, Some(&hung.message));
        if matches!(decision.node, NodeFate::RestartAfter { .. }) && abandoned_threads() > ABANDONED_MAX {
            decision = self.supervisor.on(Event::AbandonedCap, now_ns, None);
        }
        // A packet that outlived its failed call is this one, unless it is kept on the thread that is lost.
        let is_held = self.counters.take_held_packet();
        match kept {
            Some(kept) if decision.packet == PacketFate::Redeliver => {
                self.counters.hold_packet();
                self.kept.leave(kept);
            }
            Some(kept) => self.lose(kept, shared),
            None if is_held || hung.operation == Operation::Process => self.counters.lost_in_flight.increment(),
            None => {}
        }
        decision.node
    }

    /// Counts a packet as lost and makes a dead letter of it.
    fn lose(&self, Redelivery { packet, last }: Redelivery, shared: &SessionShared) {
        self.counters.lost_in_flight.increment();
        if let Some(letter) = self.kept.letter(last, InFlight::Packet(packet), &self.current.now()) {
            shared.dead_letters().push(letter);
        }
    }

    fn failure(&self, operation: Operation, fault: Fault) -> NodeFailure {
        let context = self.current.now();
        NodeFailure::new([context.node(), context.kind()], self.plugin_file.clone(), operation, fault)
    }
}

/// The deadline of a call, and the key that sets it.
fn deadline_of(deadlines: &Deadlines, operation: Operation) -> (Duration, &'static str) {
    match operation {
        Operation::Create => (deadlines.create, "create_ms"),
        Operation::Start => (deadlines.start, "start_ms"),
        Operation::Tick => (deadlines.tick, "tick_ms"),
        Operation::Process => (deadlines.process, "process_ms"),
        Operation::Flush => (deadlines.flush, "flush_ms"),
        Operation::Update => (deadlines.update, "update_ms"),
        Operation::Hint => (deadlines.hint, "hint_ms"),
        Operation::Stop => (deadlines.stop, "stop_ms"),
        Operation::Destroy => (deadlines.destroy, "destroy_ms"),
        // No worker asks for pins, so no call word says this.
        Operation::Pins => (deadlines.pins, "pins_ms"),
    }
}

fn shortest(deadlines: &Deadlines) -> Duration {
    let Deadlines { pins: _, create, start, process, tick, flush, update, hint, stop, destroy } = *deadlines;
    [create, start, process, tick, flush, update, hint, stop, destroy].into_iter().min().unwrap_or(PERIOD_MAX)
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests;
