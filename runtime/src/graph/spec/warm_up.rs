//! What a session makes before its nodes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Most entries of the list `warm_up`; each is an instance on a thread of its own.
pub const WARM_UPS_MAX: usize = 64;

/// An instance that is made before the nodes and gets no packet: what it loads through the resource cache is loaded
/// when the first node asks for it, and stays as long as the session, whatever becomes of the nodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `kind`")]
pub struct WarmUpSpec {
    /// Id of the kind, for example `stt.moonshine`.
    pub kind: String,
    /// The params object, as of a node of this kind.
    #[serde(default = "super::no_params", skip_serializing_if = "super::is_no_params")]
    pub params: Value,
}

impl WarmUpSpec {
    /// An instance of a kind with these params.
    #[must_use]
    pub fn new(kind: impl Into<String>, params: Value) -> Self {
        Self { kind: kind.into(), params }
    }
}
