//! The kind `onnx` in sessions, on models of a few bytes: what it gives, and what becomes of what is wrong.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/onnx_file.rs"]
mod onnx_file;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use graphmill::exec::{Inlet, Outlet, RecvError};
use graphmill::{Buffer, Graph, Outcome, Packet, Runtime, Session};
use graphmill_plugin_sdk::abi::TensorHeader;
use graphmill_plugin_sdk::abi::layout::{GM_DTYPE_FLOAT, GM_DTYPE_INT};
use serde_json::{Value, json};
use tempfile::TempDir;

use onnx_file::{FLOAT, OnnxFile};

/// Longer than any machine takes; a test that waits this long has failed.
const LONG: Duration = Duration::from_secs(60);

/// Folder with the models of a test.
struct Lab(TempDir);

impl Lab {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// `y = x + w` with `x` of `[?,2]` and `w` of 10 and 20.
    fn adder(&self) -> PathBuf {
        let model = OnnxFile::default()
            .input("x", FLOAT, &[None, Some(2)])
            .output("y", FLOAT, &[None, Some(2)])
            .weights("w", &[2], &[10.0, 20.0])
            .operator("Add", &["x", "w"], &["y"]);
        self.file("adder.onnx", &model.bytes())
    }

    /// `sum = x + s`, `next = sum * k`: what a model with a memory looks like.
    fn memory(&self) -> PathBuf {
        let model = ["x", "s", "k"]
            .into_iter()
            .fold(OnnxFile::default(), |model, name| model.input(name, FLOAT, &[None, Some(2)]))
            .output("sum", FLOAT, &[None, Some(2)])
            .output("next", FLOAT, &[None, Some(2)])
            .operator("Add", &["x", "s"], &["sum"])
            .operator("Mul", &["sum", "k"], &["next"]);
        self.file("memory.onnx", &model.bytes())
    }
}

fn runtime() -> Runtime {
    let runtime = Runtime::new();
    runtime.plugins().link(graphmill_onnx::module()).unwrap();
    runtime
}

fn graph(runtime: &Runtime, params: Value) -> Graph {
    Graph::builder()
        .inlet("given", "tensor")
        .node("model", "onnx", params)
        .outlet("made", "tensor")
        .link("given", "model.in")
        .link("model.out", "made")
        .build(runtime.plugins())
        .unwrap()
}

fn running(runtime: &Runtime, params: Value) -> (Session, Inlet, Outlet) {
    let session = runtime.start(&graph(runtime, params)).unwrap();
    let (inlet, outlet) = (session.take_inlet("given").unwrap(), session.take_outlet("made").unwrap());
    (session, inlet, outlet)
}

fn refusal(runtime: &Runtime, params: Value) -> String {
    runtime.start(&graph(runtime, params)).unwrap_err().to_string()
}

fn tensor(shape: &[u32], numbers: &[f32]) -> Packet {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    let header = TensorHeader::dense(GM_DTYPE_FLOAT, 32, shape).unwrap();
    Packet::from_tensor(header, Buffer::copy_from_slice(&bytes)).unwrap()
}

fn numbers(packet: &Packet) -> (Vec<u32>, Vec<f32>) {
    let numbers = packet.plane(0).unwrap().chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
    (packet.tensor().unwrap().dims().to_vec(), numbers.collect())
}

fn made(outlet: &mut Outlet) -> (Vec<u32>, Vec<f32>) {
    numbers(&outlet.recv(LONG).unwrap())
}

#[test]
fn tensors_of_any_open_length_go_through_with_their_timing() {
    let (lab, runtime) = (Lab::new(), runtime());
    let (mut session, mut inlet, mut outlet) = running(&runtime, json!({ "path": lab.adder() }));
    for rows in [1, 3, 2] {
        let mut packet = tensor(&[rows, 2], &[1.0, 2.0].repeat(rows as usize));
        packet.set_seq(u64::from(rows));
        packet.set_pts_ns(Some(i64::from(rows) * 10));
        inlet.send(packet, LONG).unwrap();
        let packet = outlet.recv(LONG).unwrap();
        assert_eq!(numbers(&packet), (vec![rows, 2], [11.0, 22.0].repeat(rows as usize)));
        assert_eq!((packet.seq(), packet.pts_ns()), (u64::from(rows), Some(i64::from(rows) * 10)));
    }
    inlet.end();
    assert!(matches!(outlet.recv(LONG), Err(RecvError::Ended)));
    assert_eq!(session.wait_timeout(LONG).unwrap().outcome, Outcome::Completed);
}

#[test]
fn a_model_with_a_memory_gets_what_it_gave_and_what_is_constant() {
    let (lab, runtime) = (Lab::new(), runtime());
    let params = json!({ "path": lab.memory(), "state": { "s": "next" }, "constants": { "k": [2] } });
    let (_session, mut inlet, mut outlet) = running(&runtime, params);
    for expected in [1.0, 3.0, 7.0] {
        inlet.send(tensor(&[1, 2], &[1.0, 1.0]), LONG).unwrap();
        assert_eq!(made(&mut outlet), (vec![1, 2], vec![expected; 2]));
    }
}

#[test]
fn a_model_runs_when_each_of_its_inputs_has_a_tensor() {
    let (lab, runtime) = (Lab::new(), runtime());
    let params = json!({
        "path": lab.memory(), "inputs": ["k", "x"], "constants": { "s": [5, 6] }, "outputs": ["next", "sum"],
    });
    let graph = Graph::builder()
        .inlet("k", "tensor f32")
        .inlet("x", "tensor f32")
        .node("model", "onnx", params)
        .outlet("next", "tensor")
        .outlet("sum", "tensor")
        .link("k", "model.in")
        .link("x", "model.in2")
        .link("model.out", "next")
        .link("model.out2", "sum")
        .build(runtime.plugins())
        .unwrap();
    let session = runtime.start(&graph).unwrap();
    let [mut k, mut x] = ["k", "x"].map(|name| session.take_inlet(name).unwrap());
    let [mut next, mut sum] = ["next", "sum"].map(|name| session.take_outlet(name).unwrap());
    for factor in [2.0, 3.0] {
        k.send(tensor(&[1, 2], &[factor; 2]), LONG).unwrap();
    }
    for number in [1.0, 2.0] {
        x.send(tensor(&[1, 2], &[number; 2]), LONG).unwrap();
    }
    assert_eq!((made(&mut sum).1, made(&mut next).1), (vec![6.0, 7.0], vec![12.0, 14.0]));
    assert_eq!((made(&mut sum).1, made(&mut next).1), (vec![7.0, 8.0], vec![21.0, 24.0]));
}

#[test]
fn packets_of_a_batch_run_as_one_and_come_out_one_by_one() {
    let (lab, runtime) = (Lab::new(), runtime());
    let params = json!({ "path": lab.adder(), "batch_max": 3, "batch_wait_ms": 60_000 });
    let (mut session, mut inlet, mut outlet) = running(&runtime, params);
    for seq in 0..5_u8 {
        let mut packet = tensor(&[1, 2], &[f32::from(seq); 2]);
        packet.set_seq(seq.into());
        inlet.send(packet, LONG).unwrap();
    }
    let mut expect = |range: std::ops::Range<u8>| {
        for seq in range {
            let packet = outlet.recv(LONG).unwrap();
            let number = f32::from(seq);
            assert_eq!(numbers(&packet), (vec![1, 2], vec![10.0 + number, 20.0 + number]));
            assert_eq!(packet.seq(), u64::from(seq));
        }
    };
    expect(0..3);
    // The rest is no full batch and goes with the end of the stream.
    inlet.end();
    expect(3..5);
    assert_eq!(session.wait_timeout(LONG).unwrap().outcome, Outcome::Completed);
}

#[test]
fn a_batch_runs_when_its_first_packet_has_waited_long_enough() {
    let (lab, runtime) = (Lab::new(), runtime());
    let (_session, mut inlet, mut outlet) =
        running(&runtime, json!({ "path": lab.adder(), "batch_max": 64, "batch_wait_ms": 0 }));
    inlet.send(tensor(&[1, 2], &[0.0; 2]), LONG).unwrap();
    assert_eq!(made(&mut outlet).1, [10.0, 20.0]);
}

#[test]
fn a_tensor_of_the_wrong_shape_costs_itself_and_the_graph_goes_on() {
    let (lab, runtime) = (Lab::new(), runtime());
    let (session, mut inlet, mut outlet) = running(&runtime, json!({ "path": lab.adder() }));
    inlet.send(tensor(&[1, 3], &[0.0; 3]), LONG).unwrap();
    let longs = TensorHeader::dense(GM_DTYPE_INT, 64, &[1, 2]).unwrap();
    inlet.send(Packet::from_tensor(longs, Buffer::zeroed(16)).unwrap(), LONG).unwrap();
    inlet.send(tensor(&[1, 2], &[0.0; 2]), LONG).unwrap();
    assert_eq!(made(&mut outlet).1, [10.0, 20.0]);
    let report = session.report();
    let node = report.nodes.iter().find(|node| node.id == "model").unwrap();
    assert_eq!(node.errors, 2);
    let said = node.last_error.clone().unwrap();
    assert!(said.contains("input `x` of the model takes f32 [?,2], got i32 [1,2]"), "{said}");
}

/// The good session goes on, whatever happens to others of its runtime.
fn still_works(inlet: &mut Inlet, outlet: &mut Outlet) {
    inlet.send(tensor(&[1, 2], &[0.0; 2]), LONG).unwrap();
    assert_eq!(made(outlet).1, [10.0, 20.0]);
}

#[test]
fn a_model_that_cannot_be_loaded_is_one_error_and_others_go_on() {
    let (lab, runtime) = (Lab::new(), runtime());
    let (_session, mut inlet, mut outlet) = running(&runtime, json!({ "path": lab.adder() }));
    let whole = fs::read(lab.adder()).unwrap();
    let cut = lab.file("cut.onnx", &whole[..whole.len() / 2]);
    let odd = OnnxFile::default().input("x", FLOAT, &[None]).output("y", FLOAT, &[None]).operator(
        "Frobnicate",
        &["x"],
        &["y"],
    );
    let odd = lab.file("odd.onnx", &odd.bytes());
    let absent = lab.0.path().join("absent.onnx");
    let table: [(&Path, &str); 3] = [(&cut, "is damaged"), (&odd, "Frobnicate"), (&absent, "cannot read model")];
    for (path, reason) in table {
        let said = refusal(&runtime, json!({ "path": path }));
        assert!(said.contains(reason) && said.contains(path.to_str().unwrap()), "{said}");
        still_works(&mut inlet, &mut outlet);
    }
    assert_eq!(runtime.resources().counters().load_failures, 2);
}

#[test]
fn a_model_beyond_the_budget_is_refused_before_it_is_loaded() {
    let (lab, runtime) = (Lab::new(), runtime());
    let (_session, mut inlet, mut outlet) = running(&runtime, json!({ "path": lab.adder() }));
    runtime.resources().set_budget(fs::metadata(lab.adder()).unwrap().len() + 10);
    let said = refusal(&runtime, json!({ "path": lab.memory(), "constants": { "s": [0], "k": [0] } }));
    assert!(said.contains("memory.onnx") && said.contains("budget"), "{said}");
    assert_eq!(runtime.resources().counters().loads, 1, "only the model that is used was loaded");
    still_works(&mut inlet, &mut outlet);
}

#[test]
fn nodes_with_the_same_file_share_one_model() {
    let (lab, runtime) = (Lab::new(), runtime());
    let path = lab.adder();
    let sessions: Vec<_> = (0..8).map(|_| running(&runtime, json!({ "path": path }))).collect();
    let counters = runtime.resources().counters();
    assert_eq!((counters.loads, counters.entries, counters.hits), (1, 1, 7));
    for (_session, mut inlet, mut outlet) in sessions {
        still_works(&mut inlet, &mut outlet);
    }
}

#[test]
fn params_that_do_not_fit_the_model_are_refused_with_what_it_has() {
    let (lab, runtime) = (Lab::new(), runtime());
    let (adder, memory) = (lab.adder(), lab.memory());
    let table = [
        (json!({}), "either the `path`"),
        (json!({ "path": adder, "model": "a", "file": "b" }), "either the `path`"),
        (json!({ "model": "no-such-model", "file": "b" }), "there is no model `no-such-model`"),
        (json!({ "path": adder, "inputs": ["z"] }), "no input `z`; it has `x` (f32 [?,2])"),
        (json!({ "path": adder, "outputs": ["z"] }), "no output `z`; it has `y` (f32 [?,2])"),
        (json!({ "path": memory, "inputs": ["x", "s"] }), "input `k` (f32 [?,2]) of the model gets nothing"),
        (json!({ "path": memory, "state": { "s": "z" } }), "no output `z`"),
        (json!({ "path": memory, "constants": { "k": [1, 2, 3] } }), "`k` (f32 [?,2]) takes one number or 2, not 3"),
        (json!({ "path": memory, "state": { "s": "next" }, "batch_max": 2 }), "set `batch_max = 1`"),
        (json!({ "path": adder, "constants": { "x": [0] } }), "no input of the model is left for a pin"),
    ];
    for (params, reason) in table {
        let said = refusal(&runtime, params);
        assert!(said.contains(reason), "expected {reason:?} in {said:?}");
    }
}

#[test]
fn a_constant_beyond_all_memory_is_refused() {
    let (lab, runtime) = (Lab::new(), runtime());
    let far = Some(1 << 40);
    let model = OnnxFile::default()
        .input("x", FLOAT, &[None, Some(2)])
        .input("k", FLOAT, &[far, far])
        .output("y", FLOAT, &[None, Some(2)])
        .operator("Identity", &["x"], &["y"]);
    let path = lab.file("far.onnx", &model.bytes());
    let said = refusal(&runtime, json!({ "path": path, "constants": { "k": [1, 2] } }));
    assert!(said.contains("`k` is too large"), "{said}");
}

#[test]
fn a_link_to_an_input_that_the_model_has_not_is_an_error_of_its_packets() {
    let (lab, runtime) = (Lab::new(), runtime());
    let graph = Graph::builder()
        .inlet("given", "tensor")
        .node("model", "onnx", json!({ "path": lab.adder() }))
        .outlet("made", "tensor")
        .link("given", "model.in")
        .link("model.out", "made")
        .link("given", "model.in2")
        .build(runtime.plugins())
        .unwrap();
    let mut session = runtime.start(&graph).unwrap();
    let (mut inlet, mut outlet) = (session.take_inlet("given").unwrap(), session.take_outlet("made").unwrap());
    still_works(&mut inlet, &mut outlet);
    inlet.end();
    let report = session.wait_timeout(LONG).unwrap();
    let said = report.nodes.iter().find(|node| node.id == "model").unwrap().last_error.clone().unwrap();
    assert!(said.contains("input `in2` is linked, but the model takes 1"), "{said}");
}
