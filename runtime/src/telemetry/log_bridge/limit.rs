//! How many records a node may write in a second.

use super::Level;
use std::sync::atomic::{AtomicU64, Ordering};

/// Records of a node, or of a plugin outside of every node, that are passed on in one second. Warnings and errors are
/// counted apart from the rest, so that a flood of details does not hide them: as many again.
pub(super) const RECORDS_PER_SECOND_MAX: u64 = if cfg!(miri) { 50 } else { 5_000 };

const NS_PER_SECOND: i64 = 1_000_000_000;
/// Bits of a window for the count; the others hold the number of the second.
const COUNT_BITS: u32 = 32;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;

/// Counts of the second that is running, for details and for what is important.
#[derive(Debug, Default)]
pub(super) struct RateLimit([AtomicU64; 2]);

impl RateLimit {
    /// Whether one more record is passed on; any thread may ask.
    pub(super) fn allows(&self, level: Level, now_ns: i64) -> bool {
        let [details, important] = &self.0;
        let window = if level >= Level::Warn { important } else { details };
        let second = now_ns.div_euclid(NS_PER_SECOND).cast_unsigned() << COUNT_BITS;
        let next = |held: u64| {
            // Another second, be it an earlier one of a clock read by another thread, starts a count of its own.
            let count = if held & !COUNT_MASK == second { held & COUNT_MASK } else { 0 };
            (count < RECORDS_PER_SECOND_MAX).then_some(second | (count + 1))
        };
        window.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flood_of_details_is_cut_and_leaves_warnings_alone_until_the_next_second() {
        let limit = RateLimit::default();
        let allowed = |level, now_ns| (0..20_000).filter(|_| limit.allows(level, now_ns)).count();
        assert_eq!(allowed(Level::Debug, 1_500_000_000), 5_000);
        assert_eq!(allowed(Level::Info, 1_999_999_999), 0);
        assert_eq!(allowed(Level::Error, 1_999_999_999), 5_000);
        assert_eq!(allowed(Level::Warn, 1_999_999_999), 0);
        assert_eq!(allowed(Level::Info, 2_000_000_000), 5_000);
        assert_eq!(allowed(Level::Info, -1), 5_000, "a clock may begin anywhere");
    }
}
