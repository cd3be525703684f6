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
    /// Packets in a local queue, or beside a full link: for the case that nobody can reach them any more.
    waiting: Counter,
    delivered: Counter,
    deepest: Counter,
    dropped: [Counter; DropReason::ALL.len()],
}

impl LinkCounters {
    /// Zero everywhere.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            waiting: Counter::default(),
            delivered: Counter::default(),
            deepest: Counter::default(),
            dropped: std::array::from_fn(|_| Counter::default()),
        }
    }

    /// Packets that the link holds.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Counts a packet that the consumer took. Only the consumer calls it.
    pub(crate) fn packet_delivered(&self) {
        self.delivered.increment();
    }

    /// Notes how many packets are in a local queue. Only its worker calls it.
    pub(crate) fn set_waiting(&self, count: usize) {
        self.waiting.set(count as u64);
    }

    /// Packets in a local queue, or beside a full link to another thread.
    pub(crate) fn waiting(&self) -> u64 {
        self.waiting.value()
    }

    /// Counts as lost what is in a local queue that nobody can reach any more.
    pub(crate) fn lose_waiting(&self) {
        self.add_dropped(DropReason::Closed, usize::try_from(self.waiting.value()).unwrap_or(usize::MAX));
        self.waiting.set(0);
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
