//! What does it cost to bring several streams together in one node?
//!
//! Four sources, each on a worker of its own, one node with four inputs, and a sink that checks the numbers of each
//! stream. Baseline in the same run: four bare threads with a `crossbeam` channel each, and a thread that waits for all
//! of them with `Select` and sends what comes to a last one. Figures are per packet.

use crossbeam_channel::{Receiver, Select, bounded};
use graphmill::graph::LinkSpec;
use graphmill::{Graph, Outcome, Packet, Runtime};
use graphmill_benches::{Request, Way};
use serde_json::json;

const STREAMS: u64 = 4;
/// Packets of each stream.
const PACKETS: u64 = 15_000;
const CAPACITY: u32 = 64;

fn source(stream: u64) -> Receiver<Packet> {
    let (sender, receiver) = bounded(CAPACITY as usize);
    std::thread::spawn(move || {
        for seq in 0..PACKETS {
            let mut packet = Packet::EMPTY;
            packet.set_seq(seq);
            packet.set_stream_id(stream);
            assert!(sender.send(packet).is_ok());
        }
    });
    receiver
}

fn bare_threads() {
    let inputs: Vec<_> = (0..STREAMS).map(source).collect();
    let (sender, receiver) = bounded(CAPACITY as usize);
    let joining = std::thread::spawn(move || {
        let mut select = Select::new();
        for input in &inputs {
            select.recv(input);
        }
        let mut open = inputs.len();
        while open > 0 {
            let ready = select.select();
            let at = ready.index();
            let Some(input) = inputs.get(at) else { return };
            match ready.recv(input) {
                Ok(packet) => assert!(sender.send(packet).is_ok()),
                Err(_) => {
                    select.remove(at);
                    open -= 1;
                }
            }
        }
    });
    let mut next: Vec<u64> = (0..STREAMS).map(|_| 0).collect();
    for packet in receiver {
        let Some(next) = usize::try_from(packet.stream_id()).ok().and_then(|at| next.get_mut(at)) else { return };
        assert!(packet.seq() == *next);
        *next += 1;
    }
    assert!(next.iter().all(|next| *next == PACKETS));
    drop(joining.join());
}

fn join(runtime: &Runtime) {
    let mut graph = Graph::builder().node("join", "flow.join", json!({}));
    for (stream, pin) in (0..STREAMS).zip(["a", "b", "c", "d"]) {
        let id = format!("count-{stream}");
        graph = graph.node(&id, "flow.count", json!({ "packets": PACKETS, "stream": stream }));
        graph = graph.link_with(LinkSpec::new(&id, format!("join.{pin}")).with_capacity(CAPACITY));
    }
    let graph = graph.node("check", "flow.check", json!({ "expect": PACKETS * STREAMS }));
    let graph = graph.link_with(LinkSpec::new("join", "check").with_capacity(CAPACITY));
    let graph = graph.build(runtime.plugins()).unwrap_or_else(|error| panic!("{error}"));
    let session = runtime.start(&graph).unwrap_or_else(|error| panic!("{error}"));
    let report = session.wait();
    assert!(report.outcome == Outcome::Completed && report.dropped() == 0, "{report:#?}");
}

fn main() {
    let runtime = graphmill_benches::runtime();
    let ways = vec![Way::new("bare threads", bare_threads), Way::new("a worker each", || join(&runtime))];
    Request::from_arguments().contest("four streams into one", PACKETS * STREAMS, ways);
}
