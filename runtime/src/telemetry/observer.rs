//! Reads the numbers of a session from any thread, also after its end.

use crate::telemetry::snapshot::MetricsSnapshot;
use std::sync::Arc;

/// Where snapshots come from.
pub(crate) trait MetricsSource: Send + Sync + std::fmt::Debug {
    /// The numbers now. Touches nothing that the data path waits for.
    fn snapshot(&self) -> MetricsSnapshot;
}

/// What is loaded once for several sessions, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ResourceFigures {
    /// Questions that were answered at once.
    pub hits: u64,
    /// All other questions.
    pub misses: u64,
    /// Loads that were begun.
    pub loads: u64,
    /// Loads that gave nothing.
    pub load_failures: u64,
    /// Entries that made room for others.
    pub evictions: u64,
    /// Entries now.
    pub entries: u64,
    /// Their bytes now.
    pub bytes: u64,
}

/// Where the figures of what is loaded once come from.
pub trait ResourceGauge: Send + Sync + std::fmt::Debug {
    /// The figures now.
    fn figures(&self) -> ResourceFigures;
}

/// Reads the numbers of a session from any thread, also after its end. Cheap to clone.
///
/// It only reads: the session does not wait for it, and it does not keep the session running.
#[derive(Debug, Clone)]
pub struct Observer(Arc<dyn MetricsSource>);

impl Observer {
    pub(crate) fn new(source: impl MetricsSource + 'static) -> Self {
        Self(Arc::new(source))
    }

    /// The numbers now. Allocates, so it is for exporters and people, not for every packet.
    pub fn metrics(&self) -> MetricsSnapshot {
        self.0.snapshot()
    }
}
