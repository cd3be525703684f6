use serde_json::{Value, json};

use crate::graph::{Kinds, Manifest};

fn manifest() -> Value {
    json!({
        "plugin": { "id": "demo", "version": "1.2.3", "license": "MIT", "from_the_future": 1 },
        "kinds": [{
            "id": "demo.gain", "role": "processor", "title": "Gain", "description": "Louder.", "icon": "x",
            "inputs": [{ "name": "in", "format": "audio f32", "description": "sound" }],
            "outputs": [{ "name": "out", "format": "audio f32 {rate} Hz" }],
            "params_schema": { "type": "object", "properties": { "rate": { "type": "integer" } } },
            "params_live": ["rate"],
            "capabilities": ["in_place"]
        }]
    })
}

#[test]
fn a_manifest_is_read_and_unknown_keys_are_skipped() {
    let manifest = Manifest::parse(&manifest().to_string()).unwrap();
    assert_eq!(manifest.plugin.license.as_deref(), Some("MIT"));
    assert_eq!(manifest.params_live["demo.gain"], ["rate"]);
    let kinds = manifest.into_kinds(Some("/lib/demo.so".into()));
    let kind = kinds.kind("demo.gain").unwrap();
    assert_eq!(kind.inputs[0].description, "sound");
    assert_eq!(kind.capabilities, ["in_place"]);
    assert_eq!(kind.plugin.file.as_deref(), Some(std::path::Path::new("/lib/demo.so")));
    let listed = serde_json::to_value(&*kind).unwrap();
    assert_eq!(listed["role"], "processor");
    assert_eq!(listed["outputs"][0]["format"], "audio f32 {rate} Hz");
}

#[test]
fn kinds_are_listed_by_id() {
    let mut kinds = super::kinds();
    kinds.reverse();
    let ids: Vec<String> = kinds.kinds().iter().map(|kind| kind.id.clone()).collect();
    assert!(ids.is_sorted());
}

/// Replaces the value at a JSON pointer and gives the error.
fn error_with(pointer: &str, value: Value) -> String {
    let mut manifest = manifest();
    match manifest.pointer_mut(pointer) {
        Some(slot) => *slot = value,
        None => panic!("no {pointer}"),
    }
    Manifest::parse(&manifest.to_string()).map(|_| ()).expect_err(pointer).to_string()
}

#[test]
fn a_manifest_that_breaks_a_rule_is_refused_with_the_place() {
    let kind = || manifest()["kinds"][0].clone();
    let pins = |count: usize| Value::from_iter((0..count).map(|n| json!({ "name": format!("p{n}"), "format": "any" })));
    let id_rule = "is no id; use 1 to 64 of a-z, 0-9, `_`, `.` and `-`, starting with a letter or digit";
    let table = [
        ("/plugin/id", json!("Demo"), format!("manifest at `plugin.id`: `Demo` {id_rule}")),
        (
            "/plugin/version",
            json!(1),
            "manifest at `plugin.version`: invalid type: integer `1`, expected a string at line 1 column".to_owned(),
        ),
        ("/kinds/0/id", json!(".gain"), format!("manifest at `kinds[0].id`: `.gain` {id_rule}")),
        ("/kinds/0/id", json!("a".repeat(65)), format!("manifest at `kinds[0].id`: `{}` {id_rule}", "a".repeat(64))),
        (
            "/kinds/0/role",
            json!("filter"),
            "manifest at `kinds[0].role`: unknown variant `filter`, expected one of `source`, `processor`, `sink`"
                .to_owned(),
        ),
        ("/kinds/0/role", json!("source"), "manifest at `kinds[0].inputs`: a source has no inputs".to_owned()),
        ("/kinds/0/role", json!("sink"), "manifest at `kinds[0].outputs`: a sink has no outputs".to_owned()),
        ("/kinds/0/inputs", json!([]), "manifest at `kinds[0].inputs`: a processor needs an input".to_owned()),
        ("/kinds/0/inputs", pins(33), "manifest at `kinds[0].inputs`: 33 entries, at most 32 are allowed".to_owned()),
        ("/kinds/0/inputs/0/name", json!("In"), format!("manifest at `kinds[0].inputs[0].name`: `In` {id_rule}")),
        (
            "/kinds/0/inputs/0/format",
            json!("sound"),
            "manifest at `kinds[0].inputs[0].format`: unknown format `sound`".to_owned(),
        ),
        ("/kinds/0/params_schema", json!([]), "manifest at `kinds[0].params_schema`: not an object".to_owned()),
        (
            "/kinds/0/params_schema/type",
            json!("thing"),
            "manifest at `kinds[0].params_schema`: not a usable JSON schema".to_owned(),
        ),
        (
            "/kinds/0/params_live/0",
            json!("volume"),
            "manifest at `kinds[0].params_live[0]`: `volume` is no property of params_schema".to_owned(),
        ),
        (
            "/kinds/0/capabilities",
            json!(vec!["x"; 65]),
            "manifest at `kinds[0].capabilities`: 65 entries, at most 64 are allowed".to_owned(),
        ),
        ("/kinds", json!([kind(), kind()]), "manifest at `kinds[1].id`: `demo.gain` is used twice".to_owned()),
        (
            "/kinds",
            Value::from_iter((0..65).map(|_| kind())),
            "manifest at `kinds`: 65 entries, at most 64 are allowed".to_owned(),
        ),
        (
            "/kinds/0/inputs",
            json!([{ "name": "a", "format": "any" }, { "name": "a", "format": "any" }]),
            "manifest at `kinds[0].inputs[1].name`: `a` is used twice".to_owned(),
        ),
    ];
    for (pointer, value, expected) in table {
        let error = error_with(pointer, value);
        assert!(error.starts_with(&expected), "{pointer}: {error}\nexpected {expected}");
    }
}

#[test]
fn a_schema_that_runs_in_circles_or_leaves_itself_is_refused() {
    let table = [
        (json!({ "$ref": "#" }), "a `$ref` leads back to itself"),
        (
            json!({ "$ref": "#/$defs/a", "$defs": { "a": { "$ref": "#/$defs/b" }, "b": { "anyOf": [{ "$ref": "#/$defs/a" }] } } }),
            "a `$ref` leads back to itself",
        ),
        (
            json!({ "$ref": "https://example.com/x.json" }),
            "`$ref` \"https://example.com/x.json\" leads nowhere; only `#/...` inside the schema is supported",
        ),
        (
            json!({ "$ref": "#/$defs/none" }),
            "`$ref` \"#/$defs/none\" leads nowhere; only `#/...` inside the schema is supported",
        ),
        (
            json!({ "properties": { "a": { "$dynamicRef": "#x" } } }),
            "`$dynamicRef` is not supported; refer to `#/$defs/NAME` instead",
        ),
    ];
    for (schema, reason) in table {
        let error = error_with("/kinds/0/params_schema", json!(schema));
        assert_eq!(error, format!("manifest at `kinds[0].params_schema`: {reason}"), "{schema}");
    }
}

#[test]
fn a_long_chain_of_references_is_refused_in_either_direction() {
    for is_upward in [true, false] {
        let link = |index: usize| {
            let next = if is_upward { index + 1 } else { index.wrapping_sub(1) };
            let target = if next < 100 { json!({ "$ref": format!("#/$defs/d{next:03}") }) } else { json!({}) };
            (format!("d{index:03}"), target)
        };
        let schema = json!({ "$defs": serde_json::Map::from_iter((0..100).map(link)) });
        let error = error_with("/kinds/0/params_schema", schema);
        assert_eq!(
            error,
            "manifest at `kinds[0].params_schema`: references and combinations are chained more than 32 deep"
        );
    }
}

#[test]
fn a_schema_of_a_tree_is_no_circle() {
    let mut manifest = manifest();
    let tree = json!({ "type": "object", "properties": { "rate": {}, "left": { "$ref": "#" }, "right": { "anyOf": [{ "$ref": "#" }, { "type": "null" }] } } });
    manifest["kinds"][0]["params_schema"] = tree;
    Manifest::parse(&manifest.to_string()).unwrap();
}

#[test]
fn a_manifest_that_is_too_long_or_no_json_is_refused() {
    let long = format!("{}{}", manifest(), " ".repeat(256 * 1024));
    assert!(Manifest::parse(&long).unwrap_err().to_string().contains("at most 262144 are read"));
    for text in ["", "{", "null", "{}", "[1]", &format!("{}x", manifest()), &"[".repeat(100_000)] {
        assert!(Manifest::parse(text).is_err(), "{}", &text[..text.len().min(20)]);
    }
}
