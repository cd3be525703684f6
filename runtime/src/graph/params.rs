//! Params against the JSON schema of their kind, before anything is created.

mod expand;
mod explain;
mod schema;

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

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

/// Whether a value is nested at most this deep; stops as soon as it is not.
pub(crate) fn is_within_depth(value: &Value, left: usize) -> bool {
    match value {
        Value::Array(items) => left > 0 && items.iter().all(|item| is_within_depth(item, left - 1)),
        Value::Object(map) => left > 0 && map.values().all(|item| is_within_depth(item, left - 1)),
        _ => true,
    }
}
