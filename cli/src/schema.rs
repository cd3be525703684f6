//! The params of a kind, read out of their JSON schema for people.

use serde_json::Value;

/// How many references to definitions are followed, one from another.
const REFERENCES_MAX: usize = 8;

/// One param.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Param {
    pub(crate) name: String,
    /// Which values it takes: `integer 1 to 65536`, `asap | realtime`.
    pub(crate) values: String,
    /// What it is where it is not given; nothing where it may stay away without a default.
    pub(crate) default: Option<String>,
    pub(crate) is_required: bool,
    pub(crate) description: String,
}

/// The params in the order of the schema, those that have to be given first.
pub(crate) fn params(schema: &Value) -> Vec<Param> {
    let required: Vec<_> = schema.get("required").and_then(Value::as_array).into_iter().flatten().collect();
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let read = |(name, property): (&String, &Value)| Param {
        values: values(schema, property),
        default: property.get("default").filter(|default| !default.is_null()).map(plain),
        is_required: required.iter().any(|required| *required == name),
        description: description(schema, property),
        name: name.clone(),
    };
    let mut params: Vec<_> = properties.map(read).collect();
    params.sort_by_key(|param| !param.is_required);
    params
}

fn description(root: &Value, property: &Value) -> String {
    let own = property.get("description").or_else(|| resolve(root, property).get("description"));
    own.and_then(Value::as_str).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Follows references to definitions.
fn resolve<'a>(root: &'a Value, mut schema: &'a Value) -> &'a Value {
    for _ in 0..REFERENCES_MAX {
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|path| root.pointer(path.strip_prefix('#')?));
        match target {
            Some(target) => schema = target,
            None => break,
        }
    }
    schema
}

/// Which values a schema takes, in a few words.
fn values(root: &Value, schema: &Value) -> String {
    let schema = resolve(root, schema);
    if let Some(value) = schema.get("const") {
        return plain(value);
    }
    if let Some(list) = schema.get("enum").and_then(Value::as_array) {
        return joined(list.iter().filter(|value| !value.is_null()).map(plain));
    }
    let choices = ["oneOf", "anyOf", "allOf"].into_iter().find_map(|key| schema.get(key).and_then(Value::as_array));
    if let Some(choices) = choices {
        let choices = choices.iter().filter(|choice| choice.get("type") != Some(&"null".into()));
        return joined(choices.map(|choice| values(root, choice)));
    }
    match schema.get("type") {
        Some(Value::String(name)) => typed(root, schema, name),
        Some(Value::Array(names)) => {
            let names = names.iter().filter_map(Value::as_str).filter(|name| *name != "null");
            joined(names.map(|name| typed(root, schema, name)))
        }
        _ => "any".into(),
    }
}

fn typed(root: &Value, schema: &Value, name: &str) -> String {
    match name {
        "integer" | "number" => with_range(name, schema, ["minimum", "maximum"]),
        "array" => {
            let items = schema.get("items").map_or_else(|| "any".into(), |items| values(root, items));
            let count = range(schema, ["minItems", "maxItems"]).map_or_else(String::new, |range| format!(" ({range})"));
            format!("list of {items}{count}")
        }
        "string" => match schema.get("format").and_then(Value::as_str) {
            Some("path") => "path".into(),
            _ => "text".into(),
        },
        "boolean" => "true | false".into(),
        "object" => "table".into(),
        name => name.into(),
    }
}

fn with_range(name: &str, schema: &Value, keys: [&str; 2]) -> String {
    range(schema, keys).map_or_else(|| name.to_owned(), |range| format!("{name} {range}"))
}

fn range(schema: &Value, [min, max]: [&str; 2]) -> Option<String> {
    // A smallest value of 0 is often only what the type of the plugin cannot go below; it is true all the same.
    match (schema.get(min).map(number), schema.get(max).map(number)) {
        (Some(min), Some(max)) => Some(format!("{min} to {max}")),
        (Some(min), None) => Some(format!("from {min}")),
        (None, Some(max)) => Some(format!("up to {max}")),
        (None, None) => None,
    }
}

/// A number without the `.0` that a schema gives whole bounds.
fn number(value: &Value) -> String {
    let text = value.to_string();
    text.strip_suffix(".0").map_or_else(|| text.clone(), Into::into)
}

/// A value as it is written in a graph file, strings without their quotes.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(_) => number(value),
        other => other.to_string(),
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    let mut parts: Vec<_> = parts.collect();
    parts.dedup();
    parts.join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_of_every_shape_are_told_in_a_few_words() {
        let root = json!({ "$defs": { "Pace": { "oneOf": [{ "const": "asap" }, { "const": "realtime" }] }, "Loop": { "$ref": "#/$defs/Loop" } } });
        let table = [
            (json!({ "type": "integer", "minimum": 1, "maximum": 65536 }), "integer 1 to 65536"),
            (json!({ "type": "number", "minimum": 0.0 }), "number from 0"),
            (json!({ "type": ["number", "null"], "maximum": 0.5 }), "number up to 0.5"),
            (json!({ "type": "string" }), "text"),
            (json!({ "type": "string", "format": "path" }), "path"),
            (json!({ "type": "boolean" }), "true | false"),
            (json!({ "enum": ["lines", "json", null] }), "lines | json"),
            (json!({ "$ref": "#/$defs/Pace" }), "asap | realtime"),
            (json!({ "anyOf": [{ "$ref": "#/$defs/Pace" }, { "type": "null" }] }), "asap | realtime"),
            (
                json!({ "type": "array", "items": { "type": "number" }, "minItems": 2, "maxItems": 4 }),
                "list of number (2 to 4)",
            ),
            (json!({ "$ref": "#/$defs/Loop" }), "any"),
            (json!({ "$ref": "elsewhere" }), "any"),
            (json!(true), "any"),
            (json!({ "type": "object" }), "table"),
        ];
        for (schema, expected) in table {
            assert_eq!(values(&root, &schema), expected, "{schema}");
        }
    }

    #[test]
    fn params_that_have_to_be_given_come_first() {
        let schema = json!({
            "required": ["path"],
            "properties": {
                "frames": { "type": "integer", "default": 480, "description": "Frames\n  per packet." },
                "gain": { "type": ["number", "null"], "default": null },
                "path": { "type": "string", "format": "path" },
            },
        });
        let params = params(&schema);
        assert_eq!(params.iter().map(|param| param.name.as_str()).collect::<Vec<_>>(), ["path", "frames", "gain"]);
        assert!(params[0].is_required && params[0].default.is_none());
        assert_eq!((params[1].default.as_deref(), params[1].description.as_str()), (Some("480"), "Frames per packet."));
        assert_eq!(params[2].default, None);
        assert_eq!(super::params(&json!({ "type": "object" })), []);
    }
}
