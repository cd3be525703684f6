//! How a link is written: as a chain of names, or as an object with its options.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::WhenFull;

/// One or more links as a person wrote them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum LinkSpec {
    /// `mic -> denoise.in -> vad`: each arrow is a link with the default options.
    Chain(String),
    /// One link with its own options; what is absent follows the defaults of the graph.
    Detailed {
        /// The output, `node` or `node.pin`.
        from: String,
        /// The input, `node` or `node.pin`.
        to: String,
        /// Packets that the link holds.
        #[serde(skip_serializing_if = "Option::is_none")]
        capacity: Option<u32>,
        /// What the full link does with the next packet.
        #[serde(skip_serializing_if = "Option::is_none")]
        when_full: Option<WhenFull>,
        /// Packets that may be under way around the cycle that this link closes.
        #[serde(skip_serializing_if = "Option::is_none")]
        credits: Option<u32>,
    },
}

impl LinkSpec {
    /// One link with the default options.
    #[must_use]
    pub fn new(from: impl Into<String>, to: impl Into<String>) -> Self {
        Self::Detailed { from: from.into(), to: to.into(), capacity: None, when_full: None, credits: None }
    }

    /// Sets how many packets the link holds; a chain has no options and stays as it is.
    #[must_use]
    pub fn with_capacity(mut self, packets: u32) -> Self {
        if let Self::Detailed { capacity, .. } = &mut self {
            *capacity = Some(packets);
        }
        self
    }

    /// Sets what the full link does; a chain has no options and stays as it is.
    #[must_use]
    pub fn with_when_full(mut self, policy: WhenFull) -> Self {
        if let Self::Detailed { when_full, .. } = &mut self {
            *when_full = Some(policy);
        }
        self
    }

    /// Sets the credits of a link that closes a cycle; a chain has no options and stays as it is.
    #[must_use]
    pub fn with_credits(mut self, packets: u32) -> Self {
        if let Self::Detailed { credits, .. } = &mut self {
            *credits = Some(packets);
        }
        self
    }
}

/// The object form, apart so that its errors speak of its own keys.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DetailedLink {
    from: String,
    to: String,
    capacity: Option<u32>,
    when_full: Option<WhenFull>,
    credits: Option<u32>,
}

struct LinkVisitor;

impl<'de> Visitor<'de> for LinkVisitor {
    type Value = LinkSpec;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a chain like \"a -> b\" or an object with `from` and `to`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<LinkSpec, E> {
        Ok(LinkSpec::Chain(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<LinkSpec, A::Error> {
        let link = DetailedLink::deserialize(MapAccessDeserializer::new(map))?;
        Ok(LinkSpec::Detailed {
            from: link.from,
            to: link.to,
            capacity: link.capacity,
            when_full: link.when_full,
            credits: link.credits,
        })
    }
}

impl<'de> Deserialize<'de> for LinkSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LinkVisitor)
    }
}
