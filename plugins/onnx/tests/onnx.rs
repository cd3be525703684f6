//! The kind `onnx` in sessions, on models of a few bytes: what it gives, and what becomes of what is wrong.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/onnx_file.rs"]
mod onnx_file;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use graphmill::exec::{Inlet, NodeState, Outlet, RecvError, VirtualClock};
use graphmill::graph::{GraphError, Kinds, NodeSpec, PinsQuestion, PolicySpec};
use graphmill::{Buffer, Graph, GraphSpec, Outcome, Packet, Runtime, Session};
use graphmill_models::Manifest;
use graphmill_onnx::engine::{Model, Signature};
use graphmill_plugin_sdk::abi::TensorHeader;
use graphmill_plugin_sdk::abi::layout::{GM_DTYPE_FLOAT, GM_DTYPE_INT};
use serde_json::{Value, json};
use tempfile::TempDir;

use onnx_file::{FLOAT, INT64, OnnxFile};

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

    /// A file that ends in its middle.
    fn cut(&self) -> PathBuf {
        let whole = fs::read(self.adder()).unwrap();
        self.file("cut.onnx", whole.split_at(whole.len() / 2).0)
    }

    /// An operator that no engine knows.
    fn odd(&self) -> PathBuf {
        let shape = [None, Some(2)];
        let model = OnnxFile::default().input("x", FLOAT, &shape).output("y", FLOAT, &shape);
        self.file("odd.onnx", &model.operator("Frobnicate", &["x"], &["y"]).bytes())
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

fn graph(runtime: &Runtime, params: Value) -> Result<Graph, GraphError> {
    Graph::builder()
        .inlet("given", "tensor")
        .node("model", "onnx", params)
        .outlet("made", "tensor")
        .chain(["given", "model", "made"])
        .build(runtime.plugins())
}

fn running(runtime: &Runtime, params: Value) -> (Session, Inlet, Outlet) {
    let session = runtime.start(&graph(runtime, params).unwrap()).unwrap();
    let (inlet, outlet) = (session.take_inlet("given").unwrap(), session.take_outlet("made").unwrap());
    (session, inlet, outlet)
}

fn refusal(runtime: &Runtime, params: Value) -> String {
    match graph(runtime, params) {
        Ok(graph) => runtime.start(&graph).unwrap_err().to_string(),
        Err(error) => error.render(false),
    }
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
        .link("k", "model.k")
        .link("x", "model.x")
        .link("model.next", "next")
        .link("model.sum", "sum")
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
    inlet.send(tensor(&[2], &[0.0; 2]), LONG).unwrap();
    let longs = TensorHeader::dense(GM_DTYPE_INT, 64, &[1, 2]).unwrap();
    let refused = inlet.send(Packet::from_tensor(longs, Buffer::zeroed(16)).unwrap(), LONG).unwrap_err().to_string();
    assert!(refused.contains("tensor i64 [1,2]") && refused.contains("tensor f32"), "{refused}");
    inlet.send(tensor(&[1, 2], &[0.0; 2]), LONG).unwrap();
    assert_eq!(made(&mut outlet).1, [10.0, 20.0]);
    let report = session.report();
    let node = report.nodes.iter().find(|node| node.id == "model").unwrap();
    assert_eq!(node.errors, 2);
    let said = node.last_error.clone().unwrap();
    assert!(said.contains("input `x` of the model takes f32 [?,2], got f32 [2]"), "{said}");
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
    let (cut, odd) = (lab.cut(), lab.odd());
    let absent = lab.0.path().join("absent.onnx");
    let table: [(&Path, &str); 3] = [(&cut, "is damaged"), (&odd, "Frobnicate"), (&absent, "cannot read model")];
    // Nothing but the operator needs more than the signature to be seen.
    for (path, reason) in table {
        let said = refusal(&runtime, json!({ "path": path }));
        assert!(said.contains(reason) && said.contains(path.to_str().unwrap()), "{said}");
        still_works(&mut inlet, &mut outlet);
    }
    assert_eq!(runtime.resources().counters().load_failures, 1);
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
        (json!({ "path": memory, "inputs": ["x", "s", "k", "x"] }), "input `x` of the model has two places"),
        (
            json!({ "path": memory, "inputs": ["x", "s", "k"], "constants": { "k": [1] } }),
            "`k` of the model has two places",
        ),
        (json!({ "path": adder, "model": "a", "file": "b" }), "either the `path`"),
        (json!({ "model": "no-such-model", "file": "b" }), "there is no model `no-such-model`"),
        (json!({ "path": adder, "inputs": ["z"] }), "no input `z`; it has `x` (f32 [?,2])"),
        (json!({ "path": adder, "outputs": ["z"] }), "no output `z`; it has `y` (f32 [?,2])"),
        (json!({ "path": memory, "inputs": ["x", "s"] }), "input `k` (f32 [?,2]) of the model gets nothing"),
        (json!({ "path": memory, "state": { "s": "z" } }), "no output `z`"),
        (
            json!({ "path": memory, "constants": { "s": [0], "k": [1, 2, 3] } }),
            "`k` (f32 [?,2]) takes one number or 2, not 3",
        ),
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

/// `tts`, a model with names and types of all sorts, and a graph file that links them.
fn speaking(lab: &Lab, links: &str) -> Result<Graph, String> {
    let model = OnnxFile::default()
        .input("input_ids", INT64, &[Some(1), None])
        .input("Style:0", FLOAT, &[Some(1), Some(256)])
        .output("Wave Form", FLOAT, &[None])
        .output("/logits", FLOAT, &[None, None])
        .operator("Identity", &["Style:0"], &["Wave Form"])
        .operator("Identity", &["input_ids"], &["/logits"]);
    lab.file("tts.onnx", &model.bytes());
    let text = format!(
        "nodes.tts = {{ kind = \"onnx\", params = {{ path = \"tts.onnx\" }} }}\n\
         inlets.ids = {{ format = \"tensor i64\" }}\n\
         inlets.style = {{ format = \"tensor f32 [1,256]\" }}\n\
         outlets.wave = {{ format = \"tensor f32\" }}\n\
         links = [{links}]\n"
    );
    let file = lab.file("tts.toml", text.as_bytes());
    let spec = GraphSpec::load(&file).map_err(|error| error.render(false))?;
    spec.build(runtime().plugins()).map_err(|error| error.render(false))
}

#[test]
fn a_node_has_the_pins_of_its_model_under_their_own_names() {
    let lab = Lab::new();
    let links = r#""ids -> tts.input_ids", "style -> tts.style_0", "tts.wave_form -> wave""#;
    let graph = speaking(&lab, links).unwrap();
    let (_, node) = graph.find("tts").unwrap();
    let shown = |pins: &[graphmill::graph::Pin]| -> Vec<String> {
        pins.iter().map(|pin| format!("{}: {}", pin.name(), pin.format())).collect()
    };
    assert_eq!(
        shown(node.inputs()),
        [
            "input_ids: tensor i32 [1,?] | tensor i64 [1,?] | tensor bool [1,?]",
            "style_0: tensor f32 [1,256] | tensor f64 [1,256]"
        ]
    );
    assert_eq!(shown(node.outputs()), ["wave_form: tensor f32 [?]", "logits: tensor f32 [?,?]"]);
    assert!(graph.warnings().is_empty(), "an output that nobody wants needs no link: {:?}", graph.warnings());
}

#[test]
fn a_wrong_pin_type_or_shape_is_an_error_of_the_graph_with_file_line_and_pins() {
    let lab = Lab::new();
    let table: [(&str, &[&str]); 4] = [
        (
            r#""ids -> tts.ids", "style -> tts.style_0", "tts.wave_form -> wave""#,
            &["no input `ids`", "tts.toml:5:", "with its params it has `input_ids` and `style_0`"],
        ),
        (
            r#""ids -> tts.input_ids", "style -> tts.style_0", "tts.wav -> wave""#,
            &["no output `wav`", "tts.toml:5:", "with its params it has `wave_form` and `logits`"],
        ),
        (
            r#""style -> tts.input_ids", "style -> tts.style_0", "tts.wave_form -> wave""#,
            &["`style.out` gives `tensor f32 [1,256]`, but `tts.input_ids` takes `tensor i32", "tts.toml:5:"],
        ),
        (
            r#""ids -> tts.input_ids", "tts.wave_form -> wave""#,
            &["nothing is linked to the input `tts.style_0`", "tts.toml:1:"],
        ),
    ];
    for (links, reasons) in table {
        let said = speaking(&lab, links).unwrap_err();
        for reason in reasons {
            assert!(said.contains(reason), "expected {reason:?} in {said}");
        }
    }
    let small = Graph::builder()
        .inlet("x", "tensor f32 [1,3]")
        .node("model", "onnx", json!({ "path": lab.adder() }))
        .link("x", "model.x");
    let said = small.build(runtime().plugins()).unwrap_err().render(false);
    assert!(said.contains("gives `tensor f32 [1,3]`, but `model.x` takes `tensor f32 [?,2]"), "{said}");
}

#[test]
fn what_the_file_says_of_a_model_is_what_the_loaded_model_says() {
    let lab = Lab::new();
    for path in [lab.adder(), lab.memory()] {
        let outline = Signature::read(&path).unwrap();
        assert_eq!(&outline, Model::load_alone(&path).unwrap().signature());
    }
    let (runtime, path) = (runtime(), lab.adder());
    let kind = runtime.plugins().kind("onnx").unwrap();
    let ask = |path: &Path| {
        let params = json!({ "path": path });
        runtime.plugins().kind_with(&kind, &PinsQuestion::new("model", &params, LONG)).map(|kind| kind.inputs.clone())
    };
    assert_eq!(ask(&path).unwrap(), ask(&path).unwrap());
    let counters = runtime.resources().counters();
    assert_eq!(counters.loads, 0, "a look at the signature loads nothing");
}

/// A model that takes so many bytes in its file and in memory.
fn heavy(lab: &Lab, bytes: usize) -> PathBuf {
    let numbers = vec![1.0; bytes / 4];
    let model = OnnxFile::default()
        .input("x", FLOAT, &[None, Some(2)])
        .output("y", FLOAT, &[None, Some(2)])
        .weights("w", &[2], &[0.0, 0.0])
        .weights("unused", &[numbers.len() as u64], &numbers)
        .operator("Add", &["x", "w"], &["y"]);
    lab.file("heavy.onnx", &model.bytes())
}

/// A store with a model of the right size that is not the one of the manifest.
fn tampered_store(lab: &Lab) -> PathBuf {
    let manifest = Manifest::open().unwrap();
    let model = manifest.model("silero-vad").unwrap();
    let file = model.files().find(|file| file.name == "silero_vad.onnx").unwrap();
    let folder = lab.0.path().join("store");
    fs::create_dir_all(folder.join("silero-vad")).unwrap();
    let with_padding = |len: usize| {
        let model = OnnxFile::default()
            .input("x", FLOAT, &[None, Some(2)])
            .output("y", FLOAT, &[None, Some(2)])
            .operator("Identity", &["x"], &["y"]);
        model.metadata("padding", &"x".repeat(len)).bytes()
    };
    let wanted = usize::try_from(file.bytes).unwrap();
    let short = wanted - with_padding(wanted - 1000).len();
    let bytes = with_padding(wanted - 1000 + short);
    assert_eq!(bytes.len() as u64, file.bytes, "the padding is exact");
    fs::write(folder.join("silero-vad/silero_vad.onnx"), bytes).unwrap();
    folder
}

/// Says to the child of a test that it is one.
const CHILD: &str = "GRAPHMILL_TEST_CHILD";

/// Every way in which a model cannot be had, in one graph, each in a branch beside one that works. In a child, because
/// the store of models is named by the environment.
#[test]
fn models_that_cannot_be_had_cost_their_nodes_and_the_rest_delivers_everything() {
    if std::env::var_os(CHILD).is_some() {
        return broken_branches();
    }
    let lab = Lab::new();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "models_that_cannot_be_had_cost_their_nodes_and_the_rest_delivers_everything"]);
    let output = child.env(CHILD, "1").env("GRAPHMILL_MODELS", tampered_store(&lab)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

fn broken_branches() {
    let (lab, runtime) = (Lab::new(), runtime());
    let branches = [
        ("corrupt", json!({ "path": lab.cut() }), "fetch it again"),
        ("digest", json!({ "model": "silero-vad", "file": "silero_vad.onnx" }), "graphmill models pull silero-vad"),
        ("operator", json!({ "path": lab.odd() }), "Frobnicate"),
        ("budget", json!({ "path": heavy(&lab, 4 << 20) }), "raise the budget of the resources"),
        ("shape", json!({ "path": lab.adder() }), "takes f32 [?,2], got f32 [1,3]"),
        ("good", json!({ "path": lab.adder() }), ""),
    ];
    runtime.resources().set_budget(3 << 20);
    let policy: PolicySpec = serde_json::from_value(json!({ "on_trip": "isolate", "restart": { "max": 0 } })).unwrap();
    let mut builder = Graph::builder();
    for (name, params, _) in &branches {
        let node = NodeSpec::new("onnx").with_params(params.clone()).with_policy(policy);
        let (inlet, outlet) = (format!("{name}-in"), format!("{name}-out"));
        builder = builder
            .inlet(&inlet, "tensor")
            .node_with(*name, node)
            .outlet(&outlet, "tensor")
            .link(&inlet, format!("{name}.x"))
            .link(format!("{name}.y"), &outlet);
    }
    let graph = builder.build(runtime.plugins()).unwrap();
    assert_eq!(graph.warnings().len(), 1, "the one whose pins cannot be read: {:?}", graph.warnings());
    let mut session = runtime.start(&graph).unwrap();
    let (mut wrong, mut inlet) = (session.take_inlet("shape-in").unwrap(), session.take_inlet("good-in").unwrap());
    let mut outlet = session.take_outlet("good-out").unwrap();
    for number in 0..50_u8 {
        wrong.send(tensor(&[1, 3], &[0.0; 3]), LONG).unwrap();
        inlet.send(tensor(&[1, 2], &[f32::from(number); 2]), LONG).unwrap();
        assert_eq!(made(&mut outlet).1, [10.0 + f32::from(number), 20.0 + f32::from(number)]);
    }
    drop((wrong, inlet));
    let report = session.wait_timeout(LONG).unwrap();
    assert_eq!((report.outcome, report.failures.len()), (Outcome::Completed, 0), "{report:#?}");
    for (name, _, reason) in &branches {
        let node = report.node(name).unwrap();
        let said = node.last_error.clone().unwrap_or_default();
        assert!(said.contains(reason), "{name}: expected {reason:?} in {said:?}");
        let is_loaded = ["shape", "good"].contains(name);
        assert_eq!(node.state == NodeState::Tripped, !is_loaded, "{name}: {:?}", node.state);
        assert_eq!(report.tripped.iter().filter(|failure| failure.node == *name).count(), usize::from(!is_loaded));
    }
    assert_eq!(report.node("shape").unwrap().errors, 50, "one error for each packet");
}

#[test]
fn a_graph_needs_its_models_unless_it_says_that_it_goes_on_without() {
    let (lab, runtime) = (Lab::new(), runtime());
    let said = refusal(&runtime, json!({ "path": lab.cut() }));
    assert!(said.contains("the pins of node `model` (`onnx`) are not known: model"), "{said}");
    runtime.resources().set_budget(1 << 20);
    let said = refusal(&runtime, json!({ "path": heavy(&lab, 4 << 20) }));
    assert!(said.contains("node `model` (onnx) failed in create"), "{said}");
}

#[test]
fn a_lone_packet_of_a_batch_runs_when_its_time_is_up_although_none_follows() {
    let clock = Arc::new(VirtualClock::new());
    let (lab, runtime) = (Lab::new(), Runtime::with_clock(clock.clone()));
    runtime.plugins().link(graphmill_onnx::module()).unwrap();
    let params = json!({ "path": lab.adder(), "batch_max": 64, "batch_wait_ms": 100 });
    let (session, mut inlet, mut outlet) = running(&runtime, params);
    for round in 0..2 {
        inlet.send(tensor(&[1, 2], &[1.0; 2]), LONG).unwrap();
        inlet.send(tensor(&[1, 2], &[2.0; 2]), LONG).unwrap();
        // Two packets, and the tick that the first one asked for.
        while session.report().node("model").unwrap().calls < round * 4 + 3 {
            std::thread::yield_now();
        }
        clock.advance_ns(99_000_000);
        assert!(matches!(outlet.recv(Duration::from_millis(5)), Err(RecvError::Timeout)), "its time is not up");
        clock.advance_ns(1_000_000);
        assert_eq!((made(&mut outlet).1, made(&mut outlet).1), (vec![11.0, 21.0], vec![12.0, 22.0]));
    }
}

#[test]
fn a_session_tells_what_a_model_takes_in_memory() {
    let (lab, runtime) = (Lab::new(), runtime());
    let path = heavy(&lab, 8 << 20);
    let (_session, mut inlet, mut outlet) = running(&runtime, json!({ "path": path }));
    inlet.send(tensor(&[1, 2], &[3.0; 2]), LONG).unwrap();
    assert_eq!(made(&mut outlet).1, [3.0, 3.0]);
    let (bytes, file) = (runtime.resources().counters().bytes, fs::metadata(&path).unwrap().len());
    println!("a model of {file} bytes counts as {bytes}");
    assert!((file..file * 2).contains(&bytes), "{bytes} of a file of {file}");
}
