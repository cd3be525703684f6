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

use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

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
}

#[derive(Debug, Clone, Copy)]
struct Hop {
    id: HopId,
    /// Number of the node that emitted.
    by: usize,
    /// In the call for which packet; `None` at a source.
    cause: Option<Taken>,
    emitted_ns: u64,
    sent_ns: u64,
}

/// One packet that has arrived.
#[derive(Debug, Clone)]
struct Journey {
    total_ns: u64,
    /// From the sink back to the source.
    stages: Vec<Stage>,
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
        let hop = Hop { id, by, cause, emitted_ns: now_ns, sent_ns: now_ns };
        if book.hops.len() < HOPS_MAX {
            book.hops.push(hop);
        } else if let Some(oldest) = book.slot(id) {
            *oldest = hop;
        }
        id
    }

    /// Notes that the packet of a hop is on its links.
    pub(crate) fn sent(&self, id: HopId, now_ns: u64) {
        if let Some(hop) = self.book().slot(id).filter(|hop| hop.id == id) {
            hop.sent_ns = now_ns;
        }
    }

    /// Notes that a packet came over a link and its call begins; gives how long it waited, too.
    pub(crate) fn taken(&self, id: HopId, link: usize, now_ns: u64) -> (Taken, Option<u64>) {
        let sent_ns = self.book().slot(id).filter(|hop| hop.id == id).map(|hop| hop.sent_ns);
        (Taken { hop: id, link, begun_ns: now_ns }, sent_ns.map(|sent_ns| now_ns.saturating_sub(sent_ns)))
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
                return Some(Journey { total_ns: ended_ns.saturating_sub(hop.emitted_ns), stages });
            };
            taken = cause;
        }
        None
    }
}

/// Names of nodes and links, by their numbers in the ledger.
#[derive(Debug, Default)]
pub(crate) struct LedgerNames {
    pub(crate) nodes: Vec<String>,
    pub(crate) links: Vec<String>,
}

/// Where the time of packets went.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LatencyReport {
    /// One packet of this many was followed.
    pub every: u64,
    /// Packets that were followed to a sink.
    pub followed: u64,
    /// Packets that were not followed to the end, because too many were under way.
    pub lost: u64,
    /// From the output of the source until the sink was done, for each sink.
    pub ends: Vec<EndLatency>,
    /// Time in each node.
    pub nodes: Vec<NodeLatency>,
    /// Time on each link, until the call of its consumer began.
    pub links: Vec<LinkLatency>,
    /// What the slowest packets, those from the 99th percentile on, spent most of their time on.
    pub p99_owner: Option<LatencyOwner>,
}

/// Quantiles of times in nanoseconds, exact over the packets that are remembered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Quantiles {
    /// Half of the times were at most this long.
    pub p50_ns: u64,
    /// Nine of ten were at most this long.
    pub p90_ns: u64,
    /// Ninety-nine of a hundred were at most this long.
    pub p99_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

/// Times from end to end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EndLatency {
    /// Id of the sink.
    pub sink: String,
    /// From the output of the source until the sink was done.
    pub total: Quantiles,
}

/// Times in one node.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NodeLatency {
    /// Id of the node.
    pub node: String,
    /// From the beginning of the call until it emitted, or until its end at a sink.
    pub service: Quantiles,
    /// From the emit until the packet was on its links: time spent waiting for room.
    pub transfer: Quantiles,
    /// Part of the time of the slowest packets that was spent here, from 0 to 1.
    pub p99_share: f64,
}

/// Times on one link.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LinkLatency {
    /// The link as a person writes it.
    pub link: String,
    /// From the packet being on the link until the call of its consumer began.
    pub wait: Quantiles,
    /// Part of the time of the slowest packets that was spent here, from 0 to 1.
    pub p99_share: f64,
}

/// Where the slowest packets spent most of their time.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LatencyOwner {
    /// Id of the node, or the link as a person writes it.
    pub place: String,
    /// `wait` on a link, `service` or `transfer` in a node.
    pub part: &'static str,
    /// Its part of their time, from 0 to 1.
    pub share: f64,
}

/// A place where packets spend time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Wait(usize),
    Service(usize),
    Transfer(usize),
}

impl LatencyReport {
    fn of(journeys: &[Journey], names: &LedgerNames, [every, followed, lost]: [u64; 3]) -> Self {
        let mut ends: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
        let mut parts: BTreeMap<Part, Vec<u64>> = BTreeMap::new();
        for journey in journeys {
            if let Some(sink) = journey.stages.first() {
                ends.entry(sink.node).or_default().push(journey.total_ns);
            }
            for (part, ns) in journey.parts() {
                parts.entry(part).or_default().push(ns);
            }
        }
        let shares = shares_of_the_slowest(journeys);
        let share = |part: Part| shares.get(&part).copied().unwrap_or_default();
        let mut times = |part: Part| parts.remove(&part).map(Quantiles::of);
        let nodes = names.nodes.iter().enumerate().filter_map(|(at, node)| {
            let (service, transfer) = (times(Part::Service(at)), times(Part::Transfer(at)));
            service?;
            let p99_share = share(Part::Service(at)) + share(Part::Transfer(at));
            let node = node.clone();
            Some(NodeLatency { node, service: service?, transfer: transfer.unwrap_or_default(), p99_share })
        });
        let nodes = nodes.collect();
        let links = names.links.iter().enumerate().filter_map(|(at, link)| {
            let wait = times(Part::Wait(at))?;
            Some(LinkLatency { link: link.clone(), wait, p99_share: share(Part::Wait(at)) })
        });
        let links = links.collect();
        let name_of = |at: usize| names.nodes.get(at).cloned().unwrap_or_default();
        let ends = ends.into_iter().map(|(at, times)| EndLatency { sink: name_of(at), total: Quantiles::of(times) });
        Self { every, followed, lost, ends: ends.collect(), nodes, links, p99_owner: owner(&shares, names) }
    }
}

impl Journey {
    fn parts(&self) -> impl Iterator<Item = (Part, u64)> {
        self.stages.iter().flat_map(|stage| {
            let wait = stage.link.map(|link| (Part::Wait(link), stage.wait_ns));
            let service = (Part::Service(stage.node), stage.service_ns);
            wait.into_iter().chain([service, (Part::Transfer(stage.node), stage.transfer_ns)])
        })
    }
}

/// How the time of the packets from the 99th percentile on divides among the places.
fn shares_of_the_slowest(journeys: &[Journey]) -> BTreeMap<Part, f64> {
    let totals = journeys.iter().map(|journey| journey.total_ns).collect();
    let p99_ns = Quantiles::of(totals).p99_ns;
    let mut sums: BTreeMap<Part, u64> = BTreeMap::new();
    for (part, ns) in journeys.iter().filter(|journey| journey.total_ns >= p99_ns).flat_map(Journey::parts) {
        *sums.entry(part).or_default() += ns;
    }
    let total: u64 = sums.values().sum();
    #[expect(clippy::cast_precision_loss, reason = "a share of 1 has digits to spare")]
    let share = |ns: u64| if total == 0 { 0.0 } else { ns as f64 / total as f64 };
    sums.into_iter().map(|(part, ns)| (part, share(ns))).collect()
}

fn owner(shares: &BTreeMap<Part, f64>, names: &LedgerNames) -> Option<LatencyOwner> {
    let (part, share) = shares.iter().max_by(|one, other| one.1.total_cmp(other.1))?;
    let (list, at, word) = match *part {
        Part::Wait(link) => (&names.links, link, "wait"),
        Part::Service(node) => (&names.nodes, node, "service"),
        Part::Transfer(node) => (&names.nodes, node, "transfer"),
    };
    Some(LatencyOwner { place: list.get(at)?.clone(), part: word, share: *share })
}

impl Quantiles {
    /// Exact quantiles by the nearest rank.
    fn of(mut times_ns: Vec<u64>) -> Self {
        times_ns.sort_unstable();
        let at = |per_mille: usize| {
            let rank = (times_ns.len() * per_mille).div_ceil(1_000).max(1);
            times_ns.get(rank - 1).copied().unwrap_or_default()
        };
        Self { p50_ns: at(500), p90_ns: at(900), p99_ns: at(990), max_ns: at(1_000) }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    fn names() -> LedgerNames {
        let list = |words: &[&str]| words.iter().map(ToString::to_string).collect();
        LedgerNames { nodes: list(&["mic", "model", "file"]), links: list(&["mic -> model", "model -> file"]) }
    }

    /// Sends one packet from mic over model to file; all times are relative to `at_ns`.
    fn travel(ledger: &Ledger, at_ns: u64, [room, wait, work, wait_again, write]: [u64; 5]) {
        let mut now_ns = at_ns;
        let hop = ledger.emitted(0, None, now_ns);
        now_ns += room;
        ledger.sent(hop, now_ns);
        now_ns += wait;
        let (taken, waited) = ledger.taken(HopId::in_word(hop.word()).unwrap(), 0, now_ns);
        assert_eq!(waited, Some(wait));
        now_ns += work;
        let hop = ledger.emitted(1, Some(taken), now_ns);
        ledger.sent(hop, now_ns);
        now_ns += wait_again;
        let (taken, _) = ledger.taken(hop, 1, now_ns);
        ledger.finished(taken, 2, now_ns + write);
    }

    #[test]
    fn parts_of_a_journey_add_up_to_the_whole() {
        let ledger = Ledger::new(1);
        travel(&ledger, 1_000, [5, 100, 40, 7, 3]);
        let report = ledger.report(&names());
        assert_eq!((report.followed, report.lost), (1, 0));
        let only = |times: Quantiles| {
            assert_eq!([times.p50_ns, times.p90_ns, times.p99_ns], [times.max_ns; 3]);
            times.max_ns
        };
        assert_eq!((report.ends[0].sink.as_str(), only(report.ends[0].total)), ("file", 155));
        let nodes: Vec<_> = report.nodes.iter().map(|n| (n.node.as_str(), only(n.service), only(n.transfer))).collect();
        assert_eq!(nodes, [("mic", 0, 5), ("model", 40, 0), ("file", 3, 0)]);
        let links: Vec<_> = report.links.iter().map(|l| (l.link.as_str(), only(l.wait))).collect();
        assert_eq!(links, [("mic -> model", 100), ("model -> file", 7)]);
        let shares: f64 =
            report.nodes.iter().map(|n| n.p99_share).chain(report.links.iter().map(|l| l.p99_share)).sum();
        assert!((shares - 1.0).abs() < 1e-9);
    }

    #[test]
    fn owner_of_the_p99_is_where_the_slowest_packets_wait_and_not_where_most_time_goes() {
        let ledger = Ledger::new(1);
        for at in 0..98 {
            travel(&ledger, at * 10_000, [0, 10, 1_000, 10, 10]);
        }
        travel(&ledger, 990_000, [0, 10, 1_000, 9_000, 10]);
        travel(&ledger, 1_000_000, [0, 10, 1_000, 8_000, 10]);
        let report = ledger.report(&names());
        let owner = report.p99_owner.unwrap();
        assert_eq!((owner.place.as_str(), owner.part), ("model -> file", "wait"));
        assert!((owner.share - 17_000.0 / 19_040.0).abs() < 1e-9, "{}", owner.share);
        assert_eq!((report.ends[0].total.p50_ns, report.ends[0].total.p99_ns), (1_030, 9_020));
    }

    #[test]
    fn one_packet_of_as_many_as_asked_for_is_followed() {
        let ledger = Ledger::new(10);
        assert_eq!((0..100).filter(|_| ledger.follows_next()).count(), 10);
    }

    #[test]
    fn packet_whose_hops_are_forgotten_is_counted_and_the_newest_journeys_are_kept() {
        let ledger = Ledger::new(1);
        let old = ledger.emitted(0, None, 0);
        for at in 0..10_000 {
            travel(&ledger, at, [0, 1, 1, 1, 1]);
        }
        let (taken, waited) = ledger.taken(old, 0, 5);
        assert_eq!(waited, None);
        ledger.finished(taken, 2, 6);
        let report = ledger.report(&names());
        assert_eq!((report.followed, report.lost), (10_000, 1));
        let book = ledger.book();
        assert_eq!((book.hops.len(), book.journeys.len()), (HOPS_MAX, JOURNEYS_MAX));
    }

    #[test]
    fn word_without_a_hop_is_told_from_one_with_a_hop() {
        assert_eq!(HopId::in_word(123), None);
        assert_eq!(HopId::in_word(HopId(123).word()), Some(HopId(123)));
    }
}
