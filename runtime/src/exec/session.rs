//! One running graph: start, watch, stop, report.
//!
//! The handle never touches an instance: it starts threads, sets flags and reads counters. Dropping it asks the
//! workers to end and returns at once.

mod assemble;
mod handle;
mod steer;
mod warm_up;

#[cfg(test)]
#[cfg(not(loom))]
mod simulation;

pub(crate) use assemble::next_instance_id;
pub use handle::SessionHandle;
pub use steer::SteerError;

use crate::exec::clock::{Clock, Measure, MonotonicClock};
use crate::exec::counters::NodeFailure;
use crate::exec::ends::{Inlet, Outlet};
use crate::exec::instance::Factories;
use crate::exec::link::{DropReason, Link};
use crate::exec::patience::Idle;
use crate::exec::report::{Outcome, SessionReport};
use crate::exec::single::InstanceHandle;
use crate::exec::sys;
use crate::exec::watch::Watch;
use crate::exec::worker::{self, Go, Milestone};
use crate::graph::{Graph, PinsError};
use assemble::Assembly;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Milestones that one worker can reach, those that the watch tells included.
const MILESTONES_PER_WORKER: usize = 7;

/// How long a wait without an end sleeps at once.
const SLEEP_MAX: Duration = Duration::from_secs(3600);

/// What a session is started with beside its graph.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SessionOptions {
    /// Name for logs and reports; that of the graph when empty.
    pub name: String,
    /// Time for ticks and for the plugins.
    pub clock: Arc<dyn Clock>,
    /// How long a stop waits for what is under way.
    pub drain_timeout: Duration,
    /// How long a stop waits, after that, for the workers to free their instances.
    pub stop_timeout: Duration,
    /// What is measured of calls and packets.
    pub measure: Measure,
    /// What threads do while they have nothing to do.
    pub idle: Idle,
    /// Follow one packet of this many through the graph, for [`SessionReport::latency`]; none unless it is set.
    ///
    /// 1 follows all of them. A packet that is followed costs some locks and clock readings in every node; one that is
    /// not costs nothing.
    pub follow_every: Option<NonZeroU64>,
    /// What the jitter of restarts comes from, beside the position of the node; numbers of instances unless it is set.
    pub(crate) jitter_seed: Option<u64>,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            name: String::new(),
            clock: Arc::new(MonotonicClock::new()),
            drain_timeout: Duration::from_secs(5),
            stop_timeout: Duration::from_secs(5),
            measure: Measure::Times,
            idle: Idle::Adaptive,
            follow_every: None,
            jitter_seed: None,
        }
    }
}

/// Why a session did not start. Whatever was made for it is freed on its own thread.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A kind of the graph is not offered by the plugins at hand.
    #[error("kind `{kind}` of node `{node}` is not offered by the plugins that the session was given")]
    UnknownKind {
        /// Id of the node.
        node: String,
        /// Id of the kind.
        kind: String,
    },
    /// A node could not be made or started.
    #[error(transparent)]
    Node(#[from] Box<NodeFailure>),
    /// The pins of a single instance, which depend on its params, are not known.
    #[error("the pins of `{kind}` are not known: {error}")]
    Pins {
        /// Id of the kind.
        kind: String,
        /// Why they are not.
        #[source]
        error: PinsError,
    },
    /// A single instance was not made in time.
    #[error("create of `{kind}` took longer than {waited_ms} ms; raise `create_timeout`")]
    Timeout {
        /// Id of the kind.
        kind: String,
        /// How long the caller waited.
        waited_ms: u128,
    },
    /// A worker ended without a word: a bug of the runtime.
    #[error("worker `{worker}` ended while it was started; this is a bug of the runtime, please report it")]
    WorkerGone {
        /// Name of the worker.
        worker: String,
    },
    /// The operating system gave no thread.
    #[error("no thread for worker `{worker}`: {error}")]
    Thread {
        /// Name of the worker.
        worker: String,
        /// What the system said.
        #[source]
        error: std::io::Error,
    },
}

/// One running graph. Dropping it stops the graph without waiting; use [`Session::stop`] or [`Session::wait`].
///
/// Everything that its [`SessionHandle`] can do, it can do too.
#[derive(Debug)]
pub struct Session {
    handle: SessionHandle,
    milestones: Receiver<Milestone>,
    /// Workers that have not ended.
    alive: Vec<String>,
    /// The watch ends when this is dropped.
    _watch: Sender<()>,
    /// Links between threads that no outlet reads: what is left in them at the end is lost.
    inner_links: Vec<Arc<Link>>,
    /// Links that an outlet reads: what is left in them is still for the application, unless it gave the outlet up.
    outlet_links: Vec<Arc<Link>>,
    inlets: Mutex<BTreeMap<String, Inlet>>,
    outlets: Mutex<BTreeMap<String, Outlet>>,
    options: SessionOptions,
    /// What the graph wants to have in memory as long as this session.
    _warm: Vec<InstanceHandle>,
}

impl Session {
    /// Starts a graph: makes what is to be warm, then every instance on its worker, starts them all, and lets them run.
    ///
    /// Blocks until then; each call has its deadline, see [`crate::graph::Deadlines`].
    ///
    /// # Errors
    /// A node could not be made or started, or not in time. Nothing runs then.
    pub fn start(graph: &Graph, factories: &dyn Factories, options: SessionOptions) -> Result<Self, StartError> {
        let name = match (options.name.as_str(), graph.name()) {
            ("", Some(name)) => name.to_string(),
            ("", None) => "session".to_string(),
            (name, _) => name.to_string(),
        };
        let warm = warm_up::make(graph, factories, &options)?;
        let Assembly { shared, workers, watched, nodes, links, ledger, inner_links, outlet_links, inlets, outlets } =
            assemble::assemble(graph, factories, &name, &options)?;
        let (tell, milestones) = bounded(workers.len() * MILESTONES_PER_WORKER);
        let watch = Watch {
            workers: watched,
            shared: shared.clone(),
            clock: options.clock.clone(),
            milestones: tell.clone(),
            start: worker::start_replacement,
        };
        let (end_watch, watch_ends) = bounded(0);
        let upkeep = factories.upkeep();
        sys::spawn("watch", move || watch.run(&watch_ends, upkeep))
            .map_err(|error| StartError::Thread { worker: "watch".to_string(), error })?;
        let mut alive = Vec::with_capacity(workers.len());
        let mut go = Vec::with_capacity(workers.len());
        for plan in workers {
            let (go_worker, listen) = bounded(2);
            let (worker, tell) = (plan.name.clone(), tell.clone());
            sys::spawn(&worker.clone(), move || worker::run(plan, &listen, &tell))
                .map_err(|error| StartError::Thread { worker: worker.clone(), error })?;
            alive.push(worker);
            go.push(go_worker);
        }
        drop(tell);
        let mut session = Self {
            handle: SessionHandle::new(name, shared, (nodes, links), (ledger, factories.resources())),
            milestones,
            alive,
            _watch: end_watch,
            inner_links,
            outlet_links,
            inlets: Mutex::new(inlets),
            outlets: Mutex::new(outlets),
            options,
            _warm: warm,
        };
        session.begin(&go)?;
        session.handle.begins();
        Ok(session)
    }

    /// Leads the workers through creating and starting. Dropping `go` on an error frees what they made.
    fn begin(&mut self, go: &[Sender<Go>]) -> Result<(), StartError> {
        let mut awaited = self.alive.clone();
        self.await_all(&mut awaited)?;
        tell_all(go, Go::Start);
        self.await_all(&mut awaited)?;
        self.handle.shared().begin();
        tell_all(go, Go::Run);
        Ok(())
    }

    /// Waits until every awaited worker has reached the next milestone. The watch ends calls that do not return, so this
    /// ends. A worker whose thread was lost is awaited no more: if the session could not start without it, there would be
    /// a failure; one that took its place makes its instances when the session runs.
    fn await_all(&mut self, awaited: &mut Vec<String>) -> Result<(), StartError> {
        let mut missing = awaited.clone();
        while !missing.is_empty() {
            let Ok(milestone) = self.milestones.recv() else { break };
            self.heard(&milestone);
            match milestone {
                Milestone::Created(worker) | Milestone::Started(worker) => missing.retain(|name| *name != worker),
                Milestone::Failed(failure) => return Err(failure.into()),
                Milestone::Lost(worker) | Milestone::Replaced(worker) => {
                    if let Some(failure) = self.handle.shared().failures().into_iter().next() {
                        return Err(StartError::Node(Box::new(failure)));
                    }
                    awaited.retain(|name| *name != worker);
                    missing.retain(|name| *name != worker);
                }
                Milestone::Ended(worker) => return Err(StartError::WorkerGone { worker }),
            }
        }
        Ok(())
    }

    /// What other threads can ask and tell this session through; it keeps nothing running.
    pub fn handle(&self) -> SessionHandle {
        self.handle.clone()
    }

    /// The inlet with this name; each can be taken once.
    pub fn take_inlet(&self, name: &str) -> Option<Inlet> {
        self.inlets.lock().unwrap_or_else(PoisonError::into_inner).remove(name)
    }

    /// The outlet with this name; each can be taken once.
    pub fn take_outlet(&self, name: &str) -> Option<Outlet> {
        self.outlets.lock().unwrap_or_else(PoisonError::into_inner).remove(name)
    }

    /// Whether every worker has ended; never waits.
    pub fn has_ended(&mut self) -> bool {
        self.wait_timeout(Duration::ZERO).is_some()
    }

    /// Waits until the session has ended by itself, through a failure, or through its handle.
    ///
    /// A graph with a source that never ends runs until it is stopped, so this has no deadline of its own.
    /// Inlets and outlets that were not taken are closed first: nobody could end them.
    pub fn wait(mut self) -> SessionReport {
        self.close_untaken_ends();
        self.await_end(None);
        self.last_report()
    }

    /// Waits at most `timeout` for the end of the session.
    pub fn wait_timeout(&mut self, timeout: Duration) -> Option<SessionReport> {
        // No end that a clock could show is no end.
        self.await_end(Instant::now().checked_add(timeout)).then(|| self.last_report())
    }

    /// Listens to the workers until all have ended; `false` when that is not so at `until`.
    fn await_end(&mut self, until: Option<Instant>) -> bool {
        while !self.alive.is_empty() {
            let left = until.map_or(SLEEP_MAX, |until| until.saturating_duration_since(Instant::now()));
            match self.milestones.recv_timeout(left) {
                Ok(milestone) => self.heard(&milestone),
                Err(RecvTimeoutError::Timeout) if until.is_none() => {}
                Err(RecvTimeoutError::Timeout) => return false,
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        true
    }

    /// Ends the sources, lets the rest finish, and frees every instance, each within its deadline.
    ///
    /// What is not finished after the drain timeout is dropped and counted; a worker that does not end within the stop
    /// timeout after that is named in the report and left alone.
    pub fn stop(mut self) -> SessionReport {
        self.close_untaken_ends();
        self.handle.shared().drain();
        if let Some(report) = self.wait_timeout(self.options.drain_timeout) {
            return report;
        }
        self.handle.shared().abort();
        if let Some(report) = self.wait_timeout(self.options.stop_timeout) {
            return report;
        }
        self.count_what_is_left();
        let mut report = self.report();
        report.outcome = Outcome::Aborted;
        report.stragglers = self.alive.clone();
        report
    }

    fn close_untaken_ends(&self) {
        drop(std::mem::take(&mut *self.inlets.lock().unwrap_or_else(PoisonError::into_inner)));
        drop(std::mem::take(&mut *self.outlets.lock().unwrap_or_else(PoisonError::into_inner)));
    }

    fn heard(&mut self, milestone: &Milestone) {
        if let Milestone::Ended(worker) | Milestone::Lost(worker) = milestone {
            self.alive.retain(|name| name != worker);
        }
    }

    /// Closes the links that nobody reads any more, so that what is in them is counted as lost.
    fn count_what_is_left(&self) {
        let reason = if self.handle.shared().is_aborted() { DropReason::Stopped } else { DropReason::Closed };
        let given_up = self.outlet_links.iter().filter(|link| link.is_closed());
        self.inner_links.iter().chain(given_up).for_each(|link| link.close(reason));
    }

    /// The report after the end: what is left on links is lost, and counted.
    fn last_report(&self) -> SessionReport {
        self.count_what_is_left();
        let mut report = self.report();
        if !self.alive.is_empty() {
            // A worker's thread is gone without a word: that is a bug of the runtime, and still told as what it is.
            report.outcome = Outcome::Failed;
            report.stragglers = self.alive.clone();
        }
        report
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.alive.is_empty() {
            self.handle.shared().abort();
        }
    }
}

/// A worker that is gone does not listen; its milestones tell why.
fn tell_all(workers: &[Sender<Go>], go: Go) {
    for worker in workers {
        let _unheard = worker.send(go);
    }
}

impl Deref for Session {
    type Target = SessionHandle;

    fn deref(&self) -> &SessionHandle {
        &self.handle
    }
}
