//! How many restarts there may be.

use std::collections::VecDeque;

/// At most `max` restarts within any window; the times of the restarts in the newest window are remembered.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    max: usize,
    window_ns: i64,
    restarts: VecDeque<i64>,
}

impl Budget {
    pub(super) fn new(max: usize, window_ns: i64) -> Self {
        Self { max, window_ns, restarts: VecDeque::with_capacity(max) }
    }

    /// Whether a restart may be begun at `now_ns` or later. A restart as old as the window is outside of it.
    pub(super) fn allows(&mut self, now_ns: i64) -> bool {
        while self.restarts.front().is_some_and(|&then| now_ns.saturating_sub(then) >= self.window_ns) {
            self.restarts.pop_front();
        }
        self.restarts.len() < self.max
    }

    /// Notes a restart that was allowed.
    pub(super) fn spend(&mut self, now_ns: i64) {
        self.restarts.push_back(now_ns);
    }

    /// Forgets every restart.
    pub(super) fn reset(&mut self) {
        self.restarts.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks at each time, spends what is allowed, and gives the answers as `y` and `n`.
    fn answers(max: usize, window_ns: i64, times: &[i64]) -> String {
        let mut budget = Budget::new(max, window_ns);
        let mut answer = |&now: &i64| {
            let allowed = budget.allows(now);
            if allowed {
                budget.spend(now);
            }
            if allowed { 'y' } else { 'n' }
        };
        times.iter().map(&mut answer).collect()
    }

    #[test]
    fn budget_slides_with_the_window() {
        assert_eq!(answers(0, 10, &[0, 100]), "nn");
        assert_eq!(answers(1, 10, &[0, 9, 10, 19, 20]), "ynyny");
        assert_eq!(answers(3, 10, &[0, 1, 2, 3, 9, 10, 10, 11, 11, 12, 12]), "yyynnynynyn");
        assert_eq!(answers(2, 1, &[5, 5, 5, 6, 6, 6]), "yynyyn");
        assert_eq!(answers(1, i64::MAX, &[i64::MIN, i64::MAX]), "yy");
    }

    #[test]
    fn reset_gives_the_whole_budget_back() {
        let mut budget = Budget::new(1, 10);
        budget.spend(0);
        assert!(!budget.allows(0));
        budget.reset();
        assert!(budget.allows(0));
    }
}
