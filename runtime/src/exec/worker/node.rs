//! One node on its worker: its instance, its inputs and outputs, and every call into it.

use crate::exec::clock::CallTimer;
use crate::exec::context::{CurrentContext, NodeContext};
use crate::exec::control::{Answer, Mail, NodeControl, Params};
use crate::exec::counters::{CallOutcome, NodeCounters, NodeFailure, Operation};
use crate::exec::current;
use crate::exec::follow::Follower;
use crate::exec::hint::{Hint, HintAnswer};
use crate::exec::instance::{Factory, Fault, FaultClass, Instance, NextTick, Outputs as _, Wait};
use crate::exec::link::DropReason;
use crate::exec::session::next_instance_id;
use crate::exec::shared::SessionShared;
use crate::exec::supervise::Reason;
use crate::exec::supervise::{
    Decision, Event, FailureKind, InstanceFate, NodeFate, PacketFate, SharedSupervisor, TripCause,
};
use crate::exec::worker::in_flight::{InFlight, Kept, Redelivery, Undelivered};
use crate::exec::worker::inputs::{Feed, Input};
use crate::exec::worker::local::LocalLink;
use crate::exec::worker::outputs::{CallGate, CallInProgress, Emitter, Output};
use crate::exec::worker::ticks::Ticks;
use crate::graph::{OnTrip, Policy};
use graphmill_abi::Packet;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Calls that a node gets before the next one has its turn.
const BATCH_LEN_MAX: usize = 32;
/// How long a node waits, after its other inputs have ended, for packets that went around a cycle and do not come
/// back: a node of the cycle swallowed them.
const CYCLE_DRAIN_NS: i64 = 5_000_000_000;
/// Updates and hints that a node reads before it goes on with its packets.
const MAIL_MAX: usize = 32;
/// Typed errors of a node that are logged one by one; the others are only counted.
const LOGGED_ERRORS_MAX: u64 = 10;

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
    pub(crate) send_timeout: Duration,
    pub(crate) inputs: Vec<Input>,
    pub(crate) outputs: Vec<Output>,
    pub(crate) counters: Arc<NodeCounters>,
    /// Packets in flight, where the policy keeps them.
    pub(crate) kept: Arc<Kept>,
    pub(crate) policy: Policy,
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
            send_timeout: self.send_timeout,
            inputs: self.inputs.iter().map(Input::replica).collect(),
            outputs: self.outputs.iter().map(Output::replica).collect(),
            counters: self.counters.clone(),
            kept: self.kept.clone(),
            policy: self.policy,
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
    pub(crate) locals: &'a mut [LocalLink],
    pub(crate) shared: &'a SessionShared,
    pub(crate) timer: &'a CallTimer,
    /// Reading at the end of the last call, where nothing but the next call comes after it; else `NEVER`.
    pub(crate) reading: u64,
    /// When the packet of the next call was put on its link.
    pub(crate) queued_at: u64,
    /// Number of the link that the packet of the next call came over.
    pub(crate) link: usize,
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
    /// Makes the instance, on the thread that will own it.
    pub(crate) fn create(at: usize, mut plan: NodePlan, gate: &mut CallGate) -> Result<Self, NotMade> {
        let number = current::register(plan.context.clone());
        current::set_running(number);
        for input in &mut plan.inputs {
            input.is_flushed = input.feeds.is_empty();
        }
        let mut node = Self::without_instance(at, plan, number);
        node.make_instance(gate).inspect_err(|error| node.not_made(FailureKind::CreateFailed, error))?;
        node.take_note(Event::Created, node.plan.context.now_ns(), None);
        Ok(node)
    }

    /// A node on the thread that took the place of a hung one: its next instance is still to be made, packets pass it
    /// by, or it has left the graph, as its supervisor says.
    pub(crate) fn succeeding(at: usize, plan: NodePlan, locals: &mut [LocalLink]) -> Self {
        let number = current::register(plan.current.now());
        let mut node = Self::without_instance(at, plan, number);
        node.redelivery = node.plan.kept.take_redelivery();
        node.look_at_supervisor();
        if node.plan.counters.state().is_final() {
            node.is_bypassed = node.plan.supervisor.state().is_bypassed();
            if !node.is_bypassed {
                node.leave(DropReason::Closed, locals);
            }
        }
        node
    }

    fn without_instance(at: usize, plan: NodePlan, number: usize) -> Self {
        Self {
            at,
            plan,
            instance: None,
            restart_due_ns: None,
            awaits_success: false,
            attempts: 0,
            undelivered: None,
            redelivery: None,
            is_bypassed: false,
            is_resting: false,
            number,
            cycle_awaited_since_ns: None,
            needs_stop: false,
            is_ending: false,
            is_done: false,
        }
    }

    fn make_instance(&mut self, gate: &mut CallGate) -> Result<(), NotMade> {
        let Self { at, plan, .. } = self;
        let params = Value::Object(plan.control.params()).to_string();
        match gate.call(*at, Operation::Create, || plan.factory.create(&plan.context, &params))? {
            Ok(instance) => {
                self.instance = Some(instance);
                Ok(())
            }
            Err(fault) => Err(NotMade::Failed(Box::new(failure(&self.plan, Operation::Create, fault)))),
        }
    }

    /// Tells the supervisor what happened.
    fn take_note(&mut self, event: Event, now_ns: i64, why: Option<&str>) -> Decision {
        let decision = self.plan.supervisor.on(event, now_ns, why);
        self.look_at_supervisor();
        decision
    }

    /// Tells the supervisor that the first instance could not be made or started. Where the lease is lost it knows.
    fn not_made(&mut self, kind: FailureKind, error: &NotMade) {
        if let NotMade::Failed(failure) = error {
            let event = Event::Failure { kind, attempts: 0 };
            self.take_note(event, self.plan.context.now_ns(), Some(&failure.message));
        }
    }

    /// Keeps at hand what is asked in every turn.
    fn look_at_supervisor(&mut self) {
        let supervisor = self.plan.supervisor.state();
        self.restart_due_ns = supervisor.restart_due_ns();
        self.awaits_success = supervisor.awaits_success();
    }

    /// Tells the first instance that the session starts to run.
    pub(crate) fn start(&mut self, gate: &mut CallGate) -> Result<(), NotMade> {
        self.start_instance(gate).inspect_err(|error| self.not_made(FailureKind::StartFailed, error))
    }

    fn start_instance(&mut self, gate: &mut CallGate) -> Result<(), NotMade> {
        current::set_running(self.number);
        let Some(instance) = &mut self.instance else { return Ok(()) };
        match gate.call(self.at, Operation::Start, || instance.start())? {
            Ok(()) => {
                self.needs_stop = true;
                self.take_note(Event::Started, self.plan.context.now_ns(), None);
                Ok(())
            }
            Err(fault) => Err(NotMade::Failed(Box::new(failure(&self.plan, Operation::Start, fault)))),
        }
    }

    /// Whether there is an instance to call, or packets pass it by.
    fn takes_calls(&self) -> bool {
        !self.is_done && (self.instance.is_some() || self.is_bypassed)
    }

    /// Whether the node takes no calls any more.
    pub(crate) fn is_done(&self) -> bool {
        self.is_done
    }

    /// Whether a turn would make a call or notice an end. Says also which full links hold the node up.
    pub(crate) fn is_ready(&mut self, locals: &[LocalLink], shared: &SessionShared, now_ns: i64) -> bool {
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
        if self.cycle_awaited_since_ns.is_some_and(|since_ns| now_ns.saturating_sub(since_ns) >= CYCLE_DRAIN_NS) {
            return true;
        }
        let entry_credits = self.entry_credits();
        let has_work = self.plan.inputs.iter().flat_map(|input| &input.feeds).any(|feed| {
            let has_credit = feed.is_feedback || entry_credits > 0;
            !feed.is_ended && (feed.is_finished(locals) || (has_credit && feed.len(locals) > 0))
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
        self.plan.ticks.as_ref().and_then(Ticks::next_ns).or(cycle_end_ns)
    }

    /// Makes the calls that are due, at most a batch per link; whether there were any.
    pub(crate) fn run(&mut self, turn: &mut Turn<'_>) -> Result<bool, LeaseLost> {
        if self.is_done {
            return Ok(false);
        }
        current::set_running(self.number);
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
        if self.plan.ticks.is_some() { self.run_ticks(turn) } else { self.run_inputs(turn) }
    }

    /// Makes the next instance when its time has come; a session that drains does not wait for it.
    fn await_restart(&mut self, due_ns: i64, turn: &mut Turn<'_>) -> Result<bool, LeaseLost> {
        if turn.shared.is_draining() {
            self.take_note(Event::Drain, turn.now_ns, None);
            let message = self.plan.counters.last_error().unwrap_or_default();
            self.fail(Operation::Create, Fault::new(FaultClass::Error, message), turn)?;
            return Ok(true);
        }
        if turn.now_ns < due_ns {
            return Ok(false);
        }
        if self.take_note(Event::BackoffElapsed, turn.now_ns, None).node == NodeFate::Create {
            self.restart(turn)?;
        }
        Ok(true)
    }

    /// Makes and starts a fresh instance with the same params; what was in flight goes first.
    #[cold]
    fn restart(&mut self, turn: &mut Turn<'_>) -> Result<(), LeaseLost> {
        let context = Arc::new(self.plan.context.renewed(next_instance_id()));
        current::renew(self.number, context.clone());
        current::set_running(self.number);
        self.plan.current.set(context.clone());
        self.plan.context = context;
        self.plan.counters.restarts.increment();
        let (made, kind) = match self.make_instance(turn.gate) {
            Ok(()) => {
                self.take_note(Event::Created, turn.now_ns, None);
                (self.start_instance(turn.gate), FailureKind::StartFailed)
            }
            not_made => (not_made, FailureKind::CreateFailed),
        };
        match made {
            Ok(()) => {}
            Err(NotMade::LeaseLost) => return Err(LeaseLost),
            Err(NotMade::Failed(failure)) => {
                let fault = Fault { class: failure.class, message: failure.message, detail: failure.detail };
                let attempts = self.redelivery.as_ref().map_or(0, |redelivery| redelivery.last.attempts);
                let event = Event::Failure { kind, attempts };
                return self.decide(event, failure.operation, fault, turn).map(drop);
            }
        }
        match self.redelivery.take() {
            Some(Redelivery { mut packet, last }) => {
                self.plan.counters.take_held_packet();
                self.deliver(last.pin, &mut packet, last.attempts, turn)
            }
            None => Ok(()),
        }
    }

    /// Does what others asked for. What is left without an instance waits for none: params hold for the next one.
    #[cold]
    fn read_mail(&mut self, turn: &mut Turn<'_>) -> Result<(), LeaseLost> {
        for _ in 0..MAIL_MAX {
            match self.plan.control.take() {
                Some(Mail::Update(params)) => self.update(params, turn)?,
                Some(Mail::Hint(hint)) => self.hear(&hint, turn)?,
                None => break,
            }
        }
        Ok(())
    }

    fn update(&mut self, params: Params, turn: &mut Turn<'_>) -> Result<(), LeaseLost> {
        if self.is_ending || self.is_bypassed {
            self.plan.control.refuse(Answer::Gone);
            return Ok(());
        }
        let text = Value::Object(params.clone()).to_string();
        match self.ask(Operation::Update, turn, |instance| instance.update(&text))? {
            Ok(_) => self.plan.control.accept(params),
            Err(fault) if fault.class.is_survivable() => self.plan.control.refuse(Answer::Refused(fault.message)),
            Err(fault) => self.plan.control.refuse(Answer::Lost(fault.message)),
        }
        Ok(())
    }

    fn hear(&mut self, hint: &Hint, turn: &mut Turn<'_>) -> Result<(), LeaseLost> {
        let control = self.plan.control.clone();
        match self.ask(Operation::Hint, turn, |instance| instance.hint(hint))? {
            Ok(Some(HintAnswer::Taken)) => control.hints.increment(),
            Ok(Some(HintAnswer::Pass)) if self.plan.context.upstream().pass_on(&hint.content) => {}
            Ok(Some(HintAnswer::Pass) | None) => control.hints_dropped.add_shared(1),
            Err(fault) => {
                control.hints_dropped.add_shared(1);
                let (node, kind) = (self.plan.context.node(), self.plan.context.kind());
                tracing::debug!(node, kind, hint = hint.content.name(), "a hint was refused: {}", fault.message);
            }
        }
        Ok(())
    }

    /// Makes a call that is no part of the stream; `None` when there is no instance. A typed error is the asker's and
    /// not the node's.
    fn ask<T>(
        &mut self,
        operation: Operation,
        turn: &mut Turn<'_>,
        body: impl FnOnce(&mut dyn Instance) -> Result<T, Fault>,
    ) -> Result<Result<Option<T>, Fault>, LeaseLost> {
        let Some(instance) = self.instance.as_deref_mut() else { return Ok(Ok(None)) };
        let answer = turn.gate.call(self.at, operation, || body(instance))?;
        if let Err(fault) = &answer
            && !fault.class.is_survivable()
            && self.faulted(operation, fault.clone(), turn) == NoResult::LeaseLost
        {
            return Err(LeaseLost);
        }
        Ok(answer.map(Some))
    }

    fn run_ticks(&mut self, turn: &mut Turn<'_>) -> Result<bool, LeaseLost> {
        if turn.shared.is_draining() {
            self.finish(turn)?;
            return Ok(true);
        }
        if self.plan.control.is_paused() {
            self.is_resting = true;
            return Ok(false);
        }
        if std::mem::take(&mut self.is_resting)
            && let Some(ticks) = &mut self.plan.ticks
        {
            ticks.resume(turn.now_ns);
        }
        let budget = self.room(turn.locals).min(BATCH_LEN_MAX);
        let mut has_called = false;
        for _ in 0..budget {
            if !self.takes_calls() || self.is_ending {
                break;
            }
            let Some(ticks) = &mut self.plan.ticks else { break };
            if !ticks.take_due(turn.now_ns, &self.plan.counters) {
                break;
            }
            has_called = true;
            let now_ns = turn.now_ns;
            match self.call(Operation::Tick, turn, |instance, outputs| instance.tick(now_ns, outputs)) {
                Ok(NextTick::Ended) => self.finish(turn)?,
                Ok(next) => {
                    if let Some(ticks) = &mut self.plan.ticks {
                        ticks.set_next(next);
                    }
                }
                // A source that cannot give its packets has failed: the next tick would fail again.
                Err(NoResult::Refused) => self.fail_with_last_error(Operation::Tick, turn)?,
                Err(NoResult::Failed) => {}
                Err(NoResult::LeaseLost) => return Err(LeaseLost),
            }
        }
        Ok(has_called)
    }

    fn run_inputs(&mut self, turn: &mut Turn<'_>) -> Result<bool, LeaseLost> {
        let mut has_progressed = false;
        for pin in 0..self.plan.inputs.len() {
            let n_feeds = self.plan.inputs.get(pin).map_or(0, |input| input.feeds.len());
            for feed in 0..n_feeds {
                has_progressed |= self.run_feed(pin, feed, turn)?;
            }
            if !self.takes_calls() {
                return Ok(true);
            }
        }
        Ok(self.flush_ended_inputs(turn)? || has_progressed)
    }

    /// Processes a batch of one link.
    fn run_feed(&mut self, pin: usize, feed_at: usize, turn: &mut Turn<'_>) -> Result<bool, LeaseLost> {
        turn.reading = CallTimer::NEVER;
        let budget = self.room(turn.locals).min(BATCH_LEN_MAX);
        let entry_credits = self.entry_credits();
        let Some(feed) = self.feed(pin, feed_at).filter(|feed| !feed.is_ended) else { return Ok(false) };
        let (is_feedback, link) = (feed.is_feedback, feed.number);
        let budget = if is_feedback { budget } else { budget.min(entry_credits) };
        let depth = feed.len(turn.locals);
        feed.saw_depth(depth, turn.locals);
        let is_starved = !is_feedback && entry_credits == 0 && depth > 0;
        if is_starved && self.cycle_gave_up(turn.locals, turn.now_ns) {
            self.take_credits_back();
            return Ok(true);
        }
        let mut count = 0;
        while count < budget.min(depth) && self.takes_calls() {
            let Some(mut packet) = self.feed(pin, feed_at).and_then(|feed| feed.take(turn.locals)) else { break };
            count += 1;
            if is_feedback {
                self.packet_returned(pin, feed_at);
            }
            turn.link = link;
            self.process(pin, &mut packet, turn)?;
        }
        let Some(feed) = self.feed_mut(pin, feed_at) else { return Ok(false) };
        if count > 0 {
            feed.let_producer_go();
        }
        feed.is_ended = feed.is_finished(turn.locals);
        Ok(count > 0 || feed.is_ended)
    }

    fn process(&mut self, pin: usize, packet: &mut Packet, turn: &mut Turn<'_>) -> Result<(), LeaseLost> {
        self.plan.counters.packets_in.increment();
        self.plan.counters.saw_pts(packet.pts_ns());
        self.plan.counters.newest_seq.set(packet.seq());
        self.deliver(pin, packet, 0, turn)
    }

    /// Hands a packet over that was handed over `before` times already.
    fn deliver(&mut self, pin: usize, packet: &mut Packet, before: u32, turn: &mut Turn<'_>) -> Result<(), LeaseLost> {
        if self.is_bypassed {
            return self.pass_by(packet, turn);
        }
        turn.queued_at = if before == 0 { packet.host_private() } else { CallTimer::NEVER };
        let attempts = before + 1;
        let outline = if self.plan.kept.wants_packets() {
            self.plan.kept.put(packet, pin, attempts);
            None
        } else {
            Some(packet.outline())
        };
        self.attempts = attempts;
        self.undelivered = None;
        let called = self.call(Operation::Process, turn, |instance, outputs| instance.process(pin, packet, outputs));
        self.attempts = 0;
        if called == Err(NoResult::LeaseLost) {
            return Err(LeaseLost);
        }
        let in_flight = outline.map(InFlight::Outline).or_else(|| self.plan.kept.take());
        if called.is_err()
            && let Some((fate, reason)) = self.undelivered.take()
            && let Some(in_flight) = in_flight
        {
            self.not_delivered(Undelivered { pin, attempts, reason }, (fate, in_flight), turn.shared);
        }
        Ok(())
    }

    /// Keeps a packet for the next instance, or gives it up.
    #[cold]
    fn not_delivered(&mut self, last: Undelivered, what: (PacketFate, InFlight), shared: &SessionShared) {
        match what {
            (PacketFate::Redeliver, InFlight::Packet(packet)) => self.redelivery = Some(Redelivery { packet, last }),
            (_, in_flight) => self.give_up(last, in_flight, shared),
        }
    }

    /// Counts a packet as lost and makes a dead letter of it.
    fn give_up(&self, last: Undelivered, in_flight: InFlight, shared: &SessionShared) {
        self.plan.counters.take_held_packet();
        self.plan.counters.lost_in_flight.increment();
        if let Some(letter) = self.plan.kept.letter(last, in_flight, &self.plan.context) {
            shared.dead_letters().push(letter);
        }
    }

    /// Gives up the packet that waits for an instance, as there will be none.
    fn give_up_redelivery(&mut self, shared: &SessionShared) {
        if let Some(Redelivery { packet, last }) = self.redelivery.take() {
            self.give_up(last, InFlight::Packet(packet), shared);
        }
    }

    /// Hands a packet on without the instance.
    fn pass_by(&mut self, packet: &mut Packet, turn: &mut Turn<'_>) -> Result<(), LeaseLost> {
        let mut fatal = None;
        let follower = self.plan.follower.as_ref();
        let (word, begun) = (packet.host_private(), turn.timer.now());
        let cause = follower.and_then(|follower| follower.takes(word, turn.link, begun, &self.plan.counters));
        let mut emitter = Emitter {
            outputs: &mut self.plan.outputs,
            locals: turn.locals,
            counters: &self.plan.counters,
            timer: turn.timer,
            send_timeout: self.plan.send_timeout,
            abort: turn.shared.abort_flag(),
            is_shared: turn.is_shared,
            call: None,
            follower,
            cause,
            fatal: &mut fatal,
        };
        match emitter.emit(0, Wait::ForRoom, packet) {
            Ok(()) => self.plan.counters.bypassed.increment(),
            Err(error) => self.plan.counters.error(&error.to_string()),
        }
        match fatal {
            Some(error) => self.fail(Operation::Process, Fault::new(FaultClass::Error, error.to_string()), turn),
            None => Ok(()),
        }
    }

    /// Tells the instance the end of inputs, in their order, and ends the node after the last one.
    fn flush_ended_inputs(&mut self, turn: &mut Turn<'_>) -> Result<bool, LeaseLost> {
        // An input may end before the others do, and what its flush gives may come back around a cycle.
        let has_flushed = self.flush_inputs(turn, |input| !input.feeds.iter().any(|feed| feed.is_feedback))?;
        if !self.takes_calls() || !self.inputs_ended(turn.locals, turn.now_ns) {
            return Ok(has_flushed);
        }
        self.flush_inputs(turn, |_| true)?;
        if self.takes_calls() && self.inputs_ended(turn.locals, turn.now_ns) {
            self.finish(turn)?;
        }
        Ok(true)
    }

    fn flush_inputs(&mut self, turn: &mut Turn<'_>, is_wanted: impl Fn(&Input) -> bool) -> Result<bool, LeaseLost> {
        let mut has_flushed = false;
        for pin in 0..self.plan.inputs.len() {
            if !self.takes_calls() {
                break;
            }
            let Some(input) = self.plan.inputs.get_mut(pin) else { break };
            if input.is_flushed || !input.is_ended() || !is_wanted(input) {
                continue;
            }
            input.is_flushed = true;
            has_flushed = true;
            if self.is_bypassed {
                continue;
            }
            match self.call(Operation::Flush, turn, |instance, outputs| instance.flush(pin, outputs)) {
                Ok(()) | Err(NoResult::Failed) => {}
                // What the node still had inside is lost.
                Err(NoResult::Refused) => self.fail_with_last_error(Operation::Flush, turn)?,
                Err(NoResult::LeaseLost) => return Err(LeaseLost),
            }
        }
        Ok(has_flushed)
    }

    /// Whether everything that can still come has come: all inputs ended, and the cycles through this node are empty.
    fn inputs_ended(&mut self, locals: &[LocalLink], now_ns: i64) -> bool {
        if !self.plan.inputs.iter().all(Input::is_ended) {
            return false;
        }
        let is_quiet = |feed: &Feed| feed.is_ended || (feed.len(locals) == 0 && self.has_all_credits(feed));
        self.feedback().all(is_quiet) || self.cycle_gave_up(locals, now_ns)
    }

    fn feedback(&self) -> impl Iterator<Item = &Feed> {
        self.plan.inputs.iter().flat_map(|input| &input.feeds).filter(|feed| feed.is_feedback)
    }

    /// Whether packets that went around a cycle have been awaited for too long: a node of the cycle swallowed them.
    fn cycle_gave_up(&mut self, locals: &[LocalLink], now_ns: i64) -> bool {
        if self.feedback().any(|feed| feed.len(locals) > 0) {
            self.cycle_awaited_since_ns = None;
            return false;
        }
        now_ns.saturating_sub(*self.cycle_awaited_since_ns.get_or_insert(now_ns)) >= CYCLE_DRAIN_NS
    }

    /// Takes the packets that are under way around the cycles of this node for lost, so that others may enter.
    #[cold]
    fn take_credits_back(&mut self) {
        let context = &self.plan.context;
        tracing::warn!(
            node = context.node(),
            kind = context.kind(),
            "packets that went around a cycle did not come back; they are taken for lost and their credits given again"
        );
        self.cycle_awaited_since_ns = None;
        let outputs = &self.plan.outputs;
        let feeds = self.plan.inputs.iter_mut().flat_map(|input| &mut input.feeds);
        for credits in feeds.filter_map(|feed| feed.credits.as_mut()) {
            self.plan.counters.lost_credits.add(credits.take_back(outputs));
        }
    }

    /// Whether nothing is under way around the cycle that a link closes, as far as its credits tell.
    fn has_all_credits(&self, feed: &Feed) -> bool {
        feed.credits.as_ref().is_none_or(|credits| credits.are_all_left(&self.plan.outputs))
    }

    /// Packets that may enter the cycles through this node.
    fn entry_credits(&self) -> usize {
        let feeds = self.plan.inputs.iter().flat_map(|input| &input.feeds).filter(|feed| !feed.is_ended);
        let credits = feeds.filter_map(|feed| feed.credits.as_ref());
        credits.map(|credits| credits.left(&self.plan.outputs)).min().unwrap_or(usize::MAX)
    }

    /// Counts a packet that came back around a cycle.
    fn packet_returned(&mut self, pin: usize, feed_at: usize) {
        if let Some(credits) = self.feed_mut(pin, feed_at).and_then(|feed| feed.credits.as_mut()) {
            credits.packet_returned();
        }
        self.cycle_awaited_since_ns = None;
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

    fn room(&mut self, locals: &[LocalLink]) -> usize {
        self.plan.outputs.iter_mut().map(|output| output.room(locals)).min().unwrap_or(usize::MAX)
    }

    /// Makes one call, counted and timed.
    fn call<T>(
        &mut self,
        operation: Operation,
        turn: &mut Turn<'_>,
        body: impl FnOnce(&mut dyn Instance, &mut Emitter<'_>) -> Result<T, Fault>,
    ) -> Result<T, NoResult> {
        let queued_at = std::mem::replace(&mut turn.queued_at, CallTimer::NEVER);
        let Some(instance) = self.instance.as_deref_mut() else { return Err(NoResult::Failed) };
        let counters = &*self.plan.counters;
        let mut fatal = None;
        counters.calls.increment();
        // In a batch the end of one call is the beginning of the next: one reading serves for both.
        let begun = match std::mem::replace(&mut turn.reading, CallTimer::NEVER) {
            CallTimer::NEVER => turn.timer.now(),
            reading => reading,
        };
        let cause =
            self.plan.follower.as_ref().and_then(|follower| follower.takes(queued_at, turn.link, begun, counters));
        if cause.is_none() {
            turn.timer.record([queued_at, begun], &counters.queue_wait);
        }
        turn.gate.enter(self.at, operation);
        let mut emitter = Emitter {
            outputs: &mut self.plan.outputs,
            locals: turn.locals,
            counters,
            timer: turn.timer,
            send_timeout: self.plan.send_timeout,
            abort: turn.shared.abort_flag(),
            is_shared: turn.is_shared,
            call: Some(CallInProgress { gate: turn.gate, node: self.at, operation }),
            follower: self.plan.follower.as_ref(),
            cause,
            fatal: &mut fatal,
        };
        let result = body(instance, &mut emitter);
        if !turn.gate.leave() {
            counters.late_completions.add_shared(1);
            return Err(NoResult::LeaseLost);
        }
        let ended = turn.timer.now();
        turn.timer.record([begun, ended], &counters.call_time);
        if let (Some(follower), Some(cause)) = (&self.plan.follower, cause) {
            let is_sink = self.plan.outputs.iter().all(|output| output.targets.is_empty());
            follower.call_ended(cause, ended, is_sink && result.is_ok());
        }
        counters.call_ended(match (&result, &fatal) {
            (Ok(_), None) => CallOutcome::Ok,
            (Ok(_), Some(_)) => CallOutcome::Error,
            (Err(fault), _) => CallOutcome::of(fault.class),
        });
        if result.is_ok() {
            turn.reading = ended;
        }
        if let Some(error) = fatal {
            let fault = Fault::new(FaultClass::Error, error.to_string());
            return Err(self.fail(operation, fault, turn).map_or(NoResult::LeaseLost, |()| NoResult::Failed));
        }
        if self.awaits_success && result.is_ok() {
            self.take_note(Event::CallOk, turn.now_ns, None);
        }
        result.map_err(|fault| self.faulted(operation, fault, turn))
    }

    #[cold]
    fn faulted(&mut self, operation: Operation, fault: Fault, turn: &mut Turn<'_>) -> NoResult {
        if fault.class == FaultClass::Cancelled && turn.shared.is_aborted() {
            return NoResult::Refused;
        }
        self.plan.counters.error(&fault.message);
        let attempts = self.attempts;
        let event = match fault.class {
            FaultClass::Panic => Event::Failure { kind: FailureKind::Panic, attempts },
            FaultClass::Contract => Event::Failure { kind: FailureKind::Contract, attempts },
            _ => Event::TypedError { attempts },
        };
        if self.plan.counters.errors.value() <= LOGGED_ERRORS_MAX {
            let context = &self.plan.context;
            let operation = operation.name();
            tracing::warn!(node = context.node(), kind = context.kind(), operation, "{}", fault.message);
        }
        self.decide(event, operation, fault, turn).unwrap_or(NoResult::LeaseLost)
    }

    /// Asks the supervisor, and does what it says.
    fn decide(
        &mut self,
        event: Event,
        operation: Operation,
        fault: Fault,
        turn: &mut Turn<'_>,
    ) -> Result<NoResult, LeaseLost> {
        let decision = self.take_note(event, turn.now_ns, Some(&fault.message));
        self.undelivered = matches!(decision.packet, PacketFate::Redeliver | PacketFate::DeadLetter).then(|| {
            (decision.packet, Reason { operation: operation.name().to_owned(), message: fault.message.clone() })
        });
        if operation == Operation::Process && self.undelivered.is_some() {
            // Should the instance not let go in time, the watch counts the packet.
            self.plan.counters.hold_packet();
        }
        if decision.instance == InstanceFate::Discard {
            self.needs_stop &= fault.class.is_survivable();
            self.destroy(turn.gate)?;
        }
        match decision.node {
            NodeFate::GoOn => return Ok(NoResult::Refused),
            NodeFate::RestartAfter { delay_ns } => {
                let context = &self.plan.context;
                let delay_ms = delay_ns / 1_000_000;
                tracing::warn!(
                    node = context.node(),
                    kind = context.kind(),
                    "the instance is lost in {}; another one is made in {delay_ms} ms: {}",
                    operation.name(),
                    fault.message
                );
            }
            NodeFate::Trip { cause, then } => self.trip((cause, then), operation, fault, turn)?,
            NodeFate::Create | NodeFate::Fail => self.fail(operation, fault, turn)?,
        }
        Ok(NoResult::Failed)
    }

    /// No further instance is made; the policy says what becomes of the packets.
    #[cold]
    fn trip(
        &mut self,
        (cause, then): (TripCause, OnTrip),
        operation: Operation,
        mut fault: Fault,
        turn: &mut Turn<'_>,
    ) -> Result<(), LeaseLost> {
        if self.plan.policy.restart.max > 0 {
            fault.message = format!("{}; {cause}", fault.message);
        }
        self.give_up_redelivery(turn.shared);
        if then == OnTrip::StopSession {
            return self.fail(operation, fault, turn);
        }
        let failure = failure(&self.plan, operation, fault);
        tracing::error!(node = %failure.node, kind = %failure.kind, "{failure}");
        turn.shared.node_tripped(failure);
        if then == OnTrip::Bypass {
            self.is_bypassed = true;
        } else {
            self.leave(DropReason::Closed, turn.locals);
        }
        Ok(())
    }

    /// Fails the node for a typed error that it cannot go on after.
    #[cold]
    fn fail_with_last_error(&mut self, operation: Operation, turn: &mut Turn<'_>) -> Result<(), LeaseLost> {
        if turn.shared.is_aborted() {
            return Ok(());
        }
        let message = self.plan.counters.last_error().unwrap_or_default();
        self.fail(operation, Fault::new(FaultClass::Error, message), turn)
    }

    /// The node takes no calls any more: its outputs end, its inputs close, the session is told.
    #[cold]
    fn fail(&mut self, operation: Operation, fault: Fault, turn: &mut Turn<'_>) -> Result<(), LeaseLost> {
        if self.is_done {
            return Ok(());
        }
        self.give_up_redelivery(turn.shared);
        let is_survivable = fault.class.is_survivable();
        self.take_note(Event::Fatal { attempts: 0 }, turn.now_ns, Some(&fault.message));
        let failure = failure(&self.plan, operation, fault);
        tracing::error!(node = %failure.node, kind = %failure.kind, "{failure}");
        turn.shared.node_failed(failure);
        self.leave(DropReason::Closed, turn.locals);
        // An instance that cannot be called any more is still freed on its own thread.
        self.needs_stop &= is_survivable;
        self.destroy(turn.gate)
    }

    /// The node has ended as it should; it leaves the graph when everything that it gave is on the links.
    fn finish(&mut self, turn: &mut Turn<'_>) -> Result<(), LeaseLost> {
        if !std::mem::replace(&mut self.is_ending, true) {
            self.take_note(Event::Ended, turn.now_ns, None);
        }
        if !self.deliver_surplus() {
            return Ok(());
        }
        if self.is_bypassed {
            self.leave(DropReason::Closed, turn.locals);
            return Ok(());
        }
        self.stop(turn.shared, turn.gate)?;
        self.leave(DropReason::Closed, turn.locals);
        Ok(())
    }

    /// Stops a node before its end, because the session does not wait for it.
    pub(crate) fn abort(&mut self, turn: &mut Turn<'_>) -> Result<(), LeaseLost> {
        if !self.is_done {
            self.give_up_redelivery(turn.shared);
            self.take_note(Event::Drain, turn.now_ns, None);
            current::set_running(self.number);
            self.stop(turn.shared, turn.gate)?;
            self.leave(DropReason::Stopped, turn.locals);
        }
        Ok(())
    }

    fn stop(&mut self, shared: &SessionShared, gate: &mut CallGate) -> Result<(), LeaseLost> {
        let Some(instance) = self.instance.as_deref_mut() else { return Ok(()) };
        self.needs_stop = false;
        let stopped = gate.call(self.at, Operation::Stop, || instance.stop())?;
        let now_ns = self.plan.context.now_ns();
        let Err(fault) = stopped else {
            self.take_note(Event::Stopped, now_ns, None);
            return Ok(());
        };
        self.plan.counters.error(&fault.message);
        self.take_note(Event::Fatal { attempts: 0 }, now_ns, Some(&fault.message));
        let failure = failure(&self.plan, Operation::Stop, fault);
        tracing::error!(node = %failure.node, kind = %failure.kind, "{failure}");
        shared.node_failed(failure);
        Ok(())
    }

    fn leave(&mut self, reason: DropReason, locals: &mut [LocalLink]) {
        self.is_done = true;
        self.plan.control.close();
        for output in &mut self.plan.outputs {
            output.drop_surplus(reason);
            output.end(locals);
        }
        for feed in self.plan.inputs.iter().flat_map(|input| &input.feeds) {
            feed.close(reason, locals);
        }
    }

    /// Frees the instance, on the thread that owns it; one that was started and works is stopped before.
    pub(crate) fn destroy(&mut self, gate: &mut CallGate) -> Result<(), LeaseLost> {
        let Some(mut instance) = self.instance.take() else { return Ok(()) };
        current::set_running(self.number);
        if self.needs_stop {
            let stopped = gate.call(self.at, Operation::Stop, || instance.stop())?;
            if let Err(fault) = stopped {
                self.plan.counters.error(&fault.message);
            }
        }
        gate.call(self.at, Operation::Destroy, || drop(instance))
    }
}

fn failure(plan: &NodePlan, operation: Operation, fault: Fault) -> NodeFailure {
    NodeFailure::new([plan.context.node(), plan.context.kind()], plan.plugin_file.clone(), operation, fault)
}
