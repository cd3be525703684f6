//! What the host gave up rather than endanger the application; every loss has a counter.

use crate::telemetry::log_bridge;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of this process; they only go up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct HostStats {
    /// Instances that were not destroyed, because they came with an error or their owner thread was gone.
    pub instances_leaked: u64,
    /// Values of resources that were not destroyed, because they came with an error or are no buffer.
    pub resources_leaked: u64,
    /// Buffers and resources of plugins that were not released, because the system had no thread for it.
    pub buffers_leaked: u64,
    /// Calls of the host's services that were refused because they came from a thread that may not make them.
    pub calls_refused_thread: u64,
    /// Calls of the host's services that were refused because they came in a state in which they are not allowed.
    pub calls_refused_state: u64,
    /// Calls of the host's services that were refused because of what they asked for.
    pub calls_refused_argument: u64,
    /// Packets, among them, that were refused because their header, planes or buffers are impossible.
    pub packets_refused: u64,
    /// Panics of the host that were contained while a plugin called it.
    pub host_panics: u64,
    /// Texts of records in which bytes were replaced that are not UTF-8.
    pub log_texts_replaced: u64,
    /// Texts of records whose end was cut off, and records of which fields were left out.
    pub log_texts_cut: u64,
    /// Records, or texts in them, that could not be read at all.
    pub log_records_unreadable: u64,
    /// Records that were dropped because their node wrote too many in a second.
    pub log_records_suppressed: u64,
    /// Times that a place which logs found no room for a target of its own.
    pub log_sites_folded: u64,
}

/// A count with many writers, for rare events.
#[derive(Debug)]
pub(super) struct SharedCounter(AtomicU64);

impl SharedCounter {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub(super) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

pub(super) static INSTANCES_LEAKED: SharedCounter = SharedCounter::new();
pub(super) static RESOURCES_LEAKED: SharedCounter = SharedCounter::new();
pub(super) static BUFFERS_LEAKED: SharedCounter = SharedCounter::new();
pub(super) static CALLS_REFUSED_THREAD: SharedCounter = SharedCounter::new();
pub(super) static CALLS_REFUSED_STATE: SharedCounter = SharedCounter::new();
pub(super) static CALLS_REFUSED_ARGUMENT: SharedCounter = SharedCounter::new();
pub(super) static PACKETS_REFUSED: SharedCounter = SharedCounter::new();
pub(super) static HOST_PANICS: SharedCounter = SharedCounter::new();

/// What the host gave up so far in this process.
#[must_use]
pub fn host_stats() -> HostStats {
    let losses = log_bridge::losses();
    HostStats {
        instances_leaked: INSTANCES_LEAKED.value(),
        resources_leaked: RESOURCES_LEAKED.value(),
        buffers_leaked: BUFFERS_LEAKED.value(),
        calls_refused_thread: CALLS_REFUSED_THREAD.value(),
        calls_refused_state: CALLS_REFUSED_STATE.value(),
        calls_refused_argument: CALLS_REFUSED_ARGUMENT.value(),
        packets_refused: PACKETS_REFUSED.value(),
        host_panics: HOST_PANICS.value(),
        log_texts_replaced: losses.replaced,
        log_texts_cut: losses.cut,
        log_records_unreadable: losses.unreadable,
        log_records_suppressed: losses.suppressed,
        log_sites_folded: losses.folded,
    }
}
