//! What a link counts.

use crate::telemetry::counter::Counter;

/// Why a link dropped a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum DropReason {
    /// The link was full and drops its oldest packet.
    Oldest,
    /// The link was full and drops the packet that came.
    Newest,
    /// No room within the send timeout, or a full link whose policy is to fail.
    Full,
    /// The packet was not of the link's format.
    Format,
    /// The consumer had ended or failed.
    Closed,
    /// The session stopped before the consumer came to it.
    Stopped,
}

impl DropReason {
    /// Every reason, in the order of the reports.
    pub(crate) const ALL: [Self; 6] =
        [Self::Oldest, Self::Newest, Self::Full, Self::Format, Self::Closed, Self::Stopped];

    /// The word for reports and metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Oldest => "drop-oldest",
            Self::Newest => "drop-newest",
            Self::Full => "full",
            Self::Format => "format",
            Self::Closed => "closed",
            Self::Stopped => "stopped",
        }
    }
}

/// Counters of one link.
#[derive(Debug)]
pub(crate) struct LinkCounters {
    capacity: usize,
    delivered: Counter,
    deepest: Counter,
    dropped: [Counter; DropReason::ALL.len()],
}

impl LinkCounters {
    /// Zero everywhere.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            delivered: Counter::default(),
            deepest: Counter::default(),
            dropped: std::array::from_fn(|_| Counter::default()),
        }
    }

    /// Packets that the link holds.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Counts packets that the consumer took. Only the consumer calls it.
    pub(crate) fn add_delivered(&self, count: usize) {
        self.delivered.add(count as u64);
    }

    /// Packets that the consumer took.
    pub(crate) fn delivered(&self) -> u64 {
        self.delivered.value()
    }

    /// Notes how many packets waited when the consumer looked. Only the consumer calls it.
    pub(crate) fn saw_depth(&self, depth: usize) {
        self.deepest.raise_to(depth as u64);
    }

    /// The most packets that waited when the consumer looked.
    pub(crate) fn deepest(&self) -> u64 {
        self.deepest.value()
    }

    /// Counts a packet that is lost.
    pub(crate) fn dropped(&self, reason: DropReason) {
        self.add_dropped(reason, 1);
    }

    /// Counts packets that are lost.
    pub(crate) fn add_dropped(&self, reason: DropReason, count: usize) {
        if let Some(counter) = self.dropped.get(reason as usize) {
            counter.add_shared(count as u64);
        }
    }

    /// Packets lost for a reason.
    pub(crate) fn dropped_for(&self, reason: DropReason) -> u64 {
        self.dropped.get(reason as usize).map_or(0, Counter::value)
    }
}
