//! When a source is asked for packets.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// When a source is asked for packets.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub enum TickSpec {
    /// As fast as its links take packets; written `"asap"`.
    Asap,
    /// At the time that the node asked for with its last tick; written `"self"`.
    #[default]
    SelfTimed,
    /// At fixed times; written `{ interval_ms = 10, late = "skip" }`.
    Interval {
        /// Time between two ticks in milliseconds, above zero.
        interval_ms: f64,
        /// What happens with ticks that could not be made in time.
        late: LateTicks,
    },
}

/// What happens with ticks that could not be made in time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", expecting = "`skip` or `burst`")]
#[non_exhaustive]
pub enum LateTicks {
    /// They are left out and counted.
    #[default]
    Skip,
    /// They are made up for, one directly after the other.
    Burst,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Interval {
    interval_ms: f64,
    #[serde(default)]
    late: LateTicks,
}

impl Serialize for TickSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Asap => serializer.serialize_str("asap"),
            Self::SelfTimed => serializer.serialize_str("self"),
            Self::Interval { interval_ms, late } => Interval { interval_ms, late }.serialize(serializer),
        }
    }
}

struct TickVisitor;

impl<'de> Visitor<'de> for TickVisitor {
    type Value = TickSpec;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"asap\", \"self\" or an object with `interval_ms`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<TickSpec, E> {
        match text {
            "asap" => Ok(TickSpec::Asap),
            "self" => Ok(TickSpec::SelfTimed),
            _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TickSpec, A::Error> {
        let Interval { interval_ms, late } = Interval::deserialize(MapAccessDeserializer::new(map))?;
        Ok(TickSpec::Interval { interval_ms, late })
    }
}

impl<'de> Deserialize<'de> for TickSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TickVisitor)
    }
}
