//! A bounded connection between two threads.
//!
//! One side sends, one side takes. The queue is a lock-free ring; a thread that finds it full or empty sleeps at its
//! own doorbell. A producer that was held up goes on when half of the queue is free, so that two threads of different
//! speed wake each other once per half queue and not once per packet.
//!
//! A packet goes over in its box, so that two pointers move and not twice 256 bytes: the consumer gives an empty box back
//! for each that it takes, and the producer uses these. Boxes are made as they are first needed.
//!
//! Nothing is lost without a count: [`LinkCounters`] says how many packets were taken out and how many were dropped
//! for which reason.

mod counters;
mod hold;
#[cfg(loom)]
mod ring;

pub(crate) use counters::{DropReason, LinkCounters};

use crate::exec::clock::CallTimer;
use crate::exec::doorbell::Doorbell;
use crate::exec::sys::{AtomicBool, Ordering};
use crate::graph::WhenFull;
use crossbeam_queue::ArrayQueue;
#[cfg(not(loom))]
use crossbeam_queue::ArrayQueue as Ring;
use graphmill_abi::Packet;
use hold::Hold;
#[cfg(loom)]
use ring::Ring;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A bounded queue between a producer and a consumer on different threads.
#[derive(Debug)]
pub(crate) struct Link {
    name: String,
    when_full: WhenFull,
    ring: Ring<Box<Packet>>,
    /// Boxes without content, on their way back to the producer.
    empties: ArrayQueue<Box<Packet>>,
    /// The producer has given its last packet.
    is_ended: AtomicBool,
    /// The consumer takes no more.
    is_closed: AtomicBool,
    /// Whether the producer waits for room.
    hold: Hold,
    producer: Arc<Doorbell>,
    consumer: Arc<Doorbell>,
    pub(crate) counters: Arc<LinkCounters>,
}

/// What a producer does after it has sent a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follows {
    /// Something that may take any time.
    Nothing,
    /// Another call of the node, for a packet that waits already.
    Call,
}

/// What became of a packet that was sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It is on its way.
    Queued,
    /// The link dropped it, or an older one for it, and counted that.
    Dropped,
    /// There is no room and the caller has it still.
    Full,
}

impl Link {
    /// A link of `capacity` packets; its two ends sleep at these bells.
    pub(crate) fn new(
        name: String,
        capacity: usize,
        when_full: WhenFull,
        [producer, consumer]: [Arc<Doorbell>; 2],
    ) -> Self {
        Self {
            name,
            when_full,
            ring: Ring::new(capacity.max(1)),
            // One more is in the consumer's hand while the producer holds another.
            empties: ArrayQueue::new(capacity.max(1) + 2),
            is_ended: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
            hold: Hold::default(),
            producer,
            consumer,
            counters: Arc::new(LinkCounters::new(capacity.max(1))),
        }
    }

    /// The link as a person writes it: `mic.out -> denoise.in`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What a full link does.
    pub(crate) fn when_full(&self) -> WhenFull {
        self.when_full
    }

    /// [producer] Sends a packet without waiting.
    pub(crate) fn try_send(&self, packet: &mut Box<Packet>) -> Sent {
        self.try_send_one(packet, Follows::Nothing)
    }

    /// [producer] Sends a packet without waiting; what follows decides whether a nap of the consumer is disturbed.
    pub(crate) fn try_send_one(&self, packet: &mut Box<Packet>, follows: Follows) -> Sent {
        if self.is_closed.load(Ordering::Acquire) {
            packet.clear();
            self.counters.dropped(DropReason::Closed);
            return Sent::Dropped;
        }
        let full = std::mem::replace(packet, self.empties.pop().unwrap_or_default());
        let sent = match self.when_full {
            WhenFull::DropOldest => match self.ring.force_push(full) {
                None => Sent::Queued,
                Some(oldest) => {
                    self.give_back(oldest);
                    self.counters.dropped(DropReason::Oldest);
                    Sent::Dropped
                }
            },
            WhenFull::Block | WhenFull::Fail | WhenFull::DropNewest => match self.ring.push(full) {
                Ok(()) => Sent::Queued,
                Err(back) => return self.found_full(packet, back),
            },
        };
        match follows {
            Follows::Nothing => self.consumer.ring(),
            // A link that fills up would hold the producer up.
            Follows::Call => self.consumer.ring_or_let_nap(|| self.has(self.ring.capacity())),
        }
        sent
    }

    #[cold]
    fn found_full(&self, packet: &mut Box<Packet>, back: Box<Packet>) -> Sent {
        self.give_back(std::mem::replace(packet, back));
        if self.when_full != WhenFull::DropNewest {
            return Sent::Full;
        }
        packet.clear();
        self.counters.dropped(DropReason::Newest);
        Sent::Dropped
    }

    /// Lets the producer use a box again; one that there is no place for is freed.
    fn give_back(&self, mut packet: Box<Packet>) {
        packet.clear();
        drop(self.empties.push(packet));
    }

    /// [producer] Sends a packet and waits for room as long as the consumer takes something within `timeout`.
    ///
    /// The packet gets the time at which it is on the link. Returns how long nothing moved when that was too long; the
    /// packet is then still the caller's.
    pub(crate) fn send(
        &self,
        packet: &mut Box<Packet>,
        timeout: Duration,
        stop: &AtomicBool,
        timer: &CallTimer,
    ) -> Result<(), SendError> {
        if self.try_send(packet) != Sent::Full {
            return Ok(());
        }
        let mut taken = self.counters.delivered();
        let mut since = Instant::now();
        loop {
            let is_ready = |_| {
                self.hold_producer();
                !self.is_holding() || stop.load(Ordering::Acquire)
            };
            self.producer.sleep_unless(is_ready, timeout.saturating_sub(since.elapsed()));
            if stop.load(Ordering::Acquire) {
                return Err(SendError::Stopped);
            }
            timer.stamp(packet);
            if !self.is_holding() && self.try_send(packet) != Sent::Full {
                return Ok(());
            }
            let waited = since.elapsed();
            if self.counters.delivered() != taken {
                taken = self.counters.delivered();
                since = Instant::now();
            } else if waited >= timeout {
                // There may be some room that the hysteresis would not use.
                return match self.try_send(packet) {
                    Sent::Full => Err(SendError::TimedOut(waited)),
                    Sent::Queued | Sent::Dropped => Ok(()),
                };
            }
        }
    }

    /// [producer] Packets that can be sent before the link is full.
    pub(crate) fn room(&self) -> usize {
        if self.is_closed.load(Ordering::Relaxed) {
            return self.ring.capacity();
        }
        self.ring.capacity() - self.ring.len().min(self.ring.capacity())
    }

    /// [producer] Asks to be woken when half of the queue is free. Look at [`Link::is_holding`] after it, before sleeping.
    pub(crate) fn hold_producer(&self) {
        self.hold.announce();
    }

    /// [producer] Whether a producer that was held up still has to wait.
    pub(crate) fn is_holding(&self) -> bool {
        self.room() < self.ring.capacity().div_ceil(2)
    }

    /// [producer] There will be no further packet.
    pub(crate) fn end(&self) {
        self.is_ended.store(true, Ordering::Release);
        self.consumer.ring();
    }

    /// [consumer] Takes the next packet in exchange for a box without content; whether there was one.
    pub(crate) fn take(&self, packet: &mut Box<Packet>) -> bool {
        let Some(next) = self.ring.pop() else { return false };
        self.counters.packet_delivered();
        self.give_back(std::mem::replace(packet, next));
        true
    }

    /// [consumer] Packets that wait.
    pub(crate) fn len(&self) -> usize {
        self.ring.len()
    }

    /// [consumer] Whether so many packets wait, or half of the queue.
    pub(crate) fn has(&self, wanted: usize) -> bool {
        self.ring.len() >= wanted.min(self.ring.capacity().div_ceil(2))
    }

    /// [consumer] Whether the producer has ended and everything was taken.
    pub(crate) fn is_finished(&self) -> bool {
        // The order matters: what was sent before the end is visible once the end is.
        self.is_ended.load(Ordering::Acquire) && self.ring.is_empty()
    }

    /// [consumer] After a batch: lets a held producer go on when half of the queue is free.
    pub(crate) fn let_producer_go(&self) {
        if self.hold.answer(|| !self.is_holding()) {
            self.producer.ring();
        }
    }

    /// Whether the consumer takes no more.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// [consumer] Takes no more: what waits and what still comes is dropped and counted.
    pub(crate) fn close(&self, reason: DropReason) {
        self.is_closed.store(true, Ordering::Release);
        while self.ring.pop().is_some() {
            self.counters.dropped(reason);
        }
        self.producer.ring();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // What a late producer put in after the consumer had closed.
        while self.ring.pop().is_some() {
            self.counters.dropped(DropReason::Closed);
        }
    }
}

/// Why a packet could not be sent; the caller has it still.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SendError {
    /// The consumer took nothing for this long.
    TimedOut(Duration),
    /// The session is stopping at once.
    Stopped,
}

#[cfg(test)]
#[cfg(loom)]
mod models;
#[cfg(test)]
#[cfg(not(loom))]
mod tests;
