//! What many lives leave behind, one after the other and side by side.

use crate::validate::bench::Bench;
use crate::validate::held::Held;
use crate::validate::work;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// Most lives of a batch.
const LIVES_MAX: u32 = 200;
/// Fewest lives of a batch, however long one takes.
const LIVES_MIN: u32 = 8;
/// What a batch may take.
const BATCH: Duration = Duration::from_millis(150);
/// Batches that have to grow, every one of them, before it counts as a leak.
const BATCHES: u32 = 3;
/// Growth per life that counts as a leak: the smallest block of an allocator.
const LEAK_MIN: usize = 16;
/// Rounds of work in a life.
const ROUNDS: u64 = 3;
/// Threads with an instance each.
const SIDE_BY_SIDE: usize = 4;

/// Runs lives one after the other, and looks at what the process holds.
pub(super) fn many(bench: &Bench) {
    bench.teller.doing("D4", "the first life");
    work::whole(bench, ROUNDS);
    let begun = Instant::now();
    work::whole(bench, ROUNDS);
    let one = begun.elapsed().max(Duration::from_micros(1));
    let lives = u32::try_from(BATCH.as_nanos() / one.as_nanos()).unwrap_or(u32::MAX).clamp(LIVES_MIN, LIVES_MAX);
    batch(bench, lives);
    let first = Held::settled();
    let mut before = first;
    let mut least_growth = usize::MAX;
    for number in 1..=BATCHES {
        batch(bench, lives);
        let now = Held::settled();
        if judge_handles(bench, (first, now), lives * number) {
            // What is open takes memory too, and that is no other fault.
            return;
        }
        least_growth = least_growth.min(now.allocated.saturating_sub(before.allocated));
        before = now;
    }
    let per_life = least_growth / lives as usize;
    if per_life >= LEAK_MIN {
        bench.teller.found("D4", format!("each of {} lives left {per_life} bytes allocated", lives * BATCHES));
    }
}

/// Tells threads and descriptors that lives left behind; some of them may belong to what all instances share.
fn judge_handles(bench: &Bench, (first, now): (Held, Held), lives: u32) -> bool {
    let judge = |rule, (first, now): (usize, usize), what: &str| {
        let more = now.saturating_sub(first);
        let is_leak = more >= (lives / 2) as usize;
        if is_leak {
            bench.teller.found(rule, format!("after {lives} lives {more} {what}"));
        }
        is_leak
    };
    let threads = judge("D5", (first.threads, now.threads), "threads more were running");
    let descriptors = judge("D6", (first.descriptors, now.descriptors), "file descriptors more were open");
    threads || descriptors
}

fn batch(bench: &Bench, lives: u32) {
    bench.teller.doing("D4", format!("{lives} lives, one after the other"));
    for _ in 0..lives {
        work::whole(bench, ROUNDS);
    }
}

/// Runs lives on several threads at once.
pub(super) fn together(bench: &Bench) {
    bench.teller.doing("D7", format!("instances on {SIDE_BY_SIDE} threads at once"));
    let all_there = Barrier::new(SIDE_BY_SIDE);
    thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                for _ in 0..LIVES_MIN {
                    let life = bench.life();
                    all_there.wait();
                    if let Some(mut life) = life {
                        life.start();
                        work::some(bench, &mut life, ROUNDS);
                        work::finish(bench, life);
                    }
                }
            });
        }
    });
    bench.judge_host();
}
