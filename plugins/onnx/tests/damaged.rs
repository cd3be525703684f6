//! Models with a few wrong bytes: an error each, or a model that runs or refuses what it is given.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/onnx_file.rs"]
mod onnx_file;

use graphmill_onnx::engine::{EngineError, Model};
use onnx_file::{FLOAT, INT64, OnnxFile};
use proptest::prelude::*;
use proptest::sample::Index;
use rten::Value;
use std::fs;

/// A model with a bit of everything.
fn whole() -> Vec<u8> {
    OnnxFile::default()
        .input("x", FLOAT, &[None, Some(3)])
        .input("unused", INT64, &[Some(1)])
        .output("y", FLOAT, &[None, None])
        .weights("w", &[2, 3], &[-0.5; 6])
        .operator("Transpose", &["x"], &["turned"])
        .operator("MatMul", &["w", "turned"], &["mixed"])
        .operator("Transpose", &["mixed"], &["y"])
        .metadata("character", "a\nb")
        .bytes()
}

/// Loads and runs a model; says how far it came.
fn load_and_run(bytes: &[u8]) -> Result<Vec<Value>, EngineError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.onnx");
    fs::write(&path, bytes).unwrap();
    let model = Model::load_alone(&path)?;
    let inputs: Vec<&str> = model.inputs().iter().map(|info| info.name.as_str()).collect();
    let outputs: Vec<&str> = model.outputs().iter().map(|info| info.name.as_str()).collect();
    let plan = model.plan(&inputs, &outputs)?;
    let value = |name: &&str| match *name {
        "unused" => Value::from_shape([1], vec![1_i32]).unwrap().into(),
        _ => Value::from_shape([2, 3], vec![1.0_f32; 6]).unwrap().into(),
    };
    model.run(&plan, inputs.iter().map(value).collect())
}

#[test]
fn whole_model_runs() {
    let answer = load_and_run(&whole()).unwrap().remove(0);
    assert_eq!(answer.into_shape_vec::<f32, 2>().unwrap(), ([2, 2], vec![-1.5; 4]));
}

proptest! {
    #[test]
    fn wrong_bytes_are_an_error_that_names_the_file_or_change_nothing_that_matters(
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..4),
        cut in prop::option::weighted(0.2, any::<Index>()),
    ) {
        let mut bytes = whole();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(cut.map_or(bytes.len(), |cut| cut.index(bytes.len())));
        // Whatever happens happens here: no panic, no endless loop, no sentence without its subject.
        if let Err(error) = load_and_run(&bytes) {
            let message = error.to_string();
            prop_assert!(message.contains("damaged.onnx") || message.contains("of the model"), "{}", message);
        }
    }
}
