//! References to buffers: each has to come back, and none may come back twice.

use crate::packets::{Size, packet};
use crate::validate::bench::Bench;
use crate::validate::life::Life;
use crate::validate::outputs::Mood;
use crate::validate::work::{first_formats, started, ticks, time};
use graphmill::Buffer;
use graphmill::graph::Role;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Packets that are handed over.
const PACKETS: u64 = 8;
/// Buffers of an owner are given back on another thread; by then they are.
const GIVEN_BACK_MAX: Duration = Duration::from_secs(2);

/// The bytes of a buffer, counted while they live.
struct Counted {
    bytes: Vec<u8>,
    alive: Arc<AtomicUsize>,
}

impl Counted {
    fn buffer(len: usize, alive: &Arc<AtomicUsize>) -> Buffer {
        alive.fetch_add(1, Ordering::SeqCst);
        Buffer::from_owner(Self { bytes: vec![0; len], alive: Arc::clone(alive) })
    }
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Counts buffers through a life whose outputs take everything.
pub(super) fn counted(bench: &Bench) {
    count(bench, "E1", Mood::Takes);
}

/// Counts buffers through lives whose outputs take nothing, once because they are full, once because of a stop.
pub(super) fn refused(bench: &Bench) {
    for mood in [Mood::Full, Mood::Stopping] {
        if bench.info.role == Role::Source {
            let Some(mut life) = started(bench, "E9") else { return };
            life.outputs.mood = mood;
            bench.teller.doing("E9", format!("`tick` while the outputs are {}", mood.word()));
            ticks(&mut life, PACKETS, |_, _| ());
            life.stop();
            drop(life.end());
        } else {
            count(bench, "E9", mood);
        }
    }
}

fn count(bench: &Bench, rule: &'static str, mood: Mood) {
    let alive = Arc::new(AtomicUsize::new(0));
    let Some(mut life) = started(bench, rule) else { return };
    life.outputs.mood = mood;
    let mut held = Vec::new();
    for seq in 0..PACKETS {
        hand_over(bench, &mut life, seq, |len| {
            let buffer = Counted::buffer(len, &alive);
            held.push(ManuallyDrop::new(buffer.clone()));
            buffer
        });
    }
    if mood != Mood::Takes {
        // What could not be emitted comes now, or never.
        life.outputs.mood = Mood::Takes;
        for (pin, _) in bench.inputs() {
            life.flush(pin);
        }
    }
    life.stop();
    drop(life.end());
    bench.teller.doing("E5", "counting buffers after `destroy`");
    let lost = held.len() - alive.load(Ordering::SeqCst);
    if lost > 0 {
        // Nobody may look at what is left of them any more.
        bench.teller.found("E5", format!("{lost} of {} buffers were given back once too often", held.len()));
        return;
    }
    let count = held.len();
    held.into_iter().map(ManuallyDrop::into_inner).for_each(drop);
    let begun = Instant::now();
    while alive.load(Ordering::SeqCst) > 0 && begun.elapsed() < GIVEN_BACK_MAX {
        std::thread::yield_now();
    }
    let kept = alive.load(Ordering::SeqCst);
    if kept > 0 {
        bench
            .teller
            .found("E5", format!("{kept} of {count} buffers were not given back although the instance is gone"));
    }
}

/// Hands a packet to every input.
fn hand_over(bench: &Bench, life: &mut Life<'_>, seq: u64, mut make: impl FnMut(usize) -> Buffer) {
    for (pin, format) in first_formats(bench) {
        let Some(mut packet) = packet(&format, Size::TYPICAL, &mut make) else { continue };
        time(&mut packet, seq);
        let outputs = life.outputs.mood.word();
        bench.teller.doing(bench.rule, format!("`process` with packet {seq} while the outputs are {outputs}"));
        life.process(pin, &mut packet);
    }
}
