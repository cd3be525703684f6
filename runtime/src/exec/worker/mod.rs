//! A worker: the thread that owns instances and makes all calls into them.
//!
//! It makes its instances, waits until those of all workers are made, and then gives its nodes turns until all of them
//! have ended. Between turns it sleeps at its doorbell until a link, a timetable or the session has something for it.
//! Whatever happens, every instance is freed here. Around every call stands the worker's lease: a worker that lost it,
//! because a call took too long, frees its instances and ends without touching anything that is shared.

mod call_gate;
mod emit;
mod in_flight;
mod inputs;
mod local;
mod node;
mod outputs;
mod ticks;

#[cfg(test)]
#[cfg(not(loom))]
mod stepped;

#[cfg(test)]
#[cfg(not(loom))]
pub(crate) use stepped::{Round, SteppedWorker};

pub(crate) use call_gate::CallGate;
pub(crate) use emit::Emitter;
pub(crate) use in_flight::{InFlight, Kept, Redelivery};
pub(crate) use inputs::{Credits, Feed, Input};
pub(crate) use local::{LocalLink, Locals};
pub(crate) use node::NodePlan;
pub(crate) use outputs::{Output, RoomWait, Route};
pub(crate) use ticks::{TickWaker, Ticks};

use crate::exec::abandoned::Abandoned;
use crate::exec::clock::{CallTimer, Clock};
use crate::exec::counters::NodeFailure;
use crate::exec::doorbell::Doorbell;
use crate::exec::lease::Lease;
use crate::exec::shared::SessionShared;
use crate::exec::sys::{self, AtomicU64, Barrier, Ordering, thread_number};
use crossbeam_channel::{Receiver, Sender};
use node::{LeaseLost, Node, NotMade, Turn};
use std::sync::Arc;
use std::time::Duration;

/// A worker looks around at least this often; everything that concerns it rings its bell, so this is only a backstop.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// What a worker is made of; it goes to its thread.
#[derive(Debug)]
pub(crate) struct WorkerPlan {
    pub(crate) name: String,
    pub(crate) nodes: Vec<NodePlan>,
    pub(crate) locals: Locals,
    pub(crate) bell: Arc<Doorbell>,
    pub(crate) shared: Arc<SessionShared>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) timer: CallTimer,
    pub(crate) lease: Arc<Lease>,
    /// Where the worker's thread tells its number.
    pub(crate) thread: Arc<AtomicU64>,
}

impl WorkerPlan {
    /// The plan of the thread that takes the place of this one's.
    pub(crate) fn replica(&self) -> Self {
        Self {
            name: self.name.clone(),
            nodes: self.nodes.iter().map(NodePlan::replica).collect(),
            locals: self.locals.replica(),
            bell: self.bell.clone(),
            shared: self.shared.clone(),
            clock: self.clock.clone(),
            timer: self.timer.clone(),
            lease: Arc::new(Lease::new(Barrier::new())),
            thread: Arc::default(),
        }
    }
}

/// How far a worker has come: told to the session.
#[derive(Debug)]
pub(crate) enum Milestone {
    /// Its instances are made.
    Created(String),
    /// Its instances are started.
    Started(String),
    /// One of its instances could not be made or started; the others are freed.
    Failed(Box<NodeFailure>),
    /// It has ended.
    Ended(String),
    /// Its thread did not return from a plugin in time, and nobody takes its place; told by the watch.
    Lost(String),
    /// Its thread did not return in time, and another took its place, for the first time; told by the watch.
    Replaced(String),
}

/// What the session tells a worker while it starts; a closed channel means that nothing will come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Go {
    /// All instances of all workers are made.
    Start,
    /// All instances of all workers are started.
    Run,
}

struct Worker {
    name: String,
    nodes: Vec<Node>,
    locals: Locals,
    bell: Arc<Doorbell>,
    shared: Arc<SessionShared>,
    clock: Arc<dyn Clock>,
    timer: CallTimer,
    gate: CallGate,
    /// Whether a call must not wait for room, because that may have to be made on this very thread.
    is_shared: bool,
}

/// How a round of turns went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Some node made progress.
    Progressed,
    /// There is nothing to do.
    Idle,
    /// Every node has ended.
    Ended,
}

/// The body of a worker's thread.
pub(crate) fn run(plan: WorkerPlan, go: &Receiver<Go>, milestones: &Sender<Milestone>) {
    plan.thread.store(thread_number(), Ordering::Relaxed);
    let name = plan.name.clone();
    // Said last and in any case, so that nobody waits for a worker that is gone.
    let ended = scopeguard::guard((name.clone(), plan.shared.clone()), |ended| tell_end(ended, milestones));
    let mut worker = match Worker::create(plan) {
        Ok(worker) => worker,
        Err(NotMade::Failed(failure)) => return tell(milestones, Milestone::Failed(failure)),
        Err(NotMade::LeaseLost) => return come_back(ended),
    };
    tell(milestones, Milestone::Created(name.clone()));
    if worker.live(&name, go, milestones) == Err(LeaseLost) {
        drop(worker);
        come_back(ended);
    }
}

/// Starts the thread that takes the place of a hung one.
///
/// # Errors
/// The operating system has no thread left.
pub(crate) fn start_replacement(plan: WorkerPlan, milestones: Sender<Milestone>) -> std::io::Result<()> {
    sys::spawn(&plan.name.clone(), move || replace(plan, &milestones)).map(drop)
}

/// The body of the thread that takes the place of a hung one: its nodes wait for their next instances, or have left.
fn replace(plan: WorkerPlan, milestones: &Sender<Milestone>) {
    plan.thread.store(thread_number(), Ordering::Relaxed);
    let ended = scopeguard::guard((plan.name.clone(), plan.shared.clone()), |ended| tell_end(ended, milestones));
    let mut worker = Worker::succeeding(plan);
    worker.await_begin();
    if worker.run().and_then(|()| worker.destroy()) == Err(LeaseLost) {
        drop(worker);
        come_back(ended);
    }
}

/// An abandoned thread says nothing of its worker any more: somebody else does.
fn come_back<F: FnOnce(T), T>(ended: scopeguard::ScopeGuard<T, F>) {
    scopeguard::ScopeGuard::into_inner(ended);
    Abandoned::here().came_back();
}

fn tell_end((name, shared): (String, Arc<SessionShared>), milestones: &Sender<Milestone>) {
    shared.worker_ended();
    tell(milestones, Milestone::Ended(name));
}

/// A session that is gone does not listen; its workers end all the same.
fn tell(milestones: &Sender<Milestone>, milestone: Milestone) {
    let _unheard = milestones.send(milestone);
}

impl Worker {
    /// The worker with the first instance of each node; where one is missing and needed, those that were made are freed.
    fn create(plan: WorkerPlan) -> Result<Self, NotMade> {
        let WorkerPlan { name, nodes, locals, bell, shared, clock, timer, lease, thread: _ } = plan;
        let nodes: Vec<Node> = nodes.into_iter().enumerate().map(|(at, plan)| Node::new(at, plan)).collect();
        let is_shared = nodes.len() > 1;
        let gate = CallGate::new(lease);
        let mut worker = Self { name, nodes, locals, bell, shared, clock, timer, gate, is_shared };
        match worker.with_each_node(Node::create) {
            Ok(()) => Ok(worker),
            Err(NotMade::LeaseLost) => Err(NotMade::LeaseLost),
            Err(NotMade::Failed(failure)) => {
                worker.destroy()?;
                Err(NotMade::Failed(failure))
            }
        }
    }

    /// Does something with every node, in graph order, up to the first that fails.
    fn with_each_node(&mut self, act: impl Fn(&mut Node, &mut Turn<'_>) -> Result<(), NotMade>) -> Result<(), NotMade> {
        let (nodes, mut turn) = self.turn();
        nodes.iter_mut().try_for_each(|node| act(node, &mut turn))
    }

    /// The worker in the place of a hung one.
    fn succeeding(plan: WorkerPlan) -> Self {
        let WorkerPlan { name, nodes, mut locals, bell, shared, clock, timer, lease, thread: _ } = plan;
        for counters in locals.iter().map(|link| &link.counters) {
            // What was in these queues is on the stack of the hung thread.
            counters.lose_waiting();
        }
        for link in nodes.iter().flat_map(|plan| &plan.outputs).flat_map(Output::remote_links) {
            // And so is what its calls gave beyond the room of other links.
            link.counters.lose_waiting();
        }
        let nodes: Vec<Node> =
            nodes.into_iter().enumerate().map(|(at, plan)| Node::succeeding(at, plan, &mut locals)).collect();
        let is_shared = nodes.len() > 1;
        Self { name, nodes, locals, bell, shared, clock, timer, gate: CallGate::new(lease), is_shared }
    }

    /// From the instances being made to their being freed.
    fn live(&mut self, name: &str, go: &Receiver<Go>, milestones: &Sender<Milestone>) -> Result<(), LeaseLost> {
        if go.recv() == Ok(Go::Start) {
            match self.with_each_node(Node::start) {
                Ok(()) => tell(milestones, Milestone::Started(name.to_string())),
                Err(NotMade::Failed(failure)) => tell(milestones, Milestone::Failed(failure)),
                Err(NotMade::LeaseLost) => return Err(LeaseLost),
            }
        }
        if go.recv() == Ok(Go::Run) {
            self.run()?;
        }
        self.destroy()
    }

    /// Waits until the session runs, where this worker took the place of one that was lost before.
    fn await_begin(&self) {
        let has_begun = || self.shared.has_begun() || self.shared.is_aborted();
        while !has_begun() {
            self.bell.sleep_unless(|_| has_begun(), SLEEP_MAX);
        }
    }

    fn run(&mut self) -> Result<(), LeaseLost> {
        tracing::debug!(worker = %self.name, nodes = self.nodes.len(), "worker runs");
        loop {
            match self.step()? {
                Step::Progressed => {}
                Step::Idle => self.sleep(),
                Step::Ended => return Ok(()),
            }
        }
    }

    /// One round: everything that a worker does between two looks at whether it may sleep.
    fn step(&mut self) -> Result<Step, LeaseLost> {
        if self.nodes.iter().all(Node::is_done) {
            return Ok(Step::Ended);
        }
        if self.shared.is_aborted() {
            return self.abort().map(|()| Step::Ended);
        }
        Ok(if self.give_turns()? { Step::Progressed } else { Step::Idle })
    }

    /// Gives every node a turn, in graph order; whether any of them made progress.
    fn give_turns(&mut self) -> Result<bool, LeaseLost> {
        let (nodes, mut turn) = self.turn();
        let mut has_progressed = false;
        for node in nodes {
            has_progressed |= node.run(&mut turn)?;
        }
        Ok(has_progressed)
    }

    /// The nodes, and what they are lent for a turn.
    fn turn(&mut self) -> (&mut [Node], Turn<'_>) {
        let Self { nodes, locals, shared, timer, gate, clock, is_shared, .. } = self;
        let (reading, now_ns, is_shared) = (CallTimer::NEVER, clock.now_ns(), *is_shared);
        (nodes, Turn { locals, shared, timer, reading, gate, is_shared, now_ns })
    }

    fn abort(&mut self) -> Result<(), LeaseLost> {
        let (nodes, mut turn) = self.turn();
        nodes.iter_mut().try_for_each(|node| node.abort(&mut turn))
    }

    fn sleep(&mut self) {
        let now_ns = self.clock.now_ns();
        let longest = SLEEP_MAX.min(self.clock.sleep_max());
        let timeout = self.next_look_ns(now_ns).map_or(longest, |next_ns| {
            Duration::from_nanos(next_ns.saturating_sub(now_ns).unsigned_abs()).min(longest)
        });
        let bell = self.bell.clone();
        bell.sleep_unless(|wanted| self.is_ready(wanted, now_ns), timeout);
    }

    /// Whether a round would make progress.
    fn is_ready(&mut self, wanted: usize, now_ns: i64) -> bool {
        let Self { nodes, locals, shared, .. } = self;
        shared.is_aborted() || nodes.iter_mut().any(|node| node.is_ready(wanted, (locals, shared), now_ns))
    }

    /// When the worker has something to do although nobody rings.
    fn next_look_ns(&self, now_ns: i64) -> Option<i64> {
        self.nodes.iter().filter_map(Node::next_look_ns).filter(|next_ns| *next_ns > now_ns).min()
    }

    /// Frees the instances against the order of the graph.
    fn destroy(&mut self) -> Result<(), LeaseLost> {
        self.nodes.iter_mut().rev().try_for_each(|node| node.destroy(&mut self.gate))
    }
}
