//! Params against the JSON schema of their kind, before anything is created.

mod expand;
mod explain;
mod schema;

use super::diagnostic::{Diagnostic, GraphError};
use super::kind::KindInfo;
use super::source::{Place, Reporter};
use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value};

pub(crate) use expand::{Expansion, expand};
pub(crate) use explain::{Subject, explain};

/// Deepest nesting of params that come from code; files have the same limit.
pub(crate) const PARAMS_DEPTH_MAX: usize = super::source::DEPTH_MAX;

/// A compiled schema of one kind.
#[derive(Debug)]
pub(crate) struct ParamSchema {
    validator: Validator,
}

impl ParamSchema {
    /// Compiles a schema; it comes from a plugin, so references leave neither the schema nor run in circles, and patterns take linear time.
    pub(crate) fn compile(schema: &Value) -> Result<Self, String> {
        schema::check(schema)?;
        let options = jsonschema::options().offline().with_pattern_options(PatternOptions::regex());
        let validator = options.build(schema).map_err(|error| format!("not a usable JSON schema: {error}"))?;
        Ok(Self { validator })
    }

    pub(crate) const fn validator(&self) -> &Validator {
        &self.validator
    }
}

/// Checks a change of the params of a running node: what they would be with it has to be right as a whole.
///
/// Gives the change back as an object; `null` in it takes a param away.
pub(crate) fn check_params(
    node: &str,
    kind: &KindInfo,
    params: &Map<String, Value>,
    change: &Value,
) -> Result<Map<String, Value>, GraphError> {
    let title = format!("the params of node `{node}` must be an object of at most {PARAMS_DEPTH_MAX} levels");
    let is_fit = is_within_depth(change, PARAMS_DEPTH_MAX);
    let Some(change) = change.as_object().filter(|_| is_fit) else { return Err(Diagnostic::error(title).into()) };
    let schema = ParamSchema::compile(&kind.params_schema)
        .map_err(|reason| Diagnostic::error(format!("the params of kind `{}` cannot be checked: {reason}", kind.id)))?;
    let mut whole = params.clone();
    apply_change(&mut whole, change.clone());
    let mut reporter = Reporter::new(None);
    let place = Place::of(&["nodes", node, "params"]);
    explain(Subject { node, kind, place: &place }, &schema, &Value::Object(whole), &mut reporter);
    let (errors, _) = reporter.finish();
    if errors.is_empty() { Ok(change.clone()) } else { Err(GraphError::new(errors)) }
}

/// Lays a change over params: a value replaces that of the same key, `null` takes the key away.
pub(crate) fn apply_change(params: &mut Map<String, Value>, change: Map<String, Value>) {
    for (key, value) in change {
        if value.is_null() {
            params.remove(&key);
        } else {
            params.insert(key, value);
        }
    }
}

/// Whether a value is nested at most this deep; stops as soon as it is not.
pub(crate) fn is_within_depth(value: &Value, left: usize) -> bool {
    match value {
        Value::Array(items) => left > 0 && items.iter().all(|item| is_within_depth(item, left - 1)),
        Value::Object(map) => left > 0 && map.values().all(|item| is_within_depth(item, left - 1)),
        _ => true,
    }
}
