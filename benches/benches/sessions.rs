//! What does a packet cost as more and more sessions run at once?
//!
//! Sessions of three nodes on one worker each: a source, a node that hands packets on, and a sink that checks every
//! number. Baseline in the same run: as many bare threads, each of which does the same work with bare queues and calls.
//! All sessions together move the same number of packets, so figures are per packet and node, whatever their number.

use graphmill::{Packet, Runtime, Session};
use graphmill_benches::{Chain, Request, Way, Workers};
use std::collections::VecDeque;
use std::hint::black_box;

/// Calls of all sessions together.
const CALLS: u64 = 384_000;
const NODES: u64 = 3;

/// What a worker does at least: a packet goes through a queue in front of each node, and a function is called for it.
fn bare_worker(packets: u64) {
    let hand_on: fn(&mut Packet, &mut VecDeque<Packet>) = |packet, next| next.push_back(packet.take());
    let (mut first, mut second) = (VecDeque::with_capacity(64), VecDeque::with_capacity(64));
    for seq in 0..packets {
        let mut packet = Packet::EMPTY;
        packet.set_seq(seq);
        black_box(hand_on)(&mut packet, &mut first);
        first.pop_front().iter_mut().for_each(|packet| black_box(hand_on)(packet, &mut second));
        assert!(second.pop_front().is_some_and(|packet| packet.seq() == seq));
    }
}

fn bare_threads(count: u64, packets: u64) {
    let threads: Vec<_> = (0..count).map(|_| std::thread::spawn(move || bare_worker(packets))).collect();
    threads.into_iter().for_each(|thread| assert!(thread.join().is_ok()));
}

fn sessions(runtime: &Runtime, count: u64, packets: u64) {
    let chain = Chain { passes: 1, packets, bytes: 0, capacity: 64, workers: Workers::One };
    let sessions: Vec<Session> = (0..count).map(|_| chain.start_with(runtime, runtime.session_options())).collect();
    sessions.into_iter().for_each(|session| drop(Chain::finish(session)));
}

fn main() {
    let (request, runtime) = (Request::from_arguments(), graphmill_benches::runtime());
    for count in [1, 2, 4, 8, 16] {
        let packets = CALLS / NODES / count;
        let ways = vec![
            Way::new("bare threads", || bare_threads(count, packets)),
            Way::new("sessions", || sessions(&runtime, count, packets)),
        ];
        request.contest(&format!("{count} sessions at once"), packets * NODES * count, ways);
    }
}
