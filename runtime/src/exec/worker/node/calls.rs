//! Calls of one node, one after the other: each counted, timed and watched.
//!
//! What calls share is put together once for a batch. Per call there is one reading of a clock, because the end of a
//! call is the beginning of the next, and the time since which what it gave is on the links of its own worker.

use super::{LeaseLost, NoResult, Node, NodePlan, Turn};
use crate::exec::clock::CallTimer;
use crate::exec::counters::{CallOutcome, Operation};
use crate::exec::instance::{EmitError, Fault, Instance};
use crate::exec::link::Follows;
use crate::exec::worker::call_gate::CallInProgress;
use crate::exec::worker::emit::Emitter;
use crate::exec::worker::inputs::Input;
use graphmill_abi::Packet;

/// A batch of calls of one node.
struct Calls<'a> {
    instance: &'a mut dyn Instance,
    emitter: Emitter<'a>,
    /// Reading at the end of the last call, where nothing but the next call came after it; else `NEVER`.
    reading: u64,
}

/// The link that the packet of a call came over, and when it was put there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    pub(super) link: usize,
    pub(super) queued_at: u64,
}

impl Origin {
    /// Of a call that is for no packet, or for one that waited elsewhere.
    pub(super) const NONE: Self = Self { link: 0, queued_at: CallTimer::NEVER };
}

/// Why a call did not do what it was asked for; there is a reason at least.
#[derive(Debug)]
struct Failed {
    /// What the plugin says.
    fault: Option<Fault>,
    /// What it gave could not be put on its links, which ends the node.
    fatal: Option<EmitError>,
}

impl Node {
    /// Makes one call.
    pub(super) fn call<T>(
        &mut self,
        operation: Operation,
        origin: Origin,
        turn: &mut Turn<'_>,
        body: impl FnOnce(&mut dyn Instance, &mut Emitter<'_>) -> Result<T, Fault>,
    ) -> Result<T, NoResult> {
        let Some((mut calls, ..)) = self.calls(turn) else { return Err(NoResult::Failed) };
        let made = calls.make(operation, origin, body);
        let reading = calls.reading;
        turn.reading = reading;
        match made {
            Ok(Ok(value)) => {
                self.note_success(turn.now_ns);
                Ok(value)
            }
            Ok(Err(failed)) => Err(self.settle(operation, (failed.fault, failed.fatal), turn)),
            Err(LeaseLost) => Err(NoResult::LeaseLost),
        }
    }

    /// Has the packets of a link processed, at most `max` of them and none after one that fails; how many.
    ///
    /// Only for a node that keeps no packets in flight and a link that closes no cycle.
    pub(super) fn run_batch(
        &mut self,
        (pin, feed_at): (usize, usize),
        max: usize,
        turn: &mut Turn<'_>,
    ) -> Result<usize, LeaseLost> {
        self.undelivered = None;
        let Some((mut calls, inputs, arrived)) = self.calls(turn) else { return Ok(0) };
        let Some(feed) = inputs.get(pin).and_then(|input| input.feeds.get(feed_at)) else { return Ok(0) };
        let (mut count, mut failed) = (0, None);
        while count < max
            && failed.is_none()
            && calls.emitter.locals.may_follow(count)
            && feed.take(arrived, calls.emitter.locals)
        {
            let packet = &mut **arrived;
            let numbers = packet.numbers();
            calls.emitter.follows = if count + 1 < max { Follows::Call } else { Follows::Nothing };
            calls.emitter.counters.packet_came(packet);
            count += 1;
            let origin = Origin { link: feed.number, queued_at: packet.host_private() };
            let process =
                |instance: &mut dyn Instance, outputs: &mut Emitter<'_>| instance.process(pin, packet, outputs);
            failed = calls.make(Operation::Process, origin, process)?.err();
            match failed {
                None => arrived.clear(),
                Some(_) => arrived.clear_but_for(numbers),
            }
        }
        turn.reading = calls.reading;
        if let Some(failed) = failed {
            self.attempts = 1;
            let result = self.settle(Operation::Process, (failed.fault, failed.fatal), turn);
            self.attempts = 0;
            self.settle_packet((pin, 1), (result, None), turn.shared)?;
        }
        Ok(count)
    }

    /// What a batch of calls needs, and where its packets come from; `None` without an instance.
    fn calls<'a>(&'a mut self, turn: &'a mut Turn<'_>) -> Option<(Calls<'a>, &'a [Input], &'a mut Box<Packet>)> {
        let Self { plan, instance, arrived, at, .. } = self;
        let NodePlan { inputs, outputs, counters, follower, send_timeout, .. } = plan;
        let emitter = Emitter {
            outputs,
            locals: turn.locals,
            counters,
            timer: turn.timer,
            send_timeout: *send_timeout,
            abort: turn.shared.abort_flag(),
            is_shared: turn.is_shared,
            call: Some(CallInProgress { gate: turn.gate, node: *at, operation: Operation::Process }),
            counts_refusals: true,
            follower: follower.as_ref(),
            cause: None,
            fatal: None,
            follows: Follows::Nothing,
        };
        let reading = std::mem::replace(&mut turn.reading, CallTimer::NEVER);
        Some((Calls { instance: instance.as_deref_mut()?, emitter, reading }, inputs, arrived))
    }
}

impl Calls<'_> {
    #[inline]
    fn make<T>(
        &mut self,
        operation: Operation,
        origin: Origin,
        body: impl FnOnce(&mut dyn Instance, &mut Emitter<'_>) -> Result<T, Fault>,
    ) -> Result<Result<T, Box<Failed>>, LeaseLost> {
        let begun = self.begin(origin);
        self.emitter.enter(operation);
        let result = body(self.instance, &mut self.emitter);
        if !self.emitter.leave() {
            self.emitter.counters.late_completions.add_shared(1);
            return Err(LeaseLost);
        }
        let result = match result {
            Ok(value) if self.emitter.fatal.is_none() => Ok(value),
            result => Err(self.failed(result.err())),
        };
        self.end(begun, result.as_ref().err().map(AsRef::as_ref));
        Ok(result)
    }

    #[inline]
    fn begin(&mut self, Origin { link, queued_at }: Origin) -> u64 {
        let Emitter { counters, timer, follower, cause, .. } = &mut self.emitter;
        counters.calls.increment();
        let begun = match std::mem::replace(&mut self.reading, CallTimer::NEVER) {
            CallTimer::NEVER => timer.now(),
            reading => reading,
        };
        if let Some(follower) = follower {
            *cause = follower.takes(queued_at, link, begun, counters);
        }
        if cause.is_none() {
            timer.record([queued_at, begun], &counters.queue_wait);
        }
        begun
    }

    // Called at two places, of which one is that of every packet of a batch.
    #[inline(always)]
    fn end(&mut self, begun: u64, failed: Option<&Failed>) {
        let Emitter { counters, timer, follower, cause, outputs, locals, .. } = &mut self.emitter;
        let ended = timer.now();
        timer.record([begun, ended], &counters.call_time);
        locals.stamp(ended);
        if let (Some(follower), Some(cause)) = (follower, cause) {
            let is_sink = outputs.iter().all(|output| output.targets.is_empty());
            let is_ok = failed.is_none_or(|failed| failed.fault.is_none());
            follower.call_ended(*cause, ended, is_sink && is_ok);
        }
        counters.call_ended(failed.map_or(CallOutcome::Ok, Failed::outcome));
        if failed.is_none() {
            self.reading = ended;
        }
    }

    #[cold]
    fn failed(&mut self, fault: Option<Fault>) -> Box<Failed> {
        Box::new(Failed { fault, fatal: self.emitter.fatal.take() })
    }
}

impl Failed {
    #[cold]
    fn outcome(&self) -> CallOutcome {
        self.fault.as_ref().map_or(CallOutcome::Error, |fault| CallOutcome::of(fault.class))
    }
}
