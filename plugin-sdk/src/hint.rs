//! What a node hears from the nodes downstream of it.

use crate::error::Result;
use serde::Deserialize;

/// Something that a node downstream of an output tells, by name and with content.
///
/// Hints are advice: they run against the links, one of a name takes the place of an older one that was not heard yet,
/// and what nobody takes is dropped. Names are namespaced, such as `video.keyframe`.
///
/// ```
/// use graphmill_plugin_sdk::prelude::*;
///
/// #[derive(Deserialize)]
/// struct Quality {
///     percent: u32,
/// }
///
/// # struct Encoder { percent: u32 }
/// # impl Encoder {
/// fn hint(&mut self, hint: &Hint<'_>, _cx: &mut Context<'_>) -> Result<HintAnswer> {
///     if hint.name() != "video.quality" {
///         return Ok(HintAnswer::Pass);
///     }
///     self.percent = hint.content::<Quality>()?.percent;
///     Ok(HintAnswer::Taken)
/// }
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Hint<'a> {
    pin: usize,
    name: &'a str,
    json: &'a str,
}

/// What a node does about a hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third answer")]
pub enum HintAnswer {
    /// It was for this node.
    Taken,
    /// It goes on to the nodes upstream of this one.
    Pass,
}

impl<'a> Hint<'a> {
    pub(crate) const fn new(pin: usize, name: &'a str, json: &'a str) -> Self {
        Self { pin, name, json }
    }

    /// Number of the output that it came to.
    pub const fn pin(&self) -> usize {
        self.pin
    }

    /// What it is about.
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// Its content as JSON.
    pub const fn json(&self) -> &'a str {
        self.json
    }

    /// Its content.
    ///
    /// # Errors
    /// The content is not what `T` expects.
    pub fn content<T: Deserialize<'a>>(&self) -> Result<T> {
        Ok(serde_json::from_str(self.json)?)
    }
}
