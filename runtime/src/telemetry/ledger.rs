//! The latency ledger: where the time of a packet goes, hop by hop, from the output of its source to its sink.
//!
//! Each packet that is followed carries the number of its newest hop in the word that belongs to the host. A hop is one
//! emit: who emitted, when, and during the call for which earlier hop. What a node emits during a call is taken for the
//! continuation of the packet that it was given in that call, so a packet can be followed through nodes that make new
//! packets. When a sink is done with it, the way back from hop to hop gives the time of every stage; the three parts of
//! all stages add up to the whole, to the nanosecond.
//!
//! Hops and finished journeys are kept in two bounded rings. A packet whose hops were overwritten before it arrived is
//! counted as lost. All of this takes a lock, for the packets that are followed and for no other.

mod report;
mod spans;

pub(crate) use report::LedgerNames;
pub use report::{EndLatency, LatencyOwner, LatencyReport, LinkLatency, NodeLatency, Quantiles};
pub(crate) use spans::SpanSource;
pub use spans::{Span, SpanBatch, SpanPart, SpanReader};

use spans::{RawSpan, Spans};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Hops that are remembered: those of packets that are under way.
const HOPS_MAX: usize = 16_384;
/// Journeys from which the figures are made: the newest ones.
const JOURNEYS_MAX: usize = 4_096;
/// Stages of one journey; more of them would be a cycle.
const STAGES_MAX: usize = 256;
/// The bit that tells the number of a hop from a time in the word of a packet.
const MARK: u64 = 1 << 63;

/// The ledger of a session.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// One packet of this many is followed.
    every: u64,
    given: AtomicU64,
    book: Mutex<Book>,
}

/// A hop in the word of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HopId(u64);

/// A followed packet that a node was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    hop: HopId,
    /// Number of the link that it came over.
    link: usize,
    /// When its call began.
    begun_ns: u64,
}

#[derive(Debug, Default)]
struct Book {
    hops: Vec<Hop>,
    next: u64,
    journeys: VecDeque<Journey>,
    finished: u64,
    lost: u64,
    /// Kept once somebody reads them.
    spans: Option<Spans>,
}

#[derive(Debug, Clone, Copy)]
struct Hop {
    id: HopId,
    /// Number of the node that emitted.
    by: usize,
    /// In the call for which packet; `None` at a source.
    cause: Option<Taken>,
    /// The hop at the source of this packet.
    root: HopId,
    emitted_ns: u64,
    sent_ns: u64,
}

/// One packet that has arrived.
#[derive(Debug, Clone)]
struct Journey {
    total_ns: u64,
    /// From the sink back to the source.
    stages: Arc<[Stage]>,
}

#[derive(Debug, Clone, Copy)]
struct Stage {
    node: usize,
    /// The link that it came over; `None` at a source.
    link: Option<usize>,
    wait_ns: u64,
    service_ns: u64,
    transfer_ns: u64,
}

impl HopId {
    /// The hop in the word of a packet, if it holds one.
    pub(crate) fn in_word(word: u64) -> Option<Self> {
        (word & MARK != 0).then_some(Self(word & !MARK))
    }

    /// The word of a packet that carries this hop.
    pub(crate) fn word(self) -> u64 {
        self.0 | MARK
    }
}

impl Ledger {
    /// A ledger that follows one packet of `every`; 1 follows all of them.
    pub(crate) fn new(every: u64) -> Self {
        Self { every: every.max(1), given: AtomicU64::new(0), book: Mutex::default() }
    }

    /// Whether the next packet of a source is to be followed.
    pub(crate) fn follows_next(&self) -> bool {
        self.given.fetch_add(1, Ordering::Relaxed).is_multiple_of(self.every)
    }

    /// Notes an emit of the node with number `by`, in the call for `cause`.
    pub(crate) fn emitted(&self, by: usize, cause: Option<Taken>, now_ns: u64) -> HopId {
        let mut book = self.book();
        let id = HopId(book.next & !MARK);
        book.next = book.next.wrapping_add(1);
        let root = cause.and_then(|cause| book.hop(cause.hop)).map_or(id, |hop| hop.root);
        let hop = Hop { id, by, cause, root, emitted_ns: now_ns, sent_ns: now_ns };
        if book.hops.len() < HOPS_MAX {
            book.hops.push(hop);
        } else if let Some(oldest) = book.slot(id) {
            *oldest = hop;
        }
        id
    }

    /// Notes that the packet of a hop is on its links.
    pub(crate) fn sent(&self, id: HopId, now_ns: u64) {
        let mut book = self.book();
        let Some(hop) = book.slot(id).filter(|hop| hop.id == id) else { return };
        hop.sent_ns = now_ns;
        let hop = *hop;
        if let Some(spans) = &mut book.spans
            && hop.cause.is_none()
        {
            spans.push(RawSpan::emit(&hop));
        }
    }

    /// Notes that a packet came over a link and its call begins; gives how long it waited, too.
    pub(crate) fn taken(&self, id: HopId, link: usize, now_ns: u64) -> (Taken, Option<u64>) {
        let sent_ns = self.book().slot(id).filter(|hop| hop.id == id).map(|hop| hop.sent_ns);
        (Taken { hop: id, link, begun_ns: now_ns }, sent_ns.map(|sent_ns| now_ns.saturating_sub(sent_ns)))
    }

    /// Notes that the call for a packet has ended in the node with number `node`.
    pub(crate) fn call_ended(&self, taken: Taken, node: usize, now_ns: u64) {
        let mut book = self.book();
        let hop = book.hop(taken.hop);
        if let (Some(spans), Some(hop)) = (&mut book.spans, hop) {
            spans.push(RawSpan::wait(&hop, taken));
            spans.push(RawSpan::call(&hop, taken, node, now_ns));
        }
    }

    /// Notes that the sink with number `node` is done with a packet.
    pub(crate) fn finished(&self, taken: Taken, node: usize, now_ns: u64) {
        let mut book = self.book();
        match book.journey(taken, node, now_ns) {
            Some(journey) => {
                book.finished += 1;
                if book.journeys.len() >= JOURNEYS_MAX {
                    book.journeys.pop_front();
                }
                book.journeys.push_back(journey);
            }
            None => book.lost += 1,
        }
    }

    /// The figures of the newest packets; `names` of nodes and links by their numbers.
    pub(crate) fn report(&self, names: &LedgerNames) -> LatencyReport {
        let book = self.book();
        let journeys: Vec<Journey> = book.journeys.iter().cloned().collect();
        let (followed, lost) = (book.finished, book.lost);
        drop(book);
        LatencyReport::of(&journeys, names, [self.every, followed, lost])
    }

    /// The spans since they were taken the last time; they are kept from the first time on.
    fn take_spans(&self) -> Spans {
        let mut book = self.book();
        book.spans.replace(Spans::default()).unwrap_or_default()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// The place of a hop; another hop may stand there.
    fn slot(&mut self, id: HopId) -> Option<&mut Hop> {
        let at = usize::try_from(id.0 % HOPS_MAX as u64).ok()?;
        self.hops.get_mut(at)
    }

    fn hop(&self, id: HopId) -> Option<Hop> {
        let at = usize::try_from(id.0 % HOPS_MAX as u64).ok()?;
        self.hops.get(at).copied().filter(|hop| hop.id == id)
    }

    /// The way of a packet back from its sink; `None` when a hop of it is not remembered any more.
    fn journey(&self, taken: Taken, sink: usize, ended_ns: u64) -> Option<Journey> {
        let mut stages = Vec::new();
        let (mut node, mut taken, mut until_ns, mut transfer_ns) = (sink, taken, ended_ns, 0);
        for _ in 0..STAGES_MAX {
            let hop = self.hop(taken.hop)?;
            // A consumer may be quicker than the producer, who still notes that the packet is sent.
            let sent_ns = hop.sent_ns.min(taken.begun_ns);
            stages.push(Stage {
                node,
                link: Some(taken.link),
                wait_ns: taken.begun_ns.saturating_sub(sent_ns),
                service_ns: until_ns.saturating_sub(taken.begun_ns),
                transfer_ns,
            });
            transfer_ns = sent_ns.saturating_sub(hop.emitted_ns);
            (node, until_ns) = (hop.by, hop.emitted_ns);
            let Some(cause) = hop.cause else {
                stages.push(Stage { node, link: None, wait_ns: 0, service_ns: 0, transfer_ns });
                return Some(Journey { total_ns: ended_ns.saturating_sub(hop.emitted_ns), stages: stages.into() });
            };
            taken = cause;
        }
        None
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests;
