//! The one seam for threads, time and atomics: the standard library, or loom's models of it.
//!
//! Everything else in `exec` takes them from here, so that a model checker can stand in for the machine.

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};

#[cfg(loom)]
pub(crate) use loom::sync::Mutex;
#[cfg(not(loom))]
pub(crate) use std::sync::Mutex;

#[cfg(loom)]
pub(crate) use loom::thread::{Thread, current, park};
#[cfg(not(loom))]
pub(crate) use std::thread::{Thread, current};

use std::time::Duration;

/// Sleeps until somebody unparks the thread, at most for `timeout`; may return early.
#[cfg(not(loom))]
pub(crate) fn park_timeout(timeout: Duration) {
    std::thread::park_timeout(timeout);
}

/// In a model a wait that needs its timeout is a lost wake-up, so there is none.
#[cfg(loom)]
pub(crate) fn park_timeout(_timeout: Duration) {
    park();
}

/// Starts a named thread.
///
/// # Errors
/// The operating system has no thread left.
pub(crate) fn spawn<F>(name: &str, body: F) -> std::io::Result<std::thread::JoinHandle<()>>
where
    F: FnOnce() + Send + 'static,
{
    // The kernel keeps fifteen bytes of a name; the whole one is what panics and debuggers of ours show.
    std::thread::Builder::new().name(name.to_string()).spawn(body)
}
