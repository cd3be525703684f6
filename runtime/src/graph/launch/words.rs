//! Words of a launch line, and values in them.

use std::ops::Range;

use serde_json::Value;

use super::Fault;
use crate::graph::params::{PARAMS_DEPTH_MAX, is_within_depth};
use crate::graph::source::Tree;

/// A word as written, quotes included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word<'w> {
    pub(crate) raw: &'w str,
    pub(crate) span: Range<usize>,
}

impl<'w> Word<'w> {
    /// Key and value of a `key=value` word.
    pub(crate) fn setting(&self) -> Option<(&'w str, &'w str)> {
        let (key, value) = self.raw.split_once('=')?;
        let is_key =
            !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        is_key.then_some((key, value))
    }
}

/// Splits a line at spaces that are not inside quotes.
pub(crate) fn split(line: &str) -> Result<Vec<Word<'_>>, Fault> {
    let mut words = Vec::new();
    let mut start: Option<usize> = None;
    let mut quote: Option<(char, usize)> = None;
    let mut is_escaped = false;
    for (at, character) in line.char_indices() {
        if let Some((closing, _)) = quote {
            if character == closing && !is_escaped {
                quote = None;
            }
            is_escaped = closing == '"' && character == '\\' && !is_escaped;
        } else if character.is_whitespace() {
            push_word(&mut words, line, start.take(), at);
        } else {
            start.get_or_insert(at);
            quote = matches!(character, '"' | '\'').then_some((character, at));
        }
    }
    if let Some((_, at)) = quote {
        return Err(Fault {
            span: at..line.len(),
            title: "the quote is not closed".to_owned(),
            help: "add the missing quote",
        });
    }
    push_word(&mut words, line, start, line.len());
    Ok(words)
}

fn push_word<'w>(words: &mut Vec<Word<'w>>, line: &'w str, start: Option<usize>, end: usize) {
    if let Some((start, raw)) = start.and_then(|start| Some((start, line.get(start..end)?))) {
        words.push(Word { raw, span: start..end });
    }
}

/// A value: JSON if it is JSON, else text without its quotes.
pub(crate) fn read_value(raw: &str, span: &Range<usize>) -> Result<Tree, Fault> {
    let inside =
        raw.strip_prefix('\'').and_then(|inner| inner.strip_suffix('\'')).filter(|inner| !inner.contains('\''));
    let value = match serde_json::from_str::<Value>(inside.unwrap_or(raw)) {
        Ok(value) => value,
        Err(_) => Value::String(unquote(raw)),
    };
    if !is_within_depth(&value, PARAMS_DEPTH_MAX) {
        let title = format!("the value is nested more than {PARAMS_DEPTH_MAX} deep");
        return Err(Fault { span: span.clone(), title, help: "flatten it" });
    }
    Ok(Tree::from_json(&value, span))
}

/// The text of a word: JSON strings are decoded, other quotes only hold it together.
pub(crate) fn unquote(raw: &str) -> String {
    if let Ok(text) = serde_json::from_str::<String>(raw) {
        return text;
    }
    let mut text = String::with_capacity(raw.len());
    let mut quote = None;
    for character in raw.chars() {
        match quote {
            Some(closing) if character == closing => quote = None,
            None if matches!(character, '"' | '\'') => quote = Some(character),
            _ => text.push(character),
        }
    }
    text
}
