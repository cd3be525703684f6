//! The engine on models of a few bytes.

use std::fs;
use std::path::PathBuf;

use rten::Value;
use tempfile::TempDir;

use super::file::ModelFile;
use super::{Element, EngineError, Model};
use crate::onnx_file::{FLOAT, INT64, OnnxFile};

/// `y = x + w` with `x` of `[?,2]`.
fn adder() -> OnnxFile {
    OnnxFile::default()
        .input("x", FLOAT, &[None, Some(2)])
        .output("y", FLOAT, &[None, Some(2)])
        .weights("w", &[2], &[10.0, 20.0])
        .operator("Add", &["x", "w"], &["y"])
}

fn file(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.onnx");
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn load(model: &OnnxFile) -> Model {
    let (_folder, path) = file(&model.bytes());
    Model::load_alone(&path).unwrap()
}

fn refused(bytes: &[u8]) -> EngineError {
    let (_folder, path) = file(bytes);
    Model::load_alone(&path).unwrap_err()
}

#[test]
fn a_model_tells_its_signature_and_metadata() {
    let model = load(&adder().input("ids", INT64, &[]).metadata("character", "a\nb"));
    let [x, ids] = model.inputs() else { panic!("{model:?}") };
    assert_eq!((x.name.as_str(), x.element, x.shape.as_deref()), ("x", Some(Element::F32), Some(&[None, Some(2)][..])));
    assert_eq!((x.to_string(), ids.to_string()), ("f32 [?,2]".to_owned(), "i32 []".to_owned()));
    assert_eq!(model.outputs()[0].name, "y");
    assert_eq!((model.metadata("character"), model.metadata("other")), (Some("a\nb"), None));
}

#[test]
fn a_model_runs_on_tensors_of_any_open_length() {
    let model = load(&adder());
    let plan = model.plan(&["x"], &["y"]).unwrap();
    for rows in [1, 3] {
        let x = Value::from_shape([rows, 2], vec![1.0_f32; rows * 2]).unwrap();
        let y = model.run(&plan, vec![x.into()]).unwrap().remove(0);
        assert_eq!(y.into_shape_vec::<f32, 2>().unwrap(), ([rows, 2], [11.0, 21.0].repeat(rows)));
    }
}

#[test]
fn a_tensor_of_the_wrong_shape_or_type_is_refused_with_what_is_right() {
    let model = load(&adder());
    let plan = model.plan(&["x"], &["y"]).unwrap();
    let values = [
        (Value::from_shape([1, 3], vec![0.0_f32; 3]).unwrap(), "got f32 [1,3]"),
        (Value::from_shape([2], vec![0.0_f32; 2]).unwrap(), "got f32 [2]"),
        (Value::from_shape([1, 2], vec![0_i32; 2]).unwrap(), "got i32 [1,2]"),
    ];
    for (value, got) in values {
        let message = model.run(&plan, vec![value.into()]).unwrap_err().to_string();
        assert_eq!(message, format!("input `x` of the model takes f32 [?,2], {got}"));
    }
    let message = model.run(&plan, Vec::new()).unwrap_err().to_string();
    assert!(message.contains("0 values for 1 inputs"), "{message}");
}

#[test]
fn a_tensor_that_the_model_has_not_is_named_with_those_it_has() {
    let model = load(&adder());
    let message = model.plan(&["z"], &["y"]).unwrap_err().to_string();
    assert!(message.ends_with("has no input `z`; it has `x` (f32 [?,2])"), "{message}");
    let message = model.plan(&["x"], &["x"]).unwrap_err().to_string();
    assert!(message.ends_with("has no output `x`; it has `y` (f32 [?,2])"), "{message}");
}

#[test]
fn every_cut_of_a_model_file_is_one_error_and_never_a_panic() {
    let whole = adder().bytes();
    for len in 0..whole.len() {
        let error = refused(&whole[..len]);
        assert!(matches!(error, EngineError::Corrupt { .. }), "{len} of {}: {error}", whole.len());
    }
}

#[test]
fn every_byte_of_a_model_file_may_be_wrong_without_a_hang_or_a_panic() {
    let whole = adder().bytes();
    let (_folder, path) = file(&whole);
    for at in 0..whole.len() {
        for wrong in [0x00, 0x7f, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = wrong;
            fs::write(&path, &bytes).unwrap();
            // A wrong weight or name makes another model, anything else an error.
            drop(Model::load_alone(&path));
        }
    }
}

#[test]
fn files_that_are_no_model_are_told_apart() {
    assert!(matches!(refused(b"no model at all"), EngineError::Corrupt { .. }));
    assert!(refused(&[0xff; 300]).to_string().contains("at byte 10, a number has no end"));
    let (folder, path) = file(b"");
    let text = folder.path().join("model.txt");
    fs::rename(&path, &text).unwrap();
    assert!(matches!(Model::load_alone(&text), Err(EngineError::NotOnnx { .. })));
    let absent = Model::load_alone(&path).unwrap_err();
    assert!(matches!(absent, EngineError::Unreadable { .. }), "{absent}");
    assert!(absent.to_string().contains("tiny.onnx"), "{absent}");
    assert!(matches!(Model::load_alone(folder.path()), Err(EngineError::Unreadable { .. })));
}

#[test]
fn an_operator_that_the_engine_does_not_know_is_named() {
    let model = OnnxFile::default().input("x", FLOAT, &[None]).output("y", FLOAT, &[None]).operator(
        "Frobnicate",
        &["x"],
        &["y"],
    );
    let error = refused(&model.bytes());
    assert!(matches!(error, EngineError::Unsupported { .. }), "{error}");
    assert!(error.to_string().contains("Frobnicate"), "{error}");
}

#[test]
fn the_key_tells_a_file_from_the_one_that_replaced_it() {
    let (folder, path) = file(&adder().bytes());
    let (one, again) = (ModelFile::find(&path).unwrap(), ModelFile::find(&path).unwrap());
    assert_eq!(one.key(), again.key());
    let link = folder.path().join("link.onnx");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert_eq!(ModelFile::find(&link).unwrap().key(), one.key(), "a link names the same file");
    let other = folder.path().join("other.onnx");
    fs::write(&other, adder().bytes()).unwrap();
    fs::rename(&other, &path).unwrap();
    assert_ne!(ModelFile::find(&path).unwrap().key(), one.key());
}
