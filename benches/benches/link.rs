//! What does one link cost per packet: by capacity, by payload, between workers and on one worker?
//!
//! A source and a sink that checks every number; every call is counted, timed and watched as in production. Baseline in
//! the same run: two bare threads over a `crossbeam` channel of the same capacity that move a value of the same size,
//! with payloads from the same pool. Nobody reads the payload; once nobody writes it either, and once the source does. For
//! comparison, one copy of as many bytes takes a turn too. The time of a whole run includes starting and stopping the threads on both sides.

use crossbeam_channel::bounded;
use graphmill::plugin::pooled_buffer;
use graphmill::{Packet, Runtime};
use graphmill_benches::{Chain, Request, Way, Workers};
use serde_json::json;
use std::hint::black_box;

const PACKETS: u64 = 50_000;
/// Packets of the larger payloads.
const LARGE_PACKETS: u64 = 500;
/// Bytes that a source writes in one run.
const WRITTEN_BYTES: u64 = 1 << 30;

/// What is done with the bytes of a packet.
#[derive(Clone, Copy, PartialEq)]
enum Touch {
    Nothing,
    Written,
}

fn bare_threads((packets, bytes, capacity): (u64, usize, u32), touch: Touch) {
    let (sender, receiver) = bounded::<Packet>(capacity as usize);
    let producer = std::thread::spawn(move || {
        for seq in 0..packets {
            let mut buffer = pooled_buffer(bytes);
            if touch == Touch::Written {
                buffer.as_mut_slice().unwrap_or_default().fill(u8::try_from(seq % 251).unwrap_or(0));
            }
            let made = Packet::from_bytes("application/octet-stream", buffer);
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

/// Copies a payload as often as there are packets.
fn copies(packets: u64, bytes: usize) {
    let (from, mut to) = (vec![1_u8; bytes], vec![0; bytes]);
    for _ in 0..packets {
        black_box(&mut to).copy_from_slice(black_box(&from));
    }
}

fn contest(request: &Request, runtime: &Runtime, case: (u64, usize, u32)) {
    let (packets, bytes, capacity) = case;
    let chain = Chain { passes: 0, packets, bytes, capacity, workers: Workers::OneEach };
    let shared = Chain { workers: Workers::One, ..chain };
    let mut ways = vec![
        Way::new("bare threads", || bare_threads(case, Touch::Nothing)),
        Way::new("a worker each", || drop(chain.run(runtime))),
        Way::new("one worker", || drop(shared.run(runtime))),
    ];
    if bytes > 0 {
        ways.push(Way::new("one copy of the bytes", || copies(packets, bytes)));
    }
    request.contest(&format!("one link, {bytes} bytes, capacity {capacity}"), packets, ways);
}

/// The same with a source that writes what it sends, which shows what memory costs that nobody has touched before.
fn written(request: &Request, runtime: &Runtime, case: (u64, usize, u32)) {
    let (packets, bytes, capacity) = case;
    let chain = Chain { passes: 0, packets, bytes, capacity, workers: Workers::OneEach };
    let shared = Chain { workers: Workers::One, ..chain };
    let ways = vec![
        Way::new("bare threads", || bare_threads(case, Touch::Written)),
        Way::new("a worker each", || drop(chain.run_filled(runtime))),
        Way::new("one worker", || drop(shared.run_filled(runtime))),
        Way::new("one copy of the bytes", || copies(packets, bytes)),
    ];
    request.contest(&format!("one link, {bytes} bytes written, capacity {capacity}"), packets, ways);
}

fn main() {
    let (request, runtime) = (Request::from_arguments(), graphmill_benches::runtime());
    // The pool keeps large buffers while an instance lives: the bare threads are to have it as it is for the sessions.
    let instance = runtime.instance("flow.pass", &json!({}));
    assert!(instance.is_ok(), "{instance:?}");
    for capacity in [1, 8, 64, 256, 1024] {
        contest(&request, &runtime, (PACKETS, 0, capacity));
    }
    for bytes in [1 << 10, 64 << 10, 1 << 20, 4 << 20, 16 << 20] {
        let packets = if bytes < 1 << 20 { PACKETS } else { LARGE_PACKETS };
        contest(&request, &runtime, (packets, bytes, 64));
        if bytes != 4 << 20 {
            written(&request, &runtime, (packets.min(WRITTEN_BYTES / bytes as u64), bytes, 64));
        }
    }
}
