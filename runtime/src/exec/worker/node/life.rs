//! How a node begins, is replaced and ends.

use super::calls::Origin;
use super::{LeaseLost, Node, NodePlan, NotMade, Turn, failure};
use crate::exec::counters::Operation;
use crate::exec::current;
use crate::exec::instance::{Fault, FaultClass};
use crate::exec::link::DropReason;
use crate::exec::session::next_instance_id;
use crate::exec::shared::SessionShared;
use crate::exec::supervise::{Decision, Event, FailureKind, NodeFate, Supervisor};
use crate::exec::worker::call_gate::CallGate;
use crate::exec::worker::in_flight::Redelivery;
use crate::exec::worker::local::Locals;
use crate::exec::worker::ticks::Ticks;
use serde_json::Value;
use std::sync::Arc;

impl Node {
    /// A node whose instance is still to be made, on the thread that will own it.
    pub(crate) fn new(at: usize, mut plan: NodePlan) -> Self {
        let number = current::register(plan.context.clone());
        for input in &mut plan.inputs {
            input.is_flushed = input.feeds.is_empty();
        }
        Self::without_instance(at, plan, number)
    }

    /// Makes the first instance. One that fails is replaced later where the session can start without it.
    pub(crate) fn create(&mut self, turn: &mut Turn<'_>) -> Result<(), NotMade> {
        current::set_running(self.number);
        match self.make_instance(turn.gate) {
            Ok(()) => {
                self.take_note(Event::Created, self.plan.context.now_ns(), None);
                Ok(())
            }
            Err(not_made) => self.not_begun(FailureKind::CreateFailed, not_made, turn),
        }
    }

    /// A node on the thread that took the place of a hung one: its next instance is still to be made, packets pass it
    /// by, or it has left the graph, as its supervisor says.
    pub(crate) fn succeeding(at: usize, plan: NodePlan, locals: &mut Locals) -> Self {
        let number = current::register(plan.current.now());
        let mut node = Self::without_instance(at, plan, number);
        node.redelivery = node.plan.kept.take_redelivery();
        node.look_at_supervisor();
        if node.plan.counters.state().is_final() {
            node.is_bypassed = node.plan.supervisor.ask(Supervisor::is_bypassed);
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
            arrived: Box::default(),
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
    pub(super) fn take_note(&mut self, event: Event, now_ns: i64, why: Option<&str>) -> Decision {
        let decision = self.plan.supervisor.on(event, now_ns, why);
        self.look_at_supervisor();
        decision
    }

    /// The first instance could not be made or started: the failure of the session's start, or of this node alone, as
    /// its policy says. Where the lease is lost the watch has asked.
    #[cold]
    fn not_begun(&mut self, kind: FailureKind, not_made: NotMade, turn: &mut Turn<'_>) -> Result<(), NotMade> {
        let NotMade::Failed(failed) = not_made else { return Err(not_made) };
        let event = Event::Failure { kind, attempts: 0 };
        if self.plan.supervisor.ask(Supervisor::is_needed_to_start) {
            self.take_note(event, turn.now_ns, Some(&failed.message));
            return Err(NotMade::Failed(failed));
        }
        turn.now_ns = self.plan.context.now_ns();
        self.plan.counters.error(&failed.message);
        let fault = Fault::new(failed.class, failed.message).with_detail(failed.detail);
        self.decide(event, failed.operation, fault, turn)?;
        Ok(())
    }

    /// Keeps at hand what is asked in every turn.
    fn look_at_supervisor(&mut self) {
        let question = |supervisor: &Supervisor| (supervisor.restart_due_ns(), supervisor.awaits_success());
        (self.restart_due_ns, self.awaits_success) = self.plan.supervisor.ask(question);
    }

    /// Tells the first instance that the session starts to run.
    pub(crate) fn start(&mut self, turn: &mut Turn<'_>) -> Result<(), NotMade> {
        match self.start_instance(turn.gate) {
            Ok(()) => Ok(()),
            Err(not_made) => self.not_begun(FailureKind::StartFailed, not_made, turn),
        }
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

    /// Makes the next instance when its time has come; a session that drains does not wait for it.
    pub(super) fn await_restart(&mut self, due_ns: i64, turn: &mut Turn<'_>) -> Result<bool, LeaseLost> {
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
        self.plan.timer.iter_mut().for_each(Ticks::begin_again);
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
                let fault = Fault::new(failure.class, failure.message).with_detail(failure.detail);
                let attempts = self.redelivery.as_ref().map_or(0, |redelivery| redelivery.last.attempts);
                let event = Event::Failure { kind, attempts };
                return self.decide(event, failure.operation, fault, turn).map(drop);
            }
        }
        match self.redelivery.take() {
            Some(Redelivery { mut packet, last }) => {
                self.plan.counters.take_held_packet();
                if self.is_bypassed {
                    return self.pass_by(Origin::NONE, &mut packet, turn);
                }
                self.deliver((last.pin, last.attempts + 1), Origin::NONE, &mut packet, turn)
            }
            None => Ok(()),
        }
    }

    /// The node has ended as it should; it leaves the graph when everything that it gave is on the links.
    pub(super) fn finish(&mut self, turn: &mut Turn<'_>) -> Result<(), LeaseLost> {
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

    pub(super) fn leave(&mut self, reason: DropReason, locals: &mut Locals) {
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
