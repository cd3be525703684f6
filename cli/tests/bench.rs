//! `graphmill bench`: its figures, their comparison, and its exit codes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use support::{Lab, Shown, plugin};

const GRAPH: &str = r#"
[nodes.count]
kind = "flow.count"
params = { packets = 500 }
[nodes.check]
kind = "flow.check"
params = { expect = 500 }
[[links]]
from = "count"
to = "check"
"#;

fn bench(lab: &Lab, arguments: &[&str]) -> Shown {
    let mut command = lab.graphmill();
    command.arg("--plugins").arg(plugin("graphmill-fixture-flow")).arg("bench").args(arguments);
    command.output().unwrap().into()
}

fn is_ascending(times: &Value) -> bool {
    let all: Vec<u64> =
        ["p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns"].iter().map(|name| times[name].as_u64().unwrap()).collect();
    all.is_sorted() && all.iter().all(|ns| *ns > 0)
}

#[test]
fn figures_of_a_graph_are_those_of_its_packets() {
    let lab = Lab::new();
    lab.write("graph.toml", GRAPH);
    let figures = bench(&lab, &["graph.toml", "--runs", "3", "--json"]).succeeds().json();
    assert_eq!((&figures["subject"], &figures["runs"]), (&json!("graph"), &json!(3)));
    assert_eq!(figures["packets"], json!({ "median": 500.0, "min": 500.0, "max": 500.0 }));
    for figure in ["packets_per_s", "cpu_ns_per_packet", "allocations_per_packet"] {
        let [min, median, max] = ["min", "median", "max"].map(|name| figures[figure][name].as_f64().unwrap());
        assert!(0.0 < min && min <= median && median <= max, "{figure}: {figures}");
    }
    assert_eq!(figures["end_to_end"][0]["of"], "check");
    let nodes: Vec<&Value> = figures["nodes"].as_array().unwrap().iter().map(|node| &node["of"]).collect();
    assert_eq!(nodes, ["count", "check"]);
    for times in figures["end_to_end"].as_array().unwrap().iter().chain(figures["nodes"].as_array().unwrap()) {
        assert!(is_ascending(times), "{times}");
    }
}

#[test]
fn people_get_tables_and_the_host_allocates_nothing_for_a_further_packet() {
    let lab = Lab::new();
    lab.write("graph.toml", &GRAPH.replace("500", "200000"));
    let shown = bench(&lab, &["graph.toml", "--runs", "1", "--latency", "1000"]).succeeds();
    assert_eq!(shown.out, "", "standard output belongs to the sinks");
    for word in ["1 run, 200000 packets each", "packets per second", "cpu ns per packet", "p99.9", "end to end", "call"]
    {
        assert!(shown.err.contains(word), "{word}: {}", shown.err);
    }
    let line = shown.err.lines().find(|line| line.starts_with("allocations per packet")).unwrap();
    let median: f64 = line.split_whitespace().nth(3).unwrap().parse().unwrap();
    assert!(median < 0.1, "{line}");
}

#[test]
fn kind_is_measured_with_made_up_packets_of_its_format() {
    let lab = Lab::new();
    let figures = bench(&lab, &["rnnoise", "--packets", "20", "--runs", "2", "--json"]).succeeds().json();
    assert_eq!((&figures["subject"], &figures["packets"]["median"]), (&json!("rnnoise"), &json!(20.0)));
    assert!(figures["end_to_end"][0]["of"] == "the answer" && is_ascending(&figures["end_to_end"][0]), "{figures}");
    let source = bench(&lab, &["flow.count", "--params", r#"{"packets": 30}"#, "--json"]).succeeds().json();
    assert_eq!(source["packets"]["median"], 30.0, "a source is asked until it ends");
    let refused = bench(&lab, &["flow.pass", "--params", r#"{"fail_every": 1}"#]);
    assert!(refused.code == Some(1) && refused.err.contains("is not wanted"), "{refused:?}");
}

#[test]
fn figure_that_is_worse_than_allowed_ends_with_one() {
    let lab = Lab::new();
    lab.write("graph.toml", GRAPH);
    let figures = bench(&lab, &["graph.toml", "--runs", "1", "--json"]).succeeds().json();
    let scaled = |by: f64| {
        let mut then = figures.clone();
        then["packets_per_s"]["median"] = json!(figures["packets_per_s"]["median"].as_f64().unwrap() * by);
        for figure in ["cpu_ns_per_packet", "allocations_per_packet"] {
            then[figure]["median"] = json!(figures[figure]["median"].as_f64().unwrap() / by);
        }
        then["end_to_end"][0]["p50_ns"] = json!(if by > 1.0 { 1_u64 } else { 1 << 60 });
        lab.write("baseline.json", &format!("{then}\n"));
    };
    let compare = || bench(&lab, &["graph.toml", "--runs", "1", "--baseline", "baseline.json", "--json"]);
    scaled(0.001);
    let better = compare().succeeds();
    let figures_now = better.json();
    let changes = figures_now["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 4);
    assert!(changes.iter().all(|change| change["is_regression"] == false), "{changes:?}");
    scaled(1000.0);
    let worse = compare();
    assert!(worse.code == Some(1) && worse.err.contains("worse by"), "{worse:?}");
    assert!(worse.json()["changes"].as_array().unwrap().iter().all(|change| change["is_regression"] == true));
    let allowed = bench(&lab, &["graph.toml", "--baseline", "baseline.json", "--max-regress", "1e15", "--runs", "1"]);
    allowed.succeeds();
}

#[test]
fn wrong_words_and_failed_graphs_have_their_exit_codes() {
    let lab = Lab::new();
    lab.write("failing.toml", &GRAPH.replace("expect = 500", "expect = 501"));
    lab.write("empty.toml", &GRAPH.replace("500", "0"));
    lab.write("old.json", "{\"bench\": 1}\n");
    let table: [(&[&str], i32, &str); 7] = [
        (&["failing.toml"], 1, "the graph failed"),
        (&["empty.toml"], 1, "no packet came to a sink"),
        (&["missing.toml"], 2, "missing.toml"),
        (&["no.such.kind"], 2, "no plugin offers the kind `no.such.kind`"),
        (&["flow.pass", "--params", "{"], 2, "--params is no JSON object"),
        (&["flow.pass", "--baseline", "old.json"], 2, "cannot read figures from old.json"),
        (&["flow.pass", "--max-regress", "5"], 2, "--baseline"),
    ];
    for (arguments, code, text) in table {
        let shown = bench(&lab, arguments);
        assert!(shown.code == Some(code) && shown.err.contains(text), "{arguments:?}: {shown:?}");
    }
}
