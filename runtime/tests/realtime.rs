//! On the data path a thread does nothing that can take unbounded time: it allocates and frees nothing, and makes no
//! system call other than waking a thread that sleeps.
//!
//! The real-time sanitizer watches a thread from one packet to a later one and ends the process when it does such a
//! thing: in the plugin, in the host, on a local link and on one between workers. `cargo xtask sanitize realtime` builds
//! and runs this file; elsewhere it is empty.
#![cfg(realtime_sanitizer)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use graphmill::graph::{LinkSpec, NodeSpec};
use graphmill::{Graph, Outcome, Runtime};
use graphmill_plugin_sdk::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;
use std::env;
use std::process::Command;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The packets of a run. The first part fills pool and links with what the second one uses again.
const PACKETS: u64 = 1000;
/// The first packet of the second part.
const SECOND: u64 = 400;
/// The packets of the second part with which a watched stretch begins, and behind which it ends: long before the source
/// comes to its own end, which is no part of the data path.
const WATCHED: [u64; 2] = [SECOND + 10, SECOND + 300];
/// More than all packets.
const CAPACITY: u32 = 1024;
/// Longer than any machine takes.
const LONG: Duration = Duration::from_secs(60);
/// Set in a child: the node that does what is forbidden.
const OFFENDER: &str = "GRAPHMILL_TEST_OFFENDER";

#[expect(unsafe_code, reason = "the sanitizer has no safe binding")]
mod sanitizer {
    // SAFETY: both only count, on the calling thread; the program is linked with the sanitizer.
    unsafe extern "C" {
        pub(super) safe fn __rtsan_realtime_enter();
        pub(super) safe fn __rtsan_realtime_exit();
    }
}

/// How many packets each watched node has taken, outside of its watched stretch.
static TAKEN: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());
static MORE_TAKEN: Condvar = Condvar::new();

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WatchedParams {
    /// What others wait for it by.
    name: String,
    /// Before each of these packets it waits until the other node has taken so many.
    waits: Vec<(u64, String, u64)>,
    /// Whether the thread is watched at all.
    is_watched: bool,
    /// Whether it allocates in the stretch, once.
    allocates: bool,
}

/// Hands packets on; between two of them its thread is watched by the sanitizer.
struct Watched(WatchedParams);

impl Node for Watched {
    type Params = WatchedParams;

    fn kind() -> Kind {
        Kind::new("watched").input("in", "any").output("out", "any")
    }

    fn create(params: WatchedParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        Ok(Self(params))
    }
}

impl Watched {
    fn wait(&self, seq: u64) {
        for (_, node, count) in self.0.waits.iter().filter(|(before, ..)| *before == seq) {
            let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
            let is_behind = |taken: &mut BTreeMap<String, u64>| taken.get(node).is_none_or(|taken| taken < count);
            drop(MORE_TAKEN.wait_timeout_while(taken, LONG, is_behind));
        }
    }

    fn tell(&self, seq: u64) {
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        taken.insert(self.0.name.clone(), seq + 1);
        MORE_TAKEN.notify_all();
    }
}

impl Processor for Watched {
    fn process(&mut self, _pin: usize, packet: &mut Packet, cx: &mut Context<'_>) -> Result<()> {
        let [first, last] = WATCHED;
        let seq = packet.seq();
        if self.0.is_watched && seq == last + 1 {
            sanitizer::__rtsan_realtime_exit();
        }
        if !(first..=last).contains(&seq) {
            self.wait(seq);
            self.tell(seq);
        }
        if self.0.is_watched && seq == first {
            sanitizer::__rtsan_realtime_enter();
        }
        if self.0.allocates && seq == first + 5 {
            drop(std::hint::black_box(vec![seq; 100]));
        }
        cx.emit(0, packet)
    }
}

graphmill_plugin_sdk::export!(Watched);

/// Runs a source and a watched node on one worker, another watched node and a sink on a second one.
///
/// The consumer waits in a call while the producer's stretch lasts, and the producer has given everything before the
/// consumer's begins: so neither sleeps or wakes the other meanwhile, which are the two system calls that are allowed.
fn run(is_watched: bool) {
    TAKEN.lock().unwrap().clear();
    let offender = env::var(OFFENDER).unwrap_or_default();
    let watched = |name: &str, waits: serde_json::Value| {
        let allocates = is_watched && offender == name;
        let params = json!({ "name": name, "waits": waits, "is_watched": is_watched, "allocates": allocates });
        NodeSpec::new("watched").with_params(params).with_worker(name)
    };
    let count = json!({ "packets": PACKETS, "bytes": 200 });
    let runtime = Runtime::new();
    runtime.plugins().link(module()).unwrap();
    runtime.plugins().link(graphmill_fixture_flow::module()).unwrap();
    let graph = Graph::builder()
        .node_with("count", NodeSpec::new("flow.count").with_params(count).with_worker("producer"))
        .node_with("producer", watched("producer", json!([[SECOND, "consumer", SECOND - 1]])))
        .node_with(
            "consumer",
            watched("consumer", json!([[0, "producer", SECOND], [SECOND, "producer", WATCHED[1] + 2]])),
        )
        .node_with(
            "check",
            NodeSpec::new("flow.check").with_params(json!({ "expect": PACKETS })).with_worker("consumer"),
        )
        .link("count", "producer")
        .link_with(LinkSpec::new("producer", "consumer").with_capacity(CAPACITY))
        .link("consumer", "check")
        .build(runtime.plugins())
        .unwrap();
    let report = runtime.start(&graph).unwrap().wait_timeout(LONG * 2).unwrap();
    assert_eq!(report.outcome, Outcome::Completed, "{report:#?}");
    assert_eq!(report.node("check").unwrap().packets_in, PACKETS);
}

#[test]
fn data_path_makes_no_call_that_can_block() {
    // The pool gets its buffers.
    run(false);
    run(true);
}

/// Without this a green lane could mean that nothing is watched.
#[test]
fn one_allocation_on_the_data_path_is_found_on_either_side_of_a_link() {
    for offender in ["producer", "consumer"] {
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--exact", "data_path_makes_no_call_that_can_block", "--nocapture"]);
        let output = child.env(OFFENDER, offender).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{offender}: {said}");
        assert!(said.contains("RealtimeSanitizer: unsafe-library-call"), "{offender}: {said}");
        assert!(said.contains("malloc"), "{offender}: {said}");
    }
}
