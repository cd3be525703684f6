//! Hints: what a node tells the nodes upstream of it, against the direction of the packets.

use crate::exec::control::NodeControl;
use serde::de::IgnoredAny;
use std::sync::Arc;

/// Nodes that one hint may pass through; more of them would be a cycle.
const HOPS_MAX: u32 = 64;

/// What a hint says: checked, and cheap to pass on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HintContent {
    name: Arc<str>,
    json: Arc<str>,
    hops: u32,
}

/// Why a hint is not passed on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HintError {
    /// A name or a content that no hint may have.
    #[error("{what} of a hint {problem}")]
    Content {
        /// The name or the content.
        what: &'static str,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// The node has no such input.
    #[error("there is no input with number {input}; the node has {count}")]
    NoSuchInput {
        /// The number that was asked for.
        input: usize,
        /// Inputs that the node has.
        count: usize,
    },
    /// The node has no such output.
    #[error("there is no output `{output}`; the node has: {}", .known.join(", "))]
    NoSuchOutput {
        /// The name that was asked for.
        output: String,
        /// Outputs that the node has.
        known: Vec<String>,
    },
}

impl HintContent {
    /// Longest name in bytes.
    pub const NAME_LEN_MAX: usize = 80;
    /// Longest content in bytes.
    pub const JSON_LEN_MAX: usize = 4_096;

    /// Checks a name, and a content as JSON; no content is `null`.
    ///
    /// # Errors
    /// An empty or long name, a long content, or one that is not JSON.
    pub fn new(name: &str, json: &str) -> Result<Self, HintError> {
        let error = |what, problem| Err(HintError::Content { what, problem });
        if name.is_empty() || name.len() > Self::NAME_LEN_MAX {
            return error("the name", format!("has {} bytes; 1 to {} are possible", name.len(), Self::NAME_LEN_MAX));
        }
        if json.len() > Self::JSON_LEN_MAX {
            return error("the content", format!("has {} bytes; {} are possible", json.len(), Self::JSON_LEN_MAX));
        }
        let json = if json.is_empty() { "null" } else { json };
        if let Err(reason) = serde_json::from_str::<IgnoredAny>(json) {
            return error("the content", format!("is not JSON: {reason}"));
        }
        Ok(Self { name: name.into(), json: json.into(), hops: 0 })
    }

    /// What it is about, for example `video.keyframe`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its content as JSON.
    pub fn json(&self) -> &str {
        &self.json
    }
}

/// A hint that came to an output.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hint {
    /// Number of the output.
    pub pin: usize,
    /// What it says.
    pub content: HintContent,
}

impl Hint {
    /// A hint for an output.
    pub fn new(pin: usize, content: HintContent) -> Self {
        Self { pin, content }
    }
}

/// What an instance does about a hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third answer")]
pub enum HintAnswer {
    /// It was for this node.
    Taken,
    /// It goes on to the nodes upstream of this one.
    Pass,
}

/// The outputs that feed the inputs of a node.
#[derive(Debug, Default)]
pub(crate) struct Upstream {
    /// For each input.
    inputs: Vec<Vec<(Arc<NodeControl>, usize)>>,
}

impl Upstream {
    pub(crate) fn new(inputs: Vec<Vec<(Arc<NodeControl>, usize)>>) -> Self {
        Self { inputs }
    }

    /// Leaves a hint with every node that feeds an input; an input without a link has nobody to tell.
    pub(crate) fn tell(&self, input: usize, content: &HintContent) -> Result<(), HintError> {
        let count = self.inputs.len();
        let feeds = self.inputs.get(input).ok_or(HintError::NoSuchInput { input, count })?;
        for (control, pin) in feeds {
            control.post_hint(Hint { pin: *pin, content: content.clone() });
        }
        Ok(())
    }

    /// Passes a hint on to everything upstream; `false` when nobody is there, or it has gone through too many nodes.
    pub(crate) fn pass_on(&self, content: &HintContent) -> bool {
        let content = HintContent { hops: content.hops + 1, ..content.clone() };
        if content.hops > HOPS_MAX || self.inputs.iter().all(Vec::is_empty) {
            return false;
        }
        (0..self.inputs.len()).all(|input| self.tell(input, &content).is_ok())
    }
}
