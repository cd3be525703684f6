//! Who asks for what, and how long it waits.

use std::sync::Arc;
use std::time::Duration;

/// Longest key in bytes. Room for a path, a digest and a device; more is no name any more.
pub const KEY_LEN_MAX: usize = 1024;

/// How long somebody waits for the load of another one unless it says otherwise: less than the deadline of `create`,
/// so that a load that hangs costs those who wait an error, and only its own node a hung call.
pub const WAIT_TIMEOUT: Duration = Duration::from_secs(45);

/// What is asked for: a key that names what is really loaded, such as a digest and a device.
///
/// ```
/// use graphmill::resource::ResourceKey;
/// use std::time::Duration;
///
/// let key = ResourceKey::new("sha256:9f86d0 cpu").bytes(40_000_000).wait(Duration::from_secs(5));
/// assert_eq!(key.name(), "sha256:9f86d0 cpu");
/// ```
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct ResourceKey<'a> {
    name: &'a str,
    bytes: u64,
    wait: Duration,
}

impl<'a> ResourceKey<'a> {
    /// A key of at most [`KEY_LEN_MAX`] bytes, for something whose size is not known.
    pub const fn new(name: &'a str) -> Self {
        Self { name, bytes: 0, wait: WAIT_TIMEOUT }
    }

    /// How many bytes it takes in memory: what the budget counts, and refuses before the load when there is no room.
    pub const fn bytes(self, bytes: u64) -> Self {
        Self { bytes, ..self }
    }

    /// How long to wait when somebody else loads it; [`WAIT_TIMEOUT`] unless this is said.
    pub const fn wait(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }

    /// The key itself.
    pub const fn name(&self) -> &'a str {
        self.name
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

/// Who may find an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    /// The application.
    Application,
    /// The nodes of one plugin, by its number.
    Plugin(u64),
    /// Everybody; what is kept here is plain bytes.
    Shared,
}

/// Where an entry is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(super) scope: Scope,
    pub(super) name: Arc<str>,
}

/// Tells whether whoever asks still wants an answer. Called while a lock is held, so it only looks at a flag.
pub(crate) trait Asker: Send + Sync + std::fmt::Debug {
    /// Whether nobody waits for its answer any more.
    fn is_cancelled(&self) -> bool;
}

/// One question to the cache.
#[derive(Debug, Clone)]
pub(crate) struct Request<'a> {
    pub(super) key: Key,
    pub(super) tag: &'a str,
    pub(super) bytes: u64,
    pub(super) wait: Duration,
    /// `None` for the application, which nobody watches.
    pub(super) asker: Option<Arc<dyn Asker>>,
}

impl<'a> Request<'a> {
    /// Asks for what is kept under a key and is of the type with this tag.
    pub(crate) fn new(scope: Scope, key: ResourceKey<'_>, tag: &'a str) -> Self {
        let ResourceKey { name, bytes, wait } = key;
        Self { key: Key { scope, name: name.into() }, tag, bytes, wait, asker: None }
    }

    /// Says who asks: its load blocks nobody once it is cancelled, and its wait ends then.
    pub(crate) fn of(self, asker: Arc<dyn Asker>) -> Self {
        Self { asker: Some(asker), ..self }
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.asker.as_ref().is_some_and(|asker| asker.is_cancelled())
    }
}
