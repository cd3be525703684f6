//! `onnx`: any model as a node, tensors in and tensors out.

mod batch;
mod binding;
mod choice;
mod node;

pub(crate) use node::OnnxNode;
