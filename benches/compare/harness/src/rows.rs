//! The runs of all rounds, put together by case and peer.

use crate::peers::{self, Peer};
use crate::spread::Spread;
use compare_common::{Latency, Run, Work};

/// What is compared: a case, whatever the number of packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) work: Work,
    pub(crate) depth: usize,
    pub(crate) bytes: usize,
}

/// All runs of one peer in one case.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) place: Place,
    pub(crate) peer: &'static Peer,
    pub(crate) packets: u64,
    /// Nanoseconds per packet; the median of the packets where each is timed.
    pub(crate) cost: Spread,
    /// The cost as a multiple of that of Graphmill in the same round.
    pub(crate) ratio: Option<Spread>,
    /// Where each packet is timed.
    pub(crate) tail: Option<Tail>,
    /// Processor time per packet in nanoseconds.
    pub(crate) cpu_ns: Option<Spread>,
    /// The same as a multiple of that of Graphmill in the same round.
    pub(crate) cpu_ratio: Option<Spread>,
    pub(crate) threads: Option<Spread>,
    pub(crate) rss_mib: Option<Spread>,
}

/// What the slower packets took, in nanoseconds.
#[derive(Debug)]
pub(crate) struct Tail {
    pub(crate) p90: Spread,
    pub(crate) p99: Spread,
    pub(crate) p999: Spread,
    pub(crate) max: Spread,
    /// The 99th percentile as a multiple of that of Graphmill in the same round.
    pub(crate) p99_ratio: Option<Spread>,
    /// Each quantile with the median over the rounds.
    pub(crate) quantiles: Vec<(f64, f64)>,
}

impl Place {
    fn of(run: &Run) -> Self {
        Self { work: run.case, depth: run.depth, bytes: run.bytes }
    }
}

/// One row for each place and peer, in the order in which they were first run.
pub(crate) fn rows(runs: &[(usize, Run)]) -> Vec<Row> {
    let mut keys: Vec<(Place, &'static Peer)> = Vec::new();
    for (_, run) in runs {
        let Some(peer) = peers::find(&run.peer) else { continue };
        let key = (Place::of(run), peer);
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys.into_iter().filter_map(|(place, peer)| row(runs, place, peer)).collect()
}

fn row(runs: &[(usize, Run)], place: Place, peer: &'static Peer) -> Option<Row> {
    let all: Vec<&(usize, Run)> = runs.iter().filter(|(_, run)| Place::of(run) == place).collect();
    let own: Vec<(usize, &Run)> =
        all.iter().filter(|(_, run)| run.peer == peer.name).map(|(round, run)| (*round, run)).collect();
    let ours = |round: usize| {
        let ours = all.iter().find(|(other, run)| *other == round && peers::find(&run.peer).is_some_and(Peer::is_ours));
        ours.map(|(_, run)| run)
    };
    let ratio = |figure: fn(&Run) -> Option<f64>| {
        Spread::of(own.iter().filter_map(|(round, run)| Some(figure(run)? / figure(ours(*round)?)?)))
    };
    let spread = |figure: fn(&Run) -> Option<f64>| Spread::of(own.iter().filter_map(|(_, run)| figure(run)));
    Some(Row {
        place,
        peer,
        packets: own.first()?.1.packets,
        cost: spread(cost)?,
        ratio: ratio(cost),
        tail: tail(&own, ratio(|run| latency(run, |latency| latency.p99_ns))),
        cpu_ns: spread(cpu),
        cpu_ratio: ratio(cpu),
        threads: spread(|run| run.threads.map(as_f64)),
        rss_mib: spread(|run| run.rss_bytes.map(|bytes| as_f64(bytes) / f64::from(1 << 20))),
    })
}

/// What one packet costs, in nanoseconds.
fn cost(run: &Run) -> Option<f64> {
    if run.case.is_latency() { latency(run, |latency| latency.p50_ns) } else { Some(run.ns_per_packet()) }
}

/// Processor time of one packet, in nanoseconds.
fn cpu(run: &Run) -> Option<f64> {
    run.cpu_seconds.map(|seconds| seconds * 1e9 / as_f64(run.packets.max(1)))
}

fn latency(run: &Run, figure: fn(&Latency) -> u64) -> Option<f64> {
    run.latency.as_ref().map(|latency| as_f64(figure(latency)))
}

#[expect(clippy::cast_precision_loss, reason = "figures have three digits that count")]
fn as_f64(figure: u64) -> f64 {
    figure as f64
}

fn tail(own: &[(usize, &Run)], p99_ratio: Option<Spread>) -> Option<Tail> {
    let latencies: Vec<&Latency> = own.iter().filter_map(|(_, run)| run.latency.as_ref()).collect();
    let spread = |figure: fn(&Latency) -> u64| Spread::of(latencies.iter().map(|latency| as_f64(figure(latency))));
    let quantile = |at: usize| {
        let pairs = latencies.iter().filter_map(|latency| latency.quantiles.get(at));
        let (quantile, _) = *pairs.clone().next()?;
        Some((quantile, Spread::of(pairs.map(|(_, ns)| as_f64(*ns)))?.median))
    };
    Some(Tail {
        p90: spread(|latency| latency.p90_ns)?,
        p99: spread(|latency| latency.p99_ns)?,
        p999: spread(|latency| latency.p999_ns)?,
        max: spread(|latency| latency.max_ns)?,
        p99_ratio,
        quantiles: (0..latencies.first()?.quantiles.len()).filter_map(quantile).collect(),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A run of a peer that took this long for a thousand packets.
    pub(crate) fn run(peer: &str, work: Work, seconds: f64) -> Run {
        let latency = work.is_latency().then(|| {
            let ns = u64::try_from(std::time::Duration::from_secs_f64(seconds).as_micros()).unwrap();
            let ns = [1, 2, 4, 8, 16].map(|factor| factor * ns);
            Latency {
                p50_ns: ns[0],
                p90_ns: ns[1],
                p99_ns: ns[2],
                p999_ns: ns[3],
                max_ns: ns[4],
                quantiles: vec![(0.5, ns[0]), (0.99, ns[2])],
            }
        });
        Run {
            peer: peer.into(),
            version: format!("{peer} 1.0"),
            case: work,
            depth: 8,
            bytes: 64,
            packets: 1000,
            seconds,
            cpu_seconds: Some(seconds),
            threads: Some(2),
            rss_bytes: Some(3 << 20),
            latency,
        }
    }

    #[test]
    fn ratios_are_made_within_a_round() {
        let runs = [
            (0, run("graphmill", Work::Inline, 1.0)),
            (0, run("gstreamer", Work::Inline, 3.0)),
            (1, run("graphmill", Work::Inline, 10.0)),
            (1, run("gstreamer", Work::Inline, 40.0)),
        ];
        let rows = rows(&runs);
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].ratio, Some(Spread { min: 1.0, median: 1.0, max: 1.0 }));
        assert_eq!(rows[1].ratio, Some(Spread { min: 3.0, median: 3.5, max: 4.0 }));
        assert_eq!(rows[1].cost, Spread { min: 3e6, median: 21.5e6, max: 40e6 });
        assert_eq!((rows[1].cpu_ns.unwrap().max, rows[1].cpu_ratio.unwrap().median), (40e6, 3.5));
        assert_eq!(rows[1].rss_mib.unwrap().median, 3.0);
        assert!(rows[1].tail.is_none());
    }

    #[test]
    fn where_each_packet_is_timed_the_median_counts() {
        let runs = [(0, run("graphmill", Work::Call, 1.0)), (0, run("tokio", Work::Call, 2.0))];
        let rows = rows(&runs);
        assert_eq!((rows[1].cost.median, rows[1].ratio.unwrap().median), (2e6, 2.0));
        let tail = rows[1].tail.as_ref().unwrap();
        assert_eq!((tail.p99.median, tail.p99_ratio.unwrap().median), (8e6, 2.0));
        assert_eq!(tail.quantiles, [(0.5, 2e6), (0.99, 8e6)]);
    }

    #[test]
    fn without_graphmill_in_its_round_a_run_has_no_ratio() {
        let runs = [(0, run("graphmill", Work::Call, 1.0)), (1, run("tokio", Work::Call, 2.0))];
        assert_eq!(rows(&runs)[1].ratio, None);
    }
}
