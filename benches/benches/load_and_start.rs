//! How long does it take to load a plugin, and to start and stop a session, as sessions grow and as several run at once?
//!
//! Baselines in the same run: what a session cannot do without, that is as many threads that are started, meet at a
//! barrier and end; and for loading, reading the bytes of the library once. A library is loaded once per process and
//! file, so every turn loads a copy of it under a new name.

use graphmill::{Graph, Runtime};
use graphmill_benches::{Request, Way};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};
use std::{fs, hint};

fn bare_threads(count: usize) {
    let barrier = Arc::new(Barrier::new(count));
    let meet = |_| {
        let barrier = barrier.clone();
        std::thread::spawn(move || {
            barrier.wait();
        })
    };
    let threads: Vec<_> = (0..count).map(meet).collect();
    threads.into_iter().for_each(|thread| drop(thread.join()));
}

fn graph(runtime: &Runtime, nodes: usize) -> Graph {
    let mut graph = Graph::builder().node("count", "flow.count", json!({ "packets": 1 }));
    let ids: Vec<String> = (1..nodes).map(|at| format!("pass-{at}")).collect();
    for id in &ids {
        graph = graph.node(id, "flow.pass", json!({}));
    }
    let graph = graph.chain(std::iter::once("count").chain(ids.iter().map(String::as_str)));
    graph.build(runtime.plugins()).unwrap_or_else(|error| panic!("{error}"))
}

fn sessions(runtime: &Runtime, graph: &Graph, count: usize) {
    let start = |_| runtime.start(graph).unwrap_or_else(|error| panic!("{error}"));
    let sessions: Vec<_> = (0..count).map(start).collect();
    sessions.into_iter().for_each(|session| drop(session.wait()));
}

/// A copy of a library that nobody has loaded yet.
fn copy(library: &Path, folder: &Path, turn: &mut u64) -> PathBuf {
    *turn += 1;
    let path = folder.join(format!("lib{turn}.so"));
    assert!(fs::copy(library, &path).is_ok(), "there is room for a copy");
    path
}

fn loading(request: &Request) {
    if !request.wants("load a plugin") {
        return;
    }
    let library = graphmill_benches::cdylib("graphmill-fixture-flow");
    let Ok(folder) = tempfile::tempdir() else { panic!("there is room for a folder") };
    let (mut bare, mut loaded) = (0, 1 << 32);
    let ways = vec![
        Way::new("copy and read the file", || {
            let path = copy(&library, folder.path(), &mut bare);
            hint::black_box(fs::read(path)).unwrap_or_default();
        }),
        Way::new("copy and load the plugin", || {
            let path = copy(&library, folder.path(), &mut loaded);
            assert!(graphmill::Plugins::new().load(path).is_ok());
        }),
    ];
    request.contest("load a plugin", 1, ways);
}

fn main() {
    let (request, runtime) = (Request::from_arguments(), graphmill_benches::runtime());
    loading(&request);
    for nodes in [2, 10, 100, 1000] {
        let graph = graph(&runtime, nodes);
        let ways = vec![
            Way::new("bare threads", || bare_threads(nodes)),
            Way::new("session", || sessions(&runtime, &graph, 1)),
        ];
        request.contest(&format!("start and stop {nodes} nodes"), nodes as u64, ways);
    }
    for count in [1, 2, 4, 8, 16] {
        let graph = graph(&runtime, 8);
        let ways = vec![
            Way::new("bare threads", || bare_threads(count * 8)),
            Way::new("sessions", || sessions(&runtime, &graph, count)),
        ];
        request.contest(&format!("{count} sessions of 8 nodes at once"), count as u64 * 8, ways);
    }
}
