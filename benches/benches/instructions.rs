//! How many instructions does a call into a plugin take, and a hop with all that belongs to it?
//!
//! Callgrind counts, so the answer is the same on a busy machine. Baseline in the same run: a bare `extern "C"` function
//! that calls back. `hop` counts what the worker of a chain does for [`PACKETS`] packets through eight nodes: divide by
//! 8 times as many. Needs valgrind and the runner of the library's own version:
//! `cargo install gungraun-runner@0.20.0`, then
//! `cargo bench -p graphmill-benches --features instructions --bench instructions`.
#![allow(missing_docs, clippy::exit, reason = "what the macros of the library make")]

use graphmill::exec::Instance;
use graphmill::{Packet, Runtime};
use graphmill_benches::{Back, Chain, Workers, instance};
use gungraun::{Callgrind, EntryPoint, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main};
use std::hint::black_box;

const CALLS: usize = 1_000;
const PACKETS: u64 = 10_000;
/// What the thread of a worker does from its beginning to its end.
const WORKER: &str = "graphmill::exec::worker::Worker::run";

fn packet() -> Packet {
    Packet::from_text("round and round").unwrap_or_default()
}

fn node() -> (Box<dyn Instance>, Packet) {
    (instance(graphmill_benches::runtime().plugins(), "flow.pass", "{}"), packet())
}

#[library_benchmark]
#[bench::thousand(packet())]
fn bare_call(mut packet: Packet) -> Packet {
    for _ in 0..CALLS {
        graphmill_benches::bare_call(&mut packet);
    }
    packet
}

#[library_benchmark]
#[bench::thousand(node())]
fn call((mut node, mut packet): (Box<dyn Instance>, Packet)) -> (Box<dyn Instance>, Packet) {
    let mut back = Back::default();
    for _ in 0..CALLS {
        back.call(&mut *node, &mut packet);
    }
    (node, packet)
}

#[library_benchmark(config = LibraryBenchmarkConfig::default()
    .tool(Callgrind::default().entry_point(EntryPoint::Custom(WORKER.to_owned()))))]
#[bench::of_eight_nodes(graphmill_benches::runtime())]
fn hop(runtime: Runtime) -> Runtime {
    let chain = Chain { passes: 6, packets: PACKETS, bytes: 0, capacity: 64, workers: Workers::One };
    drop(black_box(chain.run(&runtime)));
    runtime
}

library_benchmark_group!(name = hot_path, benchmarks = [bare_call, call, hop]);

main!(library_benchmark_groups = hot_path);
