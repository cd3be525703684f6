//! What comes of a call that fails.

use super::{LeaseLost, NoResult, Node, Turn, failure};
use crate::exec::counters::Operation;
use crate::exec::instance::{EmitError, Fault, FaultClass};
use crate::exec::link::DropReason;
use crate::exec::supervise::{Event, FailureKind, InstanceFate, NodeFate, PacketFate, Reason, TripCause};
use crate::graph::OnTrip;

/// Typed errors of a node that are logged one by one; the others are only counted.
const LOGGED_ERRORS_MAX: u64 = 10;

impl Node {
    /// Tells the supervisor of a success, if it wants to hear of it.
    #[inline]
    pub(super) fn note_success(&mut self, now_ns: i64) {
        if self.awaits_success {
            self.take_note(Event::CallOk, now_ns, None);
        }
    }

    /// Does what is to be done after a call that failed, for its own reason or because of its links.
    #[cold]
    pub(super) fn settle(
        &mut self,
        operation: Operation,
        (fault, fatal): (Option<Fault>, Option<EmitError>),
        turn: &mut Turn<'_>,
    ) -> NoResult {
        if let Some(error) = fatal {
            let fault = Fault::new(FaultClass::Error, error.to_string());
            return self.fail(operation, fault, turn).map_or(NoResult::LeaseLost, |()| NoResult::Failed);
        }
        fault.map_or(NoResult::Failed, |fault| self.faulted(operation, fault, turn))
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
