//! A packet on its way from a call onto the links.

use crate::exec::clock::CallTimer;
use crate::exec::counters::{NodeCounters, Operation};
use crate::exec::follow::Follower;
use crate::exec::gate;
use crate::exec::instance::{EmitError, Outputs, Wait};
use crate::exec::link::{Follows, Link, SendError, Sent};
use crate::exec::sys::AtomicBool;
use crate::exec::worker::call_gate::CallInProgress;
use crate::exec::worker::local::Locals;
use crate::exec::worker::outputs::{Output, Route, SURPLUS_MAX, Target};
use crate::graph::WhenFull;
use crate::telemetry::ledger::Taken;
use graphmill_abi::Packet;
use std::time::Duration;

/// The outputs of one node during one call.
pub(crate) struct Emitter<'a> {
    pub(crate) outputs: &'a mut [Output],
    pub(crate) locals: &'a mut Locals,
    pub(crate) counters: &'a NodeCounters,
    pub(crate) timer: &'a CallTimer,
    pub(crate) send_timeout: Duration,
    pub(crate) abort: &'a AtomicBool,
    /// Whether other nodes share the worker, so that a call must not wait for room.
    pub(crate) is_shared: bool,
    /// The lease of the worker during a call; an inlet has none.
    pub(crate) call: Option<CallInProgress<'a>>,
    /// Whether a packet that a link refuses is lost to it; what the application gets back is not.
    pub(crate) counts_refusals: bool,
    /// Who notes where packets spend their time, if the session wants that.
    pub(crate) follower: Option<&'a Follower>,
    /// The followed packet that the call is for.
    pub(crate) cause: Option<Taken>,
    /// What ends the node although its call may succeed: a wrong format, a full link that must not be full.
    pub(crate) fatal: Option<EmitError>,
    /// What comes after the call.
    pub(crate) follows: Follows,
}

impl Outputs for Emitter<'_> {
    fn emit(&mut self, pin: usize, wait: Wait, packet: &mut Box<Packet>) -> Result<(), EmitError> {
        if !self.leave() {
            // The call was given up, but not by the plugin: this packet comes too late.
            self.counters.late_outputs.add_shared(1);
            drop(packet.take());
            return Err(EmitError::Cancelled);
        }
        // Handed on in two arms, because moving a result whose tag was just written waits for that write.
        match self.emit_with_lease(pin, wait, packet) {
            Ok(()) => {
                self.go_on();
                Ok(())
            }
            Err(error) => {
                self.go_on();
                Err(error)
            }
        }
    }
}

impl Emitter<'_> {
    /// Goes into a plugin, if the outputs are those of a call.
    #[inline]
    pub(crate) fn enter(&mut self, operation: Operation) {
        if let Some(call) = &mut self.call {
            call.operation = operation;
            call.gate.enter(call.node, operation);
        }
    }

    /// Goes back into the plugin after it has given a packet.
    #[inline]
    fn go_on(&mut self) {
        if let Some(call) = &mut self.call {
            call.gate.enter(call.node, call.operation);
        }
    }

    /// Comes back; `false` when the lease is gone and nothing shared may be touched.
    #[inline]
    #[must_use]
    pub(crate) fn leave(&self) -> bool {
        self.call.as_ref().is_none_or(|call| call.gate.leave())
    }

    #[inline]
    fn emit_with_lease(&mut self, pin: usize, wait: Wait, packet: &mut Box<Packet>) -> Result<(), EmitError> {
        let count = self.outputs.len();
        let Self { outputs, locals, counters, .. } = self;
        let Some(output) = outputs.get_mut(pin) else {
            return Err(EmitError::NoSuchPin { pin, count });
        };
        if !output.gate.lets_through(packet) {
            return Err(fatal(&mut self.fatal, output.refusal(packet)));
        }
        counters.saw_pts(packet.pts_ns());
        // A packet that has to wait for room gets a later time, one that stays on the worker that of the call's end.
        packet.set_host_private(if output.is_local { CallTimer::NEVER } else { self.timer.now() });
        let hop = self.follower.and_then(|follower| follower.emits(self.cause, packet));
        if let [only] = output.targets.as_mut_slice()
            && only.send_locally(packet, locals, wait)
        {
            output.given += 1;
            counters.packets_out.increment();
            if let (Some(follower), Some(hop)) = (self.follower, hop) {
                follower.sent(hop);
            }
            return Ok(());
        }
        let mut sender = Sender {
            locals,
            counters,
            timer: self.timer,
            send_timeout: self.send_timeout,
            abort: self.abort,
            wait,
            is_shared: self.is_shared,
            counts_refusals: self.counts_refusals,
            follows: self.follows,
        };
        let sent = match output.targets.as_mut_slice() {
            [] => {
                drop(packet.take());
                counters.packets_unlinked.increment();
                Ok(())
            }
            [only] => sender.send(&output.name, only, packet),
            several => sender.send_to_all(&output.name, several, packet),
        };
        match sent {
            Ok(()) => {
                output.given += 1;
                counters.packets_out.increment();
                if let (Some(follower), Some(hop)) = (self.follower, hop) {
                    follower.sent(hop);
                }
                Ok(())
            }
            Err(error @ (EmitError::Format { .. } | EmitError::Full { .. })) => Err(fatal(&mut self.fatal, error)),
            Err(error) => Err(error),
        }
    }
}

fn fatal(slot: &mut Option<EmitError>, error: EmitError) -> EmitError {
    slot.get_or_insert_with(|| error.clone());
    error
}

/// What is needed to put one packet onto links.
struct Sender<'a> {
    locals: &'a mut Locals,
    counters: &'a NodeCounters,
    timer: &'a CallTimer,
    send_timeout: Duration,
    abort: &'a AtomicBool,
    wait: Wait,
    is_shared: bool,
    counts_refusals: bool,
    follows: Follows,
}

impl Sender<'_> {
    /// Sends to several links without copying bytes.
    ///
    /// A link that refuses does not keep the packet from the others: then it is sent, and lost, with a count, for that
    /// one. Only a packet that no link took stays with the caller. A format that does not fit is told in any case.
    fn send_to_all(&mut self, output: &str, targets: &mut [Target], packet: &mut Packet) -> Result<(), EmitError> {
        if self.wait == Wait::Never && targets.iter_mut().any(|target| target.room(self.locals) == 0) {
            return Err(EmitError::WouldBlock);
        }
        let mut copy = self.locals.spare();
        let results = targets.iter_mut().fold(Tally::default(), |mut results, target| {
            *copy = packet.clone();
            results.add(self.send_one(output, target, &mut copy));
            results
        });
        self.locals.keep(copy);
        let Some(first_error) = results.first_error else {
            drop(packet.take());
            return Ok(());
        };
        if results.sent == 0 && !self.counts_refusals {
            return Err(first_error);
        }
        for target in targets.iter().filter(|target| !target.took_last) {
            target.count_loss(&first_error, self.locals);
        }
        if results.sent == 0 {
            return Err(first_error);
        }
        drop(packet.take());
        match first_error {
            EmitError::Format { .. } | EmitError::Full { .. } => Err(first_error),
            _ => Ok(()),
        }
    }

    fn send(&mut self, output: &str, target: &mut Target, packet: &mut Box<Packet>) -> Result<(), EmitError> {
        let sent = self.send_one(output, target, packet);
        if let Err(error) = &sent
            && self.counts_refusals
        {
            target.count_loss(error, self.locals);
        }
        sent
    }

    fn send_one(&mut self, output: &str, target: &mut Target, packet: &mut Box<Packet>) -> Result<(), EmitError> {
        let sent = self.try_one(output, target, packet);
        target.took_last = sent.is_ok();
        sent
    }

    fn try_one(&mut self, output: &str, target: &mut Target, packet: &mut Box<Packet>) -> Result<(), EmitError> {
        if !target.gate.lets_through(packet) {
            let message = format!(
                "`{output}` now gives {}, but the link {} carries {}; put a node between them that converts it",
                gate::describe(packet),
                target.name(self.locals),
                target.gate.set(),
            );
            return Err(EmitError::Format { message });
        }
        let may_wait = self.wait == Wait::ForRoom;
        let (sent, when_full) = match &target.to {
            Route::Local(at) => self.locals.send(*at, packet, may_wait).ok_or(EmitError::Cancelled)?,
            Route::Remote(link) if may_wait && !self.is_shared && link.when_full() == WhenFull::Block => {
                return match link.try_send_one(packet, self.follows) {
                    Sent::Queued | Sent::Dropped => Ok(()),
                    Sent::Full => self.wait_for_room(output, link, packet),
                };
            }
            // What was given before has to go first.
            Route::Remote(link) if !target.surplus.is_empty() => (Sent::Full, link.when_full()),
            Route::Remote(link) => (link.try_send_one(packet, self.follows), link.when_full()),
        };
        match (sent, when_full) {
            (Sent::Queued | Sent::Dropped, _) => Ok(()),
            (Sent::Full, WhenFull::Block) if !may_wait => Err(EmitError::WouldBlock),
            (Sent::Full, WhenFull::Block) if target.keep(packet) => Ok(()),
            (Sent::Full, WhenFull::Fail) => Err(EmitError::Full { link: target.name(self.locals).to_string() }),
            (Sent::Full, _) => Err(EmitError::Surplus { link: target.name(self.locals).to_string(), max: SURPLUS_MAX }),
        }
    }
}

impl Sender<'_> {
    /// Waits until a link takes the packet; counts and measures that.
    #[cold]
    fn wait_for_room(&self, output: &str, link: &Link, packet: &mut Box<Packet>) -> Result<(), EmitError> {
        let begun = self.timer.now();
        let sent = link.send(packet, self.send_timeout, self.abort, self.timer);
        self.timer.record([begun, self.timer.now()], &self.counters.send_wait);
        sent.map_err(|error| match error {
            SendError::Stopped => EmitError::Cancelled,
            SendError::TimedOut(waited) => {
                let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
                let error = EmitError::Timeout { link: link.name().to_string(), waited_ms };
                self.counters.send_timed_out(output, &error);
                error
            }
        })
    }
}

/// What became of a packet for several links.
#[derive(Default)]
struct Tally {
    sent: usize,
    first_error: Option<EmitError>,
}

impl Tally {
    fn add(&mut self, result: Result<(), EmitError>) {
        match result {
            Ok(()) => self.sent += 1,
            Err(error) => {
                self.first_error.get_or_insert(error);
            }
        }
    }
}
