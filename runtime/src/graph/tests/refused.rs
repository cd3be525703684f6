//! Graphs that are refused, with the whole text that a person sees.
//!
//! Each case is a pair of files in `refused/`: the graph, and what is said about it.

use serde_json::json;

use super::{build, kinds};
use crate::graph::{Graph, LinkSpec, NodeSpec, TickSpec};

/// Compares what is said about a graph with the text that stands beside it.
fn check(name: &str, text: &str, expected: &str) {
    let error = build(text).map(|graph| format!("{:?}", graph.nodes())).expect_err(name);
    assert_eq!(error.to_string(), expected.trim_end(), "{name}: got\n{error}\n");
}

macro_rules! cases {
    ($($name:ident,)+) => {
        $(#[test]
        fn $name() {
            let name = stringify!($name);
            check(name, include_str!(concat!("refused/", stringify!($name), ".toml")), include_str!(concat!("refused/", stringify!($name), ".txt")));
        })+
    };
}

cases! {
    an_unknown_kind_is_answered_with_the_nearest_one,
    faults_of_what_is_to_be_warm_are_reported_at_their_places,
    entries_of_the_wrong_form_are_reported_in_what_is_to_be_warm,
    a_wrong_name_in_a_link_is_answered_with_the_right_ones,
    a_link_in_the_wrong_direction_names_the_pins_that_fit,
    an_input_without_link_is_an_error,
    formats_that_cannot_meet_are_answered_with_a_converter,
    a_cycle_that_can_block_is_drawn,
    credits_out_of_range_name_the_narrowest_link,
    wrong_params_are_all_reported_at_their_places,
    a_param_that_breaks_a_pin_format_is_named,
    unknown_keys_are_all_reported_with_suggestions,
    wrong_types_are_all_reported_with_their_paths,
    bad_ids_workers_ticks_and_timeouts_are_reported,
    a_link_that_is_made_twice_is_refused,
    an_empty_graph_is_refused,
    broken_toml_points_at_the_place,
    variables_that_cannot_be_expanded_point_into_the_string,
    a_date_is_refused_because_params_have_none,
}

#[test]
fn a_graph_built_in_code_names_the_place_in_words() {
    let error = Graph::builder()
        .node("mic", "wav.sorce", json!({}))
        .node("gain", "audio.gain", json!({ "gian_db": 3 }))
        .node("gain", "audio.gain", json!({ "gain_db": 40 }))
        .node_with("file", NodeSpec::new("wav.sink").with_params(json!({ "path": "b.wav" })).with_tick(TickSpec::Asap))
        .inlet("in", "sound")
        .link_with(LinkSpec::new("mic", "gain").with_capacity(0))
        .link("in", "gian")
        .chain(["gain", "file"])
        .build(&kinds())
        .unwrap_err();
    let expected = "\
error: node `gain` is added twice
 |
 = help: give each its own id

error: format of inlet `in`: unknown format `sound`; a format starts with audio, video, tensor, text, event or bytes, or is `any`

error: node `mic` is of unknown kind `wav.sorce`
 |
 = help: did you mean `wav.source`?

error: param `gain_db` of node `gain` (`audio.gain`) must be at most 24
 |
 = note: `gain_db`: gain in decibels

error: node `file` (`wav.sink`) is a sink and is never ticked
 |
 = help: leave `tick` out; it is for sources

error: there is no node `gian`
 |
 = help: did you mean `gain`?";
    assert_eq!(error.to_string(), expected, "got\n{error}\n");
}

#[test]
fn a_graph_error_is_data_for_tools() {
    let error = build("links = []\n[nodes.a]\nkind = \"nosuch\"\n").unwrap_err();
    let json = error.to_json();
    assert_eq!(json["omitted"], 0);
    let first = &json["diagnostics"][0];
    assert_eq!((&first["line"], &first["column"], &first["source"]), (&json!(3), &json!(8), &json!("graph.toml")));
    assert_eq!((&first["start"], &first["end"]), (&json!(28), &json!(36)));
    assert_eq!(first["severity"], "error");
}

#[test]
fn colours_are_used_only_when_asked_for() {
    let error = build("").unwrap_err();
    assert!(error.render(true).contains('\u{1b}'));
    assert!(!error.render(false).contains('\u{1b}'));
}

#[test]
fn a_flood_of_faults_is_cut_and_counted() {
    let nodes: String = (0..150).map(|index| format!("[nodes.n{index}]\nkind = \"nosuch\"\n")).collect();
    let error = build(&nodes).unwrap_err();
    assert_eq!((error.diagnostics.len(), error.omitted), (100, 50));
    assert!(error.to_string().ends_with("\n\nand 50 more"));
}

#[test]
fn sizes_beyond_the_limits_are_refused_before_anything_else() {
    let nodes: String = (0..10_001).map(|index| format!("n{index}.kind='audio.gain'\n")).collect();
    let error = build(&format!("[nodes]\n{nodes}")).unwrap_err();
    assert_eq!(error.diagnostics.len(), 1);
    assert_eq!(error.diagnostics[0].title, "the graph has 10001 nodes, at most 10000 are allowed");
    let chain = vec!["a"; 100_002].join("->");
    let error = Graph::builder()
        .node("a", "audio.gain", json!({}))
        .link_with(LinkSpec::Chain(chain))
        .build(&kinds())
        .unwrap_err();
    assert_eq!(error.diagnostics[0].title, "the graph has more than 100000 links");
}

#[test]
fn a_fault_in_a_very_long_line_is_shown_with_what_is_near_and_its_true_column() {
    let text = format!("description = \"{}\"\nx = \"{}\" # end\n", "é".repeat(9), "é".repeat(100_000));
    let error = build(&text).unwrap_err().to_string();
    assert!(error.len() < 2_000, "{}", error.len());
    assert!(error.starts_with("error: a graph has no key `x`\n --> graph.toml:2:1\n"), "{error}");
    let text = format!("description = \"{}\" nodes = 1\n", "é".repeat(100_000));
    let error = build(&text).unwrap_err().to_string();
    assert!(error.len() < 2_000, "{}", error.len());
    assert!(error.contains("graph.toml:1:100018\n"), "{error}");
}

#[test]
fn thousands_of_wrong_names_are_reported_without_comparing_each_with_all() {
    let nodes: String = (0..1_000).map(|index| format!("node-number-{index}.kind='audio.gain'\n")).collect();
    let links: String = (0..1_000).map(|index| format!("'node-number-{index} -> node-numbr-{index}',")).collect();
    let error = build(&format!("links = [{links}]\n[nodes]\n{nodes}")).unwrap_err();
    assert_eq!(error.diagnostics.len(), 100);
    assert_eq!(error.omitted, 900);
    assert_eq!(error.diagnostics[0].help.as_deref(), Some("did you mean `node-number-0`?"));
}

#[test]
fn a_very_long_name_is_cut_in_messages() {
    let error = build(&format!("links = []\n[nodes.a]\nkind = \"{}\"\n", "k".repeat(100_000))).unwrap_err();
    assert!(error.to_string().len() < 3_000, "{}", error.to_string().len());
}
