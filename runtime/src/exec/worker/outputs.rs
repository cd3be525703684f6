//! Where the packets of a node go during a call.

use crate::exec::counters::{NodeCounters, Operation};
use crate::exec::gate::{self, FormatGate};
use crate::exec::instance::{EmitError, Outputs, Wait};
use crate::exec::lease::Lease;
use crate::exec::link::{DropReason, Link, LinkCounters, SendError, Sent};
use crate::exec::sys::AtomicBool;
use crate::exec::worker::local::LocalLink;
use crate::graph::{FormatSet, WhenFull};
use graphmill_abi::Packet;
use std::sync::Arc;
use std::time::Duration;

/// An output of a node and the links that leave it.
#[derive(Debug)]
pub(crate) struct Output {
    /// As a person writes it: `mic.out`.
    pub(crate) name: String,
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
    pub(crate) fn new(name: String, format: FormatSet) -> Self {
        Self { name, gate: FormatGate::new(format), targets: Vec::new(), given: 0 }
    }

    pub(crate) fn add_target(&mut self, to: Route, format: FormatSet) {
        self.targets.push(Target { to, gate: FormatGate::new(format), is_held: false });
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

impl Target {
    fn room(&mut self, locals: &[LocalLink]) -> usize {
        match &self.to {
            Route::Remote(link) if link.when_full() == WhenFull::Block => {
                if self.is_held && link.is_holding() {
                    // Said again, because the consumer may have answered an earlier hold of a call meanwhile.
                    link.hold_producer();
                    return 0;
                }
                let room = link.room();
                self.is_held = room == 0;
                if self.is_held {
                    link.hold_producer();
                }
                room
            }
            Route::Local(at) => match locals.get(*at) {
                Some(link) if link.when_full == WhenFull::Block => link.room(),
                _ => usize::MAX,
            },
            Route::Remote(_) => usize::MAX,
        }
    }
}

/// The outputs of one node during one call.
pub(crate) struct Emitter<'a> {
    pub(crate) outputs: &'a mut [Output],
    pub(crate) locals: &'a mut [LocalLink],
    pub(crate) counters: &'a NodeCounters,
    pub(crate) send_timeout: Duration,
    pub(crate) abort: &'a AtomicBool,
    /// The lease of the worker during a call; an inlet has none.
    pub(crate) call: Option<CallInProgress<'a>>,
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
        let sender = Sender { locals, send_timeout: self.send_timeout, abort: self.abort, wait };
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
    send_timeout: Duration,
    abort: &'a AtomicBool,
    wait: Wait,
}

impl Sender<'_> {
    /// Sends to several links without copying bytes. The first error is told; the other links get the packet all the
    /// same, and the caller keeps its own.
    fn send_to_all(mut self, output: &str, targets: &mut [Target], packet: &mut Packet) -> Result<(), EmitError> {
        if self.wait == Wait::Never && targets.iter_mut().any(|target| target.room(self.locals) == 0) {
            return Err(EmitError::WouldBlock);
        }
        let mut result = Ok(());
        for target in targets {
            let sent = self.send_one(output, target, &mut packet.clone());
            result = result.and(sent);
        }
        if result.is_ok() {
            drop(packet.take());
        }
        result
    }

    fn send(mut self, output: &str, target: &mut Target, packet: &mut Packet) -> Result<(), EmitError> {
        self.send_one(output, target, packet)
    }

    fn send_one(&mut self, output: &str, target: &mut Target, packet: &mut Packet) -> Result<(), EmitError> {
        let may_wait = self.wait == Wait::ForRoom;
        let (name, counters): (&str, &LinkCounters) = match &target.to {
            Route::Remote(link) => (link.name(), &link.counters),
            Route::Local(at) => match self.locals.get(*at) {
                Some(link) => (&link.name, &link.counters),
                None => return Err(EmitError::Cancelled),
            },
        };
        if !target.gate.lets_through(packet) {
            counters.dropped(DropReason::Format);
            let message = format!(
                "`{output}` now gives {}, but the link {name} carries {}; put a node between them that converts it",
                gate::describe(packet),
                target.gate.set(),
            );
            return Err(EmitError::Format { message });
        }
        match &target.to {
            Route::Local(at) => {
                let Some(link) = self.locals.get_mut(*at) else { return Err(EmitError::Cancelled) };
                match link.send(packet, may_wait) {
                    Sent::Queued | Sent::Dropped => Ok(()),
                    Sent::Full => full(&link.name, link.when_full, &link.counters, may_wait),
                }
            }
            Route::Remote(link) if may_wait && link.when_full() == WhenFull::Block => {
                match link.send(packet, self.send_timeout, self.abort) {
                    Ok(()) => Ok(()),
                    Err(SendError::Stopped) => Err(EmitError::Cancelled),
                    Err(SendError::TimedOut(waited)) => {
                        counters.dropped(DropReason::Full);
                        let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
                        Err(EmitError::Timeout { link: name.to_string(), waited_ms })
                    }
                }
            }
            Route::Remote(link) => match link.try_send(packet) {
                Sent::Queued | Sent::Dropped => Ok(()),
                Sent::Full => full(name, link.when_full(), counters, may_wait),
            },
        }
    }
}

/// The answer to a packet for which a link has no room.
fn full(name: &str, when_full: WhenFull, counters: &LinkCounters, may_wait: bool) -> Result<(), EmitError> {
    if when_full == WhenFull::Block && !may_wait {
        return Err(EmitError::WouldBlock);
    }
    counters.dropped(DropReason::Full);
    if when_full == WhenFull::Fail {
        return Err(EmitError::Full { link: name.to_string() });
    }
    // A local link whose producer gave far more in one call than it has room for.
    Err(EmitError::Timeout { link: name.to_string(), waited_ms: 0 })
}
