use serde_json::{Value, json};

use crate::graph::spec::keys;
use crate::graph::{
    DeadLetterContent, DeadlinesSpec, DefaultsSpec, EndSpec, FileType, GraphSpec, LateTicks, LinkSpec, NodeSpec,
    OnError, OnTrip, PolicySpec, RestartSpec, TickSpec, WarmUpSpec, WhenFull,
};

fn all_deadlines() -> DeadlinesSpec {
    DeadlinesSpec {
        load_ms: Some(8),
        pins_ms: Some(11),
        create_ms: Some(1),
        start_ms: Some(2),
        process_ms: Some(3),
        tick_ms: Some(4),
        flush_ms: Some(5),
        update_ms: Some(9),
        hint_ms: Some(10),
        stop_ms: Some(6),
        destroy_ms: Some(7),
    }
}

fn whole_policy() -> PolicySpec {
    let restart = RestartSpec {
        max: Some(1),
        window_ms: Some(2),
        backoff_first_ms: Some(3),
        backoff_max_ms: Some(4),
        reset_after_ms: Some(5),
    };
    PolicySpec {
        on_error: Some(OnError::Fail),
        restart: Some(restart),
        on_trip: Some(OnTrip::Isolate),
        redeliver: Some(6),
        dead_letters: Some(DeadLetterContent::Payload),
    }
}

/// A spec in which nothing has its default.
fn full() -> GraphSpec {
    let tick = TickSpec::Interval { interval_ms: 2.5, late: LateTicks::Burst };
    let node = NodeSpec::new("k")
        .with_params(json!({ "a": [1, { "b": null }] }))
        .with_worker("w")
        .with_tick(tick)
        .with_send_timeout_ms(5)
        .with_deadlines(all_deadlines())
        .with_policy(whole_policy());
    let link = LinkSpec::new("n", "o").with_capacity(3).with_when_full(WhenFull::DropNewest).with_credits(2);
    let end = EndSpec { format: "text | audio f32".parse().unwrap() };
    GraphSpec {
        name: Some("name".to_owned()),
        description: Some("text".to_owned()),
        plugins: vec!["p".to_owned()],
        warm_up: vec![WarmUpSpec::new("k", json!({ "a": 1 }))],
        nodes: [("z".to_owned(), node), ("a".to_owned(), NodeSpec::new("k"))].into_iter().collect(),
        inlets: [("i".to_owned(), end.clone())].into_iter().collect(),
        outlets: [("o".to_owned(), end)].into_iter().collect(),
        links: vec![LinkSpec::Chain("i -> n".to_owned()), link],
        defaults: DefaultsSpec {
            capacity: 9,
            when_full: WhenFull::Fail,
            send_timeout_ms: 7,
            deadlines: all_deadlines(),
            policy: whole_policy(),
        },
    }
}

#[test]
fn a_spec_survives_json_and_keeps_the_order_of_its_nodes() {
    let text = serde_json::to_string(&full()).unwrap();
    let read = GraphSpec::parse(&text, "g.json", FileType::Json).unwrap().into_spec();
    assert_eq!(read, full());
    assert_eq!(read.nodes.keys().collect::<Vec<_>>(), ["z", "a"]);
    assert_eq!(serde_json::from_str::<GraphSpec>(&text).unwrap(), full());
}

#[test]
fn nodes_of_a_toml_file_keep_the_order_in_which_they_are_written() {
    let text = "[nodes.z]\nkind = \"k\"\n[nodes.a]\nkind = \"k\"\n[nodes.m]\nkind = \"k\"\n";
    let spec = GraphSpec::parse(text, "g.toml", FileType::Toml).unwrap().into_spec();
    assert_eq!(spec.nodes.keys().collect::<Vec<_>>(), ["z", "a", "m"]);
}

#[test]
fn the_keys_that_are_suggested_are_the_keys_of_the_model() {
    let json = serde_json::to_value(full()).unwrap();
    let check = |value: &Value, keys: &[&str]| {
        let mut known: Vec<&str> = keys.to_vec();
        known.sort_unstable();
        let mut found: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        found.sort_unstable();
        assert_eq!(found, known);
    };
    check(&json, keys::GRAPH);
    check(&json["warm_up"][0], keys::WARM_UP);
    check(&json["nodes"]["z"], keys::NODE);
    check(&json["nodes"]["z"]["tick"], keys::TICK);
    check(&json["nodes"]["z"]["deadlines"], keys::DEADLINES);
    check(&json["nodes"]["z"]["policy"], keys::POLICY);
    check(&json["nodes"]["z"]["policy"]["restart"], keys::RESTART);
    check(&json["inlets"]["i"], keys::END);
    check(&json["links"][1], keys::LINK);
    check(&json["defaults"], keys::DEFAULTS);
}

#[test]
fn a_spec_read_by_any_serde_reader_refuses_unknown_keys_too() {
    for text in [
        r#"{ "nods": {} }"#,
        r#"{ "nodes": { "a": { "kind": "k", "x": 1 } } }"#,
        r#"{ "warm_up": [{ "kind": "k", "x": 1 }] }"#,
        r#"{ "links": [{ "from": "a", "to": "b", "x": 1 }] }"#,
        r#"{ "nodes": { "a": { "kind": "k", "tick": { "interval_ms": 1, "x": 1 } } } }"#,
    ] {
        assert!(serde_json::from_str::<GraphSpec>(text).is_err(), "{text}");
    }
}

#[test]
fn every_deadline_and_policy_key_is_documented() {
    let text = include_str!("../../../../docs/supervision.md");
    let restart = keys::RESTART.iter().map(|key| format!("restart.{key}"));
    let policy = keys::POLICY.iter().filter(|key| **key != "restart").map(ToString::to_string);
    for key in keys::DEADLINES.iter().map(ToString::to_string).chain(restart).chain(policy) {
        assert!(text.contains(&format!("| `{key}` |")), "`{key}` has no row in docs/supervision.md");
    }
}
