use std::sync::Arc;

use serde_json::{Value, json};

use super::{env, kinds};
use crate::graph::{FileType, Graph, GraphError, GraphSpec, KindInfo, Manifest};

/// A one-node graph of a sink kind with this schema; gives its checked params.
fn check(schema: &Value, params: &Value, base_dir: Option<&str>) -> Result<Value, GraphError> {
    let manifest = json!({
        "plugin": { "id": "test", "version": "1" },
        "kinds": [{
            "id": "k", "role": "sink", "title": "", "description": "",
            "inputs": [{ "name": "in", "format": "any" }], "params_schema": schema
        }]
    });
    let kinds: Vec<Arc<KindInfo>> = Manifest::parse(&manifest.to_string()).expect("schema").into_kinds(None);
    let mut builder = Graph::builder().inlet("src", "any").node("n", "k", params.clone()).link("src", "n");
    if let Some(base_dir) = base_dir {
        builder = builder.base_dir(base_dir);
    }
    let graph = builder.build_with_env(&kinds, &env)?;
    Ok(graph.find("n").expect("the node").1.params().clone())
}

#[test]
fn variables_are_expanded_only_where_the_schema_says_so() {
    let schema = json!({ "properties": { "a": { "type": "string", "x-env": true }, "b": { "type": "string" } } });
    let table = [
        (json!({ "a": "x/${SPEECH}/y" }), json!({ "a": "x/speech/y" })),
        (json!({ "a": "${SPEECH}${SPEECH}" }), json!({ "a": "speechspeech" })),
        (json!({ "a": "$${SPEECH} $5 $" }), json!({ "a": "${SPEECH} $5 $" })),
        (json!({ "b": "${SPEECH} ${NOT_SET}" }), json!({ "b": "${SPEECH} ${NOT_SET}" })),
    ];
    for (params, expected) in table {
        assert_eq!(check(&schema, &params, None).unwrap(), expected);
    }
}

#[test]
fn marks_are_found_through_references_lists_and_optional_types() {
    let schema = json!({
        "properties": {
            "list": { "type": "array", "items": { "$ref": "#/$defs/File" } },
            "maybe": { "anyOf": [{ "$ref": "#/$defs/File" }, { "type": "null" }] },
            "map": { "type": "object", "additionalProperties": { "$ref": "#/$defs/File" } },
        },
        "$defs": { "File": { "type": "string", "format": "path", "x-env": true } }
    });
    let params = json!({ "list": ["${SPEECH}", "b"], "maybe": "c", "map": { "x": "d" } });
    let expected = json!({ "list": ["dir/speech", "dir/b"], "maybe": "dir/c", "map": { "x": "dir/d" } });
    assert_eq!(check(&schema, &params, Some("dir")).unwrap(), expected);
    assert_eq!(check(&schema, &json!({ "maybe": null }), Some("dir")).unwrap(), json!({ "maybe": null }));
}

#[test]
fn relative_paths_start_at_the_folder_of_the_graph() {
    let schema = json!({ "properties": { "p": { "type": "string", "format": "path" }, "q": { "type": "string" } } });
    let table = [
        (Some("/g"), "a.wav", "/g/a.wav"),
        (Some("/g"), "../a.wav", "/g/../a.wav"),
        (Some("/g"), "/abs.wav", "/abs.wav"),
        (Some("/g"), "-", "-"),
        (Some("/g"), "", ""),
        (Some(""), "a.wav", "a.wav"),
        (None, "a.wav", "a.wav"),
    ];
    for (base_dir, path, expected) in table {
        assert_eq!(
            check(&schema, &json!({ "p": path, "q": path }), base_dir).unwrap(),
            json!({ "p": expected, "q": path })
        );
    }
}

#[test]
fn wrong_params_are_explained_in_words() {
    let schema = json!({
        "properties": {
            "rate": { "type": "integer", "exclusiveMinimum": 0 },
            "mode": { "enum": ["fast", "slow"], "description": "how to work" },
            "list": { "type": "array", "maxItems": 2, "items": { "type": "object", "properties": { "size": { "type": "number" } }, "required": ["size"], "additionalProperties": false } },
            "name": { "type": "string", "pattern": "^[a-z]+$" },
            "either": { "type": ["string", "null"] },
        }
    });
    let table = [
        (json!({ "rate": 1.5 }), "error: param `rate` of node `n` (`k`) must be a whole number, not a fraction"),
        (json!({ "rate": 0 }), "error: param `rate` of node `n` (`k`) must be above 0"),
        (
            json!({ "mode": "fats" }),
            "error: param `mode` of node `n` (`k`) must be `fast` or `slow`\n |\n = note: `mode`: how to work\n = help: did you mean `fast`?",
        ),
        (
            json!({ "list": [{ "size": 1 }, { "size": "x" }] }),
            "error: param `list[1].size` of node `n` (`k`) must be a number, not a string",
        ),
        (json!({ "list": [{}] }), "error: param `list[0]` of node `n` (`k`) lacks the key `size`"),
        (
            json!({ "list": [{ "size": 1, "siez": 2 }] }),
            "error: param `list[0]` of node `n` (`k`) has no key `siez`\n |\n = help: did you mean `size`?",
        ),
        (json!({ "name": "A" }), "error: param `name` of node `n` (`k`) is refused: \"A\" does not match \"^[a-z]+$\""),
        (json!({ "either": 1 }), "error: param `either` of node `n` (`k`) must be null or a string, not a number"),
        (json!([1]), "error: the params of node `n` must be an object of at most 64 levels"),
    ];
    for (params, expected) in table {
        let error = check(&schema, &params, None).expect_err(expected);
        assert_eq!(error.to_string(), expected, "{params}");
    }
}

#[test]
fn a_long_value_is_not_repeated_in_full() {
    let schema = json!({ "properties": { "name": { "pattern": "^a+$" } } });
    let error = check(&schema, &json!({ "name": "b".repeat(10_000) }), None).unwrap_err();
    assert!(error.to_string().len() < 400, "{error}");
}

#[test]
fn params_nested_too_deep_are_refused() {
    let mut params = json!(1);
    for _ in 0..70 {
        params = json!({ "a": params });
    }
    let error = check(&json!({}), &params, None).unwrap_err();
    assert_eq!(error.to_string(), "error: the params of node `n` must be an object of at most 64 levels");
}

#[test]
fn the_environment_of_the_process_is_used_unless_another_is_given() {
    let text = "links = [\"a -> b\"]\noutlets.b = {}\nnodes.a = { kind = \"wav.source\", params = { path = \"${CARGO_MANIFEST_DIR}\" } }\n";
    let sourced = GraphSpec::parse(text, "g.toml", FileType::Toml).unwrap();
    let expected = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    assert_eq!(sourced.build(&kinds()).unwrap().find("a").unwrap().1.params()["path"], expected.as_str());
    assert!(sourced.build_with_env(&kinds(), &|_| None).is_err());
}
