//! What an instance and its worker share while the instance lives, and what is left of it afterwards.

use crate::exec::clock::Clock;
use crate::exec::hint::{HintContent, HintError, Upstream};
use crate::exec::life::Life;
use crate::telemetry::log_bridge::Speaker;
use std::sync::{Arc, Mutex, PoisonError};

/// Identity of a node and the few flags that any thread may look at.
///
/// It outlives the instance: a thread that a plugin forgot still finds it, closed.
#[derive(Debug)]
pub struct NodeContext {
    session: Arc<str>,
    node: Arc<str>,
    kind: Arc<str>,
    instance_id: u64,
    clock: Arc<dyn Clock>,
    /// Clock reading at which the session started.
    origin_ns: i64,
    life: Life,
    waker: Arc<dyn Wake>,
    /// Who hears the hints of the node.
    upstream: Arc<Upstream>,
    /// The node as far as its log records are concerned; the instances of a node share it.
    speaker: Arc<Speaker>,
}

/// Wakes whoever runs a node.
pub trait Wake: Send + Sync + std::fmt::Debug {
    /// Asks for a tick of the node as soon as possible; cheap and callable from any thread.
    fn wake(&self);
}

/// For a context whose node nobody runs: a single instance, a question, a test. There is nobody to wake.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing to say about it")]
pub struct NoWake;

impl Wake for NoWake {
    fn wake(&self) {}
}

/// The context of the newest instance of a node.
#[derive(Debug)]
pub(crate) struct CurrentContext(Mutex<Arc<NodeContext>>);

impl CurrentContext {
    pub(crate) fn new(context: Arc<NodeContext>) -> Self {
        Self(Mutex::new(context))
    }

    pub(crate) fn set(&self, context: Arc<NodeContext>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = context;
    }

    pub(crate) fn now(&self) -> Arc<NodeContext> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Names of a node for logs and messages.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NodeName {
    /// Name of the session.
    pub session: Arc<str>,
    /// Id of the node.
    pub node: Arc<str>,
    /// Id of its kind.
    pub kind: Arc<str>,
}

impl NodeName {
    /// Names a node.
    pub fn new(session: impl Into<Arc<str>>, node: impl Into<Arc<str>>, kind: impl Into<Arc<str>>) -> Self {
        Self { session: session.into(), node: node.into(), kind: kind.into() }
    }
}

impl NodeContext {
    /// The context of one instance.
    pub fn new(name: NodeName, instance_id: u64, clock: Arc<dyn Clock>, waker: Arc<dyn Wake>) -> Self {
        let origin_ns = clock.now_ns();
        let speaker = Speaker::of_node(name.session.clone(), name.node.clone(), name.kind.clone());
        Self {
            session: name.session,
            node: name.node,
            kind: name.kind,
            instance_id,
            clock,
            origin_ns,
            life: Life::new(),
            waker,
            upstream: Arc::default(),
            speaker: Arc::new(speaker),
        }
    }

    /// Says who hears the hints of the node; nobody unless this is said.
    #[must_use]
    pub(crate) fn with_upstream(self, upstream: Arc<Upstream>) -> Self {
        Self { upstream, ..self }
    }

    /// The context of the instance that takes the place of this one's.
    #[must_use]
    pub(crate) fn renewed(&self, instance_id: u64) -> Self {
        Self {
            session: self.session.clone(),
            node: self.node.clone(),
            kind: self.kind.clone(),
            instance_id,
            clock: self.clock.clone(),
            origin_ns: self.origin_ns,
            life: Life::new(),
            waker: self.waker.clone(),
            upstream: self.upstream.clone(),
            speaker: self.speaker.clone(),
        }
    }

    /// Name of the session.
    pub fn session(&self) -> &str {
        &self.session
    }

    /// Id of the node.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Id of the kind.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The node as far as its log records are concerned.
    pub(crate) fn speaker(&self) -> &Arc<Speaker> {
        &self.speaker
    }

    /// Number of the instance in this process.
    pub fn instance_id(&self) -> u64 {
        self.instance_id
    }

    /// Monotonic nanoseconds.
    pub fn now_ns(&self) -> i64 {
        self.clock.now_ns()
    }

    /// Nanoseconds since the node's session was set up.
    pub fn session_ns(&self) -> i64 {
        self.clock.now_ns().saturating_sub(self.origin_ns)
    }

    /// Asks the instance to return soon; it cannot be taken back.
    pub fn cancel(&self) {
        self.life.cancel();
    }

    /// Whether the instance should return soon.
    pub fn is_cancelled(&self) -> bool {
        self.life.is_cancelled()
    }

    /// Marks that the instance is gone: what still arrives here is late.
    pub fn close(&self) {
        self.life.close();
    }

    /// Whether the instance is gone.
    pub fn is_closed(&self) -> bool {
        self.life.is_closed()
    }

    /// Leaves a hint with the nodes upstream of an input. An instance that was given up is not listened to.
    ///
    /// # Errors
    /// The node has no such input.
    pub fn hint_upstream(&self, input: usize, content: &HintContent) -> Result<(), HintError> {
        if self.is_cancelled() {
            return Ok(());
        }
        self.upstream.tell(input, content)
    }

    /// The nodes upstream.
    pub(crate) fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// Asks for a tick of the node.
    pub fn wake(&self) {
        self.waker.wake();
    }
}
