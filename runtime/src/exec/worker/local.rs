//! A link between two nodes on one worker: a plain queue, no atomics, no wake-up.

use crate::exec::link::{DropReason, LinkCounters, Sent};
use crate::exec::worker::outputs::SURPLUS_MAX;
use crate::graph::WhenFull;
use graphmill_abi::Packet;
use std::collections::VecDeque;
use std::sync::Arc;

/// The queue of a link whose two nodes share a worker.
#[derive(Debug)]
pub(crate) struct LocalLink {
    pub(crate) name: String,
    pub(crate) when_full: WhenFull,
    queue: VecDeque<Packet>,
    is_ended: bool,
    is_closed: bool,
    pub(crate) counters: Arc<LinkCounters>,
}

impl LocalLink {
    pub(crate) fn new(name: String, capacity: usize, when_full: WhenFull) -> Self {
        Self {
            name,
            when_full,
            queue: VecDeque::with_capacity(capacity),
            is_ended: false,
            is_closed: false,
            counters: Arc::new(LinkCounters::new(capacity)),
        }
    }

    /// The same link, empty: what was in it cannot be reached any more.
    pub(crate) fn replica(&self) -> Self {
        Self { counters: self.counters.clone(), ..Self::new(self.name.clone(), self.capacity(), self.when_full) }
    }

    fn capacity(&self) -> usize {
        self.counters.capacity()
    }

    /// Sends a packet. A blocking link takes more than its capacity for the rest of the call, because nobody could
    /// make room meanwhile; the producer is not called again before there is room.
    pub(crate) fn send(&mut self, packet: &mut Packet, may_wait: bool) -> Sent {
        if self.is_closed {
            drop(packet.take());
            self.counters.dropped(DropReason::Closed);
            return Sent::Dropped;
        }
        if self.queue.len() < self.capacity() {
            self.put(packet);
            return Sent::Queued;
        }
        match self.when_full {
            WhenFull::DropOldest => {
                drop(self.queue.pop_front());
                self.counters.dropped(DropReason::Oldest);
                self.put(packet);
                Sent::Dropped
            }
            WhenFull::DropNewest => {
                drop(packet.take());
                self.counters.dropped(DropReason::Newest);
                Sent::Dropped
            }
            WhenFull::Block if may_wait && self.queue.len() < self.capacity() + SURPLUS_MAX => {
                self.put(packet);
                Sent::Queued
            }
            WhenFull::Block | WhenFull::Fail => Sent::Full,
        }
    }

    fn put(&mut self, packet: &mut Packet) {
        self.queue.push_back(packet.take());
        self.counters.set_waiting(self.queue.len());
    }

    pub(crate) fn room(&self) -> usize {
        if self.is_closed { usize::MAX } else { self.capacity().saturating_sub(self.queue.len()) }
    }

    pub(crate) fn take(&mut self) -> Option<Packet> {
        let packet = self.queue.pop_front()?;
        self.counters.packet_delivered();
        self.counters.set_waiting(self.queue.len());
        Some(packet)
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn end(&mut self) {
        self.is_ended = true;
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.is_ended && self.queue.is_empty()
    }

    /// Takes no more; what waits is dropped and counted.
    pub(crate) fn close(&mut self, reason: DropReason) {
        self.is_closed = true;
        self.counters.add_dropped(reason, self.queue.len());
        self.queue.clear();
        self.counters.set_waiting(0);
    }
}
