//! Params that change while an instance lives.

use super::life::bad_ones;
use crate::validate::bench::Bench;
use crate::validate::life::Answer;
use crate::validate::work;
use graphmill::graph::Manifest;
use serde_json::{Map, Value};

/// Rounds of work after a change.
const ROUNDS: u64 = 2;

/// Changes every live param to every value that its schema names.
pub(super) fn live(bench: &Bench) {
    let changes = changes(bench);
    if changes.is_empty() {
        return;
    }
    let Some(mut life) = work::started(bench, "F1") else { return };
    for (name, params) in changes {
        bench.teller.doing("F1", format!("`update` of `{name}` to {params}"));
        if let Answer::Error(message) = life.update(&params) {
            bench.teller.found("F1", format!("`update` of the live param `{name}` answers `{message}` to {params}"));
        }
        work::some(bench, &mut life, ROUNDS);
    }
    work::finish(bench, life);
    bench.judge_host();
}

/// Whole params that differ from those of the bench in one live param, with its name.
fn changes(bench: &Bench) -> Vec<(String, String)> {
    let manifest = Manifest::parse(bench.plugin.manifest_json()).ok();
    let names = manifest.and_then(|mut manifest| manifest.params_live.remove(&bench.info.id)).unwrap_or_default();
    let whole = serde_json::from_str::<Map<String, Value>>(&bench.params()).unwrap_or_default();
    let mut changes = Vec::new();
    for name in names {
        let schema = bench.info.params_schema.pointer(&format!("/properties/{name}"));
        let keys = ["default", "minimum", "maximum", "const"];
        let single = keys.iter().filter_map(|key| schema?.get(key));
        let listed = ["examples", "enum"].iter().filter_map(|key| schema?.get(key)?.as_array()).flatten();
        let now = whole.get(&name);
        for value in single.chain(listed).chain(now).filter(|value| !value.is_null()) {
            let mut params = whole.clone();
            params.insert(name.clone(), value.clone());
            let params = Value::Object(params);
            if bench.info.check_params(&params).is_ok() {
                changes.push((name.clone(), params.to_string()));
            }
        }
    }
    changes
}

/// Hands over bad changes; the instance has to go on working as before.
pub(super) fn bad(bench: &Bench) {
    let Some(mut life) = work::started(bench, "F2") else { return };
    for (what, params) in bad_ones(bench) {
        bench.teller.doing("F2", format!("`update` with {what}"));
        life.update(&params);
    }
    // A change that was taken may ask for something else; what is wanted is that the instance still works.
    bench.teller.doing("F2", "`update` with the params that it was made with, and work after it");
    life.update(&bench.params());
    work::some(bench, &mut life, ROUNDS);
    work::finish(bench, life);
}
