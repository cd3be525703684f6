//! Text plugin of Graphmill: the kinds `text.sink` and `event.sink`.
//!
//! Pins and params are in the README of the crate.

mod nodes;
mod render;
mod writer;

use nodes::{EventSink, TextSink};

graphmill_plugin_sdk::export!(TextSink, EventSink);
