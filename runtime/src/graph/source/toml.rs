//! TOML becomes a tree.

use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Number;
use toml::Spanned;
use toml::de::{DeFloat, DeInteger, DeString, DeTable, DeValue};

use super::Source;
use super::tree::{DEPTH_MAX, Entry, Tree, TreeValue};
use crate::graph::diagnostic::{Diagnostic, GraphError};

/// Why a value has no place in a tree.
struct Refused {
    span: Range<usize>,
    title: String,
    help: &'static str,
}

/// Reads a TOML text. Only the first syntax error is shown; what a parser finds after it is mostly its consequence.
pub(crate) fn parse_toml(name: &str, text: &Arc<str>) -> Result<Source, GraphError> {
    let table = DeTable::parse(text).map_err(|error| {
        let title = format!("this is not valid TOML: {}", error.message());
        Diagnostic::error(title).in_source(name, text, error.span())
    })?;
    let span = table.span();
    match from_table(table.get_ref(), span, 0) {
        Ok(tree) => Ok(Source { name: name.to_owned(), text: Arc::clone(text), tree }),
        Err(refused) => {
            Err(Diagnostic::error(refused.title).help(refused.help).in_source(name, text, Some(refused.span)).into())
        }
    }
}

/// The parser sorts keys by name; their places restore the order in which they were written.
fn from_table(table: &DeTable<'_>, span: Range<usize>, depth: usize) -> Result<Tree, Refused> {
    let mut written: Vec<(&Spanned<DeString<'_>>, &Spanned<DeValue<'_>>)> = table.iter().collect();
    written.sort_by_key(|(key, _)| key.span().start);
    let mut entries = IndexMap::with_capacity(written.len());
    for (key, value) in written {
        let value = from_value(value, depth + 1)?;
        entries.insert(key.get_ref().to_string(), Entry { key_span: key.span(), value });
    }
    Ok(Tree::new(span, TreeValue::Object(entries)))
}

fn from_value(value: &Spanned<DeValue<'_>>, depth: usize) -> Result<Tree, Refused> {
    let span = value.span();
    let refuse = |title: String, help| Refused { span: span.clone(), title, help };
    if depth > DEPTH_MAX {
        return Err(refuse(format!("values are nested more than {DEPTH_MAX} deep"), "flatten the params"));
    }
    let inner =
        match value.get_ref() {
            DeValue::String(text) => TreeValue::String(text.to_string()),
            DeValue::Boolean(flag) => TreeValue::Bool(*flag),
            DeValue::Integer(integer) => TreeValue::Number(read_integer(integer).ok_or_else(|| {
                refuse(format!("`{integer}` does not fit in 64 bits"), "write a smaller number, or a string")
            })?),
            DeValue::Float(float) => TreeValue::Number(read_float(float).ok_or_else(|| {
                refuse(format!("`{float}` is no finite number"), "write a finite number, or a string")
            })?),
            DeValue::Datetime(date) => {
                return Err(refuse(
                    format!("`{date}` is a date, and graphs have none"),
                    "put it in quotes to make it a string",
                ));
            }
            DeValue::Array(items) => {
                TreeValue::List(items.iter().map(|item| from_value(item, depth + 1)).collect::<Result<_, _>>()?)
            }
            DeValue::Table(table) => return from_table(table, span, depth),
        };
    Ok(Tree::new(span, inner))
}

fn read_integer(integer: &DeInteger<'_>) -> Option<Number> {
    let signed = i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(Number::from);
    signed.or_else(|| u64::from_str_radix(integer.as_str(), integer.radix()).ok().map(Number::from))
}

fn read_float(float: &DeFloat<'_>) -> Option<Number> {
    Number::from_f64(float.as_str().parse().ok()?)
}
