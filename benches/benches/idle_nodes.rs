//! What does a node cost that does nothing: memory, time to start, processor time?
//!
//! Chains of 1 to 1,000 nodes behind an inlet to which nobody sends, each node on a worker of its own. Baseline in the
//! same run: as many threads that are parked. Memory is what the process has resident beyond what it had before, and
//! processor time that of the whole process during two seconds in which nothing happens.

#![expect(clippy::print_stdout, reason = "a bench tells its figures")]

use graphmill::{Graph, Runtime, Session};
use graphmill_benches::cpu_ns;
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const IDLE: Duration = Duration::from_secs(2);

/// Bytes that the process has in memory.
fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = pages.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0);
    pages * rustix::param::page_size() as u64
}

/// Threads that do nothing until they are told to end.
struct Parked {
    threads: Vec<JoinHandle<()>>,
    is_over: Arc<AtomicBool>,
}

impl Parked {
    fn start(count: usize) -> Self {
        let (is_over, barrier) = (Arc::new(AtomicBool::new(false)), Arc::new(Barrier::new(count + 1)));
        let park = |_| {
            let (is_over, barrier) = (is_over.clone(), barrier.clone());
            std::thread::spawn(move || {
                barrier.wait();
                while !is_over.load(Ordering::Acquire) {
                    std::thread::park();
                }
            })
        };
        let threads = (0..count).map(park).collect();
        barrier.wait();
        Self { threads, is_over }
    }

    fn end(self) {
        self.is_over.store(true, Ordering::Release);
        for thread in self.threads {
            thread.thread().unpark();
            drop(thread.join());
        }
    }
}

fn session(runtime: &Runtime, nodes: usize) -> Session {
    let mut graph = Graph::builder().inlet("in", "any");
    let ids: Vec<String> = (0..nodes).map(|at| format!("pass-{at}")).collect();
    for id in &ids {
        graph = graph.node(id, "flow.pass", json!({}));
    }
    let graph = graph.chain(std::iter::once("in").chain(ids.iter().map(String::as_str)));
    let graph = graph.build(runtime.plugins()).unwrap_or_else(|error| panic!("{error}"));
    runtime.start(&graph).unwrap_or_else(|error| panic!("{error}"))
}

#[expect(clippy::cast_precision_loss, reason = "figures of a few digits")]
fn measure<T>(name: &str, nodes: usize, start: impl FnOnce() -> T, end: impl FnOnce(T)) {
    let (before, begun) = (resident_bytes(), Instant::now());
    let idle = start();
    let started = begun.elapsed();
    let per_node = |value: f64| value / nodes as f64;
    // What starting leaves to do is no idling.
    std::thread::sleep(Duration::from_millis(200));
    let (resident, cpu_before) = (resident_bytes().saturating_sub(before), cpu_ns());
    std::thread::sleep(IDLE);
    let cpu = (cpu_ns() - cpu_before) as f64 / IDLE.as_nanos() as f64;
    println!(
        "  {name:<20} {nodes:>6} {:>12.1} {:>14.1} {:>12.4}",
        per_node(resident as f64 / 1024.0),
        per_node(started.as_nanos() as f64 / 1000.0),
        cpu * 100.0
    );
    end(idle);
}

fn main() {
    let runtime = graphmill_benches::runtime();
    println!("\n  {:<20} {:>6} {:>12} {:>14} {:>12}", "", "nodes", "KiB each", "start µs each", "cpu %");
    for nodes in [1, 10, 100, 1000] {
        measure("parked threads", nodes, || Parked::start(nodes), Parked::end);
        measure("session", nodes, || session(&runtime, nodes), |session| drop(session.stop()));
    }
}
