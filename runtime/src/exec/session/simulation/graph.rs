//! A random graph of nodes that take and give packets with numbers.

use super::world::Dice;
use crate::graph::{
    DeadLetterContent, Graph, GraphBuilder, KindInfo, LateTicks, LinkSpec, Manifest, NodeSpec, OnError, OnTrip,
    PolicySpec, RestartSpec, TickSpec, WhenFull,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// The kinds: names and numbers of pins.
const KINDS: [(&str, usize, usize); 5] =
    [("source", 0, 1), ("pass", 1, 1), ("fork", 1, 2), ("join", 2, 1), ("sink", 1, 0)];

/// A node on its way into the graph.
struct Vertex {
    id: String,
    kind: &'static str,
    inputs: usize,
    outputs: usize,
}

impl Vertex {
    fn new(at: usize, kind: &str) -> Self {
        let (kind, inputs, outputs) = *KINDS.iter().find(|(name, ..)| *name == kind).unwrap();
        Self { id: format!("n{at}"), kind, inputs, outputs }
    }
}

/// What the plugin of these kinds would say of itself.
pub(super) fn kinds() -> Vec<Arc<KindInfo>> {
    let pins = |prefix: &str, count: usize| -> Vec<Value> {
        (0..count).map(|at| json!({ "name": format!("{prefix}{at}"), "format": "text" })).collect()
    };
    let kinds: Vec<Value> = KINDS
        .iter()
        .map(|(id, inputs, outputs)| {
            let role = match (inputs, outputs) {
                (0, _) => "source",
                (_, 0) => "sink",
                _ => "processor",
            };
            json!({ "id": id, "role": role, "title": "", "description": "", "inputs": pins("in", *inputs),
                "outputs": pins("out", *outputs), "params_schema": { "type": "object" } })
        })
        .collect();
    let manifest = json!({ "plugin": { "id": "simulation", "version": "1.0.0" }, "kinds": kinds });
    Manifest::parse(&manifest.to_string()).unwrap().into_kinds(None)
}

/// Makes a graph; what the dice give is always a sound one.
pub(super) fn roll(dice: &mut Dice) -> Graph {
    let sources = 1 + dice.below(2);
    let middle = dice.below(6);
    let sinks = 1 + dice.below(2);
    let kinds = (0..sources).map(|_| "source").chain((0..middle).map(|_| "middle")).chain((0..sinks).map(|_| "sink"));
    let middles = ["pass", "pass", "fork", "join"];
    let vertices: Vec<Vertex> = kinds
        .enumerate()
        .map(|(at, kind)| Vertex::new(at, if kind == "middle" { middles[dice.below(middles.len())] } else { kind }))
        .collect();
    let workers = 1 + dice.below(3);
    let mut builder = Graph::builder();
    for vertex in &vertices {
        builder = builder.node_with(vertex.id.as_str(), node(vertex, workers, dice));
    }
    link(builder, &vertices, dice).build(&self::kinds()).unwrap_or_else(|error| panic!("{}", error.render(false)))
}

fn node(vertex: &Vertex, workers: usize, dice: &mut Dice) -> NodeSpec {
    let mut node = NodeSpec::new(vertex.kind).with_policy(policy(vertex, dice));
    if dice.one_in(2) {
        node = node.with_worker(format!("w{}", dice.below(workers)));
    }
    if vertex.inputs == 0 {
        let late = if dice.one_in(2) { LateTicks::Skip } else { LateTicks::Burst };
        node = node.with_tick(match dice.below(3) {
            0 => TickSpec::Asap,
            1 => TickSpec::SelfTimed,
            _ => TickSpec::Interval { interval_ms: 5.0, late },
        });
    }
    node
}

fn policy(vertex: &Vertex, dice: &mut Dice) -> PolicySpec {
    let may_bypass = (vertex.inputs, vertex.outputs) == (1, 1);
    let max = [0, 1, 3, 50][dice.below(4)];
    let on_trip = match dice.below(4) {
        0 => OnTrip::StopSession,
        1 if may_bypass => OnTrip::Bypass,
        _ => OnTrip::Isolate,
    };
    PolicySpec {
        on_error: Some([OnError::Skip, OnError::Skip, OnError::Restart, OnError::Fail][dice.below(4)]),
        restart: Some(RestartSpec { max: Some(max), backoff_first_ms: Some(10), ..RestartSpec::default() }),
        on_trip: Some(on_trip),
        redeliver: Some([0, 0, 1, 2][dice.below(4)]),
        dead_letters: Some([DeadLetterContent::Header, DeadLetterContent::Payload][dice.below(2)]),
    }
}

/// Links every input with one or two outputs that come before it, and some outputs with nothing.
fn link(mut builder: GraphBuilder, vertices: &[Vertex], dice: &mut Dice) -> GraphBuilder {
    let mut made: Vec<(String, String)> = Vec::new();
    for (at, vertex) in vertices.iter().enumerate() {
        let before: Vec<String> = vertices[..at]
            .iter()
            .flat_map(|from| (0..from.outputs).map(|pin| format!("{}.out{pin}", from.id)))
            .collect();
        for pin in 0..vertex.inputs {
            for _ in 0..1 + usize::from(dice.one_in(4)) {
                let ends = (before[dice.below(before.len())].clone(), format!("{}.in{pin}", vertex.id));
                if !made.contains(&ends) {
                    builder = builder.link_with(options(LinkSpec::new(ends.0.as_str(), ends.1.as_str()), dice));
                    made.push(ends);
                }
            }
        }
    }
    builder
}

fn options(link: LinkSpec, dice: &mut Dice) -> LinkSpec {
    let when_full = match dice.below(12) {
        0 => WhenFull::Fail,
        1 | 2 => WhenFull::DropNewest,
        3 | 4 => WhenFull::DropOldest,
        _ => WhenFull::Block,
    };
    link.with_capacity([1, 2, 3, 8, 64][dice.below(5)]).with_when_full(when_full)
}
