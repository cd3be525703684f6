//! The executor: workers, links and sessions over the [`Instance`] trait. It never knows how a plugin was loaded.

mod ends;
mod events;
mod instance;
mod link;
mod session;
mod single;
mod worker;

mod abandoned;
pub(crate) mod control;
mod counters;
mod follow;
mod gate;
mod hint;
mod lease;
mod metrics;
mod report;
mod shared;
pub(crate) mod stray;
pub mod supervise;
mod watch;

mod clock;
mod context;
pub(crate) mod current;
mod doorbell;
mod habit;
mod life;
mod lookout;
mod patience;
pub(crate) mod sys;

pub use crate::telemetry::histogram::Summary;
pub use abandoned::abandoned_threads;
pub use clock::{Clock, Measure, MonotonicClock, VirtualClock};
pub use context::{NoWake, NodeContext, NodeName, Wake};
pub use counters::{NodeFailure, Operation};
pub use ends::{Inlet, InletError, Outlet, RecvError};
pub use events::{EVENTS_MAX, Events, SessionEvent, StateChange};
pub use gate::format_of;
#[cfg(test)]
pub(crate) use hint::Upstream;
pub use hint::{Hint, HintAnswer, HintContent, HintError};
pub use instance::{EmitError, Factories, Factory, Fault, FaultClass, Instance, NextTick, Outputs, Wait};
pub use patience::Idle;
pub use report::{Dropped, LinkReport, NodeReport, Outcome, SessionReport};
pub use session::{Session, SessionHandle, SessionOptions, StartError, SteerError};
pub(crate) use single::Shape;
pub use single::{CallError, CallTimeouts, Emitted, InstanceHandle, InstanceOptions, Phase};
pub use supervise::NodeState;
pub(crate) use watch::ABANDONED_MAX;
