//! What came out of one run.

use crate::Work;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Quantiles that the distribution is drawn from.
const QUANTILES: [f64; 16] =
    [0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999];

/// The line that a peer prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Name of the peer.
    pub peer: String,
    /// Version of what is measured.
    pub version: String,
    /// What was done.
    pub case: Work,
    /// Nodes between source and sink.
    pub depth: usize,
    /// Bytes of each packet.
    pub bytes: usize,
    /// Packets that were moved.
    pub packets: u64,
    /// Time from the order to start until the last packet has arrived and everything has ended.
    pub seconds: f64,
    /// Time of all processors that the process took for it; none where more than one process works.
    pub cpu_seconds: Option<f64>,
    /// Threads of the process while it worked.
    pub threads: Option<u64>,
    /// The most memory that the process ever had resident.
    pub rss_bytes: Option<u64>,
    /// Where each packet is timed by itself.
    pub latency: Option<Latency>,
}

/// How long packets took, in nanoseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Half of the packets took at most this.
    pub p50_ns: u64,
    /// 90 of 100 packets took at most this.
    pub p90_ns: u64,
    /// 99 of 100 packets took at most this.
    pub p99_ns: u64,
    /// 999 of 1,000 packets took at most this.
    pub p999_ns: u64,
    /// The slowest packet.
    pub max_ns: u64,
    /// Pairs of quantile and nanoseconds, ascending: for plots.
    pub quantiles: Vec<(f64, u64)>,
}

impl Run {
    /// The run as one line of JSON.
    #[must_use]
    pub fn to_line(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"))
    }

    /// Reads such a line.
    ///
    /// # Errors
    /// It is none; the message has the line.
    pub fn from_line(line: &str) -> Result<Self, String> {
        serde_json::from_str(line).map_err(|error| format!("`{line}` is no answer of a peer: {error}"))
    }

    /// Nanoseconds per packet.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "packets are far below 2^52")]
    pub fn ns_per_packet(&self) -> f64 {
        self.seconds * 1e9 / self.packets.max(1) as f64
    }
}

impl Latency {
    /// What a histogram of nanoseconds says; `None` when it is empty.
    #[must_use]
    pub fn of(histogram: &Histogram<u64>) -> Option<Self> {
        let at = |quantile| histogram.value_at_quantile(quantile);
        (!histogram.is_empty()).then(|| Self {
            p50_ns: at(0.5),
            p90_ns: at(0.9),
            p99_ns: at(0.99),
            p999_ns: at(0.999),
            max_ns: histogram.max(),
            quantiles: QUANTILES.map(|quantile| (quantile, at(quantile))).to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(latency: Option<Latency>) -> Run {
        Run {
            peer: "x".into(),
            version: "1".into(),
            case: Work::RoundTrip,
            depth: 1,
            bytes: 64,
            packets: 2000,
            seconds: 0.5,
            cpu_seconds: Some(0.25),
            threads: Some(3),
            rss_bytes: None,
            latency,
        }
    }

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let mut histogram = Histogram::new(3).unwrap();
        for ns in 1..=1000u64 {
            histogram.record(ns).unwrap();
        }
        let latency = Latency::of(&histogram).unwrap();
        assert_eq!((latency.p50_ns, latency.p90_ns, latency.max_ns), (500, 900, 1000));
        assert!(latency.quantiles.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1));
        for run in [run(None), run(Some(latency))] {
            assert_eq!(Run::from_line(&run.to_line()), Ok(run.clone()));
            assert!((run.ns_per_packet() - 250_000.0).abs() < 1e-6);
        }
    }

    #[test]
    fn a_line_that_is_no_answer_is_quoted() {
        assert!(Run::from_line("hello").unwrap_err().starts_with("`hello` is no answer"));
        assert_eq!(Latency::of(&Histogram::new(3).unwrap()), None);
    }
}
