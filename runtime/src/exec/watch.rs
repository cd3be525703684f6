//! The watch: one thread of a session that notices calls which do not return.
//!
//! It looks at the call words of the workers again and again. A word that stays the same for longer than the deadline
//! of its call is a hung call; the watch takes the lease of that worker away, and from then on acts for it: it closes
//! the links that lead to it, ends those that leave it, and tells the session. The thread itself is left alone, with
//! the lowest priority; nobody calls its instances again, and what it gives later is dropped and counted.
//!
//! A call costs no clock reading for this: time is read here, once a round.

use crate::exec::clock::Clock;
use crate::exec::context::CurrentContext;
use crate::exec::counters::{NodeCounters, NodeFailure, Operation};
use crate::exec::instance::{Fault, FaultClass};
use crate::exec::lease::{CallWord, Lease};
use crate::exec::link::{DropReason, Link, LinkCounters};
use crate::exec::shared::SessionShared;
use crate::exec::supervise::{Event, FailureKind, NodeFate, NodeState, SharedSupervisor};
use crate::exec::sys::{self, AtomicU64, Ordering};
use crate::exec::worker::{self, Milestone, WorkerPlan};
use crate::graph::{Deadlines, OnTrip, Policy};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The longest time between two looks: a hung call is noticed that much after its deadline at the latest.
const PERIOD_MAX: Duration = Duration::from_millis(20);
/// The shortest time between two looks, for deadlines of a few milliseconds.
const PERIOD_MIN: Duration = Duration::from_millis(1);

/// Abandoned threads of this process beyond which a hung instance is not replaced: each may hold a core and memory.
const ABANDONED_MAX: u64 = 8;

/// Threads of this process that were abandoned and have not come back. From the standard library, because loom's
/// atomics cannot be static; nothing is ordered by it.
static ABANDONED: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

/// Threads of this process that did not return from a plugin in time and have not come back since.
pub fn abandoned_threads() -> u64 {
    ABANDONED.load(std::sync::atomic::Ordering::Relaxed)
}

/// Counts an abandoned thread that came back.
pub(crate) fn thread_came_back() {
    ABANDONED.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
}

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
    /// The plan of a thread that could take this one's place.
    pub(crate) replica: Option<WorkerPlan>,
}

/// What the watch knows of a node.
#[derive(Debug)]
pub(crate) struct WatchedNode {
    pub(crate) current: Arc<CurrentContext>,
    pub(crate) supervisor: Arc<SharedSupervisor>,
    pub(crate) policy: Policy,
    pub(crate) counters: Arc<NodeCounters>,
    pub(crate) deadlines: Deadlines,
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
}

/// A call that was seen, and when for the first time.
#[derive(Debug, Clone, Copy)]
struct Seen {
    call: CallWord,
    since_ns: i64,
}

impl Watch {
    /// The body of the watch's thread; it ends when the other side of `end` is dropped.
    pub(crate) fn run(mut self, end: &Receiver<()>) {
        let period = self.period();
        let mut seen = vec![None; self.workers.len()];
        while end.recv_timeout(period) == Err(RecvTimeoutError::Timeout) {
            let now_ns = self.clock.now_ns();
            self.look(&mut seen, now_ns);
        }
    }

    /// A quarter of the shortest deadline, within bounds.
    fn period(&self) -> Duration {
        let nodes = self.workers.iter().flat_map(|worker| &worker.nodes);
        let shortest = nodes.map(|node| shortest(&node.deadlines)).min().unwrap_or(PERIOD_MAX);
        (shortest / 4).clamp(PERIOD_MIN, PERIOD_MAX)
    }

    fn look(&mut self, seen: &mut [Option<Seen>], now_ns: i64) {
        let Self { workers, shared, milestones, .. } = self;
        for (worker, seen) in workers.iter_mut().zip(seen) {
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
            if let Some(hung) = worker.overdue(call, elapsed)
                && worker.lease.revoke(call)
            {
                shared.worker_abandoned(&worker.name);
                if !worker.abandon(&hung, shared, (now_ns, milestones)) {
                    // A session that is gone does not listen.
                    let _unheard = milestones.send(Milestone::Lost(worker.name.clone()));
                }
            }
        }
    }
}

/// A call that did not return in time.
struct Hung {
    node: usize,
    operation: Operation,
    elapsed: Duration,
    deadline: Duration,
}

impl WatchedWorker {
    fn overdue(&self, call: CallWord, elapsed: Duration) -> Option<Hung> {
        let operation = call.operation()?;
        let (deadline, _) = deadline_of(&self.nodes.get(call.node())?.deadlines, operation);
        (elapsed >= deadline).then_some(Hung { node: call.node(), operation, elapsed, deadline })
    }

    /// Acts for the worker, whose lease was just revoked; whether another thread takes its place.
    #[cold]
    fn abandon(
        &mut self,
        hung: &Hung,
        shared: &SessionShared,
        (now_ns, milestones): (i64, &Sender<Milestone>),
    ) -> bool {
        ABANDONED.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        sys::demote_thread(self.thread.load(Ordering::Relaxed));
        for (at, node) in self.nodes.iter().enumerate() {
            node.current.now().cancel();
            let is_in_call = at == hung.node && hung.operation == Operation::Process;
            if node.counters.take_held_packet() || is_in_call {
                node.counters.lost_in_flight.increment();
            }
        }
        let Some(node) = self.nodes.get(hung.node) else { return false };
        node.counters.timeouts.increment();
        let kind = FailureKind::Deadline { operation: hung.operation };
        let mut decision = node.supervisor.on(Event::Failure { kind, attempts: 0 }, now_ns);
        let waits = matches!(decision.node, NodeFate::RestartAfter { .. });
        if waits && abandoned_threads() > ABANDONED_MAX {
            decision = node.supervisor.on(Event::AbandonedCap, now_ns);
        }
        let is_ending = matches!(hung.operation, Operation::Stop | Operation::Destroy) || shared.is_draining();
        if let NodeFate::RestartAfter { delay_ns } = decision.node
            && !is_ending
            && self.replace(hung, delay_ns, milestones)
        {
            return true;
        }
        self.give_up(hung, decision.node, shared);
        false
    }

    /// Starts a thread in the place of the hung one; its node makes the next instance when it is due.
    fn replace(&mut self, hung: &Hung, delay_ns: i64, milestones: &Sender<Milestone>) -> bool {
        let Some(plan) = self.replica.take() else { return false };
        self.replica = plan.replica();
        let (lease, thread, milestones) = (plan.lease.clone(), plan.thread.clone(), milestones.clone());
        if sys::spawn(&self.name, move || worker::replace(plan, &milestones)).is_err() {
            return false;
        }
        (self.lease, self.thread) = (lease, thread);
        for failure in self.failures(hung) {
            let delay_ms = delay_ns / 1_000_000;
            tracing::warn!(node = %failure.node, kind = %failure.kind, "{failure}; another one is made in {delay_ms} ms");
        }
        true
    }

    /// Takes the nodes of the worker out of the graph.
    fn give_up(&self, hung: &Hung, fate: NodeFate, shared: &SessionShared) {
        for (at, node) in self.nodes.iter().enumerate() {
            if at == hung.node {
                node.counters.set_state(NodeState::Hung);
            } else if !node.counters.state().is_final() {
                node.counters.set_state(NodeState::Failed);
            }
        }
        let stays_out = matches!(fate, NodeFate::Trip { then: OnTrip::Isolate | OnTrip::Bypass, .. });
        for mut failure in self.failures(hung) {
            if let NodeFate::Trip { cause, .. } = fate
                && failure.class == FaultClass::Hung
                && self.nodes.get(hung.node).is_some_and(|node| node.policy.restart.max > 0)
            {
                failure.message = format!("{}; {cause}", failure.message);
            }
            tracing::error!(node = %failure.node, kind = %failure.kind, "{failure}");
            if stays_out { shared.node_tripped(failure) } else { shared.node_failed(failure) }
        }
        for node in &self.nodes {
            node.inputs.iter().for_each(|link| link.close(DropReason::Closed));
            for link in &node.outputs {
                link.counters.lose_waiting();
                link.end();
            }
        }
        self.locals.iter().for_each(|counters| counters.lose_waiting());
    }

    /// The failure of the hung node, and of those that lost their thread with it.
    fn failures(&self, hung: &Hung) -> Vec<NodeFailure> {
        let Some(culprit) = self.nodes.get(hung.node) else { return Vec::new() };
        let (_, key) = deadline_of(&culprit.deadlines, hung.operation);
        let elapsed_ms = hung.elapsed.as_millis();
        let deadline_ms = hung.deadline.as_millis();
        let message = format!(
            "no return after {elapsed_ms} ms, the deadline is {deadline_ms} ms; the instance is abandoned; \
             raise `deadlines.{key}` if the call may take that long"
        );
        let others = self
            .nodes
            .iter()
            .enumerate()
            .filter(|(at, node)| *at != hung.node && node.counters.state() == NodeState::Failed);
        let lost = others.map(|(_, node)| {
            let message = format!(
                "its worker was lost to node `{}`; give nodes that may hang a worker of their own",
                culprit.current.now().node()
            );
            node.failure(hung.operation, Fault::new(FaultClass::WorkerLost, message))
        });
        std::iter::once(culprit.failure(hung.operation, Fault::new(FaultClass::Hung, message))).chain(lost).collect()
    }
}

impl WatchedNode {
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
        Operation::Process | Operation::Update => (deadlines.process, "process_ms"),
        Operation::Flush => (deadlines.flush, "flush_ms"),
        Operation::Stop => (deadlines.stop, "stop_ms"),
        Operation::Destroy => (deadlines.destroy, "destroy_ms"),
    }
}

fn shortest(deadlines: &Deadlines) -> Duration {
    let Deadlines { create, start, process, tick, flush, stop, destroy } = *deadlines;
    [create, start, process, tick, flush, stop, destroy].into_iter().min().unwrap_or(PERIOD_MAX)
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::exec::clock::VirtualClock;
    use crate::exec::context::{NodeContext, NodeName, Wake};
    use crate::exec::supervise::Supervisor;
    use crate::exec::sys::Barrier;
    use crate::graph::{PassThrough, RestartPolicy};
    use crossbeam_channel::unbounded;

    #[derive(Debug)]
    struct NoWake;

    impl Wake for NoWake {
        fn wake(&self) {}
    }

    const SECOND_NS: i64 = 1_000_000_000;

    fn watch() -> (Watch, Receiver<Milestone>, Arc<NodeCounters>) {
        let clock = Arc::new(VirtualClock::new());
        let (tell, milestones) = unbounded();
        let counters = Arc::new(NodeCounters::default());
        let context = NodeContext::new(NodeName::new("session", "model", "kind"), 1, clock.clone(), Arc::new(NoWake));
        let policy: Policy =
            Policy { restart: RestartPolicy { max: 0, ..RestartPolicy::default() }, ..Policy::default() };
        let supervisor = Supervisor::new(&policy, PassThrough::Impossible, 1).unwrap();
        let node = WatchedNode {
            current: Arc::new(CurrentContext::new(Arc::new(context))),
            supervisor: Arc::new(SharedSupervisor::new(supervisor)),
            policy,
            counters: counters.clone(),
            deadlines: Deadlines::default(),
            plugin_file: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
        };
        let worker = WatchedWorker {
            name: "model".to_string(),
            lease: Arc::new(Lease::new(Barrier::new())),
            thread: Arc::new(AtomicU64::new(u64::MAX)),
            nodes: vec![node],
            locals: Vec::new(),
            replica: None,
        };
        let watch = Watch { workers: vec![worker], shared: Arc::default(), clock, milestones: tell };
        (watch, milestones, counters)
    }

    #[test]
    fn call_is_hung_exactly_at_its_deadline() {
        let (mut watch, milestones, counters) = watch();
        let lease = watch.workers[0].lease.clone();
        let mut seen = [None];
        lease.enter(1, 0, Operation::Process);
        for now_ns in [7, 500, SECOND_NS + 6] {
            watch.look(&mut seen, now_ns);
            assert!(!lease.is_revoked(), "{now_ns}");
        }
        watch.look(&mut seen, SECOND_NS + 7);
        assert!(lease.is_revoked() && !lease.leave());
        assert_eq!((counters.state(), counters.timeouts.value()), (NodeState::Hung, 1));
        assert!(matches!(milestones.try_recv(), Ok(Milestone::Lost(worker)) if worker == "model"));
        let failures = watch.shared.failures();
        assert!(failures[0].message.starts_with("no return after 1000 ms, the deadline is 1000 ms"), "{failures:?}");
        watch.look(&mut seen, 100 * SECOND_NS);
        assert_eq!(watch.shared.failures().len(), 1, "a lost worker is told once");
    }

    #[test]
    fn busy_worker_is_never_hung_however_long_it_works() {
        let (mut watch, _milestones, _) = watch();
        let lease = watch.workers[0].lease.clone();
        let mut seen = [None];
        for call in 1..100 {
            lease.enter(call, 0, Operation::Process);
            watch.look(&mut seen, i64::try_from(call).unwrap() * SECOND_NS * 9 / 10);
            assert!(lease.leave());
        }
        assert!(watch.shared.failures().is_empty());
    }
}
