//! What a plugin offers, as data.
//!
//! The graph is checked against this description alone, so no plugin code runs before a graph is known to be sound. Where
//! the pins of a node depend on its params, whoever has the kinds is asked for them; this module calls no plugin itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::diagnostic::GraphError;
use super::format::FormatTemplate;
use super::params::check_params;

/// Where the nodes of a kind stand in a graph.
#[expect(
    clippy::exhaustive_enums,
    reason = "a fourth role would change what every scheduler has to do, so it must break the build"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Makes packets on its own and takes none.
    Source,
    /// Takes packets; may give some.
    Processor,
    /// Takes packets and gives none.
    Sink,
}

impl Role {
    /// The word for this role in manifests and errors.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Processor => "processor",
            Self::Sink => "sink",
        }
    }
}

/// One pin of a kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PinInfo {
    /// Name, unique on its side of the kind.
    pub name: String,
    /// What the pin takes or gives, possibly depending on params.
    pub format: FormatTemplate,
    /// One sentence for people.
    pub description: String,
    /// Whether the pin is meant to stay without a link where nobody needs it.
    pub optional: bool,
}

/// One kind: a node type that a plugin offers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KindInfo {
    /// Name of the kind, for example `wav.source`.
    pub id: String,
    /// Where its nodes stand in a graph.
    pub role: Role,
    /// A few words for lists.
    pub title: String,
    /// What it does, for people.
    pub description: String,
    /// Pins that take packets.
    pub inputs: Vec<PinInfo>,
    /// Pins that give packets.
    pub outputs: Vec<PinInfo>,
    /// JSON schema of the params object.
    pub params_schema: Value,
    /// Optional abilities that the host may use, for example `in_place`.
    pub capabilities: Vec<String>,
    /// The plugin that offers the kind.
    pub plugin: PluginInfo,
}

/// The plugin that a kind comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PluginInfo {
    /// Name of the plugin.
    pub id: String,
    /// Its version.
    pub version: String,
    /// The file it was loaded from; `None` when it is linked statically.
    pub file: Option<PathBuf>,
}

impl KindInfo {
    /// The params of a node with the schema's top-level defaults filled in, as pin formats see them.
    #[must_use]
    pub fn params_with_defaults(&self, params: &Value) -> Value {
        let mut filled = params.as_object().cloned().unwrap_or_default();
        let properties = self.params_schema.get("properties").and_then(Value::as_object);
        for (name, schema) in properties.into_iter().flatten() {
            if let Some(default) = schema.get("default")
                && !filled.contains_key(name)
            {
                filled.insert(name.clone(), default.clone());
            }
        }
        Value::Object(filled)
    }

    /// Checks params for a node of this kind against its schema; `null` stands for a param that is not given.
    ///
    /// # Errors
    /// Everything that is wrong with them, each with its place.
    pub fn check_params(&self, params: &Value) -> Result<(), GraphError> {
        check_params(&self.id, self, &Map::new(), params).map(drop)
    }
}

/// The capability of a kind whose params decide which pins a node has.
pub(crate) const PINS_BY_PARAMS: &str = "pins_by_params";

impl KindInfo {
    /// Whether the pins of a node are known only with its params: see [`Kinds::kind_with`].
    #[must_use]
    pub fn has_pins_by_params(&self) -> bool {
        self.capabilities.iter().any(|capability| capability == PINS_BY_PARAMS)
    }
}

/// Which pins are asked for.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct PinsQuestion<'a> {
    /// Id of the node, for logs and messages.
    pub node: &'a str,
    /// Its params, expanded and checked against the schema of the kind.
    pub params: &'a Value,
    /// How long the answer may take.
    pub timeout: Duration,
}

impl<'a> PinsQuestion<'a> {
    /// Asks for the pins of a node with these params.
    #[must_use]
    pub const fn new(node: &'a str, params: &'a Value, timeout: Duration) -> Self {
        Self { node, params, timeout }
    }
}

/// Why the pins of a node are not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PinsError {
    /// The plugin says that there are none for these params.
    #[error("{message}")]
    Refused {
        /// What the plugin says.
        message: String,
    },
    /// The plugin panicked or broke the contract of the ABI.
    #[error("{message}")]
    Failed {
        /// What was seen.
        message: String,
    },
    /// The plugin does not answer; its thread is left alone.
    #[error("no answer after {waited_ms} ms; raise `deadlines.pins_ms` if it may take that long")]
    Late {
        /// How long it was waited for.
        waited_ms: u128,
    },
    /// The answer breaks a rule; the plugin is at fault.
    #[error("the plugin tells pins that no node can have: {reason}")]
    Wrong {
        /// Which rule, and where.
        reason: String,
    },
    /// The environment does not let anybody ask.
    #[error("nobody can be asked: {reason}")]
    Unasked {
        /// What is missing.
        reason: String,
    },
}

/// The kinds that a graph may use.
pub trait Kinds {
    /// The kind with this id.
    fn kind(&self, id: &str) -> Option<Arc<KindInfo>>;

    /// Every kind, sorted by id.
    fn kinds(&self) -> Vec<Arc<KindInfo>>;

    /// A kind as one node has it: with the pins of that node where they depend on params, and else as it is.
    ///
    /// May call the plugin and block until the timeout.
    ///
    /// # Errors
    /// The pins are not known.
    fn kind_with(&self, kind: &Arc<KindInfo>, _question: &PinsQuestion<'_>) -> Result<Arc<KindInfo>, PinsError> {
        Ok(Arc::clone(kind))
    }
}

/// A plain list serves where no registry is at hand, for example in tests.
impl Kinds for Vec<Arc<KindInfo>> {
    fn kind(&self, id: &str) -> Option<Arc<KindInfo>> {
        self.iter().find(|kind| kind.id == id).cloned()
    }

    fn kinds(&self) -> Vec<Arc<KindInfo>> {
        let mut kinds = self.clone();
        kinds.sort_by(|a, b| a.id.cmp(&b.id));
        kinds
    }
}
