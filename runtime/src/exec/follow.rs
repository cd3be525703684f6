//! Follows packets through the nodes for the latency ledger, where a session asks for that.

use crate::exec::clock::CallTimer;
use crate::exec::counters::NodeCounters;
use crate::telemetry::ledger::{HopId, Ledger, Taken};
use graphmill_abi::Packet;
use std::sync::Arc;

/// The ledger as one node writes to it.
#[derive(Debug, Clone)]
pub(crate) struct Follower {
    ledger: Arc<Ledger>,
    timer: CallTimer,
    /// The reading at which the time of the ledger begins.
    origin: u64,
    /// Number of the node in the ledger.
    node: usize,
    /// Whether packets begin their way here.
    is_source: bool,
}

impl Follower {
    pub(crate) fn new(ledger: Arc<Ledger>, (timer, origin): (CallTimer, u64), node: usize, is_source: bool) -> Self {
        Self { ledger, timer, origin, node, is_source }
    }

    /// Marks a packet that leaves the node, if it is followed: it continues the one that the call is for, or it is one
    /// of those of a source whose turn it is.
    pub(crate) fn emits(&self, cause: Option<Taken>, packet: &mut Packet) -> Option<HopId> {
        if cause.is_none() && !(self.is_source && self.ledger.follows_next()) {
            return None;
        }
        let hop = self.ledger.emitted(self.node, cause, self.ns(self.timer.now()));
        packet.set_host_private(hop.word());
        Some(hop)
    }

    /// Notes that the packet of a hop is on its links.
    pub(crate) fn sent(&self, hop: HopId) {
        self.ledger.sent(hop, self.ns(self.timer.now()));
    }

    /// Notes that the call for a packet begins, if it is followed: the cause of what the call emits.
    pub(crate) fn takes(&self, word: u64, link: usize, begun: u64, counters: &NodeCounters) -> Option<Taken> {
        let (taken, waited_ns) = self.ledger.taken(HopId::in_word(word)?, link, self.ns(begun));
        if let Some(waited_ns) = waited_ns {
            counters.queue_wait.record(waited_ns);
        }
        Some(taken)
    }

    /// Notes that the call for a packet has ended, and whether it goes no further.
    pub(crate) fn call_ended(&self, taken: Taken, ended: u64, is_last: bool) {
        let ended_ns = self.ns(ended);
        self.ledger.call_ended(taken, self.node, ended_ns);
        if is_last {
            self.ledger.finished(taken, self.node, ended_ns);
        }
    }

    /// The time of a reading, which a session that only counts does not take.
    fn ns(&self, reading: u64) -> u64 {
        let reading = if reading == CallTimer::NEVER { self.timer.now() } else { reading };
        self.timer.between_ns([self.origin, reading])
    }
}
