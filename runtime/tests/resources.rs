//! What nodes load once: in one session, in several, from a library, and when the load fails or hangs.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use graphmill::exec::{FaultClass, Operation};
use graphmill::graph::{DeadlinesSpec, GraphBuilder, NodeSpec, PolicySpec};
use graphmill::{Buffer, Graph, Outcome, Resources, Runtime, StartError};
use graphmill_plugin_sdk::prelude::*;
use serde_json::{Value, json};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

mod support;

use support::{LONG, cdylib, wait_for};

const NODES: usize = 64;

/// The cache of each test, so that its loads can wait until everybody waits for them.
static CACHES: LazyLock<Mutex<Vec<(String, Resources)>>> = LazyLock::new(Mutex::default);
/// Loads that are begun, by the key, and what the first of them waits for.
static LOADS: Mutex<Vec<String>> = Mutex::new(Vec::new());
static GATES: Mutex<Vec<(String, crossbeam_channel::Receiver<()>)>> = Mutex::new(Vec::new());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn loads(key: &str) -> usize {
    lock(&LOADS).iter().filter(|of| *of == key).count()
}

/// Closes the gate of a key: its first load waits until the returned end is dropped.
fn close_gate(key: &str) -> crossbeam_channel::Sender<()> {
    let (open, gate) = crossbeam_channel::bounded(1);
    lock(&GATES).push((key.to_owned(), gate));
    open
}

/// Params of `heavy`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct HeavyParams {
    /// What is loaded, and name of the test.
    key: String,
    /// The load goes on when so many others wait for it.
    #[serde(default)]
    waits: u64,
    /// How it ends.
    #[serde(default)]
    end: String,
    /// How long to wait for another node.
    #[serde(default)]
    wait_ms: u64,
}

/// Loads something in `create`, and ends.
struct Heavy {
    _model: Resource<String>,
}

impl HeavyParams {
    fn load(&self) -> Result<String> {
        lock(&LOADS).push(self.key.clone());
        let cache = lock(&CACHES).iter().find(|(test, _)| *test == self.key).map(|(_, cache)| cache.clone());
        if let Some(cache) = cache {
            wait_for("everybody waits", || cache.counters().waits >= self.waits);
        }
        let gate = {
            let mut gates = lock(&GATES);
            let at = gates.iter().position(|(key, _)| *key == self.key);
            at.map(|at| gates.remove(at).1)
        };
        if let Some(gate) = gate {
            // The gate opens when the test drops its end.
            let _opened = gate.recv();
        }
        assert!(self.end != "panic", "the load panics as it should");
        if self.end == "error" { Err(Error::io("no such model")) } else { Ok(self.key.clone()) }
    }
}

impl Node for Heavy {
    type Params = HeavyParams;

    fn kind() -> Kind {
        Kind::new("heavy").optional_output("out", "any")
    }

    fn create(params: HeavyParams, cx: &mut CreateContext<'_>) -> Result<Self> {
        let key = ResourceKey::new(&params.key).bytes(1_000_000);
        let key = if params.wait_ms > 0 { key.wait(Duration::from_millis(params.wait_ms)) } else { key };
        Ok(Self { _model: cx.resource(key, || params.load())? })
    }
}

impl Source for Heavy {
    fn tick(&mut self, _cx: &mut Context<'_>) -> Result<Tick> {
        Ok(Tick::End)
    }
}

graphmill_plugin_sdk::export!(Heavy);

fn runtime(test: &str) -> Runtime {
    let runtime = Runtime::new();
    runtime.plugins().link(module()).unwrap();
    lock(&CACHES).push((test.to_owned(), runtime.resources().clone()));
    runtime
}

fn nodes(kind: &str, count: usize, params: &Value) -> GraphBuilder {
    (0..count).fold(Graph::builder(), |graph, n| graph.node(format!("n{n}"), kind, params.clone()))
}

fn heavy(runtime: &Runtime, count: usize, params: &Value) -> Graph {
    nodes("heavy", count, params).build(runtime.plugins()).unwrap()
}

fn run(runtime: &Runtime, graph: &Graph) {
    let report = runtime.start(graph).unwrap().wait();
    assert_eq!(report.outcome, Outcome::Completed, "{report:#?}");
}

#[test]
fn f12_nodes_of_a_session_that_ask_at_once_share_one_load() {
    let key = "at once";
    let runtime = runtime(key);
    run(&runtime, &heavy(&runtime, NODES, &json!({ "key": key, "waits": NODES - 1 })));
    let counters = runtime.resources().counters();
    assert_eq!((loads(key), counters.loads, counters.waits), (1, 1, NODES as u64 - 1));
    assert_eq!((counters.hits, counters.misses), (0, NODES as u64));
    assert_eq!((counters.entries, counters.bytes), (1, 1_000_000));
}

#[test]
fn f12_nodes_of_a_library_hold_one_table_whichever_session_and_instance_they_are_of() {
    let runtime = Runtime::new();
    runtime.plugins().load_path(cdylib("graphmill-fixture-flow")).unwrap();
    let params = json!({ "key": "sine 8M", "bytes": 8_000_000 });
    let graph = nodes("flow.table", NODES, &params).build(runtime.plugins()).unwrap();
    run(&runtime, &graph);
    run(&runtime, &graph);
    let _instance = runtime.instance("flow.table", &params).unwrap();
    let counters = runtime.resources().counters();
    assert_eq!((counters.loads, counters.hits + counters.misses), (1, 2 * NODES as u64 + 1));
    assert_eq!((counters.entries, counters.bytes), (1, 8_000_000));
    assert_eq!(runtime.resources().clear(), 1);
}

#[test]
fn two_runtimes_share_nothing() {
    let [first, second] = [(); 2].map(|()| runtime("apart"));
    for runtime in [&first, &second] {
        run(runtime, &heavy(runtime, 1, &json!({ "key": "apart" })));
        assert_eq!(runtime.resources().counters().loads, 1);
    }
}

#[test]
fn sessions_that_run_at_the_same_time_share_one_load() {
    let key = "two sessions";
    let runtime = runtime(key);
    let open = close_gate(key);
    let graph = heavy(&runtime, 2, &json!({ "key": key }));
    std::thread::scope(|scope| {
        let sessions = [(); 2].map(|()| scope.spawn(|| run(&runtime, &graph)));
        wait_for("both wait", || runtime.resources().counters().waits == 3);
        drop(open);
        sessions.into_iter().for_each(|session| session.join().unwrap());
    });
    assert_eq!((loads(key), runtime.resources().counters().loads), (1, 1));
}

#[test]
fn f12_failed_load_fails_all_nodes_that_wait_and_the_next_session_loads_again() {
    for (end, message) in [("error", "loading `error` fails: no such model"), ("panic", "the load panics as it should")]
    {
        let runtime = runtime(end);
        let graph = heavy(&runtime, NODES, &json!({ "key": end, "waits": NODES - 1, "end": end }));
        let error = runtime.start(&graph).unwrap_err().to_string();
        assert!(error.contains("failed in create: ") && error.contains(end), "{error}");
        let counters = runtime.resources().counters();
        assert_eq!((counters.loads, counters.load_failures, counters.waits), (1, 1, NODES as u64 - 1));
        let alone = runtime.start(&heavy(&runtime, 1, &json!({ "key": end, "end": end }))).unwrap_err().to_string();
        assert!(alone.contains(message), "{alone}");
        run(&runtime, &heavy(&runtime, 1, &json!({ "key": end })));
        assert_eq!((runtime.resources().counters().entries, loads(end)), (1, 3));
    }
}

#[test]
fn what_a_graph_warms_up_is_loaded_before_its_nodes_ask_and_held_as_long_as_the_session() {
    let key = "warm";
    let runtime = runtime(key);
    let params = json!({ "key": key });
    let graph = nodes("heavy", 2, &params).warm_up("heavy", params).build(runtime.plugins()).unwrap();
    let mut session = runtime.start(&graph).unwrap();
    let counters = runtime.resources().counters();
    assert_eq!((loads(key), counters.hits, counters.misses, counters.waits), (1, 2, 1, 0));
    assert_eq!(session.wait_timeout(LONG).unwrap().outcome, Outcome::Completed);

    // The nodes have gone, and nobody may keep what nobody holds.
    let keeps = || {
        runtime.resources().set_budget(0);
        runtime.resources().counters().entries == 1
    };
    assert!(keeps());
    drop(session);
    wait_for("the end of what was warm", || !keeps());
}

#[test]
fn what_cannot_be_warmed_up_keeps_the_session_from_starting() {
    let runtime = runtime("cold");
    let cold = json!({ "key": "cold", "end": "error" });
    let graph = nodes("heavy", 1, &json!({ "key": "cold" })).warm_up("heavy", cold).build(runtime.plugins()).unwrap();
    let error = runtime.start(&graph).unwrap_err().to_string();
    assert!(error.contains("`heavy`") && error.contains("loading `cold` fails: no such model"), "{error}");
    assert_eq!(runtime.resources().counters().loads, 1, "no node was made");
}

fn deadlines(create_ms: u64) -> DeadlinesSpec {
    serde_json::from_value(json!({ "create_ms": create_ms })).unwrap()
}

fn no_restarts() -> PolicySpec {
    serde_json::from_value(json!({ "restart": { "max": 0 } })).unwrap()
}

fn alone(runtime: &Runtime, create_ms: u64, params: &Value) -> Graph {
    let node = NodeSpec::new("heavy").with_params(params.clone());
    let node = node.with_deadlines(deadlines(create_ms)).with_policy(no_restarts());
    Graph::builder().node_with("model", node).build(runtime.plugins()).unwrap()
}

#[test]
fn f12_hung_load_costs_its_own_node_a_deadline_and_the_next_one_who_asks_loads_afresh() {
    let key = "hung";
    let runtime = runtime(key);
    let open = close_gate(key);
    let error = runtime.start(&alone(&runtime, 300, &json!({ "key": key }))).unwrap_err().to_string();
    assert!(error.contains("node `model` (heavy) failed in create: no return after"), "{error}");
    run(&runtime, &alone(&runtime, 60_000, &json!({ "key": key })));
    let counters = runtime.resources().counters();
    assert_eq!((counters.loads, counters.loads_given_up, counters.loads_late, counters.entries), (2, 1, 0, 1));
    drop(open);
    wait_for("the late end of the hung load", || runtime.resources().counters().loads_late == 1);
    assert_eq!(runtime.resources().counters().insertions, 1, "what comes late is not kept");
}

#[test]
fn node_that_waits_for_a_hung_load_gets_an_error_at_its_own_deadline() {
    let key = "waits for a hung one";
    let runtime = runtime(key);
    let open = close_gate(key);
    let hung = alone(&runtime, 60_000, &json!({ "key": key }));
    let waits = alone(&runtime, 60_000, &json!({ "key": key, "wait_ms": 10 }));
    std::thread::scope(|scope| {
        let hung = scope.spawn(|| run(&runtime, &hung));
        wait_for("the load", || runtime.resources().counters().loading == 1);
        let error = runtime.start(&waits).unwrap_err();
        let StartError::Node(failure) = &error else { panic!("{error}") };
        assert_eq!((failure.operation, failure.class), (Operation::Create, FaultClass::Error));
        assert!(failure.message.contains("is still being loaded by another one after 10 ms"), "{failure}");
        drop(open);
        hung.join().unwrap();
    });
    let counters = runtime.resources().counters();
    assert_eq!((counters.wait_timeouts, counters.loads, counters.entries), (1, 1, 1));
}

#[test]
fn node_over_the_budget_fails_alone_and_names_the_budget() {
    let runtime = runtime("budget");
    runtime.resources().set_budget(999_999);
    let error = runtime.start(&heavy(&runtime, 1, &json!({ "key": "budget" }))).unwrap_err().to_string();
    assert!(error.contains("`budget` takes 1000000 bytes, and of the budget of 999999 bytes"), "{error}");
    assert_eq!(loads("budget"), 0);
    runtime.resources().set_budget(1_000_000);
    run(&runtime, &heavy(&runtime, 1, &json!({ "key": "budget" })));
}

#[test]
fn bytes_that_the_application_maps_are_found_by_nodes_of_a_library() {
    let runtime = Runtime::new();
    runtime.plugins().load_path(cdylib("graphmill-fixture-flow")).unwrap();
    let weights = || Ok::<_, std::io::Error>(Buffer::zeroed(4096));
    let mine = runtime.resources().shared_buffer("weights", weights).unwrap();
    let params = json!({ "key": "weights", "bytes": 4096, "shared": true });
    run(&runtime, &nodes("flow.table", 8, &params).build(runtime.plugins()).unwrap());
    let counters = runtime.resources().counters();
    assert_eq!((counters.loads, counters.hits, counters.bytes, mine.len()), (1, 8, 4096, 4096));
}

#[test]
fn metrics_of_a_session_tell_what_was_loaded_and_asked_for() {
    let runtime = Runtime::new();
    runtime.plugins().link(graphmill_fixture_flow::module()).unwrap();
    let table =
        |graph: GraphBuilder, id: &str, key: &str| graph.node(id, "flow.table", json!({ "key": key, "bytes": 1_000 }));
    let graph = table(table(table(Graph::builder(), "a", "metrics 1"), "b", "metrics 1"), "c", "metrics 2");
    let session = runtime.start(&graph.build(runtime.plugins()).unwrap()).unwrap();
    let handle = session.handle();
    assert_eq!(session.wait().outcome, Outcome::Completed);
    let metrics = handle.metrics();
    let requests = |outcome: &str| metrics.count("graphmill.resource.requests", &[("outcome", outcome)]);
    assert_eq!((requests("hit") + requests("miss"), metrics.count("graphmill.resource.loads", &[])), (3, 2));
    let now = ["graphmill.resource.entries", "graphmill.resource.size", "graphmill.resource.evictions"];
    assert_eq!(now.map(|name| metrics.count(name, &[])), [2, 2_000, 0]);
}
