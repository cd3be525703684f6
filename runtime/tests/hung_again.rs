//! A call has its whole deadline, also where the one before it in its place was given up.

use graphmill::exec::{NodeState, SessionEvent};
use graphmill::graph::NodeSpec;
use graphmill::{Graph, Runtime};
use graphmill_plugin_sdk::prelude::*;
use serde_json::json;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const CALLS: usize = 4;
const DEADLINE_MS: i64 = 200;

/// When each call was entered, on the clock of the session.
static ENTERED: Mutex<Vec<i64>> = Mutex::new(Vec::new());

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NoParams {}

/// Hangs in every call until it is given up.
struct Hangs;

impl Node for Hangs {
    type Params = NoParams;

    fn kind() -> Kind {
        Kind::new("hangs").input("in", "any")
    }

    fn create(_params: NoParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        Ok(Self)
    }
}

impl Sink for Hangs {
    fn consume(&mut self, _pin: usize, _packet: &mut Packet, cx: &mut Context<'_>) -> Result<()> {
        ENTERED.lock().unwrap_or_else(PoisonError::into_inner).push(cx.now_ns());
        while !cx.is_cancelled() {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        Ok(())
    }
}

graphmill_plugin_sdk::export!(Hangs);

#[test]
fn every_hung_call_has_its_whole_deadline_whatever_was_given_up_before() {
    let runtime = Runtime::new();
    runtime.plugins().link(module()).unwrap();
    runtime.plugins().link(graphmill_fixture_flow::module()).unwrap();
    // The next instance is there before the watch looks again, and its first call has the number of the one before.
    let restart = json!({ "max": CALLS, "backoff_first_ms": 1, "backoff_max_ms": 1 });
    let node = NodeSpec::new("hangs")
        .with_params(json!({}))
        .with_policy(serde_json::from_value(json!({ "restart": restart })).unwrap())
        .with_deadlines(serde_json::from_value(json!({ "process_ms": DEADLINE_MS })).unwrap());
    let graph = Graph::builder()
        .node("count", "flow.count", json!({ "packets": CALLS }))
        .node_with("hangs", node)
        .link("count", "hangs")
        .build(runtime.plugins())
        .unwrap();
    let session = runtime.start(&graph).unwrap();
    let mut events = session.handle().events();
    session.wait();
    let changes = std::iter::from_fn(|| events.try_next()).filter_map(|event| match event {
        SessionEvent::State(change) if change.to == NodeState::Hung => Some(change.at_ns),
        _ => None,
    });
    let noticed: Vec<i64> = changes.collect();
    let entered = ENTERED.lock().unwrap().clone();
    assert_eq!((entered.len(), noticed.len()), (CALLS, CALLS));
    for (entered, noticed) in entered.iter().zip(&noticed) {
        let took_ms = (noticed - entered) / 1_000_000;
        assert!(took_ms >= DEADLINE_MS, "a call was given up after {took_ms} ms");
    }
}
