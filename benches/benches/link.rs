//! What does one link cost per packet: by capacity, by payload, between workers and on one worker?
//!
//! A source and a sink that checks every number; every call is counted, timed and watched as in production. Baseline in
//! the same run: two bare threads over a `crossbeam` channel of the same capacity that move a value of the same size,
//! with payloads from the same pool. The time of a whole run includes starting and stopping the threads on both sides.

use crossbeam_channel::bounded;
use graphmill::plugin::pooled_buffer;
use graphmill::{Packet, Runtime};
use graphmill_benches::{Chain, Request, Way, Workers};

const PACKETS: u64 = 50_000;
/// Packets of the larger payloads.
const LARGE_PACKETS: u64 = 500;

fn bare_threads(packets: u64, bytes: usize, capacity: usize) {
    let (sender, receiver) = bounded::<Packet>(capacity);
    let producer = std::thread::spawn(move || {
        for seq in 0..packets {
            let made = Packet::from_bytes("application/octet-stream", pooled_buffer(bytes));
            let mut packet = made.unwrap_or_default();
            packet.set_seq(seq);
            assert!(sender.send(packet).is_ok());
        }
    });
    for (packet, seq) in receiver.iter().zip(0..) {
        assert!(packet.seq() == seq);
    }
    drop(producer.join());
}

fn contest(request: &Request, runtime: &Runtime, (packets, bytes, capacity): (u64, usize, u32)) {
    let chain = Chain { passes: 0, packets, bytes, capacity, workers: Workers::OneEach };
    let shared = Chain { workers: Workers::One, ..chain };
    request.contest(
        &format!("one link, {bytes} bytes, capacity {capacity}"),
        packets,
        vec![
            Way::new("bare threads", || bare_threads(packets, bytes, capacity as usize)),
            Way::new("a worker each", || drop(chain.run(runtime))),
            Way::new("one worker", || drop(shared.run(runtime))),
        ],
    );
}

fn main() {
    let (request, runtime) = (Request::from_arguments(), graphmill_benches::runtime());
    for capacity in [1, 8, 64, 256, 1024] {
        contest(&request, &runtime, (PACKETS, 0, capacity));
    }
    for bytes in [1 << 10, 64 << 10, 1 << 20, 4 << 20, 16 << 20] {
        let packets = if bytes < 1 << 20 { PACKETS } else { LARGE_PACKETS };
        contest(&request, &runtime, (packets, bytes, 64));
    }
}
