//! The cache as an application has it.

use super::cache::{Cache, Failure, Loaded};
use super::counters::ResourceCounters;
use super::entry::Held;
use super::error::ResourceError;
use super::request::{Request, ResourceKey, Scope};
use graphmill_abi::Buffer;
use std::any::{Any, type_name};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

/// What the entries of a cache may take unless another budget is set: room for several models of a gigabyte.
pub const BUDGET_BYTES: u64 = 8 * 1024 * 1024 * 1024;

/// How long a load of the application may take before the next one who asks loads anew. Loads of nodes have the
/// deadline of their call instead.
pub const LOAD_TIMEOUT: Duration = Duration::from_secs(60);

/// Type of what is shared between plugins.
const SHARED_TAG: &str = "buffer";

/// What is heavy and loaded once: models, weights, tables. Cheap to clone; every clone is the same cache.
///
/// Nodes of all sessions of a runtime share what they load, those of one plugin among themselves; the application has
/// keys of its own. Plain bytes can be shared by everybody. An entry that somebody holds counts and is never evicted;
/// one that nobody holds stays until room is needed, the longest unused goes first, and [`Resources::pin`] keeps it.
/// So a pinned key that one session has loaded is warm for every later one. Values of the application are dropped on
/// the thread that makes them leave; those of plugins are not.
///
/// ```
/// use graphmill::Runtime;
///
/// let runtime = Runtime::new();
/// let load = || Ok::<_, std::io::Error>(vec![0.5_f32; 1024]);
/// let window = runtime.resources().get("window 1024", load)?;
/// let again = runtime.resources().get("window 1024", load)?;
/// assert_eq!((window.len(), again.len()), (1024, 1024));
/// assert_eq!(runtime.resources().counters().loads, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Resources {
    cache: Arc<Cache>,
}

impl Resources {
    /// An empty cache with a budget of [`BUDGET_BYTES`].
    #[must_use]
    pub fn new() -> Self {
        Self { cache: Arc::new(Cache::new(BUDGET_BYTES, LOAD_TIMEOUT)) }
    }

    /// Gives what is kept under a key, waits for who loads it, or calls `load`, on this thread and without any lock.
    ///
    /// # Errors
    /// The load fails here or where this call waited for it, the wait reaches its deadline, the key is that of
    /// another type, or the budget has no room.
    pub fn get<'k, T, E>(
        &self,
        key: impl Into<ResourceKey<'k>>,
        load: impl FnOnce() -> Result<T, E>,
    ) -> Result<Resource<T>, ResourceError>
    where
        T: Send + Sync + 'static,
        E: fmt::Display,
    {
        let request = Request::new(Scope::Application, key.into(), type_name::<T>());
        let load = || match load() {
            Ok(value) => Ok(Loaded { value: Arc::new(value), bytes: 0 }),
            Err(error) => Err(Failure { status: 0, message: error.to_string() }),
        };
        Resource::of(self.cache.get(&request, load)?, &request)
    }

    /// Puts a value in, in the place of what is kept under the key; who holds the old one keeps it.
    ///
    /// # Errors
    /// The budget has no room for it.
    pub fn insert<'k, T: Send + Sync + 'static>(
        &self,
        key: impl Into<ResourceKey<'k>>,
        value: T,
    ) -> Result<Resource<T>, ResourceError> {
        let request = Request::new(Scope::Application, key.into(), type_name::<T>());
        Resource::of(self.cache.insert(&request, Arc::new(value))?, &request)
    }

    /// As [`Resources::get`], for bytes that nodes of every plugin find under the same key.
    ///
    /// # Errors
    /// As for [`Resources::get`].
    pub fn shared_buffer<'k, E: fmt::Display>(
        &self,
        key: impl Into<ResourceKey<'k>>,
        load: impl FnOnce() -> Result<Buffer, E>,
    ) -> Result<Resource<Buffer>, ResourceError> {
        let request = Request::new(Scope::Shared, key.into(), SHARED_TAG);
        let load = || match load() {
            Ok(buffer) => Ok(Loaded { bytes: buffer.len() as u64, value: Arc::new(buffer) }),
            Err(error) => Err(Failure { status: 0, message: error.to_string() }),
        };
        Resource::of(self.cache.get(&request, load)?, &request)
    }

    /// Keeps what is or will be loaded under a key, by whomever, until it is cleared: it is not evicted.
    pub fn pin(&self, key: &str) {
        self.cache.lock().pin(key);
    }

    /// Takes a pin away and says whether there was one.
    pub fn unpin(&self, key: &str) -> bool {
        self.cache.changing(|state, gone| {
            let was_pinned = state.unpin(key);
            state.trim(gone);
            was_pinned
        })
    }

    /// Forgets what is kept under a key, by whomever it was loaded, and says how many entries that were.
    ///
    /// Who holds it keeps it, and until then it counts against the budget. A load that is under way answers those who wait for it already, and is not kept.
    pub fn remove(&self, key: &str) -> usize {
        self.cache.changing(|state, gone| state.clear(Some(key), gone))
    }

    /// As [`Resources::remove`], for all keys. Pins stay.
    pub fn clear(&self) -> usize {
        self.cache.changing(|state, gone| state.clear(None, gone))
    }

    /// Sets how many bytes all entries together may take, and evicts what is beyond that and not held or pinned.
    pub fn set_budget(&self, bytes: u64) {
        self.cache.changing(|state, gone| {
            state.budget = bytes;
            state.trim(gone);
        });
    }

    /// Sets how long a load of the application may take before the next one who asks loads anew.
    pub fn set_load_timeout(&self, load_timeout: Duration) {
        self.cache.lock().load_timeout = load_timeout;
    }

    /// How many bytes all entries together may take.
    #[must_use]
    pub fn budget(&self) -> u64 {
        self.cache.lock().budget
    }

    /// What was asked, loaded and evicted so far, and what is there now.
    #[must_use]
    pub fn counters(&self) -> ResourceCounters {
        self.cache.counters()
    }

    /// The cache itself, for those who load something that is no Rust value.
    pub(crate) fn cache(&self) -> &Arc<Cache> {
        &self.cache
    }
}

impl Default for Resources {
    fn default() -> Self {
        Self::new()
    }
}

/// A handle to something that was loaded; cloning it gives a further handle. It is not evicted while there is one.
pub struct Resource<T: ?Sized> {
    // Before the handle: the entry is held for as long as its value is.
    value: Arc<T>,
    _held: Held,
}

impl<T: Any + Send + Sync> Resource<T> {
    pub(crate) fn of(held: Held, request: &Request<'_>) -> Result<Self, ResourceError> {
        match Arc::clone(held.value()).downcast::<T>() {
            Ok(value) => Ok(Self { value, _held: held }),
            // Two types may have one name.
            Err(_) => Err(ResourceError::Type {
                key: Arc::clone(&request.key.name),
                wanted: request.tag.into(),
                found: "another type of this name".into(),
            }),
        }
    }
}

impl<T: ?Sized> Deref for Resource<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ?Sized> Clone for Resource<T> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), _held: self._held.clone() }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Resource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
