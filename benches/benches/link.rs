//! What does one link cost per packet, between workers and on one worker?
//!
//! A source, some nodes that hand packets on, and a sink that checks every number; every call is counted and timed as
//! in production. Baseline in the same run: bare threads over `crossbeam` channels of the same capacity that move a
//! value of the same size. The time of a whole run includes starting and stopping the threads on both sides.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use crossbeam_channel::bounded;
use graphmill::Packet;
use graphmill_benches::{Chain, Workers};

const PACKETS: u64 = 100_000;

/// As many threads as a chain has nodes, with a channel between each two.
fn bare_threads(passes: usize, capacity: usize) {
    let (first, mut last) = bounded::<Packet>(capacity);
    let mut threads = vec![std::thread::spawn(move || {
        for seq in 0..PACKETS {
            let mut packet = Packet::EMPTY;
            packet.set_seq(seq);
            assert!(first.send(packet).is_ok());
        }
    })];
    for _ in 0..passes {
        let (next, received) = bounded::<Packet>(capacity);
        threads.push(std::thread::spawn(move || {
            for packet in last {
                assert!(next.send(packet).is_ok());
            }
        }));
        last = received;
    }
    for (packet, seq) in last.iter().zip(0..) {
        assert!(packet.seq() == seq);
    }
    for thread in threads {
        drop(thread.join());
    }
}

fn link(criterion: &mut Criterion) {
    let runtime = graphmill_benches::runtime();
    let mut group = criterion.benchmark_group("chain");
    group.sample_size(10).throughput(Throughput::Elements(PACKETS));
    for passes in [0, 6] {
        for capacity in [64, 256] {
            let name = format!("{} nodes/capacity {capacity}", passes + 2);
            group.bench_function(BenchmarkId::new("bare threads", &name), |bencher| {
                bencher.iter(|| bare_threads(passes, capacity));
            });
            let capacity = u32::try_from(capacity).unwrap_or(u32::MAX);
            let chain = Chain { passes, packets: PACKETS, bytes: 0, capacity, workers: Workers::OneEach };
            group.bench_function(BenchmarkId::new("workers", &name), |bencher| {
                bencher.iter(|| chain.run(&runtime));
            });
            let chain = Chain { workers: Workers::One, ..chain };
            group.bench_function(BenchmarkId::new("one worker", &name), |bencher| {
                bencher.iter(|| chain.run(&runtime));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, link);
criterion_main!(benches);
