//! What does a packet cost per node of a chain, as chains grow from 1 to 64 nodes?
//!
//! A source, nodes that hand packets on, and a sink that checks every number, every call counted, timed and watched as
//! in production. On one worker the baseline is the least that a queue between nodes can do: a packet is moved into a
//! bare queue and out of it, and a function is called through a pointer. With a worker for each node it is bare threads
//! over `crossbeam` channels of the same capacity that move a value of the same size. Figures are per node and packet.
//!
//! `chain --once NODES PACKETS one|each` only runs, for a profiler.

use crossbeam_channel::bounded;
use graphmill::{Packet, Runtime};
use graphmill_benches::{Chain, Request, Way, Workers};
use std::collections::VecDeque;
use std::hint::black_box;

/// As many packets go through every chain together per node.
const CALLS: u64 = 400_000;
/// Calls that a node gets in a row, as many as a worker gives it.
const BATCH_LEN: usize = 32;

/// As many threads as the chain has nodes, with a channel between each two.
fn bare_threads(nodes: usize, packets: u64, capacity: usize) {
    let (first, mut last) = bounded::<Packet>(capacity);
    let mut threads = vec![std::thread::spawn(move || {
        for seq in 0..packets {
            let mut packet = Packet::EMPTY;
            packet.set_seq(seq);
            assert!(first.send(packet).is_ok());
        }
    })];
    for _ in 2..nodes {
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

/// One thread, a bare queue between each two nodes, and a call through a pointer for each node.
fn bare_queues(nodes: usize, packets: u64) {
    let hand_on: fn(&mut Packet, &mut VecDeque<Packet>) = |packet, next| next.push_back(packet.take());
    let mut queues: Vec<VecDeque<Packet>> = (1..nodes).map(|_| VecDeque::with_capacity(64)).collect();
    let (mut given, mut taken) = (0, 0);
    while taken < packets {
        if let Some(first) = queues.first_mut() {
            while first.len() < BATCH_LEN && given < packets {
                let mut packet = Packet::EMPTY;
                packet.set_seq(given);
                black_box(hand_on)(&mut packet, first);
                given += 1;
            }
        }
        for at in 1..queues.len() {
            let (before, after) = queues.split_at_mut(at);
            let (Some(from), Some(to)) = (before.last_mut(), after.first_mut()) else { continue };
            while let Some(mut packet) = from.pop_front() {
                black_box(hand_on)(&mut packet, to);
            }
        }
        while let Some(packet) = queues.last_mut().and_then(VecDeque::pop_front) {
            assert!(packet.seq() == taken);
            taken += 1;
        }
    }
}

fn chain(nodes: usize, packets: u64, capacity: u32, workers: Workers) -> Chain {
    Chain { passes: nodes - 2, packets, bytes: 0, capacity, workers }
}

fn once(runtime: &Runtime, words: &[String]) {
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<u64>().ok());
    let (Some(nodes), Some(packets)) = (number(0), number(1)) else { panic!("--once NODES PACKETS one|each") };
    let workers = if words.get(2).is_some_and(|word| word == "each") { Workers::OneEach } else { Workers::One };
    let nodes = usize::try_from(nodes).unwrap_or(2).max(2);
    chain(nodes, packets, 64, workers).run(runtime);
}

fn main() {
    let runtime = graphmill_benches::runtime();
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let Some(("--once", rest)) = words.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return once(&runtime, rest);
    }
    let request = Request::from_arguments();
    for nodes in [2, 4, 8, 16, 32, 64] {
        let packets = CALLS / nodes as u64;
        request.contest(
            &format!("{nodes} nodes on one worker"),
            packets * nodes as u64,
            vec![
                Way::new("bare queues and calls", || bare_queues(nodes, packets)),
                Way::new("one worker", || drop(chain(nodes, packets, 64, Workers::One).run(&runtime))),
            ],
        );
    }
    for nodes in [2, 4, 8, 16, 32, 64] {
        for capacity in [64, 256] {
            let packets = CALLS / 4 / nodes as u64;
            request.contest(
                &format!("{nodes} nodes, a worker each, capacity {capacity}"),
                packets * nodes as u64,
                vec![
                    Way::new("bare threads", || bare_threads(nodes, packets, capacity as usize)),
                    Way::new("a worker each", || {
                        drop(chain(nodes, packets, capacity, Workers::OneEach).run(&runtime));
                    }),
                ],
            );
        }
    }
}
