//! Picture plugin of Graphmill: the kind `image.source` gives the pictures of PNG and JPEG files.
//!
//! Pins and params are in the README of the crate. Finding files and decoding them know nothing of packets.

mod decode;
mod error;
mod files;
mod source;

#[cfg(test)]
mod decode_tests;

use source::ImageSource;

graphmill_plugin_sdk::export!(ImageSource);
