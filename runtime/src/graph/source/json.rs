//! JSON and JSON5 become a tree.

use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;
use jsonc_parser::ast::{Object, ObjectPropName, Value};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde_json::Number;

use super::Source;
use super::tree::{DEPTH_MAX, Entry, Tree, TreeValue};
use crate::graph::diagnostic::{Diagnostic, GraphError};

/// Which dialect is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// JSON as the standard has it.
    Json,
    /// JSON with comments, trailing commas, single quotes and bare keys.
    Json5,
}

/// Why a value has no place in a tree.
struct Refused {
    span: Range<usize>,
    title: String,
}

/// Reads a JSON or JSON5 text.
pub(crate) fn parse_json(name: &str, text: &Arc<str>, strictness: Strictness) -> Result<Source, GraphError> {
    let parsed = parse_to_ast(text, &CollectOptions::default(), &options(strictness));
    let root = match parsed {
        Ok(parsed) => parsed.value,
        Err(error) => {
            let title =
                format!("this is not valid {}: {}", dialect(strictness), lower_first(&error.kind().to_string()));
            let span = error.range().start..error.range().end;
            let diagnostic = Diagnostic::error(title).maybe_help(dialect_help(strictness));
            return Err(diagnostic.in_source(name, text, Some(span)).into());
        }
    };
    let Some(root) = root else {
        return Err(Diagnostic::error("the file is empty")
            .help("write an object with `nodes` and `links`")
            .in_source(name, text, None)
            .into());
    };
    match from_value(&root, 0) {
        Ok(tree) => Ok(Source { name: name.to_owned(), text: Arc::clone(text), tree }),
        Err(refused) => Err(Diagnostic::error(refused.title).in_source(name, text, Some(refused.span)).into()),
    }
}

fn options(strictness: Strictness) -> ParseOptions {
    let loose = strictness == Strictness::Json5;
    ParseOptions {
        allow_comments: loose,
        allow_loose_object_property_names: loose,
        allow_trailing_commas: loose,
        allow_missing_commas: false,
        allow_single_quoted_strings: loose,
        allow_hexadecimal_numbers: loose,
        allow_unary_plus_numbers: loose,
        allow_bare_decimal_point_numbers: loose,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: loose,
    }
}

const fn dialect(strictness: Strictness) -> &'static str {
    match strictness {
        Strictness::Json => "JSON",
        Strictness::Json5 => "JSON5",
    }
}

fn dialect_help(strictness: Strictness) -> Option<String> {
    let help = "comments, trailing commas, single quotes and bare keys are read in files that end in `.json5`";
    (strictness == Strictness::Json).then(|| help.to_owned())
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

fn from_value(value: &Value<'_>, depth: usize) -> Result<Tree, Refused> {
    let span = value.range().start..value.range().end;
    if depth > DEPTH_MAX {
        return Err(Refused { span, title: format!("values are nested more than {DEPTH_MAX} deep") });
    }
    let inner = match value {
        Value::NullKeyword(_) => TreeValue::Null,
        Value::BooleanLit(literal) => TreeValue::Bool(literal.value),
        Value::StringLit(literal) => TreeValue::String(literal.value.to_string()),
        Value::NumberLit(literal) => match read_number(literal.value) {
            Some(number) => TreeValue::Number(number),
            None => {
                return Err(Refused {
                    span,
                    title: format!("`{}` is no number that can be held in 64 bits", literal.value),
                });
            }
        },
        Value::Array(array) => {
            TreeValue::List(array.elements.iter().map(|item| from_value(item, depth + 1)).collect::<Result<_, _>>()?)
        }
        Value::Object(object) => TreeValue::Object(from_object(object, depth)?),
    };
    Ok(Tree::new(span, inner))
}

fn from_object(object: &Object<'_>, depth: usize) -> Result<IndexMap<String, Entry>, Refused> {
    let mut entries = IndexMap::with_capacity(object.properties.len());
    for property in &object.properties {
        let range = match &property.name {
            ObjectPropName::String(literal) => literal.range,
            ObjectPropName::Word(literal) => literal.range,
        };
        let key_span = range.start..range.end;
        let key = property.name.as_str().to_owned();
        let value = from_value(&property.value, depth + 1)?;
        if entries.contains_key(&key) {
            return Err(Refused { span: key_span, title: format!("the key `{key}` is written twice") });
        }
        entries.insert(key, Entry { key_span, value });
    }
    Ok(entries)
}

/// Reads a number of either dialect: a sign, hexadecimal digits and a bare decimal point are JSON5.
fn read_number(text: &str) -> Option<Number> {
    let unsigned = text.trim_start_matches(['+', '-']);
    let sign = if text.starts_with('-') { "-" } else { "" };
    if let Some(digits) = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        let signed = i64::from_str_radix(&format!("{sign}{digits}"), 16).ok().map(Number::from);
        return signed.or_else(|| u64::from_str_radix(digits, 16).ok().filter(|_| sign.is_empty()).map(Number::from));
    }
    let decimal = format!("{sign}{unsigned}");
    if let Ok(integer) = decimal.parse::<i64>() {
        return Some(Number::from(integer));
    }
    if let Ok(integer) = decimal.parse::<u64>() {
        return Some(Number::from(integer));
    }
    decimal.parse().ok().and_then(Number::from_f64)
}
