//! The links between nodes on one worker: plain queues, no atomics, no wake-up.
//!
//! A packet goes through them in its box, so that only pointers move. Boxes that are free belong to the worker, and the
//! one that was freed last is used first: a batch goes from node to node through the same few cache lines.

use crate::exec::clock::CallTimer;
use crate::exec::link::{DropReason, LinkCounters, Sent};
use crate::exec::worker::outputs::SURPLUS_MAX;
use crate::graph::WhenFull;
use graphmill_abi::Packet;
use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes after which a node lets the next one have its turn: what is on its way then stays in the second-level cache of a
/// processor if it fits in there at all, and a batch of pictures does not take the memory of thirty-two. A packet for
/// several nodes counts for each of them.
const TURN_BYTES_MAX: u64 = 512 << 10;

/// The links between the nodes of one worker, and the boxes that none of them uses now.
#[derive(Debug, Default)]
pub(crate) struct Locals {
    links: Vec<LocalLink>,
    spares: Spares,
    /// Positions of the links onto which the call that is under way has put packets.
    unstamped: Vec<usize>,
    /// Bytes of the packets that were put onto links in the turn that is under way.
    turn_bytes: u64,
}

impl Locals {
    /// Adds a link; returns its position.
    pub(crate) fn add(&mut self, link: LocalLink) -> usize {
        self.links.push(link);
        // A call that reaches all of them allocates nothing.
        self.unstamped.reserve(self.links.len());
        self.links.len() - 1
    }

    /// The same links, empty.
    pub(crate) fn replica(&self) -> Self {
        let mut replica = Self::default();
        for link in &self.links {
            replica.add(link.replica());
        }
        replica
    }

    /// The link at a position.
    pub(crate) fn get(&self, at: usize) -> Option<&LocalLink> {
        self.links.get(at)
    }

    /// The link at a position, to change it.
    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut LocalLink> {
        self.links.get_mut(at)
    }

    /// Every link.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &LocalLink> {
        self.links.iter()
    }

    /// Sends a packet over the link at a position: what became of it, and what that link does when it is full.
    #[inline(always)]
    pub(crate) fn send(&mut self, at: usize, packet: &mut Box<Packet>, may_wait: bool) -> Option<(Sent, WhenFull)> {
        let link = self.links.get_mut(at)?;
        let (unstamped, bytes) = (link.unstamped, packet.byte_len());
        let sent = link.send(packet, may_wait, &mut self.spares);
        if link.unstamped > unstamped {
            self.turn_bytes += bytes;
            if unstamped == 0 {
                self.unstamped.push(at);
            }
        }
        Some((sent, link.when_full))
    }

    /// Gives the packets that a call put onto links the time of its end; before that nobody could take them.
    #[inline(always)]
    pub(crate) fn stamp(&mut self, ended: u64) {
        while let Some(at) = self.unstamped.pop() {
            self.links.get_mut(at).into_iter().for_each(|link| link.stamp(ended));
        }
    }

    /// The turn of a node begins.
    pub(crate) fn begin_turn(&mut self) {
        self.turn_bytes = 0;
    }

    /// Whether a node has given so many bytes in its turn that the next one should take them first.
    fn has_given_enough(&self) -> bool {
        self.turn_bytes >= TURN_BYTES_MAX
    }

    /// Whether there may be a call in this turn after `count` calls for the same link, or after so many ticks. Each link
    /// gets one at least, or a busy one would leave nothing for those after it, turn for turn.
    #[inline]
    pub(crate) fn may_follow(&self, count: usize) -> bool {
        count == 0 || !self.has_given_enough()
    }

    /// An empty packet, to be given back with [`Locals::keep`].
    pub(crate) fn spare(&mut self) -> Box<Packet> {
        self.spares.empty()
    }

    /// Takes back a box that is not used any more.
    pub(crate) fn keep(&mut self, packet: Box<Packet>) {
        self.spares.keep(packet);
    }

    /// Takes the next packet of the link at a position in exchange for a box without content.
    #[inline(always)]
    pub(crate) fn take(&mut self, at: usize, packet: &mut Box<Packet>) -> bool {
        let Some(next) = self.links.get_mut(at).and_then(LocalLink::take) else { return false };
        self.spares.keep(std::mem::replace(packet, next));
        true
    }
}

/// Boxes that are free: as many as the worker ever needed more than now, which its links bound.
#[derive(Debug, Default)]
#[expect(clippy::vec_box, reason = "what goes around is the boxes")]
struct Spares(Vec<Box<Packet>>);

impl Spares {
    /// An empty packet. Allocates only while there were never as many in use.
    #[inline]
    fn empty(&mut self) -> Box<Packet> {
        self.0.pop().unwrap_or_default()
    }

    #[inline]
    fn keep(&mut self, mut packet: Box<Packet>) {
        packet.clear();
        self.0.push(packet);
    }
}

/// The queue of a link whose two nodes share a worker.
#[derive(Debug)]
pub(crate) struct LocalLink {
    pub(crate) name: String,
    pub(crate) when_full: WhenFull,
    queue: VecDeque<Box<Packet>>,
    /// The newest packets of the queue, put there by the call that is under way.
    unstamped: usize,
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
            unstamped: 0,
            is_ended: false,
            is_closed: false,
            counters: Arc::new(LinkCounters::new(capacity)),
        }
    }

    /// The same link, empty: what was in it cannot be reached any more.
    fn replica(&self) -> Self {
        Self { counters: self.counters.clone(), ..Self::new(self.name.clone(), self.capacity(), self.when_full) }
    }

    fn capacity(&self) -> usize {
        self.counters.capacity()
    }

    /// Sends a packet. A blocking link takes more than its capacity for the rest of the call, because nobody could
    /// make room meanwhile; the producer is not called again before there is room.
    #[inline(always)]
    fn send(&mut self, packet: &mut Box<Packet>, may_wait: bool, spares: &mut Spares) -> Sent {
        if self.queue.len() < self.capacity() && !self.is_closed {
            self.put(packet, spares);
            return Sent::Queued;
        }
        self.send_without_room(packet, may_wait, spares)
    }

    #[cold]
    fn send_without_room(&mut self, packet: &mut Box<Packet>, may_wait: bool, spares: &mut Spares) -> Sent {
        if self.is_closed {
            packet.clear();
            self.counters.dropped(DropReason::Closed);
            return Sent::Dropped;
        }
        match self.when_full {
            WhenFull::DropOldest => {
                if let Some(oldest) = self.queue.pop_front() {
                    spares.keep(oldest);
                }
                self.counters.dropped(DropReason::Oldest);
                self.put(packet, spares);
                Sent::Dropped
            }
            WhenFull::DropNewest => {
                packet.clear();
                self.counters.dropped(DropReason::Newest);
                Sent::Dropped
            }
            WhenFull::Block if may_wait && self.queue.len() < self.capacity() + SURPLUS_MAX => {
                self.put(packet, spares);
                Sent::Queued
            }
            WhenFull::Block | WhenFull::Fail => Sent::Full,
        }
    }

    #[inline(always)]
    fn put(&mut self, packet: &mut Box<Packet>, spares: &mut Spares) {
        self.unstamped += 1;
        self.queue.push_back(std::mem::replace(packet, spares.empty()));
        self.counters.set_waiting(self.queue.len());
    }

    #[inline(always)]
    fn stamp(&mut self, ended: u64) {
        match std::mem::take(&mut self.unstamped) {
            0 => {}
            1 => self.queue.back_mut().into_iter().for_each(|packet| stamp(packet, ended)),
            more => self.queue.iter_mut().rev().take(more).for_each(|packet| stamp(packet, ended)),
        }
    }

    pub(crate) fn room(&self) -> usize {
        if self.is_closed { usize::MAX } else { self.capacity().saturating_sub(self.queue.len()) }
    }

    #[inline]
    fn take(&mut self) -> Option<Box<Packet>> {
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

/// Packets that are followed have another mark.
#[inline]
fn stamp(packet: &mut Packet, ended: u64) {
    if packet.host_private() == CallTimer::NEVER {
        packet.set_host_private(ended);
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    fn locals(capacity: usize) -> Locals {
        let mut locals = Locals::default();
        assert_eq!(locals.add(LocalLink::new("a -> b".to_string(), capacity, WhenFull::Block)), 0);
        locals
    }

    fn packet(seq: u64) -> Box<Packet> {
        let mut packet = Packet::from_text("x").unwrap();
        packet.set_seq(seq);
        Box::new(packet)
    }

    #[test]
    fn packets_of_a_call_get_the_time_of_its_end_and_marks_stay() {
        let (mut locals, mut taken) = (locals(8), Box::default());
        locals.send(0, &mut packet(0), true);
        locals.stamp(10);
        for seq in 1..4 {
            let mut packet = packet(seq);
            packet.set_host_private(if seq == 2 { 99 } else { CallTimer::NEVER });
            locals.send(0, &mut packet, true);
        }
        locals.stamp(20);
        let words = std::iter::from_fn(|| locals.take(0, &mut taken).then(|| taken.host_private()));
        assert_eq!(words.collect::<Vec<_>>(), [10, 20, 99, 20]);
    }

    #[test]
    fn call_stamps_every_link_that_it_reached_and_no_other() {
        let (mut locals, mut taken) = (locals(8), Box::default());
        (1..3).for_each(|at| assert_eq!(locals.add(LocalLink::new(at.to_string(), 1, WhenFull::DropNewest)), at));
        for at in [0, 1, 0, 1] {
            locals.send(at, &mut packet(0), true);
        }
        locals.stamp(10);
        locals.send(2, &mut packet(0), true);
        locals.stamp(20);
        let mut words =
            |at| std::iter::from_fn(|| locals.take(at, &mut taken).then(|| taken.host_private())).collect::<Vec<_>>();
        assert_eq!([words(0), words(1), words(2)], [vec![10, 10], vec![10], vec![20]]);
    }

    #[test]
    fn turn_is_over_when_enough_bytes_are_on_links_and_not_for_those_that_are_refused() {
        let mut locals = Locals::default();
        locals.add(LocalLink::new("a -> b".to_string(), 1, WhenFull::DropNewest));
        let text = "x".repeat(usize::try_from(TURN_BYTES_MAX / 2).unwrap());
        let half = || Packet::from_text(&text).map(Box::new).unwrap();
        for _ in 0..3 {
            locals.send(0, &mut half(), true);
            assert!(!locals.has_given_enough(), "one is on its way, the others are dropped");
        }
        assert!(locals.take(0, &mut Box::default()));
        locals.send(0, &mut half(), true);
        assert!(locals.has_given_enough());
        locals.begin_turn();
        assert!(!locals.has_given_enough());
    }

    #[test]
    fn boxes_go_around_so_that_a_full_link_needs_no_further_one() {
        let (mut locals, mut on_its_way, mut taken) = (locals(2), packet(0), Box::default());
        let mut places = Vec::new();
        for seq in 0..20 {
            *on_its_way = *packet(seq);
            assert!(matches!(locals.send(0, &mut on_its_way, true), Some((Sent::Queued, _))));
            assert!(on_its_way.is_empty(), "what is left is an empty packet");
            assert!(locals.take(0, &mut taken) && taken.seq() == seq && taken.as_text() == Some("x"));
            places.push(std::ptr::from_ref::<Packet>(&taken));
        }
        places.sort_unstable();
        places.dedup();
        assert!(places.len() <= 3, "one on its way, one on the link, one at the node: {}", places.len());
    }
}
