//! What does a call into a plugin cost on its own, without a worker, links or a clock?
//!
//! `process` of a node that hands its packet on: through the checks of the host, the class table, the panic guard of
//! the SDK, and back through `emit` with its copy and its checks. Baseline in the same run: a bare `extern "C"` function
//! that is given a packet of the same size and calls back with it.

use graphmill::exec::{
    EmitError, Factories as _, Instance, MonotonicClock, NoWake, NodeContext, NodeName, Outputs, Wait,
};
use graphmill::{Packet, Plugins};
use graphmill_benches::{Request, Way};
use std::hint::black_box;
use std::sync::Arc;

const CALLS: u64 = 500_000;

/// Hands the packet back, as a link of the same worker would.
struct Back(Box<Packet>);

impl Outputs for Back {
    fn emit(&mut self, _pin: usize, _wait: Wait, packet: &mut Box<Packet>) -> Result<(), EmitError> {
        std::mem::swap(&mut self.0, packet);
        Ok(())
    }
}

type Emit = extern "C" fn(&mut Packet);

extern "C" fn bare_process(packet: &mut Packet, emit: Emit) {
    emit(packet);
}

extern "C" fn bare_emit(packet: &mut Packet) {
    black_box(packet);
}

fn pass(plugins: &Plugins) -> Box<dyn Instance> {
    let name = NodeName::new("bench", "pass", "flow.pass");
    let context = Arc::new(NodeContext::new(name, 1, Arc::new(MonotonicClock::new()), Arc::new(NoWake)));
    let made = plugins.factory("flow.pass").map(|factory| factory.create(&context, "{}"));
    made.and_then(Result::ok).unwrap_or_else(|| panic!("the plugin offers the kind"))
}

fn main() {
    let runtime = graphmill_benches::runtime();
    let mut node = pass(runtime.plugins());
    let mut packet = Packet::from_text("round and round").unwrap_or_default();
    let mut bare = Packet::from_text("round and round").unwrap_or_default();
    let process: extern "C" fn(&mut Packet, Emit) = bare_process;
    let mut back = Back(Box::default());
    Request::from_arguments().contest(
        "call and call-back",
        CALLS,
        vec![
            Way::new("bare functions", || {
                for _ in 0..CALLS {
                    black_box(process)(&mut bare, black_box(bare_emit));
                }
            }),
            Way::new("process and emit", || {
                for _ in 0..CALLS {
                    assert!(node.process(0, &mut packet, &mut back).is_ok());
                    back.0.move_to(&mut packet);
                }
            }),
        ],
    );
    assert!(packet.as_text() == Some("round and round"), "the packet is the same");
}
