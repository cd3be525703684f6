//! The C ABI between the Graphmill runtime and its plugins.
//!
//! Two things live here and nothing else: the layout of what crosses the boundary ([`layout`], the source of the
//! committed C header), and the safe owners [`Buffer`] and [`Packet`] that both sides use. A packet that crosses is
//! the same 256 bytes on both sides: a call converts nothing and copies no payload.
//!
//! The crate is `no_std` with `alloc` and has no dependency unless the feature `bytes` is on.
#![no_std]
#![expect(unsafe_code, reason = "this crate is the boundary: it turns raw C structs into safe owners")]
#![expect(
    clippy::cast_possible_truncation,
    reason = "sizes of our own structs fit 32 bits; lengths are checked against isize::MAX when they come in"
)]

extern crate alloc;
#[cfg(any(test, feature = "bytes"))]
extern crate std;

pub mod layout;
mod version;

mod buffer;
pub mod counted;
mod error;
mod module;
mod packet;
mod payload;
mod text;

#[cfg(feature = "bytes")]
mod bytes;

pub use buffer::{Buffer, BufferError};
pub use error::ErrorSlot;
pub use module::Module;
pub use packet::{
    MAX_PLANES, Packet, PacketError, PacketHeader, PacketNumbers, PacketOutline, PacketShape, PlaneHeader,
};
pub use payload::{AudioHeader, EventView, PacketKind, Sample, SampleType, TensorHeader, VideoHeader};
pub use text::{Text, TextError};
pub use version::{ABI_HISTORY, ABI_MAJOR, ABI_MINOR, AbiVersion};
