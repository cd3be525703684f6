//! How often something may be said: a few times a minute, and how often it was not.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Warnings in one interval; the first ones are the most telling.
const PER_INTERVAL: u32 = 3;
const INTERVAL: Duration = Duration::from_secs(60);

/// Lets a few warnings pass in a minute. For rare events: it takes a lock.
#[derive(Debug, Default)]
pub(crate) struct Limiter(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    begun: Option<Instant>,
    said: u32,
    unsaid: u64,
}

impl Limiter {
    /// Whether to say it now; if so, how often it was not said since the last time.
    pub(crate) fn admit(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.begun.is_none_or(|begun| now.saturating_duration_since(begun) >= INTERVAL) {
            state.begun = Some(now);
            state.said = 0;
        }
        if state.said == PER_INTERVAL {
            state.unsaid += 1;
            return None;
        }
        state.said += 1;
        Some(std::mem::take(&mut state.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_warnings_pass_in_a_minute_and_the_next_one_tells_how_many_did_not() {
        let limiter = Limiter::default();
        let begun = Instant::now();
        let admitted: Vec<_> = (0..1000).filter_map(|ms| limiter.admit(begun + Duration::from_millis(ms))).collect();
        assert_eq!(admitted, [0, 0, 0]);
        assert_eq!(limiter.admit(begun + INTERVAL - Duration::from_nanos(1)), None);
        assert_eq!(limiter.admit(begun + INTERVAL), Some(998));
        assert_eq!(limiter.admit(begun + INTERVAL), Some(0));
    }
}
