//! What does a call into a plugin cost on its own, without a worker, links or a clock?
//!
//! `process` of a node that hands its packet on: through the checks of the host, the class table, the panic guard of
//! the SDK, and back through `emit` with its copy and its checks. Baseline in the same run: a bare `extern "C"` function
//! that is given a packet of the same size and calls back with it.

use graphmill::Packet;
use graphmill_benches::{Back, Request, Way, bare_call};

const CALLS: u64 = 500_000;

fn main() {
    let runtime = graphmill_benches::runtime();
    let mut node = graphmill_benches::instance(runtime.plugins(), "flow.pass", "{}");
    let mut packet = Packet::from_text("round and round").unwrap_or_default();
    let mut bare = Packet::from_text("round and round").unwrap_or_default();
    let mut back = Back::default();
    Request::from_arguments().contest(
        "call and call-back",
        CALLS,
        vec![
            Way::new("bare functions", || {
                for _ in 0..CALLS {
                    bare_call(&mut bare);
                }
            }),
            Way::new("process and emit", || {
                for _ in 0..CALLS {
                    back.call(&mut *node, &mut packet);
                }
            }),
        ],
    );
    assert!(packet.as_text() == Some("round and round"), "the packet is the same");
}
