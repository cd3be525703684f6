//! Values with their places.

use std::ops::Range;

use indexmap::IndexMap;
use serde_json::{Number, Value};

/// Deepest nesting that is read; a graph needs five levels and params rarely ten.
pub(crate) const DEPTH_MAX: usize = 64;

/// A value and the bytes it was written in.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    pub(crate) span: Range<usize>,
    pub(crate) value: TreeValue,
}

#[derive(Debug, Clone)]
pub(crate) enum TreeValue {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    List(Vec<Tree>),
    Object(IndexMap<String, Entry>),
}

/// A value with the bytes of its key.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key_span: Range<usize>,
    pub(crate) value: Tree,
}

impl Tree {
    pub(crate) const fn new(span: Range<usize>, value: TreeValue) -> Self {
        Self { span, value }
    }

    pub(crate) fn string(span: Range<usize>, text: impl Into<String>) -> Self {
        Self::new(span, TreeValue::String(text.into()))
    }

    pub(crate) fn as_object(&self) -> Option<&IndexMap<String, Entry>> {
        match &self.value {
            TreeValue::Object(entries) => Some(entries),
            _ => None,
        }
    }

    /// Gives every part of a value the same place; used where the parts have none of their own.
    pub(crate) fn from_json(value: &Value, span: &Range<usize>) -> Self {
        let inner = match value {
            Value::Null => TreeValue::Null,
            Value::Bool(flag) => TreeValue::Bool(*flag),
            Value::Number(number) => TreeValue::Number(number.clone()),
            Value::String(text) => TreeValue::String(text.clone()),
            Value::Array(items) => TreeValue::List(items.iter().map(|item| Self::from_json(item, span)).collect()),
            Value::Object(map) => {
                TreeValue::Object(map.iter().map(|(key, value)| entry_from_json(key, value, span)).collect())
            }
        };
        Self::new(span.clone(), inner)
    }
}

fn entry_from_json(key: &str, value: &Value, span: &Range<usize>) -> (String, Entry) {
    (key.to_owned(), Entry { key_span: span.clone(), value: Tree::from_json(value, span) })
}
