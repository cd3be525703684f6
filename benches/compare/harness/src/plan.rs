//! Which cases are run, with how many packets, and how often.

use compare_common::{Case, Work};

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// A few cases, to see whether everything works.
    Quick,
    /// What is written down.
    Full,
}

/// Bytes of a packet where its size is not what is asked for.
pub(crate) const BYTES: usize = 64;
/// Nodes of the caterpillar: with its source and its sinks there are 17.
const CATERPILLAR: usize = 8;

/// How many packets a size gives.
struct Amounts {
    /// Packets times links of a chain on one thread.
    inline_hops: u64,
    /// Packets times links of a chain of threads.
    thread_hops: u64,
    /// Packets from this size on, and below.
    payload: [u64; 2],
    calls: u64,
    paced: u64,
}

/// A payload from which on few packets are enough.
const LARGE: usize = 1 << 20;

impl Size {
    /// How often each peer does each case.
    pub(crate) fn rounds(self) -> usize {
        match self {
            Self::Quick => 3,
            Self::Full => 5,
        }
    }

    fn amounts(self) -> Amounts {
        match self {
            Self::Quick => {
                Amounts { inline_hops: 100_000, thread_hops: 20_000, payload: [200, 10_000], calls: 2_000, paced: 100 }
            }
            Self::Full => Amounts {
                inline_hops: 1_000_000,
                thread_hops: 200_000,
                payload: [2_000, 50_000],
                calls: 20_000,
                paced: 1_000,
            },
        }
    }
}

/// Every case of a size, each once.
pub(crate) fn plan(size: Size) -> Vec<Case> {
    let amounts = size.amounts();
    let (inline, threads, payloads): (&[usize], &[usize], &[usize]) = match size {
        Size::Quick => (&[1, 8], &[1, 8], &[1 << 20]),
        Size::Full => (&[1, 2, 4, 8, 16, 32, 64], &[1, 2, 4, 8, 16], &[0, 4096, 1 << 16, 1 << 20, 16 << 20]),
    };
    let chain = |work, hops: u64, depths: &[usize]| {
        depths
            .iter()
            .map(|depth| Case { work, depth: *depth, bytes: BYTES, packets: hops / (*depth as u64 + 1) })
            .collect::<Vec<_>>()
    };
    let [large, small] = amounts.payload;
    let payload = |bytes: &usize| Case {
        work: Work::Threads,
        depth: 1,
        bytes: *bytes,
        packets: if *bytes < LARGE { small } else { large },
    };
    let one = |work, packets| Case { work, depth: 1, bytes: BYTES, packets };
    let mut cases = chain(Work::Inline, amounts.inline_hops, inline);
    cases.extend(chain(Work::Threads, amounts.thread_hops, threads));
    cases.push(Case {
        work: Work::Caterpillar,
        depth: CATERPILLAR,
        bytes: BYTES,
        packets: amounts.inline_hops / (2 * CATERPILLAR as u64),
    });
    cases.extend(payloads.iter().map(payload));
    cases.extend([
        one(Work::Call, amounts.calls),
        one(Work::RoundTrip, amounts.calls),
        one(Work::Paced, amounts.paced),
    ]);
    cases
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_case_is_there_twice_and_each_moves_packets() {
        for size in [Size::Quick, Size::Full] {
            let cases = plan(size);
            let places: BTreeSet<_> = cases.iter().map(|case| (case.work, case.depth, case.bytes)).collect();
            assert_eq!(places.len(), cases.len());
            assert!(cases.iter().all(|case| case.packets >= 100), "{cases:?}");
        }
    }

    #[test]
    fn every_work_is_in_every_plan() {
        for size in [Size::Quick, Size::Full] {
            let works: BTreeSet<_> = plan(size).iter().map(|case| case.work).collect();
            assert_eq!(works.len(), 6);
        }
    }
}
