//! Where the packets of a node go during a call.

use crate::exec::clock::CallTimer;
use crate::exec::counters::{NodeCounters, Operation};
use crate::exec::follow::Follower;
use crate::exec::gate::{self, FormatGate};
use crate::exec::instance::{EmitError, Outputs, Wait};
use crate::exec::lease::Lease;
use crate::exec::link::{DropReason, Link, SendError, Sent};
use crate::exec::sys::AtomicBool;
use crate::exec::worker::local::LocalLink;
use crate::exec::worker::node::LeaseLost;
use crate::graph::{FormatSet, WhenFull};
use crate::telemetry::ledger::Taken;
use graphmill_abi::Packet;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Packets that calls may give beyond the room of a link that nobody can wait for inside a call.
pub(crate) const SURPLUS_MAX: usize = 65_536;

/// An output of a node and the links that leave it.
#[derive(Debug)]
pub(crate) struct Output {
    /// As a person writes it: `mic.out`.
    pub(crate) name: String,
    wait: RoomWait,
    gate: FormatGate,
    pub(crate) targets: Vec<Target>,
    /// Packets that were given to this output.
    pub(crate) given: u64,
}

/// One link that leaves an output.
#[derive(Debug)]
pub(crate) struct Target {
    to: Route,
    gate: FormatGate,
    /// The link was full and its producer waits until half of it is free.
    is_held: bool,
    /// What calls gave beyond the room of the link, on a worker that must not wait inside a call because other nodes
    /// of it may have to make that room. The node is not called again before all of it is on the link.
    surplus: VecDeque<Packet>,
    wait: RoomWait,
    /// Whether the last packet that was sent here was taken.
    took_last: bool,
}

/// How a link is reached.
#[derive(Debug, Clone)]
pub(crate) enum Route {
    /// It leads to another thread.
    Remote(Arc<Link>),
    /// It leads to a node on the same worker, by its position among the worker's local links.
    Local(usize),
}

impl Output {
    pub(crate) fn new(name: String, format: FormatSet, wait: RoomWait) -> Self {
        Self { name, wait, gate: FormatGate::new(format), targets: Vec::new(), given: 0 }
    }

    /// The same output for another instance.
    pub(crate) fn replica(&self) -> Self {
        let mut replica = Self::new(self.name.clone(), self.gate.set().clone(), self.wait.clone());
        for target in &self.targets {
            replica.add_target(target.to.clone(), target.gate.set().clone());
        }
        replica
    }

    pub(crate) fn add_target(&mut self, to: Route, format: FormatSet) {
        self.targets.push(Target {
            to,
            gate: FormatGate::new(format),
            is_held: false,
            surplus: VecDeque::new(),
            wait: self.wait.clone(),
            took_last: true,
        });
    }

    /// Calls that can be made before a blocking link of this output is full, at one packet per call.
    ///
    /// A link that was found full counts as full until half of it is free.
    pub(crate) fn room(&mut self, locals: &[LocalLink]) -> usize {
        self.targets.iter_mut().map(|target| target.room(locals)).min().unwrap_or(usize::MAX)
    }

    /// The links of this output that lead to other threads.
    pub(crate) fn remote_links(&self) -> impl Iterator<Item = &Arc<Link>> {
        self.targets.iter().filter_map(|target| match &target.to {
            Route::Remote(link) => Some(link),
            Route::Local(_) => None,
        })
    }

    /// Puts onto the links what calls gave beyond their room; whether nothing is left.
    pub(crate) fn deliver_surplus(&mut self) -> bool {
        let mut is_done = true;
        for target in &mut self.targets {
            is_done &= target.deliver_surplus();
        }
        is_done
    }

    /// Drops and counts what is not on the links yet.
    pub(crate) fn drop_surplus(&mut self, reason: DropReason) {
        for target in &mut self.targets {
            if let Route::Remote(link) = &target.to {
                link.counters.add_dropped(reason, target.surplus.len());
                target.surplus.clear();
                link.counters.set_waiting(0);
            }
        }
    }

    /// Tells every link that there will be no further packet.
    pub(crate) fn end(&self, locals: &mut [LocalLink]) {
        for target in &self.targets {
            match &target.to {
                Route::Remote(link) => link.end(),
                Route::Local(at) => {
                    if let Some(link) = locals.get_mut(*at) {
                        link.end();
                    }
                }
            }
        }
    }
}

/// Measures how long a node is not called because a link of it has no room.
#[derive(Debug, Clone)]
pub(crate) struct RoomWait {
    timer: CallTimer,
    counters: Arc<NodeCounters>,
    since: u64,
}

impl RoomWait {
    pub(crate) fn new(timer: CallTimer, counters: Arc<NodeCounters>) -> Self {
        Self { timer, counters, since: CallTimer::NEVER }
    }

    /// Notes whether there is still no room. Costs a comparison where nothing changes.
    fn goes_on(&mut self, is_waiting: bool) {
        if is_waiting == (self.since != CallTimer::NEVER) {
            return;
        }
        let now = self.timer.now();
        self.timer.record([self.since, now], &self.counters.send_wait);
        self.since = if is_waiting { now } else { CallTimer::NEVER };
    }
}

impl Target {
    fn room(&mut self, locals: &[LocalLink]) -> usize {
        if !self.deliver_surplus() {
            self.wait.goes_on(true);
            return 0;
        }
        match &self.to {
            Route::Remote(link) if link.when_full() == WhenFull::Block => {
                let is_free = |link: &Link| if self.is_held { !link.is_holding() } else { link.room() > 0 };
                if !is_free(link) {
                    // Said before the second look, so that the consumer cannot miss it.
                    link.hold_producer();
                    self.is_held = !is_free(link);
                } else {
                    self.is_held = false;
                }
                self.wait.goes_on(self.is_held);
                if self.is_held { 0 } else { link.room() }
            }
            Route::Local(at) => match locals.get(*at) {
                Some(link) if link.when_full == WhenFull::Block => link.room(),
                _ => usize::MAX,
            },
            Route::Remote(_) => usize::MAX,
        }
    }

    fn deliver_surplus(&mut self) -> bool {
        let Route::Remote(link) = &self.to else { return true };
        while let Some(packet) = self.surplus.front_mut() {
            if link.try_send(packet) == Sent::Full {
                link.hold_producer();
                if link.try_send(packet) == Sent::Full {
                    return false;
                }
            }
            self.surplus.pop_front();
            link.counters.set_waiting(self.surplus.len());
        }
        true
    }

    /// Keeps a packet until the link has room; `false` when there are too many already.
    fn keep(&mut self, packet: &mut Packet) -> bool {
        let Route::Remote(link) = &self.to else { return false };
        if self.surplus.len() >= SURPLUS_MAX {
            return false;
        }
        self.surplus.push_back(packet.take());
        link.counters.set_waiting(self.surplus.len());
        true
    }

    fn name<'a>(&'a self, locals: &'a [LocalLink]) -> &'a str {
        match &self.to {
            Route::Remote(link) => link.name(),
            Route::Local(at) => locals.get(*at).map_or("", |link| &link.name),
        }
    }

    /// Counts a packet that this link did not get and nobody else has.
    fn count_loss(&self, error: &EmitError, locals: &[LocalLink]) {
        let reason = match error {
            EmitError::Format { .. } => DropReason::Format,
            EmitError::Cancelled => DropReason::Stopped,
            EmitError::Timeout { .. } | EmitError::Full { .. } | EmitError::Surplus { .. } => DropReason::Full,
            EmitError::WouldBlock | EmitError::NoSuchPin { .. } => return,
        };
        match &self.to {
            Route::Remote(link) => link.counters.dropped(reason),
            Route::Local(at) => {
                if let Some(link) = locals.get(*at) {
                    link.counters.dropped(reason);
                }
            }
        }
    }
}

/// The outputs of one node during one call.
pub(crate) struct Emitter<'a> {
    pub(crate) outputs: &'a mut [Output],
    pub(crate) locals: &'a mut [LocalLink],
    pub(crate) counters: &'a NodeCounters,
    pub(crate) timer: &'a CallTimer,
    pub(crate) send_timeout: Duration,
    pub(crate) abort: &'a AtomicBool,
    /// Whether other nodes share the worker, so that a call must not wait for room.
    pub(crate) is_shared: bool,
    /// The lease of the worker during a call; an inlet has none.
    pub(crate) call: Option<CallInProgress<'a>>,
    /// Who notes where packets spend their time, if the session wants that.
    pub(crate) follower: Option<&'a Follower>,
    /// The followed packet that the call is for.
    pub(crate) cause: Option<Taken>,
    /// What ends the node although its call may succeed: a wrong format, a full link that must not be full.
    pub(crate) fatal: &'a mut Option<EmitError>,
}

/// A call that is under way, and the lease that it needs when it comes back to the host for a moment.
pub(crate) struct CallInProgress<'a> {
    pub(crate) gate: &'a mut CallGate,
    pub(crate) node: usize,
    pub(crate) operation: Operation,
}

/// The owner's side of a lease.
#[derive(Debug)]
pub(crate) struct CallGate {
    lease: Arc<Lease>,
    seq: u64,
}

impl CallGate {
    pub(crate) fn new(lease: Arc<Lease>) -> Self {
        Self { lease, seq: 0 }
    }

    /// Makes a call that gives no packets. When the lease is lost in it, its result is dropped here, on the thread that
    /// made it.
    pub(crate) fn call<T>(
        &mut self,
        node: usize,
        operation: Operation,
        body: impl FnOnce() -> T,
    ) -> Result<T, LeaseLost> {
        self.enter(node, operation);
        let result = body();
        if self.leave() { Ok(result) } else { Err(LeaseLost) }
    }

    /// Goes into a plugin.
    pub(crate) fn enter(&mut self, node: usize, operation: Operation) {
        self.seq += 1;
        self.lease.enter(self.seq, node, operation);
    }

    /// Comes back; `false` when the lease is gone and nothing shared may be touched.
    #[must_use]
    pub(crate) fn leave(&self) -> bool {
        self.lease.leave()
    }
}

impl Outputs for Emitter<'_> {
    fn emit(&mut self, pin: usize, wait: Wait, packet: &mut Packet) -> Result<(), EmitError> {
        if self.call.as_ref().is_some_and(|call| !call.gate.leave()) {
            // The call was given up, but not by the plugin: this packet comes too late.
            self.counters.late_outputs.add_shared(1);
            drop(packet.take());
            return Err(EmitError::Cancelled);
        }
        let result = self.emit_with_lease(pin, wait, packet);
        if let Some(call) = &mut self.call {
            call.gate.enter(call.node, call.operation);
        }
        result
    }
}

impl Emitter<'_> {
    fn emit_with_lease(&mut self, pin: usize, wait: Wait, packet: &mut Packet) -> Result<(), EmitError> {
        let count = self.outputs.len();
        let Self { outputs, locals, counters, .. } = self;
        let Some(output) = outputs.get_mut(pin) else {
            return Err(EmitError::NoSuchPin { pin, count });
        };
        if !output.gate.lets_through(packet) {
            let message = format!(
                "output `{}` is declared as {}, but the plugin gave {}",
                output.name,
                output.gate.set(),
                gate::describe(packet)
            );
            return Err(fatal(self.fatal, EmitError::Format { message }));
        }
        counters.saw_pts(packet.pts_ns());
        // A packet that has to wait for room gets a later time.
        packet.set_host_private(self.timer.now());
        let hop = self.follower.and_then(|follower| follower.emits(self.cause, packet));
        let mut sender = Sender {
            locals,
            counters,
            timer: self.timer,
            send_timeout: self.send_timeout,
            abort: self.abort,
            wait,
            is_shared: self.is_shared,
            // What the application gets back is not lost.
            counts_refusals: self.call.is_some(),
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
            Err(error @ (EmitError::Format { .. } | EmitError::Full { .. })) => Err(fatal(self.fatal, error)),
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
    locals: &'a mut [LocalLink],
    counters: &'a NodeCounters,
    timer: &'a CallTimer,
    send_timeout: Duration,
    abort: &'a AtomicBool,
    wait: Wait,
    is_shared: bool,
    counts_refusals: bool,
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
        let results = targets.iter_mut().fold(Tally::default(), |mut results, target| {
            results.add(self.send_one(output, target, &mut packet.clone()));
            results
        });
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

    fn send(&mut self, output: &str, target: &mut Target, packet: &mut Packet) -> Result<(), EmitError> {
        let sent = self.send_one(output, target, packet);
        if let Err(error) = &sent
            && self.counts_refusals
        {
            target.count_loss(error, self.locals);
        }
        sent
    }

    fn send_one(&mut self, output: &str, target: &mut Target, packet: &mut Packet) -> Result<(), EmitError> {
        let sent = self.try_one(output, target, packet);
        target.took_last = sent.is_ok();
        sent
    }

    fn try_one(&mut self, output: &str, target: &mut Target, packet: &mut Packet) -> Result<(), EmitError> {
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
            Route::Local(at) => {
                let Some(link) = self.locals.get_mut(*at) else { return Err(EmitError::Cancelled) };
                (link.send(packet, may_wait), link.when_full)
            }
            Route::Remote(link) if may_wait && !self.is_shared && link.when_full() == WhenFull::Block => {
                return match link.try_send(packet) {
                    Sent::Queued | Sent::Dropped => Ok(()),
                    Sent::Full => self.wait_for_room(output, link, packet),
                };
            }
            // What was given before has to go first.
            Route::Remote(link) if !target.surplus.is_empty() => (Sent::Full, link.when_full()),
            Route::Remote(link) => (link.try_send(packet), link.when_full()),
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
    fn wait_for_room(&self, output: &str, link: &Link, packet: &mut Packet) -> Result<(), EmitError> {
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
