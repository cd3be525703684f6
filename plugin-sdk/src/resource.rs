//! What a node asks for when it wants something that is loaded once.

use std::time::Duration;

/// A key that names what is really loaded, such as a digest and a device, with what the host should know of it.
///
/// A plain `&str` does where nothing else is known.
///
/// ```
/// use graphmill_plugin_sdk::ResourceKey;
/// use std::time::Duration;
///
/// let key = ResourceKey::new("sha256:9f86d0 cpu").bytes(40_000_000).wait(Duration::from_millis(500));
/// assert_eq!(key.name(), "sha256:9f86d0 cpu");
/// ```
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct ResourceKey<'a> {
    name: &'a str,
    bytes: u64,
    wait: Option<Duration>,
}

impl<'a> ResourceKey<'a> {
    /// A key of 1 to 1024 bytes.
    pub const fn new(name: &'a str) -> Self {
        Self { name, bytes: 0, wait: None }
    }

    /// How many bytes it takes in memory: the host counts them, and refuses before the load when it has no room.
    pub const fn bytes(self, bytes: u64) -> Self {
        Self { bytes, ..self }
    }

    /// How long to wait while another node loads it, in whole milliseconds, at least one; the host has a default that
    /// fits `create`. Give less than the deadline of the call, or the wait counts as a hung call.
    pub const fn wait(self, wait: Duration) -> Self {
        Self { wait: Some(wait), ..self }
    }

    /// The key itself.
    pub const fn name(&self) -> &'a str {
        self.name
    }

    pub(crate) const fn expected_bytes(&self) -> u64 {
        self.bytes
    }

    /// 0 for the host's default.
    pub(crate) fn wait_ms(&self) -> u32 {
        self.wait.map_or(0, |wait| u32::try_from(wait.as_millis()).unwrap_or(u32::MAX).max(1))
    }
}

impl<'a> From<&'a str> for ResourceKey<'a> {
    fn from(name: &'a str) -> Self {
        Self::new(name)
    }
}

impl<'a> From<&'a String> for ResourceKey<'a> {
    fn from(name: &'a String) -> Self {
        Self::new(name)
    }
}
