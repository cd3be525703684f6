//! Time: one trait, the machine's monotonic clock, and a clock for tests that only moves when told.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Nanoseconds that never go back. Never the wall clock: that one jumps.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Nanoseconds since an origin that does not change while the process runs.
    fn now_ns(&self) -> i64;

    /// How long a thread that waits for a time of this clock may sleep before it has to look again. A clock that moves
    /// by itself can be slept on; one that is moved by hand cannot.
    fn sleep_max(&self) -> Duration {
        Duration::MAX
    }
}

/// The machine's monotonic clock; its origin is the moment it was made.
#[derive(Debug, Clone, Copy)]
pub struct MonotonicClock {
    origin: Instant,
}

impl MonotonicClock {
    /// A clock that starts at 0 now.
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Default for MonotonicClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for MonotonicClock {
    fn now_ns(&self) -> i64 {
        // 292 years fit.
        i64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(i64::MAX)
    }
}

/// A clock for tests: it stands still until it is moved.
#[derive(Debug, Default)]
pub struct VirtualClock {
    now_ns: Mutex<i64>,
}

impl VirtualClock {
    /// A clock that stands at 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the clock forward.
    pub fn advance_ns(&self, by_ns: i64) {
        let mut now_ns = self.now_ns.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now_ns = now_ns.saturating_add(by_ns.max(0));
    }
}

impl Clock for VirtualClock {
    fn sleep_max(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now_ns(&self) -> i64 {
        *self.now_ns.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Times calls by the processor's time-stamp counter where there is one: a few nanoseconds a reading.
#[derive(Debug, Clone)]
pub(crate) struct CallTimer(quanta::Clock);

impl CallTimer {
    /// A timer; the first one of a process calibrates the counter, which takes some milliseconds.
    pub(crate) fn new() -> Self {
        Self(quanta::Clock::new())
    }

    /// A reading, meaningful only to this timer.
    pub(crate) fn now(&self) -> u64 {
        self.0.raw()
    }

    /// Nanoseconds since an earlier reading.
    pub(crate) fn since_ns(&self, earlier: u64) -> u64 {
        self.0.delta_as_nanos(earlier, self.0.raw())
    }
}
