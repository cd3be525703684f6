//! Finds the parts of a JSON schema that speak about one value.
//!
//! The validator says whether a value is right; this module says what the schema tells about it: descriptions, names and marks.

use std::collections::HashMap;

use serde_json::Value;

/// Most sub-schemas that are looked at for one value; schemas made from types have a handful.
const SUBSCHEMAS_MAX: usize = 256;
/// Longest chain of references and combinations in one place.
const CHAIN_MAX: usize = 32;
/// Keywords whose sub-schemas speak about the same value.
const COMBINING: [&str; 3] = ["allOf", "anyOf", "oneOf"];
/// Keywords with one sub-schema about the same value.
const CONDITIONAL: [&str; 4] = ["not", "if", "then", "else"];
/// Keywords with one sub-schema about a part of the value.
const NESTED_ONE: [&str; 7] = [
    "additionalProperties",
    "unevaluatedProperties",
    "items",
    "unevaluatedItems",
    "contains",
    "propertyNames",
    "additionalItems",
];
/// Keywords with named sub-schemas.
const NESTED_NAMED: [&str; 5] = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];

/// Refuses schemas that could send the validator round in circles or out to other documents.
pub(crate) fn check(root: &Value) -> Result<(), String> {
    if !root.is_object() {
        return Err("not an object".to_owned());
    }
    let mut checked = HashMap::new();
    check_nested(root, root, &mut checked)
}

fn check_nested(schema: &Value, root: &Value, checked: &mut HashMap<usize, usize>) -> Result<(), String> {
    let Some(map) = schema.as_object() else {
        return Ok(());
    };
    check_chain(schema, root, &mut Vec::new(), checked)?;
    for name in ["$dynamicRef", "$recursiveRef", "$id", "id", "$anchor", "$dynamicAnchor"] {
        if map.get(name).is_some_and(Value::is_string) && !(std::ptr::eq(schema, root) && name == "$id") {
            return Err(format!("`{name}` is not supported; refer to `#/$defs/NAME` instead"));
        }
    }
    let listed =
        COMBINING.iter().chain(&["prefixItems", "items"]).filter_map(|name| map.get(*name)?.as_array()).flatten();
    let single = CONDITIONAL.iter().chain(&NESTED_ONE).filter_map(|name| map.get(*name));
    let named = NESTED_NAMED.iter().filter_map(|name| map.get(*name)?.as_object()).flat_map(|map| map.values());
    listed.chain(single).chain(named).try_for_each(|nested| check_nested(nested, root, checked))
}

/// Follows everything that speaks about the same value and gives the length of the longest chain; coming back to where it has been
/// would never end.
fn check_chain<'s>(
    schema: &'s Value,
    root: &'s Value,
    above: &mut Vec<&'s Value>,
    checked: &mut HashMap<usize, usize>,
) -> Result<usize, String> {
    let identity = std::ptr::from_ref(schema).addr();
    if above.iter().any(|known| std::ptr::eq(*known, schema)) {
        return Err("a `$ref` leads back to itself".to_owned());
    }
    if let Some(length) = checked.get(&identity) {
        return Ok(*length);
    }
    let too_long = || format!("references and combinations are chained more than {CHAIN_MAX} deep");
    if above.len() >= CHAIN_MAX {
        return Err(too_long());
    }
    above.push(schema);
    let mut longest = 0;
    if let Some(reference) = schema.get("$ref") {
        let target = reference.as_str().and_then(|reference| resolve(reference, root));
        let target = target
            .ok_or_else(|| format!("`$ref` {reference} leads nowhere; only `#/...` inside the schema is supported"))?;
        longest = check_chain(target, root, above, checked)?;
    }
    let conditional = CONDITIONAL.iter().filter_map(|name| schema.get(name));
    let dependent = schema.get("dependentSchemas").and_then(Value::as_object).into_iter().flat_map(|map| map.values());
    for nested in combined(schema).chain(conditional).chain(dependent) {
        longest = longest.max(check_chain(nested, root, above, checked)?);
    }
    above.pop();
    // What was checked before may be long already, so the length counts and not only the depth of this walk.
    let length = longest + 1;
    if length > CHAIN_MAX {
        return Err(too_long());
    }
    checked.insert(identity, length);
    Ok(length)
}

fn combined(schema: &Value) -> impl Iterator<Item = &Value> {
    COMBINING.iter().filter_map(|name| schema.get(name)?.as_array()).flatten()
}

/// The value that a local JSON pointer stands for.
fn resolve<'s>(reference: &str, root: &'s Value) -> Option<&'s Value> {
    root.pointer(reference.strip_prefix('#')?)
}

/// The schema itself and everything that it says about the same value by reference or combination.
pub(crate) fn speaking_about<'s>(start: &'s Value, root: &'s Value) -> Vec<&'s Value> {
    let mut found: Vec<&Value> = vec![start];
    let mut next = 0;
    while let Some(schema) = found.get(next).copied() {
        next += 1;
        let referred = schema.get("$ref").and_then(Value::as_str).and_then(|reference| resolve(reference, root));
        let conditional = ["then", "else"].into_iter().filter_map(|name| schema.get(name));
        for nested in referred.into_iter().chain(combined(schema)).chain(conditional) {
            if found.len() < SUBSCHEMAS_MAX && !found.iter().any(|known| std::ptr::eq(*known, nested)) {
                found.push(nested);
            }
        }
    }
    found
}

/// Everything that is said about one property of the value.
pub(crate) fn of_property<'s>(schemas: &[&'s Value], name: &str, root: &'s Value) -> Vec<&'s Value> {
    let named = schemas.iter().filter_map(|schema| schema.get("properties")?.get(name));
    let mut nested: Vec<&Value> = named.collect();
    if nested.is_empty() {
        nested = schemas.iter().filter_map(|schema| schema.get("additionalProperties")).collect();
    }
    nested.into_iter().flat_map(|schema| speaking_about(schema, root)).take(SUBSCHEMAS_MAX).collect()
}

/// Everything that is said about one item of the value.
pub(crate) fn of_item<'s>(schemas: &[&'s Value], index: usize, root: &'s Value) -> Vec<&'s Value> {
    let nested = schemas.iter().filter_map(|schema| {
        let by_place = schema.get("prefixItems").and_then(|items| items.get(index));
        by_place.or_else(|| schema.get("items"))
    });
    nested.flat_map(|schema| speaking_about(schema, root)).take(SUBSCHEMAS_MAX).collect()
}

/// Names of all properties that the schemas know.
pub(crate) fn property_names<'s>(schemas: &[&'s Value]) -> Vec<&'s str> {
    let maps = schemas.iter().filter_map(|schema| schema.get("properties")?.as_object());
    maps.flat_map(|map| map.keys().map(String::as_str)).collect()
}

/// The words that the schemas list as the only possible ones.
pub(crate) fn words<'s>(schemas: &[&'s Value]) -> Vec<&'s str> {
    let listed = schemas.iter().filter_map(|schema| schema.get("enum")?.as_array()).flatten();
    let single = schemas.iter().filter_map(|schema| schema.get("const"));
    listed.chain(single).filter_map(Value::as_str).collect()
}

/// The first description among the schemas.
pub(crate) fn description<'s>(schemas: &[&'s Value]) -> Option<&'s str> {
    schemas.iter().find_map(|schema| schema.get("description")?.as_str())
}
