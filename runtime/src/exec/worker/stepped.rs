//! A worker without a thread: a test gives it one round after the other, where its thread would run or sleep.

use super::{Node, NotMade, Step, Worker, WorkerPlan};
use crate::exec::abandoned::Abandoned;
use std::sync::Arc;

/// A worker that does a round when it is told to.
pub(crate) struct SteppedWorker {
    worker: Worker,
    /// Until when its thread would sleep if nobody rang; `None` while it is awake.
    asleep_until_ns: Option<i64>,
}

/// How a round went.
#[derive(Debug)]
pub(crate) enum Round {
    /// The worker is to be given further rounds.
    Going(Box<SteppedWorker>),
    /// It has ended, and freed its instances.
    Ended,
    /// It lost its lease in a call; what is left of it was dropped.
    Lost,
}

impl std::fmt::Debug for SteppedWorker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let nodes: Vec<_> = self.worker.nodes.iter().map(|node| (node.is_done(), node.next_look_ns())).collect();
        let shown = (&self.worker.name, self.asleep_until_ns, nodes);
        f.debug_tuple("SteppedWorker").field(&shown).finish()
    }
}

impl SteppedWorker {
    /// Makes and starts the instances.
    pub(crate) fn begin(plan: WorkerPlan) -> Result<Box<Self>, NotMade> {
        let mut worker = Worker::create(plan)?;
        worker.with_each_node(Node::start)?;
        Ok(Self::of(worker))
    }

    /// Takes the place of a hung worker.
    pub(crate) fn succeeding(plan: WorkerPlan) -> Box<Self> {
        Self::of(Worker::succeeding(plan))
    }

    fn of(worker: Worker) -> Box<Self> {
        // All workers are on one thread, so that none may wait for another inside a call.
        Box::new(Self { worker: Worker { is_shared: true, ..worker }, asleep_until_ns: None })
    }

    /// Whether its thread would run now: it is awake, its time has come, or it has something to do.
    pub(crate) fn is_awake(&mut self, now_ns: i64) -> bool {
        self.asleep_until_ns.is_none_or(|until_ns| now_ns >= until_ns) || self.worker.is_ready(1, now_ns)
    }

    /// When its thread wakes up although nobody rings.
    pub(crate) fn wakes_at_ns(&self) -> Option<i64> {
        self.asleep_until_ns.filter(|until_ns| *until_ns != i64::MAX)
    }

    /// Gives it one round.
    pub(crate) fn round(mut self: Box<Self>) -> Round {
        let step = self.worker.step();
        self.asleep_until_ns = None;
        let ended = match step {
            Ok(Step::Progressed) => return Round::Going(self),
            Ok(Step::Idle) => {
                let now_ns = self.worker.clock.now_ns();
                if !self.worker.is_ready(1, now_ns) {
                    self.asleep_until_ns = Some(self.worker.next_look_ns(now_ns).unwrap_or(i64::MAX));
                }
                return Round::Going(self);
            }
            Ok(Step::Ended) => self.worker.destroy(),
            Err(lost) => Err(lost),
        };
        let shared = Arc::clone(&self.worker.shared);
        drop(self);
        if ended.is_ok() {
            shared.worker_ended();
            return Round::Ended;
        }
        Abandoned::here().came_back();
        Round::Lost
    }
}
