//! ONNX plugin of Graphmill: models as nodes, run by rten.
//!
//! The engine is public for those who build kinds on top of it, inside this crate or in one of their own.

pub mod engine;
mod ocr;

#[cfg(test)]
#[path = "../tests/support/onnx_file.rs"]
mod onnx_file;

use ocr::{Detect, Recognise};

graphmill_plugin_sdk::export!(Detect, Recognise);
