//! The figures of the ledger: quantiles of every part, and who owns the slowest packets.

use super::Journey;
use serde::Serialize;
use std::collections::BTreeMap;

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
    /// Nine hundred and ninety-nine of a thousand were at most this long.
    pub p999_ns: u64,
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
    pub(super) fn of(journeys: &[Journey], names: &LedgerNames, [every, followed, lost]: [u64; 3]) -> Self {
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
    /// Exact quantiles by the nearest rank; all zero for no times.
    #[must_use]
    pub fn of(mut times_ns: Vec<u64>) -> Self {
        times_ns.sort_unstable();
        let at = |per_mille: usize| {
            let rank = (times_ns.len() * per_mille).div_ceil(1_000).max(1);
            times_ns.get(rank - 1).copied().unwrap_or_default()
        };
        Self { p50_ns: at(500), p90_ns: at(900), p99_ns: at(990), p999_ns: at(999), max_ns: at(1_000) }
    }
}
