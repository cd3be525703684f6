//! The graph as data: spec, formats, kinds, checks and messages.
//!
//! Nothing here starts a thread, reads a clock or calls a plugin; [`Kinds`] may, where the params of a node decide on its pins. [`GraphSpec::load`] reads the file it is given; everything else works
//! on values in memory. Input of any origin is bounded in size and depth, and no input makes this module panic.
//!
//! The way of a graph: a file, a launch line or the [`GraphBuilder`] becomes a [`GraphSpec`]; `build` checks it against the [`Kinds`] that
//! plugins offer and reports everything that is wrong at once; what remains is a [`Graph`], which never changes.
#![forbid(unsafe_code)]

pub mod format;
mod kind;
pub mod manifest;
pub mod spec;

mod builder;
mod file;
mod launch;
mod source;

mod build;
mod diagnostic;
mod params;
mod suggest;

mod draw;
mod model;

#[cfg(test)]
mod tests;

pub use build::Env;
pub use builder::GraphBuilder;
pub use diagnostic::{DIAGNOSTICS_MAX, Diagnostic, GraphError, Severity};
pub use file::{FILE_LEN_MAX, FileType, SourcedSpec};
pub use format::{
    AudioFormat, AudioLayout, BytesFormat, DType, EventFormat, Format, FormatError, FormatSet, FormatTemplate,
    PixelFormat, SampleType, TensorFormat, VideoFormat,
};
pub(crate) use kind::PINS_BY_PARAMS;
pub use kind::{KindInfo, Kinds, PinInfo, PinsError, PinsQuestion, PluginInfo, Role};
pub(crate) use manifest::PINS_TEXT_LEN_MAX;
pub use manifest::{Manifest, ManifestError, PluginManifest};
pub use model::{Graph, Link, Node, NodeRole, Pin, PinRef, WarmUp};
pub(crate) use params::{apply_change, check_params};
pub use spec::{
    DeadLetterContent, Deadlines, DeadlinesSpec, DefaultsSpec, EndSpec, GraphSpec, LateTicks, LinkSpec, NodeSpec,
    OnError, OnTrip, PassThrough, Policy, PolicyError, PolicySpec, RestartPolicy, RestartSpec, TickSpec, WarmUpSpec,
    WhenFull,
};
