//! The outputs of a node, and the links that leave them.

use crate::exec::clock::CallTimer;
use crate::exec::counters::NodeCounters;
use crate::exec::gate::{self, FormatGate};
use crate::exec::instance::{EmitError, Wait};
use crate::exec::link::{DropReason, Link, Sent};
use crate::exec::worker::local::Locals;
use crate::graph::{FormatSet, WhenFull};
use graphmill_abi::Packet;
use std::collections::VecDeque;
use std::sync::Arc;

/// Packets that calls may give beyond the room of a link that nobody can wait for inside a call.
pub(crate) const SURPLUS_MAX: usize = 65_536;

/// An output of a node and the links that leave it.
#[derive(Debug)]
pub(crate) struct Output {
    /// As a person writes it: `mic.out`.
    pub(crate) name: String,
    wait: RoomWait,
    pub(super) gate: FormatGate,
    pub(crate) targets: Vec<Target>,
    /// Packets that were given to this output.
    pub(crate) given: u64,
    /// Whether all its links stay on the worker, so that nobody can take a packet before the end of the call.
    pub(super) is_local: bool,
}

/// One link that leaves an output.
#[derive(Debug)]
pub(crate) struct Target {
    pub(super) to: Route,
    pub(super) gate: FormatGate,
    /// The link was full and its producer waits until half of it is free.
    is_held: bool,
    /// What calls gave beyond the room of the link, on a worker that must not wait inside a call because other nodes
    /// of it may have to make that room. The node is not called again before all of it is on the link.
    pub(super) surplus: VecDeque<Box<Packet>>,
    wait: RoomWait,
    /// Whether the last packet that was sent here was taken.
    pub(super) took_last: bool,
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
        Self { name, wait, gate: FormatGate::new(format), targets: Vec::new(), given: 0, is_local: true }
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
        self.is_local &= matches!(to, Route::Local(_));
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
    pub(crate) fn room(&mut self, locals: &Locals) -> usize {
        self.targets.iter_mut().map(|target| target.room(locals)).min().unwrap_or(usize::MAX)
    }

    /// Why a packet that a plugin gave cannot be one of this output.
    #[cold]
    pub(super) fn refusal(&self, packet: &Packet) -> EmitError {
        let message = format!(
            "output `{}` is declared as {}, but the plugin gave {}",
            self.name,
            self.gate.set(),
            gate::describe(packet)
        );
        EmitError::Format { message }
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
    pub(crate) fn end(&self, locals: &mut Locals) {
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
    pub(super) fn room(&mut self, locals: &Locals) -> usize {
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

    /// Sends a packet over a link of the same worker; `false` if it is none, or when there is more to it.
    #[inline]
    pub(super) fn send_locally(&mut self, packet: &mut Box<Packet>, locals: &mut Locals, wait: Wait) -> bool {
        let Route::Local(at) = self.to else { return false };
        let sent = self.gate.lets_through(packet).then(|| locals.send(at, packet, wait == Wait::ForRoom)).flatten();
        sent.is_some_and(|(sent, _)| sent != Sent::Full)
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
    pub(super) fn keep(&mut self, packet: &mut Box<Packet>) -> bool {
        let Route::Remote(link) = &self.to else { return false };
        if self.surplus.len() >= SURPLUS_MAX {
            return false;
        }
        self.surplus.push_back(std::mem::take(packet));
        link.counters.set_waiting(self.surplus.len());
        true
    }

    pub(super) fn name<'a>(&'a self, locals: &'a Locals) -> &'a str {
        match &self.to {
            Route::Remote(link) => link.name(),
            Route::Local(at) => locals.get(*at).map_or("", |link| &link.name),
        }
    }

    /// Counts a packet that this link did not get and nobody else has.
    pub(super) fn count_loss(&self, error: &EmitError, locals: &Locals) {
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
