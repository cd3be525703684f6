//! A session without threads: one seed decides the graph, the faults and who runs when.
//!
//! Everything that a session is made of is the real thing: assembled graph, workers, links, supervisors, watch. Only
//! the threads are gone. A [`world::World`] gives one worker after the other a round, in an order that the seed
//! decides, and moves the virtual clock when nobody has anything to do. A call that is slow or hangs lets the others
//! run in the middle of it, while the clock goes on and the watch looks; so a lease is revoked, a successor works on
//! the same links, and the call comes back too late, all on one thread. Afterwards the [`oracle`] compares what every
//! instance gave and got with what the report of the session counts.
//!
//! What is not covered: memory orderings and lost wake-ups (the loom models are for that; a worker is woken here when
//! it would find something to do), waiting for room inside a call (on one thread nobody else could make it), inlets,
//! outlets, hints and new params.

mod fault;
mod graph;
mod node;
mod oracle;
mod run;
mod world;

use run::{Seen, run};
use std::ops::Range;
use std::process::Command;

/// Names the seeds: `FROM..TO`, the end not included.
const SEEDS_VARIABLE: &str = "GRAPHMILL_TEST_SEEDS";
/// Seeds of an ordinary test run.
const SEEDS_DEFAULT: Range<u64> = 0..300;

fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var(SEEDS_VARIABLE) else { return SEEDS_DEFAULT };
    let parsed = text.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    parsed.unwrap_or_else(|| panic!("{SEEDS_VARIABLE} is `{text}`; write it like 0..300"))
}

/// What a person needs to see a failure again.
fn commit() -> String {
    let asked = Command::new("git").args(["describe", "--always", "--dirty"]).output();
    asked.ok().map_or_else(String::new, |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[test]
fn no_packet_is_lost_without_a_count_doubled_or_overtaken_whatever_happens() {
    let seeds = seeds();
    let mut seen = Seen::default();
    let mut count = 0;
    for seed in seeds {
        // A thread of its own, so that nothing of one seed is left for the next.
        let outcome = std::thread::spawn(move || run(seed)).join();
        let fault = match outcome {
            Ok(Ok(of_seed)) => {
                seen.add(&of_seed);
                count += 1;
                continue;
            }
            Ok(Err(fault)) => fault,
            Err(_) => "it panicked".to_owned(),
        };
        panic!("seed {seed} of commit {}: {fault}\nagain: {SEEDS_VARIABLE}={seed}..{}", commit(), seed + 1);
    }
    println!("{count} seeds: {seen:?}");
    if count >= 100 {
        seen.check();
    }
}

#[test]
fn a_seed_tells_the_same_story_every_time() {
    let story = |seed| std::thread::spawn(move || run(seed).unwrap()).join().unwrap();
    for seed in 0..20 {
        assert_eq!(story(seed), story(seed), "seed {seed}");
    }
}
