//! What does a log call cost in a loaded plugin when nobody wants the record?
//!
//! Baseline in the same run: the same call in the application itself, whose subscriber is the same. The plugin has a
//! `tracing` of its own, with caches that nobody refreshes, so it looks at a number of the host instead. Every
//! measurement is of as many calls as its throughput counts; they share one call into the plugin, on the same thread.

use graphmill::exec::{
    EmitError, Factories as _, Instance, MonotonicClock, NoWake, NodeContext, NodeName, Outputs, Wait,
};
use graphmill::{Packet, Plugins};
use graphmill_benches::{Request, Way};
use std::hint::black_box;
use std::sync::Arc;
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

/// An instance of the talkative kind of a loaded library, on this thread.
fn chatter(plugins: &Plugins, say: &str) -> Box<dyn Instance> {
    let name = NodeName::new("bench", "chatter", "probe.chatter");
    let context = NodeContext::new(name, 1, Arc::new(MonotonicClock::new()), Arc::new(NoWake));
    let params = format!(r#"{{"say": [{{"{say}": {CALLS}}}]}}"#);
    let made = plugins.factory("probe.chatter").map(|factory| factory.create(&Arc::new(context), &params));
    made.and_then(Result::ok).unwrap_or_else(|| panic!("the plugin offers the kind"))
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
        let mut node = chatter(&plugins, say);
        let mut packet = Packet::from_text("x").unwrap_or_default();
        ways.push(Way::new(name, move || assert!(node.process(0, &mut packet, &mut NoOutputs).is_ok())));
    }
    Request::from_arguments().contest("log call that nobody wants", CALLS, ways);
}
