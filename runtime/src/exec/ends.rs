//! Where the application pushes packets in and takes packets out.

use crate::exec::clock::CallTimer;
use crate::exec::control::{Answer, Mail, NodeControl};
use crate::exec::counters::NodeCounters;
use crate::exec::doorbell::Doorbell;
use crate::exec::follow::Follower;
use crate::exec::hint::{HintContent, HintError, Upstream};
use crate::exec::instance::{EmitError, Outputs, Wait};
use crate::exec::link::{DropReason, Follows, Link};
use crate::exec::shared::SessionShared;
use crate::exec::supervise::NodeState;
use crate::exec::worker::{Emitter, Feed, Locals, Output};
use graphmill_abi::Packet;
use serde_json::Value;
use std::borrow::BorrowMut;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Where the application pushes packets in. Dropping it ends its stream.
///
/// It may move from thread to thread; dropping it never runs plugin code and never waits.
#[derive(Debug)]
pub struct Inlet {
    name: String,
    output: Output,
    /// It has none; but the box on its way, and those of copies.
    locals: Locals,
    counters: Arc<NodeCounters>,
    control: Arc<NodeControl>,
    timer: CallTimer,
    follower: Option<Follower>,
    shared: Arc<SessionShared>,
}

/// What an inlet or an outlet shares with the session.
#[derive(Debug)]
pub(crate) struct EndPlan {
    pub(crate) name: String,
    pub(crate) counters: Arc<NodeCounters>,
    pub(crate) control: Arc<NodeControl>,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) timer: CallTimer,
    pub(crate) follower: Option<Follower>,
    pub(crate) shared: Arc<SessionShared>,
}

/// Why an inlet did not take a packet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("inlet `{inlet}`: {reason}")]
#[non_exhaustive]
pub struct InletError {
    /// Name of the inlet.
    pub inlet: String,
    /// Why the packet was not taken.
    #[source]
    pub reason: EmitError,
}

impl Inlet {
    pub(crate) fn new(plan: EndPlan, output: Output) -> Self {
        let EndPlan { name, counters, control, upstream: _, timer, follower, shared } = plan;
        counters.set_state(NodeState::Running);
        Self { name, output, locals: Locals::default(), counters, control, timer, follower, shared }
    }

    /// Name of the inlet.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Pushes a packet; waits for room as long as the consumer takes something within `timeout`.
    ///
    /// Takes a `Packet`, or a `&mut Packet` that is left empty on success and untouched on an error.
    ///
    /// # Errors
    /// The packet is not of the inlet's format, there was no room, or the session is stopping.
    pub fn send(&mut self, mut packet: impl BorrowMut<Packet>, timeout: Duration) -> Result<(), InletError> {
        self.emit(packet.borrow_mut(), Wait::ForRoom, timeout)
    }

    /// Pushes a packet without waiting.
    ///
    /// # Errors
    /// As for [`Inlet::send`]; [`EmitError::WouldBlock`] when there is no room.
    pub fn try_send(&mut self, mut packet: impl BorrowMut<Packet>) -> Result<(), InletError> {
        self.emit(packet.borrow_mut(), Wait::Never, Duration::ZERO)
    }

    fn emit(&mut self, packet: &mut Packet, wait: Wait, send_timeout: Duration) -> Result<(), InletError> {
        if self.shared.is_draining() {
            return Err(self.refused(EmitError::Cancelled));
        }
        let mut boxed = self.locals.spare();
        packet.move_to(&mut boxed);
        let mut emitter = Emitter {
            outputs: std::slice::from_mut(&mut self.output),
            locals: &mut self.locals,
            counters: &self.counters,
            timer: &self.timer,
            send_timeout,
            abort: self.shared.abort_flag(),
            is_shared: false,
            call: None,
            counts_refusals: false,
            follower: self.follower.as_ref(),
            cause: None,
            fatal: None,
            follows: Follows::Nothing,
        };
        let sent = emitter.emit(0, wait, &mut boxed);
        match sent {
            Ok(()) => packet.clear(),
            Err(_) => boxed.move_to(packet),
        }
        self.locals.keep(boxed);
        sent.map_err(|reason| self.refused(reason))
    }

    #[cold]
    fn refused(&self, reason: EmitError) -> InletError {
        InletError { inlet: self.name.clone(), reason }
    }

    /// The next hint that a node downstream gave, if there is one; never waits. The newest of each name is kept.
    pub fn take_hint(&mut self) -> Option<HintContent> {
        loop {
            match self.control.take()? {
                Mail::Hint(hint) => {
                    self.control.hints.increment();
                    return Some(hint.content);
                }
                // An inlet has no params, so nobody asks.
                Mail::Update(_) => self.control.refuse(Answer::Gone),
            }
        }
    }

    /// Ends the stream; the same as dropping the inlet.
    pub fn end(self) {
        drop(self);
    }
}

impl Drop for Inlet {
    fn drop(&mut self) {
        self.counters.set_state(NodeState::Stopped);
        self.control.close();
        self.output.end(&mut self.locals);
    }
}

/// Where the application takes packets out. Dropping it makes the graph drop, and count, what still comes.
#[derive(Debug)]
pub struct Outlet {
    name: String,
    feeds: Vec<Arc<Link>>,
    /// Where the next packet arrives.
    arrived: Box<Packet>,
    /// The feed that is looked at first: they take turns.
    next: usize,
    bell: Arc<Doorbell>,
    counters: Arc<NodeCounters>,
    upstream: Arc<Upstream>,
    timer: CallTimer,
    /// The ledger, and the numbers of the feeds in it.
    follower: Option<(Follower, Vec<usize>)>,
    shared: Arc<SessionShared>,
}

/// Why an outlet gave no packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecvError {
    /// Nothing came in time.
    #[error("no packet came in time")]
    Timeout,
    /// The stream has ended and everything was taken.
    #[error("the stream has ended")]
    Ended,
}

impl Outlet {
    pub(crate) fn new(plan: EndPlan, feeds: &[Feed], bell: Arc<Doorbell>) -> Self {
        let EndPlan { name, counters, control: _, upstream, timer, follower, shared } = plan;
        counters.set_state(NodeState::Running);
        let follower = follower.map(|follower| (follower, feeds.iter().map(|feed| feed.number).collect()));
        // Links to the application always lead to another thread.
        let feeds = feeds.iter().filter_map(Feed::remote).cloned().collect();
        Self { name, feeds, arrived: Box::default(), next: 0, bell, counters, upstream, timer, follower, shared }
    }

    /// Name of the outlet.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tells the nodes upstream something, with `content` as JSON; never waits. See [`crate::SessionHandle::hint`].
    ///
    /// # Errors
    /// The name has more than 80 bytes, or the content more than 4 KiB.
    pub fn hint(&self, name: &str, content: &Value) -> Result<(), HintError> {
        self.upstream.tell(0, &HintContent::new(name, &content.to_string())?)
    }

    /// Takes the next packet; waits for it at most `timeout`.
    ///
    /// # Errors
    /// [`RecvError::Timeout`], or [`RecvError::Ended`] after the last packet.
    pub fn recv(&mut self, timeout: Duration) -> Result<Packet, RecvError> {
        // No end that a clock could show is no end.
        let until = Instant::now().checked_add(timeout);
        loop {
            match self.try_recv() {
                Err(RecvError::Timeout) => {}
                answer => return answer,
            }
            let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Err(RecvError::Timeout);
            }
            let Self { feeds, shared, .. } = &*self;
            let is_ready = |wanted| {
                shared.is_aborted()
                    || feeds.iter().any(|feed| feed.has(wanted))
                    || feeds.iter().all(|feed| feed.is_finished())
            };
            self.bell.sleep_unless(is_ready, left);
        }
    }

    /// Takes the next packet if there is one.
    ///
    /// # Errors
    /// [`RecvError::Timeout`] when there is none now, [`RecvError::Ended`] after the last packet.
    pub fn try_recv(&mut self) -> Result<Packet, RecvError> {
        // Asked first: what is sent before the end is then seen below.
        let is_finished = self.shared.is_aborted() || self.feeds.iter().all(|feed| feed.is_finished());
        for turn in 0..self.feeds.len() {
            let at = (self.next + turn) % self.feeds.len();
            let Some(feed) = self.feeds.get(at) else { continue };
            feed.counters.saw_depth(feed.len());
            if feed.take(&mut self.arrived) {
                let packet = self.arrived.take();
                feed.let_producer_go();
                self.next = at + 1;
                self.counters.packets_in.increment();
                self.counters.saw_pts(packet.pts_ns());
                self.arrived(packet.host_private(), at);
                return Ok(packet);
            }
        }
        Err(if is_finished { RecvError::Ended } else { RecvError::Timeout })
    }

    /// Notes how long a packet waited; the application gets it at once.
    fn arrived(&self, word: u64, feed: usize) {
        let now = self.timer.now();
        let followed = self.follower.as_ref().and_then(|(follower, links)| {
            let taken = follower.takes(word, *links.get(feed)?, now, &self.counters)?;
            Some((follower, taken))
        });
        match followed {
            Some((follower, taken)) => follower.call_ended(taken, now, true),
            None => self.timer.record([word, now], &self.counters.queue_wait),
        }
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.counters.set_state(NodeState::Stopped);
        for feed in &self.feeds {
            feed.close(DropReason::Closed);
        }
    }
}
