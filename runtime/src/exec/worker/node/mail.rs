//! What a node does between two packets because somebody asked for it.

use super::{LeaseLost, NoResult, Node, Turn};
use crate::exec::control::{Answer, Mail, Params};
use crate::exec::counters::Operation;
use crate::exec::hint::{Hint, HintAnswer};
use crate::exec::instance::{Fault, Instance};
use serde_json::Value;

/// Updates and hints that a node reads before it goes on with its packets.
const MAIL_MAX: usize = 32;

impl Node {
    /// Does what others asked for. What is left without an instance waits for none: params hold for the next one.
    #[cold]
    pub(super) fn read_mail(&mut self, turn: &mut Turn<'_>) -> Result<(), LeaseLost> {
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
}
