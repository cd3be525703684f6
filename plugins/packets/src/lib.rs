//! Packet plugin of Graphmill: the kind `packets.source` gives packets that were saved as dead letters.
//!
//! Pins and params are in the README of the crate.

mod letters;
mod source;

use source::PacketsSource;

graphmill_plugin_sdk::export!(PacketsSource);
