//! The large buffers of this process: the one depot, who uses it, and when it is looked through.

use super::Idle;
use super::depot::Depot;
use crate::exec::{Clock, MonotonicClock};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Idle bytes that are kept unless the application says otherwise: sixteen pictures of 4K with four bytes per pixel.
const BUDGET_DEFAULT: usize = 512 << 20;
/// How long nobody needs a buffer until it is freed, at least; at most it is twice as long.
const WINDOW: Duration = Duration::from_secs(5);

pub(super) static DEPOT: Depot<Idle> = Depot::new(BUDGET_DEFAULT);
/// One clock for the watches of all sessions, which may have clocks of their own.
static CLOCK: LazyLock<MonotonicClock> = LazyLock::new(MonotonicClock::new);
/// When the depot is looked through next.
static DUE_NS: AtomicI64 = AtomicI64::new(0);

/// What the pool of this process has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct BufferStats {
    /// Buffers above 16 KiB that nobody holds, kept for who asks next.
    pub large_idle: usize,
    /// Their bytes.
    pub large_idle_bytes: usize,
    /// Bytes of all buffers above 16 KiB that somebody holds or that are kept; of those up to 64 MiB.
    pub large_bytes: usize,
    /// How many of them were made since the process began; it stands still while buffers are only used again.
    pub large_made: u64,
}

/// What the pool of this process has now.
#[must_use]
pub fn buffer_stats() -> BufferStats {
    let (large_idle, large_idle_bytes) = DEPOT.idle();
    BufferStats { large_idle, large_idle_bytes, large_bytes: DEPOT.bytes(), large_made: DEPOT.count() }
}

/// Sets how many bytes of idle buffers above 16 KiB this process keeps at most; 512 MiB unless it is set.
///
/// It keeps no more than was in use at once in the last seconds, and nothing when the last instance of a plugin has ended.
/// With 0 every such buffer is allocated and freed. Never blocks; what is idle beyond the new budget is freed here.
pub fn set_buffer_budget(bytes: usize) {
    DEPOT.set_budget(bytes);
}

/// Frees idle buffers above 16 KiB now, for an application that is short of memory. Never blocks.
pub fn trim_buffers() {
    DEPOT.clear();
}

/// Frees what nobody needed lately. The watches of all sessions call it about once a second; it does something once in
/// a [`WINDOW`]. Never blocks; takes as long as freeing takes.
pub(in crate::plugin) fn upkeep() {
    let (now_ns, due_ns) = (CLOCK.now_ns(), DUE_NS.load(Ordering::Relaxed));
    let next_ns = now_ns.saturating_add(i64::try_from(WINDOW.as_nanos()).unwrap_or(i64::MAX));
    if now_ns >= due_ns && DUE_NS.compare_exchange(due_ns, next_ns, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        DEPOT.turn_over();
    }
}

/// Somebody who may need large buffers, as long as it lives.
#[derive(Debug)]
pub(in crate::plugin) struct User(());

impl User {
    /// One more.
    pub(in crate::plugin) fn new() -> Self {
        DEPOT.enter();
        Self(())
    }
}

impl Drop for User {
    fn drop(&mut self) {
        DEPOT.leave();
    }
}
