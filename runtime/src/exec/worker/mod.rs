//! A worker: the thread that owns instances and makes all calls into them.
//!
//! It makes its instances, waits until those of all workers are made, and then gives its nodes turns until all of them
//! have ended. Between turns it sleeps at its doorbell until a link, a timetable or the session has something for it.
//! Whatever happens, every instance is freed here.

mod inputs;
mod local;
mod node;
mod outputs;
mod ticks;

pub(crate) use inputs::{Credits, Feed, Input};
pub(crate) use local::LocalLink;
pub(crate) use node::NodePlan;
pub(crate) use outputs::{Emitter, Output, Route};
pub(crate) use ticks::{TickWaker, Ticks};

use crate::exec::clock::{CallTimer, Clock};
use crate::exec::counters::NodeFailure;
use crate::exec::doorbell::Doorbell;
use crate::exec::shared::SessionShared;
use crossbeam_channel::{Receiver, Sender};
use node::{Node, Turn};
use std::sync::Arc;
use std::time::Duration;

/// A worker looks around at least this often; everything that concerns it rings its bell, so this is only a backstop.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// What a worker is made of; it goes to its thread.
#[derive(Debug)]
pub(crate) struct WorkerPlan {
    pub(crate) name: String,
    pub(crate) nodes: Vec<NodePlan>,
    pub(crate) locals: Vec<LocalLink>,
    pub(crate) bell: Arc<Doorbell>,
    pub(crate) shared: Arc<SessionShared>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) timer: CallTimer,
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
    locals: Vec<LocalLink>,
    bell: Arc<Doorbell>,
    shared: Arc<SessionShared>,
    clock: Arc<dyn Clock>,
    timer: CallTimer,
}

/// The body of a worker's thread.
pub(crate) fn run(plan: WorkerPlan, go: &Receiver<Go>, milestones: &Sender<Milestone>) {
    let name = plan.name.clone();
    let mut worker = match Worker::create(plan) {
        Ok(worker) => worker,
        Err(failure) => return tell(milestones, Milestone::Failed(failure)),
    };
    tell(milestones, Milestone::Created(name.clone()));
    if go.recv() == Ok(Go::Start) {
        match worker.start() {
            Ok(()) => tell(milestones, Milestone::Started(name.clone())),
            Err(failure) => tell(milestones, Milestone::Failed(failure)),
        }
    }
    if go.recv() == Ok(Go::Run) {
        worker.run();
    }
    worker.destroy();
    drop(worker);
    tell(milestones, Milestone::Ended(name));
}

/// A session that is gone does not listen; its workers end all the same.
fn tell(milestones: &Sender<Milestone>, milestone: Milestone) {
    let _unheard = milestones.send(milestone);
}

impl Worker {
    fn create(plan: WorkerPlan) -> Result<Self, Box<NodeFailure>> {
        let WorkerPlan { name, nodes: plans, locals, bell, shared, clock, timer } = plan;
        let mut nodes: Vec<Node> = Vec::with_capacity(plans.len());
        for plan in plans {
            match Node::create(plan) {
                Ok(node) => nodes.push(node),
                Err(failure) => {
                    nodes.iter_mut().rev().for_each(Node::destroy);
                    return Err(failure);
                }
            }
        }
        Ok(Self { name, nodes, locals, bell, shared, clock, timer })
    }

    fn start(&mut self) -> Result<(), Box<NodeFailure>> {
        self.nodes.iter_mut().try_for_each(Node::start)
    }

    fn run(&mut self) {
        tracing::debug!(worker = %self.name, nodes = self.nodes.len(), "worker runs");
        while !self.nodes.iter().all(Node::is_done) {
            if self.shared.is_aborted() {
                for node in &mut self.nodes {
                    node.abort(&mut self.locals, &self.shared);
                }
                return;
            }
            if !self.give_turns() {
                self.sleep();
            }
        }
    }

    /// Gives every node a turn, in graph order; whether any of them made progress.
    fn give_turns(&mut self) -> bool {
        let Self { nodes, locals, shared, timer, .. } = self;
        let mut turn = Turn { locals, shared, timer, now_ns: self.clock.now_ns() };
        let mut has_progressed = false;
        for node in nodes {
            has_progressed |= node.run(&mut turn);
        }
        has_progressed
    }

    fn sleep(&mut self) {
        let now_ns = self.clock.now_ns();
        let next_ns = self.nodes.iter().filter_map(Node::next_look_ns).filter(|next_ns| *next_ns > now_ns).min();
        let timeout = next_ns.map_or(SLEEP_MAX, |next_ns| {
            Duration::from_nanos(next_ns.saturating_sub(now_ns).unsigned_abs()).min(SLEEP_MAX)
        });
        let Self { nodes, locals, shared, bell, .. } = self;
        let is_ready = || shared.is_aborted() || nodes.iter_mut().any(|node| node.is_ready(locals, shared, now_ns));
        bell.sleep_unless(is_ready, timeout);
    }

    /// Frees the instances against the order of the graph.
    fn destroy(&mut self) {
        self.nodes.iter_mut().rev().for_each(Node::destroy);
    }
}
