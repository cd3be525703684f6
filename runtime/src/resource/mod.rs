//! What is heavy and loaded once: a cache by key with one load per key, however many ask.
//!
//! Whoever asks first loads, on its own thread and without any lock; everybody else waits with a deadline. An error or
//! a panic of the load answers all who wait and is not kept. What is held is counted and never evicted; what nobody
//! holds makes room, the longest unused first. This module knows nothing of plugins, nodes or sessions: a value is
//! anything that threads may share, and who asks is a flag that says whether it still wants an answer.

mod request;
mod resources;

mod counters;
mod error;

mod cache;
mod entry;
mod flight;
mod state;

#[cfg(test)]
#[cfg(loom)]
mod models;
#[cfg(test)]
#[cfg(not(loom))]
mod tests;

pub(crate) use cache::{Cache, Failure, Loaded};
pub use counters::ResourceCounters;
#[cfg(test)]
pub(crate) use entry::Held;
pub use error::ResourceError;
pub(crate) use request::{Asker, Request, Scope};
pub use request::{KEY_LEN_MAX, ResourceKey, WAIT_TIMEOUT};
pub use resources::{BUDGET_BYTES, LOAD_TIMEOUT, Resource, Resources};
