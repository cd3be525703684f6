//! Graphmill: an embedded dataflow runtime for media and ML.
//!
//! An application builds a [`Graph`] and runs it as a [`Session`]. Each node is a plugin behind a stable C ABI; each
//! instance lives on one worker thread for its whole life, and every wait has an end. See [`Runtime`] for an example.

pub mod exec;
pub mod graph;
pub mod plugin;
pub mod resource;
pub mod telemetry;

mod runtime;

pub use exec::{
    CallError, InstanceHandle, InstanceOptions, Outcome, Session, SessionHandle, SessionOptions, SessionReport,
    StartError,
};
pub use graph::{Graph, GraphError, GraphSpec};
pub use graphmill_abi as abi;
pub use graphmill_abi::{AudioHeader, Buffer, EventView, Packet, PacketKind, SampleType, TensorHeader, VideoHeader};
pub use plugin::{LoadError, Plugin, Plugins};
pub use resource::{Resource, ResourceError, ResourceKey, Resources};
pub use runtime::Runtime;
