//! How many allocations does a packet cost in steady state, on both kinds of link?
//!
//! The nodes are linked statically, so allocations of the SDK and of the plugin are counted with those of the host. What a
//! session allocates to start and to end is taken out by running it with twice the packets too: what remains is what the
//! additional packets cost. Baseline in the same run: bare threads over a `crossbeam` channel of the same capacity.

#![expect(clippy::print_stdout, reason = "a bench tells its figures")]

use crossbeam_channel::bounded;
use graphmill::Packet;
use graphmill_benches::{Chain, Request, Workers, quantile};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// So many that the boxes do not count which a session makes when it needs more of them than ever before.
const PACKETS: u64 = 1_000_000;
const CAPACITY: u32 = 64;
const ROUNDS: usize = 5;
const CONTEST: &str = "allocations per packet";

fn bare_threads(packets: u64) {
    let (sender, receiver) = bounded::<Packet>(CAPACITY as usize);
    let producer = std::thread::spawn(move || {
        (0..packets).for_each(|_| assert!(sender.send(Packet::EMPTY).is_ok()));
    });
    assert!(receiver.iter().count() as u64 == packets);
    drop(producer.join());
}

/// Allocations that happen meanwhile, in all threads.
fn allocations(run: impl FnOnce()) -> f64 {
    let region = Region::new(ALLOCATOR);
    run();
    let change = region.change();
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    let count = (change.allocations + change.reallocations) as f64;
    count
}

fn main() {
    let (runtime, request) = (graphmill_benches::runtime(), Request::from_arguments());
    let chain = |packets, workers| Chain { passes: 6, packets, bytes: 1024, capacity: CAPACITY, workers };
    let run = |packets, workers| drop(chain(packets, workers).run(&runtime));
    let ways: [(&str, &dyn Fn(u64)); 3] = [
        ("bare threads", &bare_threads),
        ("a worker each", &|packets| run(packets, Workers::OneEach)),
        ("one worker", &|packets| run(packets, Workers::One)),
    ];
    println!("\n{CONTEST}\n  {:<34} {:>12} {:>12}", "", "median", "most");
    for (name, way) in ways {
        // Buffers and boxes that are there afterwards are no longer allocated.
        way(PACKETS);
        let round = |_| (allocations(|| way(2 * PACKETS)) - allocations(|| way(PACKETS))).max(0.0);
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
        let mut rounds: Vec<f64> = (0..request.rounds(ROUNDS)).map(round).map(|more| more / PACKETS as f64).collect();
        request.keep(CONTEST, name, ("allocations", &rounds));
        let [median, most] = [0.5, 1.0].map(|q| quantile(&mut rounds, q));
        println!("  {name:<34} {median:>12.5} {most:>12.5}");
    }
}
