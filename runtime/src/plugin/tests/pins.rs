//! Pins that depend on params: who tells them, what becomes of a bad answer, and how a graph uses them.

use super::bench::plugins;
use crate::exec::{MonotonicClock, NodeContext, NodeName, abandoned_threads};
use crate::graph::{Graph, GraphBuilder, KindInfo, Kinds, PinsError, PinsQuestion};
use crate::plugin::pins::{Question, ask};
use crate::plugin::tests::bench::Wakes;
use crossbeam_channel::{Receiver, Sender, bounded};
use graphmill_abi::layout::*;
use graphmill_abi::{Buffer, ErrorSlot};
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// Longer than Miri takes.
const LONG: Duration = Duration::from_secs(3600);

/// Where a call that hangs waits, until the other end is dropped.
static GATE: LazyLock<(Sender<()>, Receiver<()>)> = LazyLock::new(|| bounded(0));

/// Hangs until somebody opens the gate.
pub(super) fn hang() {
    GATE.1.recv().unwrap();
}

fn told(params: &Value, timeout: Duration) -> Result<Arc<KindInfo>, PinsError> {
    let (plugins, _) = plugins();
    let kind = plugins.kind("sample.adder").unwrap();
    plugins.kind_with(&kind, &PinsQuestion::new("sum", params, timeout))
}

#[test]
fn pins_of_a_node_are_told_by_its_kind_for_its_params() {
    let kind = told(&json!({ "inputs": 3, "told": "pins" }), LONG).unwrap();
    let names: Vec<&str> = kind.inputs.iter().map(|pin| pin.name.as_str()).collect();
    assert_eq!(names, ["term1", "term2", "term3"]);
    assert_eq!(kind.outputs[0].format.to_string(), "tensor f32 [?]");
    let (plugins, _) = plugins();
    let fixed = plugins.kind("sample.gain").unwrap();
    let same = plugins.kind_with(&fixed, &PinsQuestion::new("gain", &json!({}), LONG)).unwrap();
    assert!(Arc::ptr_eq(&fixed, &same), "nobody is asked where the pins are fixed");
}

#[test]
fn answers_without_pins_say_why() {
    let table = [
        ("refusal", "no such file; fetch it first"),
        ("panic", "on purpose"),
        ("twins", "at `inputs[1].name`: `twin` is used twice"),
        ("nothing", "at `inputs`: a processor needs an input"),
    ];
    for (act, reason) in table {
        let said = told(&json!({ "inputs": 2, "told": act }), LONG).unwrap_err().to_string();
        assert!(said.contains(reason), "{act}: {said}");
    }
    let said = told(&json!({ "inputs": "two" }), LONG).unwrap_err().to_string();
    assert!(said.starts_with("params: "), "what the schema lets through is still refused: {said}");
}

#[test]
fn answer_that_does_not_come_is_given_up_at_its_deadline() {
    let before = abandoned_threads();
    let error = told(&json!({ "inputs": 1, "told": "hang" }), Duration::from_millis(1)).unwrap_err();
    assert_eq!(error, PinsError::Late { waited_ms: 1 });
    assert!(error.to_string().ends_with("raise `deadlines.pins_ms` if it may take that long"), "{error}");
    assert_eq!(abandoned_threads(), before + 1);
    GATE.0.send(()).unwrap();
    let since = Instant::now();
    while abandoned_threads() > before {
        assert!(since.elapsed() < LONG, "the thread ends when its call does");
        std::thread::yield_now();
    }
}

unsafe extern "C" fn null(_: *const gm_host, _: gm_str, _: *mut *mut gm_buffer, _: *mut gm_error) -> gm_status {
    GM_OK
}

unsafe extern "C" fn flow(_: *const gm_host, _: gm_str, _: *mut *mut gm_buffer, _: *mut gm_error) -> gm_status {
    GM_AGAIN
}

unsafe extern "C" fn silent(_: *const gm_host, _: gm_str, _: *mut *mut gm_buffer, _: *mut gm_error) -> gm_status {
    GM_E_NOTFOUND
}

unsafe extern "C" fn latin(_: *const gm_host, _: gm_str, out: *mut *mut gm_buffer, _: *mut gm_error) -> gm_status {
    // SAFETY: the host gives a place for one pointer.
    unsafe { out.write(Buffer::copy_from_slice(b"\xe4").into_raw()) };
    GM_OK
}

unsafe extern "C" fn long(_: *const gm_host, _: gm_str, out: *mut *mut gm_buffer, _: *mut gm_error) -> gm_status {
    // SAFETY: the host gives a place for one pointer.
    unsafe { out.write(Buffer::zeroed(200 * 1024).into_raw()) };
    GM_OK
}

/// Tries what a question may not do, and tells what the host said.
unsafe extern "C" fn nosy(host: *const gm_host, _: gm_str, _: *mut *mut gm_buffer, error: *mut gm_error) -> gm_status {
    // SAFETY: the host passed itself for this call.
    let gm_host { api, ctx } = unsafe { *host };
    // SAFETY: its table lives as long as the process.
    let emit = unsafe { (*api).emit }.unwrap();
    let mut packet = graphmill_abi::Packet::from_text("x").unwrap();
    // SAFETY: the packet is ours, and the error is the caller's.
    unsafe { emit(ctx, 0, 0, packet.as_raw_mut(), error) }
}

/// Answers through a buffer of the host, as a plugin in C would.
unsafe extern "C" fn pooled(
    host: *const gm_host,
    params: gm_str,
    out: *mut *mut gm_buffer,
    error: *mut gm_error,
) -> gm_status {
    // SAFETY: the host passed itself for this call.
    let gm_host { api, ctx } = unsafe { *host };
    // SAFETY: its table lives as long as the process.
    let alloc = unsafe { (*api).buffer_alloc }.unwrap();
    let info = gm_alloc_info { struct_size: 16, align: 0, len: params.len as u64 };
    // SAFETY: all of it lives as long as the call.
    let status = unsafe { alloc(ctx, &raw const info, out, error) };
    // SAFETY: the host stored a buffer, whose reference is borrowed here.
    let buffer = unsafe { *out };
    // SAFETY: the buffer is alive and new.
    let data = unsafe { (*buffer).data };
    // SAFETY: it has as many bytes as the params, which do not overlap with it.
    unsafe { std::ptr::copy_nonoverlapping(params.ptr.cast::<u8>(), data, params.len) };
    status
}

type Raw = unsafe extern "C" fn(*const gm_host, gm_str, *mut *mut gm_buffer, *mut gm_error) -> gm_status;

fn asked(function: Raw) -> Result<String, PinsError> {
    let name = NodeName::new("graph", "node", "kind");
    let context = NodeContext::new(name, 0, Arc::new(MonotonicClock::new()), Arc::new(Wakes::default()));
    ask(Question { function, context: Arc::new(context), plugin_file: None, params: "{}".to_owned() }, LONG)
}

#[test]
fn answers_that_break_the_contract_are_refused_with_a_reason() {
    let table: [(Raw, &str); 6] = [
        (null, "their buffer is unusable"),
        (flow, "`pins` answers with the status 1, which it may not"),
        (silent, "`pins` fails with"),
        (latin, "their text is no UTF-8"),
        (long, "they take 204800 bytes"),
        (nosy, "emit"),
    ];
    for (function, reason) in table {
        let said = asked(function).unwrap_err().to_string();
        assert!(said.contains(reason), "{reason:?} in {said:?}");
    }
    assert_eq!(asked(pooled).unwrap(), "{}");
    // Nobody may leave a message behind for the next one.
    assert!(ErrorSlot::zeroed().message().is_empty());
}

fn sum(told: &str) -> GraphBuilder {
    Graph::builder()
        .inlet("a", "tensor f32 [?]")
        .inlet("b", "tensor f32 [?]")
        .node("sum", "sample.adder", json!({ "inputs": 2, "told": told }))
        .outlet("out", "tensor")
        .link("a", "sum.term1")
        .link("sum.sum", "out")
}

fn refused(builder: GraphBuilder) -> String {
    let (plugins, _) = plugins();
    builder.build(&plugins).unwrap_err().render(false)
}

#[test]
fn graph_is_checked_against_the_pins_of_each_node() {
    let (plugins, _) = plugins();
    let graph = sum("pins").link("b", "sum.term2").build(&plugins).unwrap();
    let (_, node) = graph.find("sum").unwrap();
    assert_eq!(node.inputs().iter().map(|pin| pin.name()).collect::<Vec<_>>(), ["term1", "term2"]);
    let said = refused(sum("pins").link("b", "sum.term3").link("b", "sum.term2"));
    assert!(said.contains("node `sum` has no input `term3`"), "{said}");
    assert!(said.contains("with its params it has `term1` and `term2`"), "{said}");
    let said = refused(sum("pins").inlet("c", "tensor i32 [?]").link("c", "sum.term2"));
    assert!(said.contains("`sum.term2` takes `tensor f32 [?]`"), "{said}");
    assert!(refused(sum("pins")).contains("nothing is linked to the input `sum.term2`"));
}

#[test]
fn graph_whose_pins_are_not_known_is_refused_for_that_alone() {
    let said = refused(sum("refusal").link("b", "sum.anything"));
    assert!(
        said.contains("the pins of node `sum` (`sample.adder`) are not known: no such file; fetch it first"),
        "{said}"
    );
    assert!(!said.contains("anything"), "links of such a node are not judged: {said}");
    let bad = Graph::builder().node("sum", "sample.adder", json!({ "inputs": 99, "told": "panic" }));
    let said = refused(bad);
    assert!(!said.contains("are not known"), "params that the schema refuses are not handed over: {said}");
}
