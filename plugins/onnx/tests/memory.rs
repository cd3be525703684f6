//! Eight nodes with one model need the memory of one. Alone in its program, as it looks at all memory of it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use graphmill::{Graph, Runtime, Session};
use serde_json::json;

use support::{LONG, patient, runtime};

/// Bytes of this program that are in memory.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}

/// A session with so many nodes that make text of speech.
fn listening(runtime: &Runtime, nodes: usize) -> Session {
    let mut builder =
        Graph::builder().inlet("sound", "audio f32 16000 Hz mono").inlet("segments", "event speech.segment/1");
    for index in 0..nodes {
        let name = format!("listen{index}");
        builder = builder
            .node_with(&name, patient("stt.moonshine", json!({})))
            .link("sound", format!("{name}.in"))
            .link("segments", format!("{name}.segments"));
    }
    runtime.start(&builder.build(runtime.plugins()).unwrap()).unwrap()
}

#[test]
fn eight_nodes_hold_one_copy_of_the_weights() {
    let runtime = runtime();
    let before = resident();
    let one = listening(&runtime, 1);
    let with_one = resident();
    let eight = listening(&runtime, 8);
    let with_nine = resident();
    let (first, others) = (with_one - before, with_nine.saturating_sub(with_one));
    let counters = runtime.resources().counters();
    let counted = counters.bytes;
    println!("the first node takes {first} bytes, eight more take {others}; the cache counts {counted}");
    assert!(counted > first / 2 && counted < first * 2, "the cache counts {counted} bytes where {first} were taken");
    assert_eq!((counters.loads, counters.hits), (3, 24), "each of the three files is loaded once");
    assert!(others < first / 4, "eight more nodes take {others} bytes, the first one {first}");
    for mut session in [one, eight] {
        drop((session.take_inlet("sound"), session.take_inlet("segments")));
        session.wait_timeout(LONG).unwrap();
    }
}
