//! One instance without a graph: request and reply, both bounded.
//!
//! The instance lives on a worker thread of its own. A call sends a request through a channel of one place and waits
//! for the reply; each of the two waits has its own deadline, and an error says which of them ended the call. After a
//! missed reply the instance is abandoned: it is never called again, every call that waits for it and every further one
//! fails at once, and its own thread frees it should it ever come back.

mod end;
mod error;
mod timeouts;
mod worker;

use crate::exec::clock::Clock;
use crate::exec::context::{NoWake, NodeContext, NodeName};
use crate::exec::counters::{NodeFailure, Operation};
use crate::exec::hint::Upstream;
use crate::exec::instance::{Factory, Fault, NextTick};
use crate::exec::lookout::Lookout;
use crate::exec::session::{StartError, next_instance_id};
use crate::exec::sys;
use crate::graph::{KindInfo, Role};
use crossbeam_channel::{Receiver, RecvTimeoutError, SendTimeoutError, Sender, bounded};
use end::End;
use graphmill_abi::Packet;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use timeouts::TimeoutCounters;
use worker::{Action, Answer, Reply, Request, Worker};

pub use error::{CallError, Phase};
pub use timeouts::CallTimeouts;

/// How often other threads run before a side of the hand-shake sleeps.
const YIELDS: u32 = 4;

/// Deadlines of a single instance.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct InstanceOptions {
    /// How long making it may take.
    pub create_timeout: Duration,
    /// How long a call may wait until the instance is free.
    pub send_timeout: Duration,
    /// How long a call may take after that.
    pub reply_timeout: Duration,
}

impl Default for InstanceOptions {
    fn default() -> Self {
        Self {
            create_timeout: Duration::from_secs(60),
            send_timeout: Duration::from_secs(1),
            reply_timeout: Duration::from_secs(1),
        }
    }
}

/// A packet that an instance emitted during a call.
#[derive(Debug)]
#[non_exhaustive]
pub struct Emitted {
    /// Number of the output.
    pub pin: usize,
    /// The packet.
    pub packet: Packet,
}

/// A handle of one instance on a thread of its own. A clone shares the instance, and calls of several take turns.
///
/// Dropping the last handle lets the instance's own thread free it; the drop itself runs no plugin code and does not
/// wait.
#[derive(Debug)]
pub struct InstanceHandle {
    kind: Arc<str>,
    plugin_file: Option<PathBuf>,
    requests: Sender<Request>,
    replies: Receiver<Answer>,
    /// By what the end of the calls, which has the other end of `replies`, knows this handle.
    caller: u64,
    lookout: Lookout,
    /// The vector that carries what is emitted: it travels with the request and comes back with the reply.
    emitted: Vec<Emitted>,
    context: Arc<NodeContext>,
    timeouts: Arc<TimeoutCounters>,
    end: Arc<End>,
    ended: Receiver<()>,
    shape: Shape,
    options: InstanceOptions,
}

/// What a kind offers, as far as a call has to know it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) role: Role,
    pub(crate) n_inputs: usize,
    pub(crate) n_outputs: usize,
}

impl Shape {
    pub(crate) fn of(kind: &KindInfo) -> Self {
        Self { role: kind.role, n_inputs: kind.inputs.len(), n_outputs: kind.outputs.len() }
    }
}

impl InstanceHandle {
    /// Makes and starts an instance on a thread of its own.
    pub(crate) fn start(
        kind: &str,
        (factory, plugin_file, shape): (Arc<dyn Factory>, Option<PathBuf>, Shape),
        (params, clock): (String, Arc<dyn Clock>),
        options: InstanceOptions,
    ) -> Result<Self, StartError> {
        let (requests, inbox) = bounded::<Request>(1);
        let (ready, is_ready) = bounded(1);
        let (end, ended) = bounded::<()>(0);
        let end_of_calls = Arc::new(End::new(inbox.clone()));
        let kind: Arc<str> = kind.into();
        let name = NodeName::new("instance", kind.clone(), kind.clone());
        let context = NodeContext::new(name, next_instance_id(), clock.clone(), Arc::new(NoWake));
        // It has inputs, and nobody is upstream of them.
        let upstream = Upstream::new(vec![Vec::new(); shape.n_inputs]);
        let context = Arc::new(context.with_upstream(Arc::new(upstream)));
        let n_outputs = shape.n_outputs;
        let worker = Worker { context: context.clone(), clock, n_outputs, end: end_of_calls.clone(), _ended: end };
        sys::spawn(&kind, move || worker.run(&*factory, &params, &ready, &inbox))
            .map_err(|error| StartError::Thread { worker: kind.to_string(), error })?;
        let (reply, replies) = bounded(1);
        let caller = end_of_calls.join(reply);
        let handle = Self {
            kind,
            plugin_file,
            requests,
            replies,
            caller,
            lookout: Lookout::default(),
            emitted: Vec::new(),
            context,
            timeouts: Arc::default(),
            end: end_of_calls,
            ended,
            shape,
            options,
        };
        let since = Instant::now();
        match is_ready.recv_timeout(options.create_timeout) {
            Ok(Ok(())) => Ok(handle),
            Ok(Err((operation, fault))) => Err(Box::new(handle.failure(operation, fault)).into()),
            Err(_) => {
                handle.abandon("it was not made in time");
                handle.end.thread().give_up();
                Err(StartError::Timeout { kind: handle.kind.to_string(), waited_ms: since.elapsed().as_millis() })
            }
        }
    }

    /// Id of the kind.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Hands a packet to an input and returns what the instance emitted, in order.
    ///
    /// Allocates nothing once the place for what is emitted has grown.
    ///
    /// # Errors
    /// See [`CallError`]; after [`Phase::Reply`] the instance is abandoned.
    pub fn process(&mut self, pin: usize, packet: Packet) -> Result<&mut Vec<Emitted>, CallError> {
        self.call(Action::Process { pin, packet })?;
        Ok(&mut self.emitted)
    }

    /// Tells the instance that an input has ended and returns what it emitted.
    ///
    /// # Errors
    /// As for [`InstanceHandle::process`].
    pub fn flush(&mut self, pin: usize) -> Result<&mut Vec<Emitted>, CallError> {
        self.call(Action::Flush { pin })?;
        Ok(&mut self.emitted)
    }

    /// Ticks a source and returns when it wants the next tick; [`InstanceHandle::emitted`] has what it gave.
    ///
    /// # Errors
    /// As for [`InstanceHandle::process`].
    pub fn tick(&mut self) -> Result<NextTick, CallError> {
        self.call(Action::Tick)
    }

    /// Hands new params over as a JSON object.
    ///
    /// # Errors
    /// As for [`InstanceHandle::process`]; on [`CallError::Refused`] the old params stay.
    pub fn update(&mut self, params: &serde_json::Value) -> Result<(), CallError> {
        self.call(Action::Update { params: params.to_string() }).map(drop)
    }

    /// Calls that ended at a deadline so far, through this handle and its clones.
    pub fn timeouts(&self) -> CallTimeouts {
        self.timeouts.now()
    }

    /// What the last call emitted.
    pub fn emitted(&mut self) -> &mut Vec<Emitted> {
        &mut self.emitted
    }

    /// The same handle with other deadlines for its calls; other handles of the instance keep theirs.
    #[must_use]
    pub fn with_options(mut self, options: InstanceOptions) -> Self {
        self.options = options;
        self
    }

    /// Ends the instance and waits until it is freed; `false` when that took longer than `timeout`, which it does for
    /// sure while another handle of the instance is alive.
    pub fn close(self, timeout: Duration) -> bool {
        let ended = self.ended.clone();
        drop(self);
        ended.recv_timeout(timeout) == Err(RecvTimeoutError::Disconnected)
    }

    fn call(&mut self, action: Action) -> Result<NextTick, CallError> {
        let operation = action.operation();
        self.check(&action, operation)?;
        if self.end.has_come() {
            return Err(self.gone());
        }
        self.emitted.clear();
        let emitted = std::mem::take(&mut self.emitted);
        let result = self.round_trip(operation, Request { action, emitted, caller: self.caller })?;
        result.map_err(|fault| self.fault(operation, fault))
    }

    /// Refuses what the kind does not know, before anybody is called.
    fn check(&self, action: &Action, operation: Operation) -> Result<(), CallError> {
        let Shape { role, n_inputs, .. } = self.shape;
        let message = match action {
            Action::Tick if role != Role::Source => format!("only a source is ticked, and this is a {}", role.as_str()),
            Action::Process { pin, .. } | Action::Flush { pin } if *pin >= n_inputs => {
                format!("there is no input with number {pin}; the kind has {n_inputs}")
            }
            _ => return Ok(()),
        };
        Err(CallError::Misuse { kind: self.kind.to_string(), operation, message })
    }

    fn round_trip(&mut self, operation: Operation, request: Request) -> Result<Result<NextTick, Fault>, CallError> {
        match self.requests.send_timeout(request, self.options.send_timeout) {
            Ok(()) => {}
            Err(SendTimeoutError::Timeout(request)) if !self.end.has_come() => {
                self.emitted = request.emitted;
                return Err(self.timeout(operation, Phase::Send, self.options.send_timeout));
            }
            Err(_) => return Err(self.gone()),
        }
        match receive(&self.replies, &self.lookout, self.options.reply_timeout) {
            Ok(Answer::Reply(Reply { result, emitted })) => {
                self.emitted = emitted;
                Ok(result)
            }
            Err(_) if !self.end.has_come() => {
                self.abandon(&format!("{} did not return in time", operation.name()));
                self.end.thread().give_up();
                Err(self.timeout(operation, Phase::Reply, self.options.reply_timeout))
            }
            Ok(Answer::GivenUp) | Err(_) => {
                self.end.empty_queue();
                Err(self.gone())
            }
        }
    }

    fn abandon(&self, reason: &str) {
        self.end.come(reason);
        self.context.cancel();
    }

    fn timeout(&self, operation: Operation, phase: Phase, waited: Duration) -> CallError {
        let error = CallError::Timeout { kind: self.kind.to_string(), operation, phase, waited };
        self.timeouts.count(phase, &error);
        error
    }

    fn gone(&self) -> CallError {
        CallError::Abandoned { kind: self.kind.to_string(), reason: self.end.reason() }
    }

    fn fault(&self, operation: Operation, fault: Fault) -> CallError {
        if fault.class.is_survivable() {
            return CallError::Refused { kind: self.kind.to_string(), operation, message: fault.message };
        }
        self.abandon(&fault.message);
        CallError::Failed(Box::new(self.failure(operation, fault)))
    }

    fn failure(&self, operation: Operation, fault: Fault) -> NodeFailure {
        NodeFailure::new([self.context.node(), &self.kind], self.plugin_file.clone(), operation, fault)
    }
}

/// Waits for what comes over a channel, and looks for it first.
fn receive<T>(channel: &Receiver<T>, lookout: &Lookout, timeout: Duration) -> Result<T, RecvTimeoutError> {
    if let Some(found) = lookout.look(|| channel.try_recv().ok()) {
        return Ok(found);
    }
    // Read here, as other threads may run for long before this one comes to wait.
    let begun = Instant::now();
    // Sooner than the channel itself would let them: one of them may be the one that is waited for.
    let soon = (0..YIELDS).find_map(|_| {
        thread::yield_now();
        channel.try_recv().ok()
    });
    soon.map_or_else(|| channel.recv_timeout(timeout.saturating_sub(begun.elapsed())), Ok)
}

impl Clone for InstanceHandle {
    fn clone(&self) -> Self {
        let (reply, replies) = bounded(1);
        let caller = self.end.join(reply);
        Self {
            kind: self.kind.clone(),
            plugin_file: self.plugin_file.clone(),
            requests: self.requests.clone(),
            replies,
            caller,
            lookout: Lookout::default(),
            emitted: Vec::new(),
            context: self.context.clone(),
            timeouts: self.timeouts.clone(),
            end: self.end.clone(),
            ended: self.ended.clone(),
            shape: self.shape,
            options: self.options,
        }
    }
}

impl Drop for InstanceHandle {
    fn drop(&mut self) {
        self.end.leave(self.caller);
    }
}
