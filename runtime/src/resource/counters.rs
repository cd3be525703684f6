//! What the cache did so far, and what it has.

/// Counters of a cache, all of one moment. What is marked as now goes up and down; everything else only goes up.
///
/// `hits + misses` is the number of questions, and `entries` is `insertions - evictions - removals`. Every load is
/// under way or ended in one way: `loads` is `loading` plus those that ended well, `load_failures`,
/// `loads_given_up` and `loads_cleared`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ResourceCounters {
    /// Questions that were answered at once with what was there.
    pub hits: u64,
    /// All other questions: those that loaded, waited or were refused.
    pub misses: u64,
    /// Loads that were begun.
    pub loads: u64,
    /// Loads that ended with an error or a panic, or gave something that does not fit the budget.
    pub load_failures: u64,
    /// Loads that were given up because their node was, or because they took too long; they may still be running.
    pub loads_given_up: u64,
    /// Loads that ended after they had been given up; what they gave was not kept.
    pub loads_late: u64,
    /// Loads that were begun before their key was cleared; those who waited got it, and it was not kept.
    pub loads_cleared: u64,
    /// Times that somebody began to wait for the load of another one.
    pub waits: u64,
    /// Waits that ended at their deadline.
    pub wait_timeouts: u64,
    /// Entries that were put in, by a load or by the application.
    pub insertions: u64,
    /// Entries that made room for others.
    pub evictions: u64,
    /// Entries that were cleared, removed or replaced.
    pub removals: u64,
    /// Now: loads that others wait for or would.
    pub loading: u64,
    /// Now: entries.
    pub entries: u64,
    /// Now: the bytes of all entries, as those who loaded them say, and of what was removed and is still held.
    pub bytes: u64,
}
