//! One call into an instance, and what comes of it when it fails.

use super::{LeaseLost, NoResult, Node, Turn, failure};
use crate::exec::clock::CallTimer;
use crate::exec::counters::{CallOutcome, Operation};
use crate::exec::instance::{Fault, FaultClass, Instance};
use crate::exec::link::DropReason;
use crate::exec::supervise::{Event, FailureKind, InstanceFate, NodeFate, PacketFate, Reason, TripCause};
use crate::exec::worker::call_gate::CallInProgress;
use crate::exec::worker::emit::Emitter;
use crate::graph::OnTrip;

/// Typed errors of a node that are logged one by one; the others are only counted.
const LOGGED_ERRORS_MAX: u64 = 10;

impl Node {
    /// Makes one call, counted and timed.
    pub(super) fn call<T>(
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
            counts_refusals: true,
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
    pub(super) fn faulted(&mut self, operation: Operation, fault: Fault, turn: &mut Turn<'_>) -> NoResult {
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
    pub(super) fn decide(
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
        fault.message = cause.complete(fault.message);
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
    pub(super) fn fail_with_last_error(&mut self, operation: Operation, turn: &mut Turn<'_>) -> Result<(), LeaseLost> {
        if turn.shared.is_aborted() {
            return Ok(());
        }
        let message = self.plan.counters.last_error().unwrap_or_default();
        self.fail(operation, Fault::new(FaultClass::Error, message), turn)
    }

    /// The node takes no calls any more: its outputs end, its inputs close, the session is told.
    #[cold]
    pub(super) fn fail(&mut self, operation: Operation, fault: Fault, turn: &mut Turn<'_>) -> Result<(), LeaseLost> {
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
}
