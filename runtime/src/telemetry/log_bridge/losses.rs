//! What was lost of the records of plugins: every loss is counted, and once a minute somebody is told.

use super::TARGET;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Instant;

/// Losses are warned about once in this time; the counters know all of them.
const WARN_INTERVAL_MS: i64 = 60_000;

/// What can be lost of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Bytes that are not UTF-8 were replaced.
    Replaced,
    /// The end of a text was cut off, or some of the fields.
    Cut,
    /// The record or one of its texts could not be read at all.
    Unreadable,
    /// The record came too soon after too many others.
    Suppressed,
    /// There was no room for another place; its records go to a common target.
    Folded,
}

/// Losses of this process; they only go up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct LogLosses {
    pub(crate) replaced: u64,
    pub(crate) cut: u64,
    pub(crate) unreadable: u64,
    pub(crate) suppressed: u64,
    pub(crate) folded: u64,
}

/// By the number of the loss.
static COUNTS: [AtomicU64; 5] = [const { AtomicU64::new(0) }; 5];

/// What was lost of the records of plugins so far.
pub(crate) fn losses() -> LogLosses {
    let [replaced, cut, unreadable, suppressed, folded] = COUNTS.each_ref().map(|count| count.load(Ordering::Relaxed));
    LogLosses { replaced, cut, unreadable, suppressed, folded }
}

/// Counts a loss, and warns about losses once a minute.
pub(crate) fn count(loss: Loss) {
    if let Some(count) = COUNTS.get(loss as usize) {
        count.fetch_add(1, Ordering::Relaxed);
    }
    if is_time_to_warn() {
        let LogLosses { replaced, cut, unreadable, suppressed, folded } = losses();
        tracing::warn!(
            target: TARGET, replaced, cut, unreadable, suppressed, folded, "records of plugins were damaged or dropped"
        );
    }
}

fn is_time_to_warn() -> bool {
    static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    static LAST_MS: AtomicI64 = AtomicI64::new(-WARN_INTERVAL_MS);
    let now_ms = i64::try_from(ORIGIN.elapsed().as_millis()).unwrap_or(i64::MAX);
    let last_ms = LAST_MS.load(Ordering::Relaxed);
    let is_due = now_ms.saturating_sub(last_ms) >= WARN_INTERVAL_MS;
    is_due && LAST_MS.compare_exchange(last_ms, now_ms, Ordering::Relaxed, Ordering::Relaxed).is_ok()
}
