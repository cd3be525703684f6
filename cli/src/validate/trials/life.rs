//! Making, starting, stopping and destroying instances.

use crate::validate::bench::Bench;
use crate::validate::life::{Answer, Life};
use serde_json::{Map, Value, json};

/// Nesting of params that nobody writes.
const DEPTH: usize = 1_000;
/// Length of a param that nobody writes.
const LONG: usize = 1 << 20;

/// Makes an instance and destroys it.
pub(super) fn create(bench: &Bench) {
    let params = bench.params();
    bench.teller.doing("D1", format!("making an instance with {params}"));
    match Life::with_params(bench, &params) {
        Answer::Well(life) => {
            bench.teller.doing("D1", "destroying an instance that was just made");
            drop(life.end());
        }
        Answer::Error(message) if !bench.params.are_given => {
            bench.teller.skipped(format!(
                "`create` answers `{message}` to the params {params}, which follow from the schema; give others with --params '{}=JSON'",
                bench.info.id
            ));
        }
        Answer::Error(message) => bench.teller.found("D1", format!("`create` answers `{message}` to {params}")),
        Answer::Refused | Answer::Dead => {}
    }
    bench.judge_host();
}

/// Hands over params that no schema allows, and texts that are no params at all.
pub(super) fn bad_params(bench: &Bench) {
    for (what, params) in bad_ones(bench) {
        bench.teller.doing("D2", format!("making an instance with {what}"));
        if let Answer::Well(life) = Life::with_params(bench, &params) {
            drop(life.end());
        }
    }
}

/// What no schema allows, with a name for it.
pub(super) fn bad_ones(bench: &Bench) -> Vec<(String, String)> {
    let texts = [
        ("no text at all", String::new()),
        ("`null`", "null".into()),
        ("`[]`", "[]".into()),
        ("`7`", "7".into()),
        ("a text that is no JSON", "{\"a\":".into()),
        ("the empty object", "{}".into()),
        ("arrays nested a thousand deep", format!("{{\"a\":{}{}}}", "[".repeat(DEPTH), "]".repeat(DEPTH))),
        ("a value of a mebibyte", json!({ "a": "x".repeat(LONG) }).to_string()),
        ("a key that is there twice", "{\"a\":1,\"a\":2}".into()),
    ];
    let mut bad: Vec<(String, String)> = texts.map(|(what, text)| (what.to_owned(), text)).into();
    let good = serde_json::from_str::<Map<String, Value>>(&bench.params()).unwrap_or_default();
    let properties = bench.info.params_schema.get("properties").and_then(Value::as_object);
    for name in properties.into_iter().flatten().map(|(name, _)| name) {
        for value in [json!(null), json!(-1e300), json!(u64::MAX), json!("\u{0}"), json!([[]]), json!({ "a": 1 })] {
            let mut params = good.clone();
            params.insert(name.clone(), value.clone());
            bad.push((format!("{value} as `{name}`"), Value::Object(params).to_string()));
        }
    }
    bad
}

/// Ends an instance in every state that it can be in without a packet.
pub(super) fn states(bench: &Bench) {
    for calls in ["create, destroy", "create, start, destroy", "create, start, stop, destroy"] {
        bench.teller.doing("D3", format!("calling {calls}"));
        let Some(mut life) = bench.life() else { return };
        for call in calls.split(", ") {
            let answer = match call {
                "start" => life.start(),
                "stop" => life.stop(),
                _ => Answer::Well(()),
            };
            if let Answer::Error(message) = answer {
                bench.teller.found("D3", format!("`{call}` answers `{message}` in {calls}"));
            }
        }
        drop(life.end());
    }
    bench.judge_host();
}
