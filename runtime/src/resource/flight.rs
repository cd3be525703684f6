//! One load, and those who wait for it.

use super::entry::Held;
use super::error::ResourceError;
use super::request::{Asker, Request};
use crate::exec::sys::{Condvar, Mutex, MutexGuard, ThreadId, current, wait_timeout};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// How often one who waits looks whether it is cancelled, or the one who loads: both are flags that ring no bell.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What a load ends with.
pub(super) type Outcome = Result<Held, ResourceError>;

/// One load.
#[derive(Debug)]
pub(super) struct Flight {
    phase: Mutex<Phase>,
    is_over: Condvar,
    /// Type of what is loaded.
    tag: Arc<str>,
    /// For whom it is loaded; `None` for the application.
    asker: Option<Arc<dyn Asker>>,
    thread: ThreadId,
    begun: Instant,
}

#[derive(Debug)]
enum Phase {
    Flying,
    /// Nobody counts on it any more.
    GivenUp,
    Landed(Outcome),
}

/// How waiting ended.
#[derive(Debug)]
pub(super) enum Waited {
    /// The load ended.
    Over(Outcome),
    /// The load was given up, or has to be: ask again.
    Again,
    /// The deadline has passed.
    Late,
    /// Whoever waited is cancelled.
    Cancelled,
}

impl Flight {
    /// A load that the calling thread begins.
    pub(super) fn new(request: &Request<'_>) -> Arc<Self> {
        Arc::new(Self {
            phase: Mutex::new(Phase::Flying),
            is_over: Condvar::new(),
            tag: request.tag.into(),
            asker: request.asker.clone(),
            thread: current().id(),
            begun: Instant::now(),
        })
    }

    pub(super) fn tag(&self) -> &Arc<str> {
        &self.tag
    }

    /// Whether the calling thread is the one that loads.
    pub(super) fn is_here(&self) -> bool {
        self.thread == current().id()
    }

    /// Whether nobody should wait for it any more. The watch of its session cancels a node that hangs; the application
    /// has no watch, so its loads have an age.
    pub(super) fn is_stale(&self, load_timeout: Duration) -> bool {
        match &self.asker {
            Some(asker) => asker.is_cancelled(),
            None => self.begun.elapsed() >= load_timeout,
        }
    }

    /// Has everybody who waits ask again.
    pub(super) fn give_up(&self) {
        *self.phase() = Phase::GivenUp;
        self.is_over.notify_all();
    }

    pub(super) fn is_given_up(&self) -> bool {
        matches!(*self.phase(), Phase::GivenUp)
    }

    /// Answers everybody who waits. A load that was given up answers nobody.
    pub(super) fn land(&self, outcome: Outcome) {
        let mut phase = self.phase();
        if matches!(*phase, Phase::Flying) {
            *phase = Phase::Landed(outcome);
            self.is_over.notify_all();
        }
    }

    /// Waits for the end of the load.
    pub(super) fn wait(&self, request: &Request<'_>, until: Option<Instant>, load_timeout: Duration) -> Waited {
        let mut phase = self.phase();
        loop {
            match &*phase {
                Phase::Landed(outcome) => return Waited::Over(outcome.clone()),
                Phase::GivenUp => return Waited::Again,
                Phase::Flying if request.is_cancelled() => return Waited::Cancelled,
                Phase::Flying if self.is_stale(load_timeout) => return Waited::Again,
                Phase::Flying => (),
            }
            let left = until.map_or(LOOK_EVERY, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Waited::Late;
            }
            phase = wait_timeout(&self.is_over, phase, left.min(LOOK_EVERY));
        }
    }

    /// Nothing that can panic runs under this lock, so a poisoned one holds nothing broken.
    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
