//! ONNX plugin of Graphmill: models as nodes, voice activity, speech to text, and text in pictures.
//!
//! Pins, params and latency are in the README of the crate. The engine is public for those who build kinds on top of
//! it, inside this crate or in one of their own.

pub mod engine;

mod moonshine;
mod ocr;
mod onnx;
mod silero;

mod tensors;

#[cfg(test)]
#[path = "../tests/support/onnx_file.rs"]
mod onnx_file;

use moonshine::Moonshine;
use ocr::{Detect, Recognise};
use onnx::OnnxNode;
use silero::Silero;

graphmill_plugin_sdk::export!(OnnxNode, Silero, Moonshine, Detect, Recognise);
