//! The one seam for threads, time and atomics: the standard library, or loom's models of it.
//!
//! Everything else in `exec` takes them from here, so that a model checker can stand in for the machine.

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};

#[cfg(loom)]
pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};
#[cfg(not(loom))]
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};

#[cfg(loom)]
pub(crate) use loom::thread::{Thread, ThreadId, current, park};
#[cfg(not(loom))]
pub(crate) use std::thread::{Thread, ThreadId, current};

use std::sync::{OnceLock, PoisonError};
use std::time::Duration;

/// A full barrier between two threads of which one pays for both.
///
/// `light` on the frequent side, `heavy` on the rare side: what was written before the one is seen after the other, or
/// the other way round. `heavy` is `membarrier(2)`, which makes every running thread of the process pass a barrier, so
/// `light` only has to keep the compiler from reordering. Where the kernel refuses, both sides use a fence.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Barrier {
    has_membarrier: bool,
}

impl Barrier {
    /// Registers the process with the kernel; cheap when that was done before.
    #[cfg(all(target_os = "linux", not(loom), not(miri)))]
    pub(crate) fn new() -> Self {
        use rustix::thread::{MembarrierCommand, membarrier};
        Self { has_membarrier: membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok() }
    }

    /// Fences on both sides.
    #[cfg(any(not(target_os = "linux"), loom, miri))]
    pub(crate) fn new() -> Self {
        Self { has_membarrier: false }
    }

    /// The frequent side.
    pub(crate) fn light(self) {
        if self.has_membarrier {
            std::sync::atomic::compiler_fence(Ordering::SeqCst);
        } else {
            fence(Ordering::SeqCst);
        }
    }

    /// The rare side.
    pub(crate) fn heavy(self) {
        fence(Ordering::SeqCst);
        #[cfg(all(target_os = "linux", not(loom), not(miri)))]
        if self.has_membarrier {
            use rustix::thread::{MembarrierCommand, membarrier};
            // Registered before; the kernel has no other reason to refuse.
            let _done = membarrier(MembarrierCommand::PrivateExpedited);
        }
    }
}

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

/// Sleeps until somebody notifies, at most for `timeout`; may return early. In a model there is no timeout.
pub(crate) fn wait_timeout<'a, T>(bell: &Condvar, guard: MutexGuard<'a, T>, timeout: Duration) -> MutexGuard<'a, T> {
    let (guard, _timed_out) = bell.wait_timeout(guard, timeout).unwrap_or_else(PoisonError::into_inner);
    guard
}

/// Number of this thread for the kernel.
#[cfg(all(target_os = "linux", not(miri)))]
pub(crate) fn thread_number() -> u64 {
    u64::from(rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs())
}

/// The kernel's number is only used on Linux.
#[cfg(any(not(target_os = "linux"), miri))]
pub(crate) fn thread_number() -> u64 {
    0
}

/// Puts a thread behind the others, by the kernel's number of it.
pub(crate) type Demote = fn(thread: u64) -> std::io::Result<()>;

/// The way of the part of the runtime that may call the kernel without a safe wrapper: there is none for this.
static DEMOTE: OnceLock<Demote> = OnceLock::new();

/// Sets how threads are demoted; the first way that is set stays.
pub(crate) fn demote_by(way: Demote) {
    DEMOTE.get_or_init(|| way);
}

/// Puts a thread behind the others, so that it takes only what nobody else wants; 0 is no thread.
///
/// Where the process is forbidden to choose that policy the thread gets the lowest priority of the normal one. That
/// weighs 15 against 1024 of an ordinary thread, but nothing in a process that has the lowest priority already.
pub(crate) fn demote_thread(number: u64) {
    let by_policy = DEMOTE.get().is_some_and(|demote| demote(number).is_ok());
    if !by_policy && number != 0 {
        lower_priority(number);
    }
}

#[cfg(all(target_os = "linux", not(miri)))]
fn lower_priority(number: u64) {
    let thread = i32::try_from(number).ok().and_then(rustix::process::Pid::from_raw);
    if let Err(error) = rustix::process::setpriority_process(thread, 19) {
        tracing::warn!("an abandoned thread keeps its priority: {error}");
    }
}

/// Elsewhere an abandoned thread keeps its priority.
#[cfg(any(not(target_os = "linux"), miri))]
fn lower_priority(_number: u64) {}

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
