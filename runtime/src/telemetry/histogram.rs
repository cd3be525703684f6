//! Distribution of durations: 16 buckets per doubling, so a quantile is at most 6.25 % off, up to 78 hours.
//!
//! The bucketing is that of HdrHistogram (Gil Tene): the position of the highest bit selects a doubling, the next four
//! bits a bucket inside it.

use crate::telemetry::counter::Counter;

/// Bits of a value that are kept below its highest bit.
const PRECISION_BITS: u32 = 4;
const PER_DOUBLING: usize = 1 << PRECISION_BITS;
/// The longest duration that is told from longer ones: all of those fall into the last bucket.
const NS_MAX: u64 = (1 << 48) - 1;
const DOUBLINGS: usize = NS_MAX.count_ones() as usize - PRECISION_BITS as usize + 1;
const BUCKETS: usize = DOUBLINGS * PER_DOUBLING;

/// A histogram with one writer and any number of readers.
#[derive(Debug)]
pub(crate) struct Histogram {
    buckets: Box<[Counter; BUCKETS]>,
    sum_ns: Counter,
    max_ns: Counter,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: Box::new(std::array::from_fn(|_| Counter::default())),
            sum_ns: Counter::default(),
            max_ns: Counter::default(),
        }
    }
}

impl Histogram {
    /// Counts one duration; a few nanoseconds. Only the one writer calls it.
    #[inline]
    pub(crate) fn record(&self, ns: u64) {
        if let Some(bucket) = self.buckets.get(bucket_of(ns)) {
            bucket.increment();
        }
        self.sum_ns.add(ns);
        self.max_ns.raise_to(ns);
    }

    /// What was recorded so far. Durations that are being recorded meanwhile may be in or not.
    pub(crate) fn summary(&self) -> Summary {
        self.summary_of(&self.counts())
    }

    /// What was recorded so far, in five numbers and in the coarse buckets of exporters.
    pub(crate) fn distribution(&self) -> Distribution {
        let counts = self.counts();
        let mut buckets = vec![0; BOUNDS_NS.len() + 1];
        for (bucket, count) in counts.iter().enumerate() {
            let longest = upper_bound(bucket);
            if let Some(coarse) = buckets.get_mut(BOUNDS_NS.partition_point(|bound_ns| *bound_ns <= longest)) {
                *coarse += count;
            }
        }
        Distribution { summary: self.summary_of(&counts), buckets }
    }

    fn counts(&self) -> Vec<u64> {
        self.buckets.iter().map(Counter::value).collect()
    }

    fn summary_of(&self, counts: &[u64]) -> Summary {
        let count: u64 = counts.iter().sum();
        let max_ns = self.max_ns.value();
        let quantile = |q: f64| quantile(counts, count, q).min(max_ns);
        Summary {
            count,
            sum_ns: self.sum_ns.value(),
            p50_ns: quantile(0.50),
            p90_ns: quantile(0.90),
            p99_ns: quantile(0.99),
            p999_ns: quantile(0.999),
            max_ns,
        }
    }
}

/// A distribution of durations in five numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// How many durations.
    pub count: u64,
    /// All of them together, in nanoseconds.
    pub sum_ns: u64,
    /// Half of them were at most this long.
    pub p50_ns: u64,
    /// Nine of ten were at most this long.
    pub p90_ns: u64,
    /// Ninety-nine of a hundred were at most this long.
    pub p99_ns: u64,
    /// Nine hundred and ninety-nine of a thousand were at most this long.
    pub p999_ns: u64,
    /// The longest, exactly.
    pub max_ns: u64,
}

/// Bounds of the buckets that exporters get, in nanoseconds: doublings from 64 ns to 69 s. They lie on bounds of the
/// buckets that are recorded, so that no duration is counted in a wrong one.
pub const BOUNDS_NS: [u64; 31] = {
    let mut bounds = [64; 31];
    let mut at = 1;
    #[expect(clippy::indexing_slicing, reason = "at compile time, within the array")]
    while at < bounds.len() {
        bounds[at] = bounds[at - 1] * 2;
        at += 1;
    }
    bounds
};

/// A distribution of durations in coarse buckets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Distribution {
    /// In five numbers, which are finer than the buckets.
    pub summary: Summary,
    /// Durations below each of [`BOUNDS_NS`] and not below the one before it; last those beyond the last bound.
    pub buckets: Vec<u64>,
}

#[inline]
fn bucket_of(ns: u64) -> usize {
    let ns = ns.min(NS_MAX);
    // The lowest bits are set so that short durations need no case of their own.
    let doubling = (ns | (2 * PER_DOUBLING as u64 - 1)).ilog2() - PRECISION_BITS;
    // The highest bit is 16 in every doubling but the first, so it carries into the next block of buckets. Cannot truncate:
    // at most 31 is left after the shift.
    doubling as usize * PER_DOUBLING + (ns >> doubling) as usize
}

/// The largest duration that falls into a bucket.
fn upper_bound(bucket: usize) -> u64 {
    if bucket < 2 * PER_DOUBLING {
        return bucket as u64;
    }
    let doubling = bucket / PER_DOUBLING - 1;
    let within = bucket % PER_DOUBLING + PER_DOUBLING;
    ((within as u64 + 1) << doubling) - 1
}

fn quantile(counts: &[u64], count: u64, q: f64) -> u64 {
    if count == 0 {
        return 0;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a rank between 1 and the count"
    )]
    let rank = ((count as f64 * q).ceil() as u64).clamp(1, count);
    let mut seen = 0;
    for (bucket, in_bucket) in counts.iter().enumerate() {
        seen += in_bucket;
        if seen >= rank {
            return upper_bound(bucket);
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_lies_in_its_bucket_within_the_promised_error() {
        let mut previous = 0;
        for ns in (0..100_000).chain((17..47).map(|bit| (1 << bit) + 12_345)) {
            let bucket = bucket_of(ns);
            assert!(bucket >= previous, "buckets grow with the duration");
            previous = bucket;
            let upper = upper_bound(bucket);
            assert!(upper >= ns && upper as f64 <= ns as f64 * 1.0625 + 1.0, "{ns} -> {upper}");
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_of_a_known_distribution() {
        let histogram = Histogram::default();
        for ns in 1..=1000 {
            histogram.record(ns * 1000);
        }
        let summary = histogram.summary();
        assert_eq!((summary.count, summary.sum_ns, summary.max_ns), (1000, 500_500_000, 1_000_000));
        for (quantile, want) in [(summary.p50_ns, 500_000.0), (summary.p90_ns, 900_000.0), (summary.p99_ns, 990_000.0)]
        {
            assert!((quantile as f64 / want - 1.0).abs() < 0.0625, "{quantile} against {want}");
        }
    }

    #[test]
    fn coarse_buckets_hold_exactly_the_durations_below_their_bounds() {
        for bound_ns in BOUNDS_NS {
            let histogram = Histogram::default();
            histogram.record(bound_ns - 1);
            histogram.record(bound_ns);
            let distribution = histogram.distribution();
            let at = BOUNDS_NS.iter().position(|bound| *bound == bound_ns).unwrap();
            assert_eq!((distribution.buckets[at], distribution.buckets[at + 1]), (1, 1), "{bound_ns}");
            assert_eq!(distribution.buckets.iter().sum::<u64>(), distribution.summary.count);
        }
        assert!(BOUNDS_NS[0] <= 100 && BOUNDS_NS[30] >= 60_000_000_000);
    }

    #[test]
    fn empty_histogram_is_all_zero() {
        assert_eq!(Histogram::default().summary(), Summary::default());
    }
}
