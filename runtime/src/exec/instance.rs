//! What the executor knows of a node: a trait, and never how it came into the process.

use crate::exec::context::NodeContext;
use crate::exec::hint::{Hint, HintAnswer};
use crate::telemetry::ResourceGauge;
use graphmill_abi::Packet;
use std::sync::Arc;

/// One live object of a kind.
///
/// It is made, used and dropped on one thread: the worker that owns it. Calls never nest.
pub trait Instance {
    /// The session starts to run.
    ///
    /// # Errors
    /// The node cannot run; the session does not start.
    fn start(&mut self) -> Result<(), Fault>;

    /// Asks a source for packets, or calls a node with inputs at a time that it asked for.
    ///
    /// # Errors
    /// The source has failed; a node with inputs goes on, or has failed as after a packet.
    fn tick(&mut self, now_ns: i64, outputs: &mut dyn Outputs) -> Result<NextTick, Fault>;

    /// Hands over a packet that came in on an input; what is left in it afterwards is dropped by the caller.
    ///
    /// # Errors
    /// The packet could not be processed, or the instance has failed; [`Fault::class`] tells which.
    fn process(&mut self, pin: usize, packet: &mut Packet, outputs: &mut dyn Outputs) -> Result<(), Fault>;

    /// Tells that an input has ended.
    ///
    /// # Errors
    /// As for [`Instance::process`].
    fn flush(&mut self, pin: usize, outputs: &mut dyn Outputs) -> Result<(), Fault>;

    /// Hands over new params as a JSON object.
    ///
    /// # Errors
    /// The old params stay.
    fn update(&mut self, params: &str) -> Result<(), Fault>;

    /// A node downstream of an output tells something; must not emit.
    ///
    /// # Errors
    /// The hint goes no further.
    fn hint(&mut self, hint: &Hint) -> Result<HintAnswer, Fault>;

    /// The node has ended or the session stops; only drop comes after it.
    ///
    /// # Errors
    /// Counted and shown in the report.
    fn stop(&mut self) -> Result<(), Fault>;
}

/// Makes instances of one kind; called on the worker that will own the instance.
pub trait Factory: Send + Sync + std::fmt::Debug {
    /// Makes an instance with params as a JSON object.
    ///
    /// # Errors
    /// The instance cannot be made.
    fn create(&self, context: &Arc<NodeContext>, params: &str) -> Result<Box<dyn Instance>, Fault>;

    /// Whether instances of a kind with inputs are to be ticked when they ask for it.
    fn has_timer(&self) -> bool {
        false
    }
}

/// Finds the factory of a kind.
pub trait Factories {
    /// The factory of the kind with this id.
    fn factory(&self, kind: &str) -> Option<Arc<dyn Factory>>;

    /// Where the metrics of a session find the figures of what its nodes load once; none unless there is such a thing.
    fn resources(&self) -> Option<Arc<dyn ResourceGauge>> {
        None
    }

    /// What the watch of every session does about once a second, to give back what nobody needs any more. Must not
    /// block; nothing unless there is such a thing.
    fn upkeep(&self) -> fn() {
        || ()
    }
}

/// Where an instance hands its packets to during a call.
pub trait Outputs {
    /// Hands a packet to every link of an output. On success `packet` is left empty, on an error it is untouched.
    ///
    /// It comes in a box, so that an implementation can keep the box and leave an empty one instead of copying.
    ///
    /// # Errors
    /// The packet was not taken.
    fn emit(&mut self, pin: usize, wait: Wait, packet: &mut Box<Packet>) -> Result<(), EmitError>;
}

/// Whether an emit may wait for room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third answer")]
pub enum Wait {
    /// Up to the send timeout of the node.
    ForRoom,
    /// Not at all.
    Never,
}

/// When a source wants its next tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "every executor has to handle each of them")]
pub enum NextTick {
    /// As soon as the links have room.
    Now,
    /// At this time of the session's clock.
    At(i64),
    /// When it is woken.
    OnWake,
    /// Never: the source has ended.
    Ended,
}

/// What went wrong in a call into an instance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct Fault {
    /// What it means for the instance.
    pub class: FaultClass,
    /// Sentence of the plugin or the host, without node and kind: the executor adds them.
    pub message: String,
    /// Longer text such as a backtrace.
    pub detail: Option<String>,
    /// The number that the plugin answered with, if it was the plugin that said no.
    pub status: Option<i32>,
}

impl Fault {
    /// A fault without further detail.
    pub fn new(class: FaultClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), detail: None, status: None }
    }

    /// Adds the number that the plugin answered with.
    #[must_use]
    pub fn with_status(self, status: i32) -> Self {
        Self { status: Some(status), ..self }
    }

    /// Adds a longer text.
    #[must_use]
    pub fn with_detail(mut self, detail: Option<String>) -> Self {
        self.detail = detail;
        self
    }
}

/// What a fault means for the instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultClass {
    /// The plugin refused with a typed error; the instance is fine.
    Error,
    /// The call ended because the session is stopping; the instance is fine.
    Cancelled,
    /// The plugin panicked; the instance can only be dropped.
    Panic,
    /// The plugin broke the contract of the ABI; the instance is not called again.
    Contract,
    /// A call did not return in time; the instance is abandoned on its thread.
    Hung,
    /// The instance is fine, but its thread was lost to another one.
    WorkerLost,
}

impl FaultClass {
    /// Whether the instance may be called again.
    pub fn is_survivable(self) -> bool {
        matches!(self, Self::Error | Self::Cancelled)
    }

    /// The word for reports and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Cancelled => "cancelled",
            Self::Panic => "panic",
            Self::Contract => "contract breach",
            Self::Hung => "hung",
            Self::WorkerLost => "worker lost",
        }
    }
}

/// Why a packet was not taken by the links.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EmitError {
    /// A link is full and the emit may not wait.
    #[error("a link of this output is full")]
    WouldBlock,
    /// The session is stopping.
    #[error("the session is stopping")]
    Cancelled,
    /// A link had no room for longer than the send timeout.
    #[error(
        "link {link} had no room for {waited_ms} ms; raise `send_timeout_ms`, its capacity, or let it drop with `when_full`"
    )]
    Timeout {
        /// The link as a person writes it.
        link: String,
        /// How long the emit waited.
        waited_ms: u64,
    },
    /// The link was told to fail when it is full.
    #[error("link {link} is full and its `when_full` is `fail`")]
    Full {
        /// The link as a person writes it.
        link: String,
    },
    /// A call gave far more packets than a link has room for, on a worker that cannot wait for room.
    #[error(
        "link {link} got {max} packets more than it has room for, and its worker is shared, so the call cannot wait; \
         give fewer packets per call, or give the node a worker of its own"
    )]
    Surplus {
        /// The link as a person writes it.
        link: String,
        /// Packets that are kept beyond the room of the link.
        max: usize,
    },
    /// The packet is not what the output or a link of it carries.
    #[error("{message}")]
    Format {
        /// Names pins and formats.
        message: String,
    },
    /// The kind has no such output.
    #[error("there is no output with number {pin}; the kind has {count}")]
    NoSuchPin {
        /// The number that was asked for.
        pin: usize,
        /// Outputs that the kind has.
        count: usize,
    },
}
