//! What a manifest declares for a pin: a format whose parts may come from the params of the node.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{FORMAT_TEXT_LEN_MAX, FormatError, FormatSet};

/// A [`FormatSet`] with `{param}` placeholders, for example `audio f32 {rate} Hz {channels} ch`.
///
/// The text is checked when it is read: with every placeholder left open it is a valid format.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FormatTemplate {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Piece {
    Text(String),
    Param(String),
}

impl FormatTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// When the braces do not match, or when the text is no format with its placeholders left open.
    pub fn parse(text: &str) -> Result<Self, FormatError> {
        if text.len() > FORMAT_TEXT_LEN_MAX {
            return Err(FormatError::TooLong { len: text.len() });
        }
        let template = Self { text: text.trim().to_owned(), pieces: split(text.trim())? };
        template.resolve(&Value::Null)?;
        Ok(template)
    }

    /// Names of the params that the format depends on, in the order of the text.
    pub fn params(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Param(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// Puts the values of `params` in; a param that is absent or null leaves its part open.
    ///
    /// # Errors
    /// When a value cannot stand in a format, or when the text that results is no format.
    pub fn resolve(&self, params: &Value) -> Result<FormatSet, FormatError> {
        let mut values = Vec::new();
        for name in self.params() {
            if let Some(value) = params.get(name).filter(|value| !value.is_null()) {
                values.push((name, value_text(name, value)?));
            }
        }
        self.read_with(&values).map_err(|error| {
            let alone = |value: &&(&str, String)| self.read_with(std::slice::from_ref(*value)).is_err();
            match values.iter().find(alone).or(values.last()) {
                Some((name, _)) => FormatError::BadParam { param: (*name).to_owned(), reason: error.to_string() },
                None => error,
            }
        })
    }

    /// Reads the text with these values put in and every other placeholder left open.
    fn read_with(&self, values: &[(&str, String)]) -> Result<FormatSet, FormatError> {
        let value_of = |name: &str| values.iter().find(|(known, _)| *known == name).map(|(_, text)| text.as_str());
        if let [Piece::Param(name)] = self.pieces.as_slice() {
            return value_of(name).map_or(Ok(FormatSet::any()), str::parse);
        }
        let text: String = self
            .pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(fixed) => fixed.as_str(),
                Piece::Param(name) => value_of(name).unwrap_or("?"),
            })
            .collect();
        text.parse()
    }
}

/// How a value is written inside a format; lists become shapes.
fn value_text(param: &str, value: &Value) -> Result<String, FormatError> {
    let refuse = |reason: &str| FormatError::BadParam { param: param.to_owned(), reason: reason.to_owned() };
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Array(values) => {
            let sizes = values.iter().map(|value| match value {
                Value::Number(number) => Ok(number.to_string()),
                Value::Null => Ok("?".to_owned()),
                _ => Err(refuse("a list must hold numbers only")),
            });
            Ok(format!("[{}]", sizes.collect::<Result<Vec<_>, _>>()?.join(",")))
        }
        Value::Null | Value::Bool(_) | Value::Object(_) => Err(refuse("write a text, a number or a list of numbers")),
    }
}

fn split(text: &str) -> Result<Vec<Piece>, FormatError> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let bad = || FormatError::BadPlaceholder { text: format!("{{{after}") };
        let (name, tail) = after.split_once('}').ok_or_else(bad)?;
        if !is_param_name(name) {
            return Err(FormatError::BadPlaceholder { text: format!("{{{name}}}") });
        }
        push_text(&mut pieces, before)?;
        pieces.push(Piece::Param(name.to_owned()));
        rest = tail;
    }
    push_text(&mut pieces, rest)?;
    Ok(pieces)
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) -> Result<(), FormatError> {
    if text.contains('}') {
        return Err(FormatError::BadPlaceholder { text: text.to_owned() });
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
    Ok(())
}

fn is_param_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

impl fmt::Display for FormatTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for FormatTemplate {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        Self::parse(text)
    }
}

impl Serialize for FormatTemplate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for FormatTemplate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}
