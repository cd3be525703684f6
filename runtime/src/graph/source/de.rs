//! Reads serde types from a tree, keeping the order of keys and the path of the first fault.

use serde::de::value::{Error, MapDeserializer, SeqDeserializer, StrDeserializer, StringDeserializer};
use serde::de::{DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_path_to_error::Segment;

use super::tree::{Tree, TreeValue};
use super::{Place, Reporter, Step};
use crate::graph::diagnostic::Diagnostic;
use crate::graph::suggest;

/// Reads a value that stands at `place`; reports what is wrong with it and where.
pub(crate) fn read<T: DeserializeOwned>(tree: &Tree, place: &Place, reporter: &mut Reporter<'_>) -> Option<T> {
    match serde_path_to_error::deserialize(tree) {
        Ok(value) => Some(value),
        Err(error) => {
            let mut at = place.clone();
            for segment in error.path() {
                match segment {
                    Segment::Seq { index } => at.steps.push(Step::Index(*index)),
                    Segment::Map { key } => at.steps.push(Step::Key(key.clone())),
                    Segment::Enum { .. } | Segment::Unknown => {}
                }
            }
            let reason = in_plain_words(&error.inner().to_string());
            let title = format!("`{}`: {reason}", path_text(&at));
            reporter.report(&at, Diagnostic::error(title).maybe_help(help_for_word(&reason)));
            None
        }
    }
}

/// The reader names its own types; people who write graphs do not know them.
fn in_plain_words(reason: &str) -> String {
    reason
        .replace("expected u32", "expected a whole number from 0 to 4294967295")
        .replace("expected u64", "expected a whole number from 0")
        .replace("expected f64", "expected a number")
        .replace("expected a sequence", "expected a list")
        .replace("invalid type: map", "invalid type: object")
        .replace("invalid type: sequence", "invalid type: list")
}

/// For a word that is none of a list of words: the nearest of them, all of which the reason holds in backticks.
fn help_for_word(reason: &str) -> Option<String> {
    let mut quoted = reason.strip_prefix("unknown variant ")?.split('`').skip(1).step_by(2);
    let wrong = quoted.next()?;
    suggest::nearest(wrong, quoted).map(|word| format!("did you mean `{word}`?"))
}

/// A path as it is written in TOML, for messages: `nodes.mic.kind`, `links[2]`.
pub(crate) fn path_text(place: &Place) -> String {
    let mut text = String::new();
    for step in &place.steps {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => {
                text.push('.');
                text.push_str(key);
            }
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

impl<'de> Deserializer<'de> for &'de Tree {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.value {
            TreeValue::Null => visitor.visit_unit(),
            TreeValue::Bool(flag) => visitor.visit_bool(*flag),
            TreeValue::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(unsigned), _, _) => visitor.visit_u64(unsigned),
                (None, Some(signed), _) => visitor.visit_i64(signed),
                (None, None, float) => visitor.visit_f64(float.unwrap_or_default()),
            },
            TreeValue::String(text) => visitor.visit_str(text),
            TreeValue::List(items) => visitor.visit_seq(SeqDeserializer::new(items.iter())),
            TreeValue::Object(entries) => {
                let pairs = entries.iter().map(|(key, entry)| (StrDeserializer::<Error>::new(key), &entry.value));
                visitor.visit_map(MapDeserializer::new(pairs))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            TreeValue::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    /// All enums of the spec are single words, so only strings are read.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.value {
            TreeValue::String(text) => StringDeserializer::new(text.clone()).deserialize_enum(name, variants, visitor),
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for &'de Tree {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
