//! Params that a kind can be made with: given, taken from its schema, or made up.

use graphmill::graph::KindInfo;
use serde_json::{Map, Value, json};
use std::path::Path;

/// Stands for a path that each instance has to itself.
const PATH_MARK: &str = "\u{1}scratch";
/// Deepest nesting that is made up.
const DEPTH_MAX: usize = 8;

/// Params of a kind.
#[derive(Debug, Clone)]
pub(crate) struct Params {
    value: Value,
    /// Whether somebody chose them, so that they have to be right.
    pub(crate) are_given: bool,
}

impl Params {
    /// The given ones; or else the first of the schema's `examples`, or the least that the schema asks for.
    pub(crate) fn of(kind: &KindInfo, given: Option<&str>) -> Self {
        if let Some(value) = given.and_then(|text| serde_json::from_str(text).ok()) {
            return Self { value, are_given: true };
        }
        let schema = &kind.params_schema;
        if let Some(example) = schema.pointer("/examples/0") {
            return Self { value: example.clone(), are_given: true };
        }
        Self { value: Inventor { root: schema }.object(schema, 0), are_given: false }
    }

    /// As JSON, with paths that begin with `scratch`.
    pub(crate) fn render(&self, scratch: &Path) -> String {
        let path = json!(scratch.to_string_lossy()).to_string();
        self.value.to_string().replace(&json!(PATH_MARK).to_string(), &path)
    }
}

struct Inventor<'a> {
    root: &'a Value,
}

impl<'a> Inventor<'a> {
    fn resolve(&self, schema: &'a Value) -> &'a Value {
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
        target.and_then(|path| self.root.pointer(path)).unwrap_or(schema)
    }

    fn object(&self, schema: &'a Value, depth: usize) -> Value {
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        let names = required.filter_map(Value::as_str);
        let values = names.map(|name| {
            let property = schema.get("properties").and_then(|properties| properties.get(name));
            (name.to_owned(), property.map_or(Value::Null, |property| self.value(property, depth + 1)))
        });
        Value::Object(values.collect::<Map<_, _>>())
    }

    fn value(&self, schema: &'a Value, depth: usize) -> Value {
        let schema = self.resolve(schema);
        let said = schema.get("default").or_else(|| schema.pointer("/examples/0")).or_else(|| schema.get("const"));
        if let Some(said) = said.or_else(|| schema.pointer("/enum/0")).filter(|said| !said.is_null()) {
            return said.clone();
        }
        if depth > DEPTH_MAX {
            return Value::Null;
        }
        let choice = ["oneOf", "anyOf", "allOf"].into_iter().find_map(|key| schema.get(key)?.as_array()?.first());
        if let Some(choice) = choice {
            return self.value(choice, depth + 1);
        }
        match schema.get("type").and_then(|name| name.as_str().or_else(|| name.pointer("/0")?.as_str())) {
            Some("integer") => json!(format!("{:.0}", least(schema).ceil()).parse::<i64>().unwrap_or(1)),
            Some("number") => json!(least(schema)),
            Some("boolean") => json!(false),
            Some("array") => {
                let count = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0).min(64);
                let item = schema.get("items").map_or(json!(0), |items| self.value(items, depth + 1));
                json!(vec![item; usize::try_from(count).unwrap_or(0)])
            }
            Some("object") => self.object(schema, depth),
            _ if schema.get("format").and_then(Value::as_str) == Some("path") => json!(PATH_MARK),
            _ => json!("x".repeat(
                usize::try_from(schema.get("minLength").and_then(Value::as_u64).unwrap_or(1)).unwrap_or(1).clamp(1, 64)
            )),
        }
    }
}

/// The smallest number that a schema allows, 1 where it does not say.
fn least(schema: &Value) -> f64 {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    bound("minimum").or_else(|| bound("exclusiveMinimum").map(|bound| bound + 1.0)).unwrap_or(1.0)
}
