//! Voice activity plugin of Graphmill: the kind `vad.earshot`.
//!
//! Pins, params and latency are in the README of the crate. The model's weights are inside the library.

mod detector;
mod node;

#[cfg(test)]
mod recording_tests;

use node::Earshot;

graphmill_plugin_sdk::export!(Earshot);
