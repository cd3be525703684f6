//! The JSON text in which a plugin describes itself, read with distrust.
//!
//! The text comes from a library that may be hostile or broken, so its size and the size of everything in it are bounded, and each error
//! names the place inside the text. Keys that are not known are skipped: newer plugins may say more than this host understands.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

mod pins;

use super::kind::{KindInfo, PluginInfo, Role};
use super::params::ParamSchema;
pub(crate) use pins::PINS_TEXT_LEN_MAX;
use pins::{RawPin, check_role, read_pins};

/// Largest manifest that is read; a plugin with 64 kinds and rich schemas stays well below.
pub const MANIFEST_LEN_MAX: usize = 256 * 1024;
/// Most kinds that one plugin may offer.
pub const KINDS_MAX: usize = 64;
/// Most pins on one side of a kind.
pub const PINS_MAX: usize = 32;
/// Longest id of a plugin, kind or pin.
pub const ID_LEN_MAX: usize = 64;
/// Most capabilities that one kind may list.
pub const CAPABILITIES_MAX: usize = 64;

/// What a plugin says about itself.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Manifest {
    /// The plugin as a whole.
    pub plugin: PluginManifest,
    /// The kinds it offers, in its own order; their plugin has no file yet.
    pub kinds: Vec<KindInfo>,
    /// For each kind that has some, the params that may change while a node runs.
    pub params_live: BTreeMap<String, Vec<String>>,
}

/// What a plugin says about its own build.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct PluginManifest {
    /// Name of the plugin.
    pub id: String,
    /// Its version.
    pub version: String,
    /// SPDX expression of its licence.
    pub license: Option<String>,
    /// Who makes it.
    pub vendor: Option<String>,
    /// Name and version of the SDK it was built with.
    pub sdk: Option<String>,
    /// Target triple it was built for.
    pub target: Option<String>,
    /// Panic strategy it was built with.
    pub panic: Option<String>,
    /// Compiler it was built with.
    pub rustc: Option<String>,
}

/// Why a manifest is refused; the plugin is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The text is larger than any manifest.
    #[error("the manifest has {len} bytes, at most {MANIFEST_LEN_MAX} are read")]
    TooLong {
        /// Bytes of the text.
        len: usize,
    },
    /// The text is no JSON, or a value has the wrong type.
    #[error("manifest at `{path}`: {reason}")]
    Malformed {
        /// JSON path of the value at fault.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The value has the right type and breaks a rule.
    #[error("manifest at `{path}`: {reason}")]
    Invalid {
        /// JSON path of the value at fault.
        path: String,
        /// Which rule it breaks.
        reason: String,
    },
}

#[derive(Deserialize)]
struct RawManifest {
    plugin: PluginManifest,
    kinds: Vec<RawKind>,
}

#[derive(Deserialize)]
struct RawKind {
    id: String,
    role: Role,
    title: String,
    description: String,
    #[serde(default)]
    inputs: Vec<RawPin>,
    #[serde(default)]
    outputs: Vec<RawPin>,
    params_schema: Value,
    #[serde(default)]
    params_live: Vec<String>,
    #[serde(default)]
    capabilities: Vec<String>,
}

impl Manifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// When the text is too long, is no JSON of the right shape, or breaks a rule; the error names the place inside the text.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        if text.len() > MANIFEST_LEN_MAX {
            return Err(ManifestError::TooLong { len: text.len() });
        }
        let raw: RawManifest = read_json(text)?;
        check_id(&raw.plugin.id, "plugin.id")?;
        check_count(raw.kinds.len(), KINDS_MAX, "kinds")?;
        check_unique(raw.kinds.iter().map(|kind| kind.id.as_str()), |index| format!("kinds[{index}].id"))?;
        let mut manifest = Self { plugin: raw.plugin, kinds: Vec::new(), params_live: BTreeMap::new() };
        for (index, kind) in raw.kinds.into_iter().enumerate() {
            manifest.push_kind(kind, &format!("kinds[{index}]"))?;
        }
        Ok(manifest)
    }

    /// The kinds as a registry keeps them, with the file that they were loaded from.
    #[must_use]
    pub fn into_kinds(self, file: Option<PathBuf>) -> Vec<Arc<KindInfo>> {
        let with_file = |mut kind: KindInfo| {
            kind.plugin.file.clone_from(&file);
            Arc::new(kind)
        };
        self.kinds.into_iter().map(with_file).collect()
    }

    fn push_kind(&mut self, raw: RawKind, path: &str) -> Result<(), ManifestError> {
        check_id(&raw.id, &format!("{path}.id"))?;
        let inputs = read_pins(raw.inputs, &format!("{path}.inputs"))?;
        let outputs = read_pins(raw.outputs, &format!("{path}.outputs"))?;
        check_role(raw.role, &inputs, &outputs, &format!("{path}."))?;
        check_count(raw.capabilities.len(), CAPABILITIES_MAX, &format!("{path}.capabilities"))?;
        let schema_path = format!("{path}.params_schema");
        ParamSchema::compile(&raw.params_schema).map_err(|reason| invalid(&schema_path, reason))?;
        check_live(&raw.params_live, &raw.params_schema, path)?;
        if !raw.params_live.is_empty() {
            self.params_live.insert(raw.id.clone(), raw.params_live);
        }
        let plugin = PluginInfo { id: self.plugin.id.clone(), version: self.plugin.version.clone(), file: None };
        self.kinds.push(KindInfo {
            id: raw.id,
            role: raw.role,
            title: raw.title,
            description: raw.description,
            inputs,
            outputs,
            params_schema: raw.params_schema,
            capabilities: raw.capabilities,
            plugin,
        });
        Ok(())
    }
}

/// A param can only change while a node runs when the schema knows it.
fn check_live(names: &[String], schema: &Value, path: &str) -> Result<(), ManifestError> {
    for (index, name) in names.iter().enumerate() {
        if schema.get("properties").and_then(|properties| properties.get(name)).is_none() {
            return Err(invalid(
                &format!("{path}.params_live[{index}]"),
                format!("`{name}` is no property of params_schema"),
            ));
        }
    }
    Ok(())
}

/// Reads a text that is one JSON value and nothing more; says where it is wrong.
fn read_json<T: DeserializeOwned>(text: &str) -> Result<T, ManifestError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| ManifestError::Malformed {
        path: error.path().to_string(),
        reason: error.inner().to_string(),
    })?;
    json.end().map_err(|error| ManifestError::Malformed { path: ".".to_owned(), reason: error.to_string() })?;
    Ok(value)
}

fn check_count(count: usize, max: usize, path: &str) -> Result<(), ManifestError> {
    if count > max {
        return Err(invalid(path, format!("{count} entries, at most {max} are allowed")));
    }
    Ok(())
}

fn check_unique<'a>(ids: impl Iterator<Item = &'a str>, path: impl Fn(usize) -> String) -> Result<(), ManifestError> {
    let mut seen = HashSet::new();
    for (index, id) in ids.enumerate() {
        if !seen.insert(id) {
            return Err(invalid(&path(index), format!("`{id}` is used twice")));
        }
    }
    Ok(())
}

fn check_id(id: &str, path: &str) -> Result<(), ManifestError> {
    let is_first = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_later = |byte: u8| is_first(byte) || b"_.-".contains(&byte);
    if id.len() <= ID_LEN_MAX && id.bytes().next().is_some_and(is_first) && id.bytes().all(is_later) {
        return Ok(());
    }
    let shown: String = id.chars().take(ID_LEN_MAX).collect();
    Err(invalid(
        path,
        format!("`{shown}` is no id; use 1 to 64 of a-z, 0-9, `_`, `.` and `-`, starting with a letter or digit"),
    ))
}

fn invalid(path: &str, reason: String) -> ManifestError {
    ManifestError::Invalid { path: path.to_owned(), reason }
}
