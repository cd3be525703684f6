//! The packets of a node: ticks of a source, batches of the inputs, their end.

use super::calls::Origin;
use super::{LeaseLost, NoResult, Node, NodePlan, Turn};
use crate::exec::clock::CallTimer;
use crate::exec::counters::Operation;
use crate::exec::instance::{Fault, FaultClass, Instance, NextTick, Outputs as _, Wait};
use crate::exec::link::Follows;
use crate::exec::shared::SessionShared;
use crate::exec::supervise::PacketFate;
use crate::exec::worker::emit::Emitter;
use crate::exec::worker::in_flight::{InFlight, Redelivery, Undelivered};
use crate::exec::worker::inputs::{Feed, Input};
use crate::exec::worker::local::Locals;
use graphmill_abi::Packet;

/// Calls that a node gets before the next one has its turn.
const BATCH_LEN_MAX: usize = 32;

impl Node {
    pub(super) fn run_ticks(&mut self, turn: &mut Turn<'_>) -> Result<bool, LeaseLost> {
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
        for count in 0..budget {
            if !self.takes_calls() || self.is_ending || !turn.locals.may_follow(count) {
                break;
            }
            let Some(ticks) = &mut self.plan.ticks else { break };
            if !ticks.take_due(turn.now_ns, &self.plan.counters) {
                break;
            }
            has_called = true;
            let now_ns = turn.now_ns;
            match self.call(Operation::Tick, Origin::NONE, turn, |instance, outputs| instance.tick(now_ns, outputs)) {
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

    /// Ticks a node with inputs that asked for it; whether it did.
    pub(super) fn run_timer(&mut self, turn: &mut Turn<'_>) -> Result<bool, LeaseLost> {
        let Some(timer) = &mut self.plan.timer else { return Ok(false) };
        if self.instance.is_none() || self.is_ending || !timer.is_due(turn.now_ns) || self.room(turn.locals) == 0 {
            return Ok(false);
        }
        // It is due, which was just seen; this takes note of it.
        let NodePlan { timer, counters, .. } = &mut self.plan;
        let _is_due = timer.as_mut().is_some_and(|timer| timer.take_due(turn.now_ns, counters));
        let now_ns = turn.now_ns;
        let next =
            match self.call(Operation::Tick, Origin::NONE, turn, |instance, outputs| instance.tick(now_ns, outputs)) {
                Ok(next) => next,
                // Like a packet that it refuses: counted, and it goes on.
                Err(NoResult::Refused | NoResult::Failed) => NextTick::OnWake,
                Err(NoResult::LeaseLost) => return Err(LeaseLost),
            };
        self.plan.timer.iter_mut().for_each(|timer| timer.set_next(next));
        Ok(true)
    }

    pub(super) fn run_inputs(&mut self, turn: &mut Turn<'_>) -> Result<bool, LeaseLost> {
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
        let is_feedback = feed.is_feedback;
        let budget = if is_feedback { budget } else { budget.min(entry_credits) };
        let depth = feed.len(turn.locals);
        feed.saw_depth(depth, turn.locals);
        let is_starved = !is_feedback && entry_credits == 0 && depth > 0;
        if is_starved && self.cycle_gave_up(turn.locals, turn.now_ns) {
            self.take_credits_back();
            return Ok(true);
        }
        let is_plain = !(is_feedback || self.is_bypassed || self.awaits_success || self.plan.kept.wants_packets());
        let count = if is_plain {
            self.run_batch((pin, feed_at), budget.min(depth), turn)?
        } else {
            self.run_singly((pin, feed_at), budget.min(depth), turn)?
        };
        let Some(feed) = self.feed_mut(pin, feed_at) else { return Ok(false) };
        if count > 0 {
            feed.let_producer_go();
        }
        feed.is_ended = feed.is_finished(turn.locals);
        Ok(count > 0 || feed.is_ended)
    }

    /// Takes the next packet of a link, and keeps an outline of it; whether there was one.
    #[inline]
    fn take(&mut self, pin: usize, feed_at: usize, packet: &mut Packet, locals: &mut Locals) -> bool {
        let Self { plan, arrived, .. } = self;
        let feed = plan.inputs.get(pin).and_then(|input| input.feeds.get(feed_at));
        let has_taken = feed.is_some_and(|feed| feed.take(arrived, locals));
        if has_taken {
            arrived.move_to(packet);
        }
        has_taken
    }

    /// As [`Node::run_batch`], for any node and link; how many.
    fn run_singly(
        &mut self,
        (pin, feed_at): (usize, usize),
        max: usize,
        turn: &mut Turn<'_>,
    ) -> Result<usize, LeaseLost> {
        let (mut packet, mut count) = (Packet::EMPTY, 0);
        while count < max
            && self.takes_calls()
            && turn.locals.may_follow(count)
            && self.take(pin, feed_at, &mut packet, turn.locals)
        {
            count += 1;
            let Some(feed) = self.feed(pin, feed_at) else { break };
            let origin = Origin { link: feed.number, queued_at: packet.host_private() };
            if feed.is_feedback {
                self.packet_returned(pin, feed_at);
            }
            self.plan.counters.packet_came(&packet);
            if self.is_bypassed {
                self.pass_by(origin, &mut packet, turn)?;
            } else {
                self.deliver((pin, 1), origin, &mut packet, turn)?;
            }
            packet.clear();
        }
        Ok(count)
    }

    /// Hands a packet over, for the time that `attempts` says.
    pub(super) fn deliver(
        &mut self,
        (pin, attempts): (usize, u32),
        origin: Origin,
        packet: &mut Packet,
        turn: &mut Turn<'_>,
    ) -> Result<(), LeaseLost> {
        let keeps_packet = self.plan.kept.wants_packets();
        if keeps_packet {
            self.plan.kept.put(packet, pin, attempts);
        }
        self.attempts = attempts;
        self.undelivered = None;
        let process = |instance: &mut dyn Instance, outputs: &mut Emitter<'_>| instance.process(pin, packet, outputs);
        let called = self.call(Operation::Process, origin, turn, process);
        self.attempts = 0;
        let kept = if keeps_packet && called != Err(NoResult::LeaseLost) { self.plan.kept.take() } else { None };
        match called {
            Ok(()) => Ok(()),
            Err(result) => self.settle_packet((pin, attempts), (result, kept), turn.shared),
        }
    }

    /// Does what the supervisor decided on the packet of a failed call; without a packet that was kept there is still
    /// the outline.
    #[cold]
    pub(super) fn settle_packet(
        &mut self,
        (pin, attempts): (usize, u32),
        (result, kept): (NoResult, Option<InFlight>),
        shared: &SessionShared,
    ) -> Result<(), LeaseLost> {
        if result == NoResult::LeaseLost {
            return Err(LeaseLost);
        }
        if let Some((fate, reason)) = self.undelivered.take() {
            let in_flight = kept.unwrap_or_else(|| InFlight::Outline(self.arrived.outline()));
            self.not_delivered(Undelivered { pin, attempts, reason }, (fate, in_flight), shared);
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
    pub(super) fn give_up_redelivery(&mut self, shared: &SessionShared) {
        if let Some(Redelivery { packet, last }) = self.redelivery.take() {
            self.give_up(last, InFlight::Packet(packet), shared);
        }
    }

    /// Hands a packet on without the instance.
    pub(super) fn pass_by(
        &mut self,
        origin: Origin,
        packet: &mut Packet,
        turn: &mut Turn<'_>,
    ) -> Result<(), LeaseLost> {
        let Origin { link, queued_at } = origin;
        let (follower, begun) = (self.plan.follower.as_ref(), turn.timer.now());
        let cause = follower.and_then(|follower| follower.takes(queued_at, link, begun, &self.plan.counters));
        let mut emitter = Emitter {
            outputs: &mut self.plan.outputs,
            locals: turn.locals,
            counters: &self.plan.counters,
            timer: turn.timer,
            send_timeout: self.plan.send_timeout,
            abort: turn.shared.abort_flag(),
            is_shared: turn.is_shared,
            call: None,
            counts_refusals: true,
            follower,
            cause,
            fatal: None,
            follows: Follows::Nothing,
        };
        let mut boxed = emitter.locals.spare();
        packet.move_to(&mut boxed);
        match emitter.emit(0, Wait::ForRoom, &mut boxed) {
            Ok(()) => self.plan.counters.bypassed.increment(),
            Err(error) => self.plan.counters.error(&error.to_string()),
        }
        let fatal = emitter.fatal.take();
        turn.locals.keep(boxed);
        turn.locals.stamp(turn.timer.now());
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
            match self.call(Operation::Flush, Origin::NONE, turn, |instance, outputs| instance.flush(pin, outputs)) {
                Ok(()) | Err(NoResult::Failed) => {}
                // What the node still had inside is lost.
                Err(NoResult::Refused) => self.fail_with_last_error(Operation::Flush, turn)?,
                Err(NoResult::LeaseLost) => return Err(LeaseLost),
            }
        }
        Ok(has_flushed)
    }

    /// Whether everything that can still come has come: all inputs ended, and the cycles through this node are empty.
    pub(super) fn inputs_ended(&mut self, locals: &Locals, now_ns: i64) -> bool {
        if !self.plan.inputs.iter().all(Input::is_ended) {
            return false;
        }
        let is_quiet = |feed: &Feed| feed.is_ended || (feed.len(locals) == 0 && self.has_all_credits(feed));
        self.feedback().all(is_quiet) || self.cycle_gave_up(locals, now_ns)
    }
}
