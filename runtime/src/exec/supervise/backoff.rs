//! How long a restart waits.

/// Doubling waits with jitter from a seed.
///
/// The n-th wait lies in the upper half of `first * 2^n`, at most `max`, and is never shorter than the one before.
#[derive(Debug, Clone)]
pub(super) struct Backoff {
    first_ns: u64,
    max_ns: u64,
    ceiling_ns: u64,
    last_ns: u64,
    random: SplitMix,
}

impl Backoff {
    /// Needs `first_ns <= max_ns <= 2^62`.
    pub(super) fn new(first_ns: u64, max_ns: u64, seed: u64) -> Self {
        Self { first_ns, max_ns, ceiling_ns: first_ns, last_ns: 0, random: SplitMix::new(seed) }
    }

    /// The wait before the next restart.
    pub(super) fn next_ns(&mut self) -> u64 {
        let ceiling = self.ceiling_ns;
        let half = ceiling / 2;
        let jittered = half + self.random.up_to(ceiling - half);
        // While the ceiling doubles this changes nothing; at the greatest ceiling it keeps the waits from falling.
        self.last_ns = self.last_ns.max(jittered);
        self.ceiling_ns = (ceiling * 2).min(self.max_ns);
        self.last_ns
    }

    /// The next wait is the first one again.
    pub(super) fn reset(&mut self) {
        self.ceiling_ns = self.first_ns;
        self.last_ns = 0;
    }
}

/// The generator SplitMix64 of Steele, Lea and Flood: one word of state, every seed is good.
#[derive(Debug, Clone)]
pub(crate) struct SplitMix(u64);

impl SplitMix {
    /// The sequence of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    /// A number from 0 to `max`, both included.
    pub(crate) fn up_to(&mut self, max: u64) -> u64 {
        let scaled = (u128::from(self.next()) * (u128::from(max) + 1)) >> 64;
        // The product is below 2^64 * (max + 1), so what is left after the shift is at most `max`.
        u64::try_from(scaled).unwrap_or(max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generator_gives_the_published_numbers() {
        let mut random = SplitMix(1_234_567);
        let numbers = [(); 3].map(|()| random.next());
        assert_eq!(numbers, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn random_numbers_reach_both_ends_of_their_range() {
        let mut random = SplitMix(1);
        let mut seen = [false; 4];
        for _ in 0..200 {
            seen[usize::try_from(random.up_to(3)).unwrap()] = true;
        }
        assert_eq!(seen, [true; 4]);
        assert_eq!(random.up_to(0), 0);
    }

    #[test]
    fn ceilings_double_up_to_the_greatest_and_start_afresh_after_a_reset() {
        let mut backoff = Backoff::new(100, 1_000, 7);
        let mut waits = |count: usize| (0..count).map(|_| backoff.next_ns()).collect::<Vec<_>>();
        for (wait, ceiling) in waits(7).into_iter().zip([100, 200, 400, 800, 1_000, 1_000, 1_000]) {
            assert!((ceiling / 2..=ceiling).contains(&wait), "{wait} of {ceiling}");
        }
        backoff.reset();
        assert!((50..=100).contains(&backoff.next_ns()));
    }

    #[test]
    fn jitter_reaches_both_ends_of_the_upper_half() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..200 {
            seen.insert(Backoff::new(5, 5, seed).next_ns());
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [2, 3, 4, 5]);
    }
}
