//! What does a log call cost in a loaded plugin when nobody wants the record?
//!
//! Baseline in the same run: the same call in the application itself, whose subscriber is the same. The plugin has a
//! `tracing` of its own, with caches that nobody refreshes, so it looks at a number of the host instead. Every
//! measurement is of as many calls as its throughput counts; they share one call into the plugin, on the same thread.

use graphmill::exec::{EmitError, Outputs, Wait};
use graphmill::{Packet, Plugins};
use graphmill_benches::{Request, Way};
use std::hint::black_box;
use tracing_subscriber::EnvFilter;

/// Calls in one measurement: enough that the way into the plugin and back does not count.
const CALLS: u64 = 200_000;

/// A sink has no outputs.
struct NoOutputs;

impl Outputs for NoOutputs {
    fn emit(&mut self, pin: usize, _wait: Wait, _packet: &mut Box<Packet>) -> Result<(), EmitError> {
        Err(EmitError::NoSuchPin { pin, count: 0 })
    }
}

fn listen() {
    let subscriber = tracing_subscriber::fmt().with_env_filter(EnvFilter::new("info")).finish();
    drop(tracing::subscriber::set_global_default(subscriber));
}

fn main() {
    listen();
    let plugins = Plugins::new();
    if let Err(error) = plugins.load(graphmill_benches::cdylib("graphmill-fixture-probe")) {
        panic!("{error}");
    }
    let mut ways = vec![Way::new("tracing in the application", || {
        for round in 0..black_box(CALLS) {
            tracing::trace!(round, text = "a text", "nobody wants this");
        }
    })];
    for (name, say) in [("tracing in a plugin", "trace"), ("log in a plugin", "log_trace")] {
        let params = format!(r#"{{"say": [{{"{say}": {CALLS}}}]}}"#);
        let mut node = graphmill_benches::instance(&plugins, "probe.chatter", &params);
        let mut packet = Packet::from_text("x").unwrap_or_default();
        ways.push(Way::new(name, move || assert!(node.process(0, &mut packet, &mut NoOutputs).is_ok())));
    }
    Request::from_arguments().contest("log call that nobody wants", CALLS, ways);
}
