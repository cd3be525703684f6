//! Reads the numbers of a session from any thread, also after its end.

use crate::telemetry::snapshot::MetricsSnapshot;
use std::sync::Arc;

/// Where snapshots come from.
pub(crate) trait MetricsSource: Send + Sync + std::fmt::Debug {
    /// The numbers now. Touches nothing that the data path waits for.
    fn snapshot(&self) -> MetricsSnapshot;
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
