//! Write Graphmill plugins in Rust.
//!
//! A plugin is a crate of type `cdylib` (and `rlib`, to link it statically) that offers one or more *kinds* of node.
//! Every kind is a type that implements [`Node`] and one of [`Source`], [`Processor`] and [`Sink`]; [`export!`] makes
//! the library out of them. Beside this crate a plugin depends on `serde` and `schemars`, whose derives describe its
//! params. A whole plugin:
//!
//! ```
//! use graphmill_plugin_sdk::prelude::*;
//!
//! #[derive(Deserialize, JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! struct GainParams {
//!     /// Factor that every sample is multiplied by.
//!     factor: f32,
//! }
//!
//! struct Gain(f32);
//!
//! impl Node for Gain {
//!     type Params = GainParams;
//!     fn kind() -> Kind {
//!         Kind::new("gain").input("in", "audio f32").output("out", "audio f32")
//!     }
//!     fn create(params: GainParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
//!         Ok(Self(params.factor))
//!     }
//! }
//!
//! impl Processor for Gain {
//!     fn process(&mut self, _pin: usize, packet: &mut Packet, cx: &mut Context<'_>) -> Result<()> {
//!         cx.samples_mut::<f32>(packet)?.iter_mut().for_each(|sample| *sample *= self.0);
//!         cx.emit(0, packet)
//!     }
//! }
//!
//! graphmill_plugin_sdk::export!(Gain);
//! # fn main() {}
//! ```
//!
//! Every call of one instance, from `create` to drop, comes on one and the same thread. A panic costs the instance, not
//! the application.
//!
//! # Logging
//!
//! `tracing` and `log` work as always, in the plugin and in what it depends on: there is nothing to install. Level,
//! target, fields with their types, file, line and the spans that a record is written in reach the application's
//! subscriber, which filters them like its own (`RUST_LOG=my_plugin=debug`), and whose reloads count at once. A record
//! that nobody wants costs a few nanoseconds: no call into the host, no text, no allocation.
//!
//! ```
//! # fn transcribe(_: &str) -> u64 { 0 }
//! let span = tracing::info_span!("transcribe", model = "tiny");
//! let _inside = span.enter();
//! let words = transcribe("…");
//! tracing::debug!(words, "transcribed");
//! ```
//!
//! A record written during a call belongs to the node that is called. On a thread of the plugin's own it names the
//! plugin only; a [`Logger`] from [`CreateContext::logger`] names its node everywhere, also after the node is gone.
//!
//! The host keeps 8 KiB of a message, 8 KiB of the texts of all fields together, 32 fields, and 5,000 records per node
//! and second (warnings and errors are counted apart, as many again). It counts what it cuts and drops, and says so. A
//! field that is called like one of the host's (`message`, `session`, `node`, `kind`, `plugin`, `spans`, `late`, `file`,
//! `line`, `target`, `fields`) arrives as `plugin.node` and so on. Targets are best left to `tracing`: those that are
//! made up while the program runs share one when there are too many.
//!
//! In a plugin that is linked statically `tracing` and `log` are the application's own, and nothing stands between.
#![expect(unsafe_code, reason = "the export layer implements the C ABI; it is the only place with unsafe code")]

#[cfg(panic = "abort")]
compile_error!(
    "a Graphmill plugin must unwind: with panic = \"abort\" one panic would end the whole application; \
     remove `panic = \"abort\"` from the profile"
);

mod context;
mod error;
mod hint;
mod kind;
mod logger;
mod node;
mod resource;

#[doc(hidden)]
pub mod export;

pub use context::{Context, CreateContext, HintSender, Waker};
pub use error::{Error, Result};
pub use export::Module;
pub use export::resource::{Resource, SharedBuffer};
pub use graphmill_abi as abi;
pub use graphmill_abi::{AudioHeader, Buffer, EventView, Packet, PacketKind, Sample, SampleType};
pub use hint::{Hint, HintAnswer};
pub use kind::{Kind, Pins};
pub use logger::{Level, Logger};
pub use node::{Node, Processor, Sink, Source, Tick};
pub use resource::ResourceKey;

/// What a plugin usually needs.
pub mod prelude {
    pub use crate::{
        AudioHeader, Buffer, Context, CreateContext, Error, Hint, HintAnswer, Kind, Node, Packet, PacketKind, Pins,
        Processor, Resource, ResourceKey, Result, SharedBuffer, Sink, Source, Tick,
    };
    pub use schemars::{self, JsonSchema};
    pub use serde::{self, Deserialize, Serialize};
}

// For the macro only: plugins need not depend on these crates themselves.
#[doc(hidden)]
pub use serde_json;
