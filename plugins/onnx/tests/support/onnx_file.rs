//! Writes tiny ONNX files, so that the tests need no download: just enough of the protobuf encoding for them.
#![allow(dead_code, reason = "every test uses a part of it")]

/// Element type `float` of ONNX.
pub(crate) const FLOAT: u64 = 1;
/// Element type `int64` of ONNX.
pub(crate) const INT64: u64 = 7;

/// A model in the making: what is added comes in this order.
#[derive(Debug, Default)]
pub(crate) struct OnnxFile {
    graph: Vec<u8>,
    metadata: Vec<u8>,
}

impl OnnxFile {
    /// Adds an input of the graph; an open dimension is `None`.
    pub(crate) fn input(mut self, name: &str, element: u64, shape: &[Option<u64>]) -> Self {
        field(&mut self.graph, 11, &value_info(name, element, shape));
        self
    }

    /// Adds an output of the graph.
    pub(crate) fn output(mut self, name: &str, element: u64, shape: &[Option<u64>]) -> Self {
        field(&mut self.graph, 12, &value_info(name, element, shape));
        self
    }

    /// Adds weights.
    pub(crate) fn weights(mut self, name: &str, shape: &[u64], values: &[f32]) -> Self {
        let mut tensor = Vec::new();
        shape.iter().for_each(|length| number(&mut tensor, 1, *length));
        number(&mut tensor, 2, FLOAT);
        field(&mut tensor, 8, name.as_bytes());
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        field(&mut tensor, 9, &bytes);
        field(&mut self.graph, 5, &tensor);
        self
    }

    /// Adds an operator.
    pub(crate) fn operator(mut self, operator: &str, inputs: &[&str], outputs: &[&str]) -> Self {
        let mut node = Vec::new();
        inputs.iter().for_each(|name| field(&mut node, 1, name.as_bytes()));
        outputs.iter().for_each(|name| field(&mut node, 2, name.as_bytes()));
        field(&mut node, 3, format!("the {operator}").as_bytes());
        field(&mut node, 4, operator.as_bytes());
        field(&mut self.graph, 1, &node);
        self
    }

    /// Adds a text beside the graph.
    pub(crate) fn metadata(mut self, key: &str, value: &str) -> Self {
        let mut entry = Vec::new();
        field(&mut entry, 1, key.as_bytes());
        field(&mut entry, 2, value.as_bytes());
        field(&mut self.metadata, 14, &entry);
        self
    }

    /// The whole file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let (mut model, mut operators) = (Vec::new(), Vec::new());
        number(&mut model, 1, 8);
        number(&mut operators, 2, 17);
        field(&mut model, 8, &operators);
        field(&mut model, 7, &self.graph);
        model.extend_from_slice(&self.metadata);
        model
    }
}

fn value_info(name: &str, element: u64, shape: &[Option<u64>]) -> Vec<u8> {
    let (mut info, mut kind, mut tensor, mut dimensions) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for length in shape {
        let mut dimension = Vec::new();
        match length {
            Some(length) => number(&mut dimension, 1, *length),
            None => field(&mut dimension, 2, b"open"),
        }
        field(&mut dimensions, 1, &dimension);
    }
    number(&mut tensor, 1, element);
    field(&mut tensor, 2, &dimensions);
    field(&mut kind, 1, &tensor);
    field(&mut info, 1, name.as_bytes());
    field(&mut info, 2, &kind);
    info
}

/// A field with bytes.
fn field(out: &mut Vec<u8>, tag: u64, bytes: &[u8]) {
    varint(out, tag << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// A field with a number.
fn number(out: &mut Vec<u8>, tag: u64, value: u64) {
    varint(out, tag << 3);
    varint(out, value);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}
