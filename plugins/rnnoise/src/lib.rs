//! Noise suppression plugin of Graphmill: the kind `rnnoise`.
//!
//! Pins, params and latency are in the README of the crate. The model's weights are inside the library.

mod denoiser;
mod node;

pub use denoiser::clean;

use node::Rnnoise;

graphmill_plugin_sdk::export!(Rnnoise);
