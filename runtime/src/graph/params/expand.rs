//! Variables and paths in params: only where the schema of the kind says so.
//!
//! A string is expanded when its schema has `"x-env": true`, and resolved against the folder of the graph when its schema has
//! `"format": "path"`. Everywhere else `${` and `./` are what they are.

use std::path::Path;

use serde_json::Value;

use super::schema;
use crate::graph::build::Env;
use crate::graph::diagnostic::Diagnostic;
use crate::graph::source::{Place, Reporter};

/// Longest string that variables may make of a param.
const EXPANDED_LEN_MAX: usize = 64 * 1024;

/// What a param may refer to.
#[derive(Clone, Copy)]
pub(crate) struct Expansion<'a> {
    pub(crate) base_dir: Option<&'a Path>,
    pub(crate) env: Env<'a>,
    /// Id of the node, for messages.
    pub(crate) node: &'a str,
}

/// Expands every marked string of the params in place; a string that cannot be expanded is reported and left as it is.
pub(crate) fn expand(
    params: &mut Value,
    root: &Value,
    place: &Place,
    expansion: Expansion<'_>,
    reporter: &mut Reporter<'_>,
) {
    let schemas = schema::speaking_about(root, root);
    Walk { root, expansion, reporter }.value(params, &schemas, place);
}

struct Walk<'w, 'a> {
    root: &'w Value,
    expansion: Expansion<'w>,
    reporter: &'w mut Reporter<'a>,
}

impl<'w> Walk<'w, '_> {
    fn value(&mut self, value: &mut Value, schemas: &[&'w Value], place: &Place) {
        if schemas.is_empty() {
            return;
        }
        match value {
            Value::Object(map) => {
                for (name, value) in map {
                    self.value(value, &schema::of_property(schemas, name, self.root), &place.clone().key(name));
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.value(item, &schema::of_item(schemas, index, self.root), &place.clone().index(index));
                }
            }
            Value::String(text) => self.string(text, schemas, place),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn string(&mut self, text: &mut String, schemas: &[&Value], place: &Place) {
        if schemas.iter().any(|schema| schema.get("x-env") == Some(&Value::Bool(true))) {
            match expand_variables(text, self.expansion.env) {
                Ok(expanded) => *text = expanded,
                Err(fault) => return self.report(place, fault),
            }
        }
        if schemas.iter().any(|schema| schema.get("format").and_then(Value::as_str) == Some("path")) {
            match resolve_path(text, self.expansion.base_dir) {
                Ok(resolved) => *text = resolved,
                Err(fault) => self.report(place, fault),
            }
        }
    }

    fn report(&mut self, place: &Place, fault: Fault) {
        let name = super::explain::param_name(place);
        let title = format!("param `{name}` of node `{}`: {}", self.expansion.node, fault.reason);
        let place = fault.range.map_or_else(|| place.clone(), |range| place.clone().part(range));
        self.reporter.report(&place, Diagnostic::error(title).help(fault.help));
    }
}

struct Fault {
    reason: String,
    help: String,
    range: Option<std::ops::Range<usize>>,
}

/// Replaces each `${NAME}`; `$${` stands for `${`.
fn expand_variables(text: &str, env: Env<'_>) -> Result<String, Fault> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            expanded.push_str(before);
            expanded.push_str("${");
            rest = after;
            continue;
        }
        expanded.push_str(before);
        let start = text.len() - after.len() - 2;
        let fault =
            |reason: String, help: &str, end: usize| Fault { reason, help: help.to_owned(), range: Some(start..end) };
        let Some((name, tail)) = after.split_once('}').filter(|(name, _)| is_variable_name(name)) else {
            let help = "write `${NAME}` with letters, digits and `_`, or `$${` for the two characters themselves";
            return Err(fault("`${` starts no variable".to_owned(), help, start + 2));
        };
        let Some(value) = env(name) else {
            let end = text.len() - tail.len();
            return Err(fault(
                format!("the environment variable `{name}` is not set"),
                "set it, or write the value here",
                end,
            ));
        };
        expanded.push_str(&value);
        if expanded.len() > EXPANDED_LEN_MAX {
            return Err(fault(
                format!("it grows beyond {EXPANDED_LEN_MAX} bytes"),
                "shorten the variables",
                text.len(),
            ));
        }
        rest = tail;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

fn is_variable_name(name: &str) -> bool {
    let starts_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    starts_well && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A relative path starts at the folder of the graph; `-` means standard input or output and is no path.
fn resolve_path(text: &str, base_dir: Option<&Path>) -> Result<String, Fault> {
    let Some(base_dir) = base_dir else {
        return Ok(text.to_owned());
    };
    if text.is_empty() || text == "-" || Path::new(text).is_absolute() {
        return Ok(text.to_owned());
    }
    let joined = base_dir.join(text).into_os_string();
    joined.into_string().map_err(|_| Fault {
        reason: "the folder of the graph file is not UTF-8".to_owned(),
        help: "move the graph file, or write an absolute path".to_owned(),
        range: None,
    })
}
