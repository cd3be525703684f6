//! What the workers of a session and its handle share: two flags, the failures, the changes, and the bells to ring.

use crate::exec::context::CurrentContext;
use crate::exec::counters::NodeFailure;
use crate::exec::doorbell::Doorbell;
use crate::exec::events::EventLog;
use crate::exec::link::Link;
use crate::exec::supervise::DeadLetterBox;
use crate::exec::sys::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// State of a session that every thread of it can see.
#[derive(Debug, Default)]
pub(crate) struct SessionShared {
    /// Every node that the session needs has begun to run.
    has_begun: AtomicBool,
    /// Sources end, inlets close; what is under way is still finished.
    is_draining: AtomicBool,
    /// Everything ends at once.
    is_aborted: AtomicBool,
    /// Workers that have not ended.
    alive: AtomicU64,
    /// When the last of them ended.
    ended: Mutex<Option<Instant>>,
    /// What happened to the nodes.
    events: Arc<EventLog>,
    failures: Mutex<Vec<NodeFailure>>,
    /// Failures of nodes that the session goes on without.
    tripped: Mutex<Vec<NodeFailure>>,
    /// Workers whose threads were abandoned.
    abandoned: Mutex<Vec<String>>,
    /// Packets that cost an instance its life.
    dead_letters: DeadLetterBox,
    bells: Mutex<Vec<Arc<Doorbell>>>,
    /// Contexts of the nodes, so that an abort reaches calls that are under way.
    contexts: Mutex<Vec<Arc<CurrentContext>>>,
    /// Links that the application feeds: they end when the session drains.
    inlets: Mutex<Vec<Arc<Link>>>,
}

impl SessionShared {
    /// Adds a bell to those that are rung when a flag changes.
    pub(crate) fn add_bell(&self, bell: Arc<Doorbell>) {
        self.bells.lock().unwrap_or_else(PoisonError::into_inner).push(bell);
    }

    /// Adds the context of a node.
    pub(crate) fn add_context(&self, context: Arc<CurrentContext>) {
        self.contexts.lock().unwrap_or_else(PoisonError::into_inner).push(context);
    }

    /// Adds a link that the application feeds.
    pub(crate) fn add_inlet(&self, link: Arc<Link>) {
        self.inlets.lock().unwrap_or_else(PoisonError::into_inner).push(link);
    }

    /// Counts a worker that is going to run.
    pub(crate) fn add_worker(&self) {
        self.alive.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a worker that has ended, or whose thread was given up; after the last one nothing happens any more.
    pub(crate) fn worker_ended(&self) {
        if self.alive.fetch_sub(1, Ordering::AcqRel) == 1 {
            *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            self.events.end();
        }
    }

    /// When the last worker ended; `None` while one has not.
    pub(crate) fn ended(&self) -> Option<Instant> {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What happened to the nodes.
    pub(crate) fn events(&self) -> &Arc<EventLog> {
        &self.events
    }

    /// Lets those run who wait for the session.
    pub(crate) fn begin(&self) {
        self.has_begun.store(true, Ordering::Release);
        self.ring_all();
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Acquire)
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Acquire)
    }

    pub(crate) fn is_aborted(&self) -> bool {
        self.is_aborted.load(Ordering::Acquire)
    }

    /// The flag that ends every wait for room.
    pub(crate) fn abort_flag(&self) -> &AtomicBool {
        &self.is_aborted
    }

    /// Ends the sources and lets the rest finish.
    pub(crate) fn drain(&self) {
        self.is_draining.store(true, Ordering::Release);
        for link in self.inlets.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            link.end();
        }
        self.ring_all();
    }

    /// Ends everything at once.
    pub(crate) fn abort(&self) {
        self.is_aborted.store(true, Ordering::Release);
        for context in self.contexts.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            context.now().cancel();
        }
        self.drain();
    }

    /// Keeps the failure of a node and lets the session drain.
    pub(crate) fn node_failed(&self, failure: NodeFailure) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
        self.drain();
    }

    /// Keeps the name of a worker whose thread was abandoned.
    pub(crate) fn worker_abandoned(&self, worker: &str) {
        self.abandoned.lock().unwrap_or_else(PoisonError::into_inner).push(worker.to_string());
    }

    /// The workers whose threads were abandoned, a worker once for each thread.
    pub(crate) fn abandoned(&self) -> Vec<String> {
        self.abandoned.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps the failure of a node that the session goes on without.
    pub(crate) fn node_tripped(&self, failure: NodeFailure) {
        self.tripped.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
    }

    /// The failures that the session went on after, oldest first.
    pub(crate) fn tripped(&self) -> Vec<NodeFailure> {
        self.tripped.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The packets that were given up.
    pub(crate) fn dead_letters(&self) -> &DeadLetterBox {
        &self.dead_letters
    }

    /// The failures so far, oldest first.
    pub(crate) fn failures(&self) -> Vec<NodeFailure> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn ring_all(&self) {
        for bell in self.bells.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            bell.ring();
        }
    }
}
