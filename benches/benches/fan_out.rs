//! What does it cost to give every packet to several nodes, by their number and by the size of the payload?
//!
//! A source whose packets share one buffer, and sinks that check every number, each on a worker of its own. Baseline in
//! the same run: a bare thread that clones an `Arc` of the same bytes for a `crossbeam` channel per reader, 64 places
//! each. Figures are per packet that arrives, so a fan-out that copies bytes would show it.

use crossbeam_channel::bounded;
use graphmill::graph::{LinkSpec, NodeSpec};
use graphmill::{Graph, Outcome, Runtime};
use graphmill_benches::{Request, Way};
use serde_json::json;
use std::sync::Arc;

/// Packets that arrive in one run: so many that to make the one buffer of a run, some milliseconds for 16 MiB, is less
/// than 10 ns of each.
const ARRIVALS: u64 = 480_000;
const CAPACITY: u32 = 64;

fn bare_threads(readers: u64, bytes: usize) {
    let payload: Arc<[u8]> = vec![0; bytes].into();
    let (senders, threads): (Vec<_>, Vec<_>) = (0..readers)
        .map(|_| {
            let (sender, receiver) = bounded::<(u64, Arc<[u8]>)>(CAPACITY as usize);
            let check = move || receiver.iter().zip(0..).for_each(|((seq, _), due)| assert!(seq == due));
            (sender, std::thread::spawn(check))
        })
        .unzip();
    for seq in 0..ARRIVALS / readers {
        assert!(senders.iter().all(|sender| sender.send((seq, payload.clone())).is_ok()));
    }
    drop(senders);
    threads.into_iter().for_each(|thread| drop(thread.join()));
}

fn fan_out(runtime: &Runtime, readers: u64, bytes: usize) {
    let packets = ARRIVALS / readers;
    let count = json!({ "packets": packets, "bytes": bytes, "shared": true });
    let mut graph = Graph::builder().node_with("count", NodeSpec::new("flow.count").with_params(count));
    for at in 0..readers {
        let id = format!("check-{at}");
        graph = graph.node(&id, "flow.check", json!({ "expect": packets }));
        graph = graph.link_with(LinkSpec::new("count", &id).with_capacity(CAPACITY));
    }
    let graph = graph.build(runtime.plugins()).unwrap_or_else(|error| panic!("{error}"));
    let session = runtime.start(&graph).unwrap_or_else(|error| panic!("{error}"));
    let report = session.wait();
    assert!(report.outcome == Outcome::Completed && report.dropped() == 0, "{report:#?}");
}

fn contest(request: &Request, runtime: &Runtime, readers: u64, bytes: usize) {
    request.contest(
        &format!("fan-out to {readers}, {bytes} bytes"),
        ARRIVALS / readers * readers,
        vec![
            Way::new("bare threads", || bare_threads(readers, bytes)),
            Way::new("a worker each", || fan_out(runtime, readers, bytes)),
        ],
    );
}

fn main() {
    let (request, runtime) = (Request::from_arguments(), graphmill_benches::runtime());
    for readers in [1, 2, 4, 8, 16, 32, 64] {
        contest(&request, &runtime, readers, 0);
    }
    for bytes in [1 << 10, 64 << 10, 1 << 20, 16 << 20] {
        contest(&request, &runtime, 8, bytes);
    }
}
