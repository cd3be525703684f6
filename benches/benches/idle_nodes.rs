//! What does a node cost that does nothing: memory, time to start, processor time?
//!
//! Chains of 1 to 1,000 nodes behind an inlet to which nobody sends, each node on a worker of its own. Baseline in the
//! same run, in turns: as many threads that are parked. Memory is what the process has resident beyond what it had before,
//! and processor time that of the whole process during a second in which nothing happens. Memory of later rounds may be
//! what the allocator kept of the one before, so their median is what counts; the first round is the largest.

#![expect(clippy::print_stdout, reason = "a bench tells its figures")]

use graphmill::{Graph, Runtime, Session};
use graphmill_benches::{Request, cpu_ns, quantile};
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const IDLE: Duration = Duration::from_secs(1);
const ROUNDS: usize = 3;
/// What is measured.
const FIGURES: [&str; 3] = ["KiB each", "start µs each", "cpu %"];

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

/// Something idle: how it is started and ended, and what it took in each round.
struct Idle<'a, T> {
    name: &'a str,
    start: &'a dyn Fn(usize) -> T,
    end: fn(T),
    /// Resident KiB, microseconds to start, and percent of a processor.
    rounds: [Vec<f64>; 3],
}

impl<'a, T> Idle<'a, T> {
    fn new(name: &'a str, start: &'a dyn Fn(usize) -> T, end: fn(T)) -> Self {
        Self { name, start, end, rounds: Default::default() }
    }

    #[expect(clippy::cast_precision_loss, reason = "figures of a few digits")]
    fn measure(&mut self, nodes: usize) {
        let (before, begun) = (resident_bytes(), Instant::now());
        let idle = (self.start)(nodes);
        let started = begun.elapsed();
        let per_node = |value: f64| value / nodes as f64;
        // What starting leaves to do is no idling.
        std::thread::sleep(Duration::from_millis(200));
        let (resident, cpu_before) = (resident_bytes().saturating_sub(before), cpu_ns());
        std::thread::sleep(IDLE);
        let cpu = (cpu_ns() - cpu_before) as f64 / IDLE.as_nanos() as f64;
        let figures = [per_node(resident as f64 / 1024.0), per_node(started.as_nanos() as f64 / 1000.0), cpu * 100.0];
        self.rounds.iter_mut().zip(figures).for_each(|(all, figure)| all.push(figure));
        (self.end)(idle);
    }

    fn tell(&mut self, nodes: usize, request: &Request) {
        for (figure, rounds) in FIGURES.into_iter().zip(&self.rounds) {
            request.keep(&format!("{nodes} idle nodes"), self.name, (figure, rounds));
        }
        let [resident, start, cpu] = self.rounds.each_mut().map(|rounds| quantile(rounds, 0.5));
        println!("  {:<20} {nodes:>6} {resident:>12.1} {start:>14.1} {cpu:>12.4}", self.name);
    }
}

fn main() {
    let (runtime, request) = (graphmill_benches::runtime(), Request::from_arguments());
    let [resident, start, cpu] = FIGURES;
    println!("\n  {:<20} {:>6} {resident:>12} {start:>14} {cpu:>12}", "", "nodes");
    for nodes in [1, 10, 100, 1000] {
        let start_session = |nodes| session(&runtime, nodes);
        let mut parked = Idle::new("parked threads", &Parked::start, Parked::end);
        let mut session = Idle::new("session", &start_session, |session| drop(session.stop()));
        for _ in 0..request.rounds(ROUNDS) {
            parked.measure(nodes);
            session.measure(nodes);
        }
        parked.tell(nodes, &request);
        session.tell(nodes, &request);
    }
}
