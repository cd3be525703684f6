//! One node on its worker: its instance, its inputs and outputs, and every call into it.

mod call;
mod calls;
mod cycle;
mod life;
mod mail;
mod stream;

use crate::exec::clock::CallTimer;
use crate::exec::context::{CurrentContext, NodeContext};
use crate::exec::control::NodeControl;
use crate::exec::counters::{NodeCounters, NodeFailure, Operation};
use crate::exec::current;
use crate::exec::follow::Follower;
use crate::exec::instance::{Factory, Fault, Instance};
use crate::exec::shared::SessionShared;
use crate::exec::supervise::{PacketFate, Reason, SharedSupervisor};
use crate::exec::worker::call_gate::CallGate;
use crate::exec::worker::in_flight::{Kept, Redelivery};
use crate::exec::worker::inputs::{Feed, Input};
use crate::exec::worker::local::Locals;
use crate::exec::worker::outputs::Output;
use crate::exec::worker::ticks::Ticks;
use graphmill_abi::Packet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long a node waits, after its other inputs have ended, for packets that went around a cycle and do not come
/// back: a node of the cycle swallowed them.
const CYCLE_DRAIN_NS: i64 = 5_000_000_000;

/// What a node is made of, as plain data that goes to its worker.
#[derive(Debug)]
pub(crate) struct NodePlan {
    pub(crate) context: Arc<NodeContext>,
    /// The context of the newest instance, for those who have to reach it.
    pub(crate) current: Arc<CurrentContext>,
    pub(crate) factory: Arc<dyn Factory>,
    pub(crate) plugin_file: Option<PathBuf>,
    /// What others want of the node; it also has the params.
    pub(crate) control: Arc<NodeControl>,
    /// For sources: when it is ticked.
    pub(crate) ticks: Option<Ticks>,
    /// For nodes with inputs that can be ticked too: when.
    pub(crate) timer: Option<Ticks>,
    pub(crate) send_timeout: Duration,
    pub(crate) inputs: Vec<Input>,
    pub(crate) outputs: Vec<Output>,
    pub(crate) counters: Arc<NodeCounters>,
    /// Packets in flight, where the policy keeps them.
    pub(crate) kept: Arc<Kept>,
    /// Who notes where packets spend their time, if the session wants that.
    pub(crate) follower: Option<Follower>,
    /// Outlives the worker's thread: the watch asks it when a call hangs.
    pub(crate) supervisor: Arc<SharedSupervisor>,
}

impl NodePlan {
    /// The plan of the instance that takes the place of this one's, on the same links.
    pub(crate) fn replica(&self) -> Self {
        Self {
            context: self.context.clone(),
            current: self.current.clone(),
            factory: self.factory.clone(),
            plugin_file: self.plugin_file.clone(),
            control: self.control.clone(),
            ticks: self.ticks.as_ref().map(Ticks::replica),
            timer: self.timer.as_ref().map(Ticks::replica),
            send_timeout: self.send_timeout,
            inputs: self.inputs.iter().map(Input::replica).collect(),
            outputs: self.outputs.iter().map(Output::replica).collect(),
            counters: self.counters.clone(),
            kept: self.kept.clone(),
            follower: self.follower.clone(),
            supervisor: self.supervisor.clone(),
        }
    }
}

/// The worker's lease was revoked during a call: its thread touches nothing that is shared any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeaseLost;

/// Why a call gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NoResult {
    /// A typed error, which was counted.
    Refused,
    /// The instance is lost; the node waits for another one, or was taken out of the graph.
    Failed,
    /// The lease is gone.
    LeaseLost,
}

/// A node on its worker.
pub(crate) struct Node {
    /// Position among the nodes of its worker.
    at: usize,
    plan: NodePlan,
    instance: Option<Box<dyn Instance>>,
    /// When the next instance is due, while there is none.
    restart_due_ns: Option<i64>,
    /// The supervisor wants to hear of the next success.
    awaits_success: bool,
    /// What the packet in flight was when it came, but for its bytes: see [`graphmill_abi::Packet::move_to`].
    arrived: Box<Packet>,
    /// Deliveries of the packet in flight, 0 when there is none.
    attempts: u32,
    /// What becomes of the packet whose call just failed, and why, if it is handed over again or given up.
    undelivered: Option<(PacketFate, Reason)>,
    /// The packet that the next instance gets first.
    redelivery: Option<Redelivery>,
    /// The node tripped, and packets pass it by.
    is_bypassed: bool,
    /// The source was found paused.
    is_resting: bool,
    /// Position among the nodes of this thread, for records without a context.
    number: usize,
    /// Since when only packets are awaited that are under way around a cycle.
    cycle_awaited_since_ns: Option<i64>,
    /// `start` succeeded and `stop` was not called yet.
    needs_stop: bool,
    /// All calls are made; what they gave beyond the room of the links still has to leave.
    is_ending: bool,
    is_done: bool,
}

/// What a worker lends its nodes for a turn.
pub(crate) struct Turn<'a> {
    pub(crate) locals: &'a mut Locals,
    pub(crate) shared: &'a SessionShared,
    pub(crate) timer: &'a CallTimer,
    /// Reading at the end of the last call, where nothing but the next call comes after it; else `NEVER`.
    pub(crate) reading: u64,
    pub(crate) gate: &'a mut CallGate,
    /// Whether the worker has other nodes, so that no call may wait for room.
    pub(crate) is_shared: bool,
    pub(crate) now_ns: i64,
}

/// Why an instance is not there.
pub(crate) enum NotMade {
    /// It could not be made or started.
    Failed(Box<NodeFailure>),
    /// That took too long, and the watch has told so.
    LeaseLost,
}

impl From<LeaseLost> for NotMade {
    fn from(LeaseLost: LeaseLost) -> Self {
        Self::LeaseLost
    }
}

impl Node {
    /// Whether there is an instance to call, or packets pass it by.
    fn takes_calls(&self) -> bool {
        !self.is_done && (self.instance.is_some() || self.is_bypassed)
    }

    /// Whether the node takes no calls any more.
    pub(crate) fn is_done(&self) -> bool {
        self.is_done
    }

    /// Whether a turn would make a call or notice an end. Says also which full links hold the node up.
    pub(crate) fn is_ready(&mut self, wanted: usize, (locals, shared): (&Locals, &SessionShared), now_ns: i64) -> bool {
        if self.is_done {
            return false;
        }
        if self.plan.control.has_mail() {
            return true;
        }
        if self.is_ending {
            return self.deliver_surplus();
        }
        if let Some(due_ns) = self.restart_due_ns {
            return now_ns >= due_ns || shared.is_draining();
        }
        if let Some(ticks) = &self.plan.ticks {
            let is_due = !self.plan.control.is_paused() && ticks.is_due(now_ns) && self.room(locals) > 0;
            return shared.is_draining() || is_due;
        }
        if self.inputs_ended(locals, now_ns) {
            return true;
        }
        if self.plan.timer.as_ref().is_some_and(|timer| timer.is_due(now_ns)) && self.room(locals) > 0 {
            return true;
        }
        if self.cycle_awaited_since_ns.is_some_and(|since_ns| now_ns.saturating_sub(since_ns) >= CYCLE_DRAIN_NS) {
            return true;
        }
        let entry_credits = self.entry_credits();
        let has_work = self.plan.inputs.iter().flat_map(|input| &input.feeds).any(|feed| {
            let has_credit = feed.is_feedback || entry_credits > 0;
            !feed.is_ended && (feed.is_finished(locals) || (has_credit && feed.has(wanted, locals)))
        });
        has_work && self.room(locals) > 0
    }

    /// When the node wants to be looked at without being woken.
    pub(crate) fn next_look_ns(&self) -> Option<i64> {
        if self.is_done {
            return None;
        }
        if let Some(due_ns) = self.restart_due_ns {
            return Some(due_ns);
        }
        if self.plan.ticks.is_some() && self.plan.control.is_paused() {
            return None;
        }
        let cycle_end_ns = self.cycle_awaited_since_ns.map(|since_ns| since_ns.saturating_add(CYCLE_DRAIN_NS));
        let timer_ns = self.plan.timer.as_ref().and_then(Ticks::next_ns);
        let own_ns = [timer_ns, cycle_end_ns].into_iter().flatten().min();
        self.plan.ticks.as_ref().and_then(Ticks::next_ns).or(own_ns)
    }

    /// Makes the calls that are due, at most a batch per link; whether there were any.
    pub(crate) fn run(&mut self, turn: &mut Turn<'_>) -> Result<bool, LeaseLost> {
        if self.is_done {
            return Ok(false);
        }
        current::set_running(self.number);
        turn.locals.begin_turn();
        if self.plan.control.has_mail() {
            self.read_mail(turn)?;
            if self.is_done {
                return Ok(true);
            }
        }
        turn.reading = CallTimer::NEVER;
        if self.is_ending {
            return if self.deliver_surplus() { self.finish(turn).map(|()| true) } else { Ok(false) };
        }
        if let Some(due_ns) = self.restart_due_ns {
            return self.await_restart(due_ns, turn);
        }
        if self.plan.ticks.is_some() {
            return self.run_ticks(turn);
        }
        // What is there goes first: a node that waits for more may find that it has it.
        Ok(self.run_inputs(turn)? | self.run_timer(turn)?)
    }

    fn feed(&self, pin: usize, feed: usize) -> Option<&Feed> {
        self.plan.inputs.get(pin)?.feeds.get(feed)
    }

    fn feed_mut(&mut self, pin: usize, feed: usize) -> Option<&mut Feed> {
        self.plan.inputs.get_mut(pin)?.feeds.get_mut(feed)
    }

    fn deliver_surplus(&mut self) -> bool {
        let mut is_done = true;
        for output in &mut self.plan.outputs {
            is_done &= output.deliver_surplus();
        }
        is_done
    }

    fn room(&mut self, locals: &Locals) -> usize {
        self.plan.outputs.iter_mut().map(|output| output.room(locals)).min().unwrap_or(usize::MAX)
    }
}

fn failure(plan: &NodePlan, operation: Operation, fault: Fault) -> NodeFailure {
    NodeFailure::new([plan.context.node(), plan.context.kind()], plan.plugin_file.clone(), operation, fault)
}
