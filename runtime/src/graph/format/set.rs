//! What a pin declares: anything, or a few alternatives.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ALTERNATIVES_MAX, FORMAT_TEXT_LEN_MAX, Format, FormatError, TensorFormat};

/// What a pin takes or gives: `any`, or alternatives joined by ` | `.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FormatSet {
    /// Empty means anything; a set that nothing matches cannot be made.
    alternatives: Vec<Format>,
}

impl FormatSet {
    /// The set that takes everything.
    #[must_use]
    pub const fn any() -> Self {
        Self { alternatives: Vec::new() }
    }

    /// Makes a set from its alternatives.
    ///
    /// # Errors
    /// When there is none, when there are more than [`ALTERNATIVES_MAX`], or when one of them has no text form, for example an event
    /// name with a space.
    pub fn new(alternatives: impl IntoIterator<Item = Format>) -> Result<Self, FormatError> {
        let alternatives: Vec<Format> = alternatives.into_iter().collect();
        check_count(alternatives.len())?;
        for format in &alternatives {
            let text = format.to_string();
            if text.parse::<Format>()? != *format {
                return Err(FormatError::UnknownFamily { word: text });
            }
        }
        Ok(Self { alternatives })
    }

    /// Whether this is the set that takes everything.
    #[must_use]
    pub const fn is_any(&self) -> bool {
        self.alternatives.is_empty()
    }

    /// The alternatives; empty for the set that takes everything.
    #[must_use]
    pub fn alternatives(&self) -> &[Format] {
        &self.alternatives
    }

    /// What both sets take, or `None` when they have nothing in common.
    ///
    /// An alternative that another one covers is left out, so the result says nothing twice.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        if self.is_any() {
            return Some(other.clone());
        }
        if other.is_any() {
            return Some(self.clone());
        }
        let mut alternatives: Vec<Format> = Vec::new();
        for format in self.alternatives.iter().flat_map(|a| other.alternatives.iter().filter_map(|b| a.intersect(b))) {
            if alternatives.iter().any(|known| known.covers(&format)) {
                continue;
            }
            alternatives.retain(|known| !format.covers(known));
            alternatives.push(format);
        }
        (!alternatives.is_empty()).then_some(Self { alternatives })
    }

    /// The same set with the shapes of its tensors left open.
    pub(crate) fn with_open_shapes(&self) -> Self {
        let open = |format: &Format| match format {
            Format::Tensor(tensor) => Format::Tensor(TensorFormat { shape: None, ..tensor.clone() }),
            other => other.clone(),
        };
        Self { alternatives: self.alternatives.iter().map(open).collect() }
    }

    /// Whether every packet of this format may travel here.
    #[must_use]
    pub fn accepts(&self, format: &Format) -> bool {
        self.is_any() || self.alternatives.iter().any(|alternative| alternative.covers(format))
    }

    /// Whether the set leaves nothing open: one alternative without wildcards.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        matches!(self.alternatives.as_slice(), [format] if format.is_fixed())
    }
}

impl Default for FormatSet {
    fn default() -> Self {
        Self::any()
    }
}

fn check_count(count: usize) -> Result<(), FormatError> {
    match count {
        0 => Err(FormatError::Empty),
        1..=ALTERNATIVES_MAX => Ok(()),
        _ => Err(FormatError::TooManyAlternatives { count }),
    }
}

impl FromStr for FormatSet {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        if text.len() > FORMAT_TEXT_LEN_MAX {
            return Err(FormatError::TooLong { len: text.len() });
        }
        if text.trim() == "any" {
            return Ok(Self::any());
        }
        check_count(text.split('|').count())?;
        let alternatives = text.split('|').map(Format::from_str).collect::<Result<_, _>>()?;
        Ok(Self { alternatives })
    }
}

impl fmt::Display for FormatSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_any() {
            return f.write_str("any");
        }
        for (index, format) in self.alternatives.iter().enumerate() {
            if index > 0 {
                f.write_str(" | ")?;
            }
            write!(f, "{format}")?;
        }
        Ok(())
    }
}

impl Serialize for FormatSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FormatSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
