//! With attribution installed, a plugin that takes the process down is named before the process dies of the same
//! signal as without it.
#![cfg(all(target_os = "linux", feature = "dylib"))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use graphmill::graph::NodeSpec;
use graphmill::plugin::install_crash_attribution;
use graphmill::{Graph, Plugins, Runtime};
use libc::{SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV};
use serde_json::{Value, json};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::env;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Output;
use support::bench::{create, process};
use support::{Lab, cdylib, child_file, run_in_child_with};

/// Set in a child process: what it is to do.
const SCENE: &str = "GRAPHMILL_TEST_CRASH_SCENE";

thread_local! {
    /// Whether every use of the heap by this thread is told.
    static IS_ARMED: Cell<bool> = const { Cell::new(false) };
}

struct Telling;

#[global_allocator]
static ALLOCATOR: Telling = Telling;

#[expect(unsafe_code, reason = "writes without the heap")]
fn tell() {
    if IS_ARMED.try_with(Cell::get) == Ok(true) {
        let text = b"the heap was used\n";
        // SAFETY: the bytes live through the call.
        let _written = unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
    }
}

#[expect(unsafe_code, reason = "an allocator that tells is a global allocator")]
// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Telling {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        tell();
        // SAFETY: passed on from the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        tell();
        // SAFETY: passed on from the caller.
        unsafe { System.dealloc(block, layout) }
    }
}

mod sample {
    use super::IS_ARMED;
    use graphmill_plugin_sdk::prelude::*;
    use std::hint::black_box;
    use std::process::abort;

    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct Params {
        uses_heap: bool,
    }

    /// Has the heap watched from now on, and aborts.
    pub(crate) struct Armed(Params);

    impl Node for Armed {
        type Params = Params;
        fn kind() -> Kind {
            Kind::new("armed").input("in", "any")
        }
        fn create(params: Params, _cx: &mut CreateContext<'_>) -> Result<Self> {
            Ok(Self(params))
        }
    }

    impl Sink for Armed {
        fn consume(&mut self, _pin: usize, _packet: &mut Packet, _cx: &mut Context<'_>) -> Result<()> {
            IS_ARMED.set(true);
            if self.0.uses_heap {
                drop(black_box(Box::new(1)));
            }
            abort()
        }
    }
}

use sample::Armed;

graphmill_plugin_sdk::export!(Armed);

fn scene() -> String {
    env::var(SCENE).unwrap_or_default()
}

/// The lines about crashes on standard error.
fn told(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    text.lines().filter(|line| line.starts_with("graphmill: ")).map(ToOwned::to_owned).collect()
}

/// Runs give -> model -> take, where the node in the scene has these params.
fn run_graph(file: &Path, node: &str, params: Value) {
    let runtime = Runtime::new();
    runtime.plugins().load(file).unwrap();
    let mut params = Some(params);
    let mut spec = |id: &str, kind: &str, sound: Value| {
        NodeSpec::new(kind).with_params(if id == node { params.take().unwrap() } else { sound })
    };
    let graph = Graph::builder()
        .node_with("give", spec("give", "faulty.source", json!({ "packets": 3 })))
        .node_with("model", spec("model", "faulty.pass", json!({})))
        .node_with("take", spec("take", "faulty.sink", json!({})))
        .chain(["give", "model", "take"])
        .build(runtime.plugins())
        .unwrap();
    let report = runtime.start(&graph).unwrap().wait();
    // A fault that comes to nothing must not look like one that ended the process.
    panic!("nothing happened: {report:?}");
}

/// A child with attribution or, for comparison, without it: `bare:MODE` or `MODE`.
fn die_in_process(file: &Path) {
    let scene = scene();
    let mode = scene.strip_prefix("bare:").unwrap_or(&scene);
    if mode == scene {
        install_crash_attribution().unwrap();
    }
    run_graph(file, "model", json!({ "mode": mode }));
}

#[test]
fn every_signal_names_node_kind_file_and_operation_and_stays_the_same() {
    const TEST: &str = "every_signal_names_node_kind_file_and_operation_and_stays_the_same";
    if let Some(file) = child_file() {
        return die_in_process(&file);
    }
    let file = cdylib("graphmill-fixture-faulty").canonicalize().unwrap();
    let deaths = [
        ("abort", "SIGABRT", SIGABRT),
        ("double-panic", "SIGABRT", SIGABRT),
        ("segfault", "SIGSEGV", SIGSEGV),
        ("bus-error", "SIGBUS", SIGBUS),
        ("illegal-instruction", "SIGILL", SIGILL),
        ("divide-error", "SIGFPE", SIGFPE),
        // The standard library aborts after it has told of the overflow.
        ("stack-overflow", "SIGSEGV", SIGABRT),
    ];
    for (mode, name, signal) in deaths {
        let end = run_in_child_with(TEST, &file, SCENE, mode);
        let line = format!("graphmill: node `model` (faulty.pass in {}) crashed in process: {name}", file.display());
        assert_eq!(told(&end), [line], "{mode}: {end:?}");
        assert_eq!(end.status.signal(), Some(signal), "{mode}: {end:?}");

        let bare = run_in_child_with(TEST, &file, SCENE, &format!("bare:{mode}"));
        assert_eq!((told(&bare), bare.status.signal()), (vec![], Some(signal)), "{mode}: {bare:?}");
    }
}

#[test]
fn exit_inside_a_call_is_named_and_is_no_success() {
    const TEST: &str = "exit_inside_a_call_is_named_and_is_no_success";
    if let Some(file) = child_file() {
        return die_in_process(&file);
    }
    let file = cdylib("graphmill-fixture-faulty").canonicalize().unwrap();
    let end = run_in_child_with(TEST, &file, SCENE, "exit0");
    let line = format!(
        "graphmill: node `model` (faulty.pass in {}) called exit in process: the process ends with status 70",
        file.display()
    );
    assert_eq!((told(&end), end.status.code()), (vec![line], Some(70)), "{end:?}");
    let bare = run_in_child_with(TEST, &file, SCENE, "bare:exit0");
    assert_eq!((told(&bare), bare.status.code()), (vec![], Some(0)), "{bare:?}");
    let unseen = run_in_child_with(TEST, &file, SCENE, "exit-now0");
    assert_eq!((told(&unseen), unseen.status.code()), (vec![], Some(0)), "past the exit handlers: {unseen:?}");
}

fn die_in(file: &Path, call: &str) {
    install_crash_attribution().unwrap();
    let params = json!({ "mode": "segfault", "in": call });
    match call {
        "tick" => run_graph(file, "give", params),
        "update" => {
            let runtime = Runtime::new();
            runtime.plugins().load(file).unwrap();
            let mut instance = runtime.instance("faulty.pass", &params).unwrap();
            let outcome = instance.update(&json!({}));
            panic!("nothing happened: {outcome:?}");
        }
        _ => run_graph(file, "model", params),
    }
}

#[test]
fn crash_is_told_with_the_operation_that_it_came_in() {
    const TEST: &str = "crash_is_told_with_the_operation_that_it_came_in";
    if let Some(file) = child_file() {
        return die_in(&file, &scene());
    }
    let file = cdylib("graphmill-fixture-faulty").canonicalize().unwrap();
    let calls = [
        ("create", "model", "faulty.pass"),
        ("start", "model", "faulty.pass"),
        ("tick", "give", "faulty.source"),
        ("flush", "model", "faulty.pass"),
        // A single instance goes by the name of its kind.
        ("update", "faulty.pass", "faulty.pass"),
        ("stop", "model", "faulty.pass"),
        ("destroy", "model", "faulty.pass"),
    ];
    for (call, node, kind) in calls {
        let end = run_in_child_with(TEST, &file, SCENE, call);
        let line = format!("graphmill: node `{node}` ({kind} in {}) crashed in {call}: SIGSEGV", file.display());
        assert_eq!((told(&end), end.status.signal()), (vec![line], Some(SIGSEGV)), "{call}: {end:?}");
    }
}

#[test]
fn plugin_that_crashes_while_it_is_loaded_is_named_by_its_file() {
    if let Some(file) = child_file() {
        install_crash_attribution().unwrap();
        let outcome = Plugins::new().load(file);
        panic!("nothing happened: {outcome:?}");
    }
    let lab = Lab::new();
    let entry = "GM_EXPORT gm_status gm_plugin_entry_v1(const gm_host *host, const gm_module **out, gm_error *error) {\
                 (void)host, (void)out, (void)error; __builtin_trap(); }";
    let source = lab.path("entry_traps.c");
    fs::write(&source, format!("#include \"graphmill.h\"\n{entry}\n")).unwrap();
    let files = [
        (lab.cc(&source, "libentry_traps.so", &[]), "SIGILL", SIGILL),
        (lab.fixture("constructor_aborts"), "SIGABRT", SIGABRT),
    ];
    for (file, name, signal) in files {
        let test = "plugin_that_crashes_while_it_is_loaded_is_named_by_its_file";
        let end = run_in_child_with(test, &file, SCENE, "load");
        let line = format!("graphmill: plugin file {} crashed in load: {name}", file.display());
        assert_eq!((told(&end), end.status.signal()), (vec![line], Some(signal)), "{end:?}");
    }
}

#[test]
fn nothing_is_allocated_between_the_crash_and_the_end() {
    const TEST: &str = "nothing_is_allocated_between_the_crash_and_the_end";
    if child_file().is_some() {
        install_crash_attribution().unwrap();
        let plugins = Plugins::new();
        plugins.link(module()).unwrap();
        let params = json!({ "uses_heap": scene() == "control" }).to_string();
        let outcome = process(&mut *create(&plugins, "armed", &params).unwrap());
        panic!("nothing happened: {outcome:?}");
    }
    let line = "graphmill: node `node` (armed) crashed in process: SIGABRT";
    let heap_uses = |scene| {
        let end = run_in_child_with(TEST, Path::new("none"), SCENE, scene);
        assert_eq!((told(&end), end.status.signal()), (vec![line.to_owned()], Some(SIGABRT)), "{end:?}");
        String::from_utf8_lossy(&end.stderr).matches("the heap was used").count()
    };
    assert_eq!(heap_uses("crash"), 0);
    assert_eq!(heap_uses("control"), 2, "the allocator tells");
}
