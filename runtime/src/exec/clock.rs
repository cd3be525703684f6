//! Time: one trait, the machine's monotonic clock, and a clock for tests that only moves when told.

use crate::telemetry::histogram::Histogram;
use crate::telemetry::ledger::HopId;
use graphmill_abi::Packet;
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
///
/// Readings of all timers of a process can be compared. One that is off gives [`CallTimer::NEVER`] and costs nothing.
#[derive(Debug, Clone)]
pub(crate) struct CallTimer(Option<quanta::Clock>);

impl CallTimer {
    /// What a reading never is: no time was taken.
    pub(crate) const NEVER: u64 = 0;

    /// A timer; the first one of a process calibrates the counter, which takes some milliseconds.
    pub(crate) fn new(measure: Measure) -> Self {
        match measure {
            Measure::Counts => Self::off(),
            Measure::Times => Self(Some(quanta::Clock::new())),
        }
    }

    /// A timer that never reads a clock.
    pub(crate) fn off() -> Self {
        Self(None)
    }

    /// A reading.
    #[inline]
    pub(crate) fn now(&self) -> u64 {
        self.0.as_ref().map_or(Self::NEVER, |clock| clock.raw().max(Self::NEVER + 1))
    }

    /// Nanoseconds between two readings; 0 where no time is taken.
    pub(crate) fn between_ns(&self, [earlier, later]: [u64; 2]) -> u64 {
        self.0.as_ref().map_or(0, |clock| clock.delta_as_nanos(earlier, later))
    }

    /// Stamps a packet that goes onto a link now; one that is followed keeps its mark.
    pub(crate) fn stamp(&self, packet: &mut Packet) {
        if HopId::in_word(packet.host_private()).is_none() {
            packet.set_host_private(self.now());
        }
    }

    /// Puts the time between two readings into a histogram, if there are two.
    #[inline]
    pub(crate) fn record(&self, [earlier, later]: [u64; 2], into: &Histogram) {
        if let Some(clock) = &self.0
            && earlier != Self::NEVER
            && later != Self::NEVER
        {
            // Readings of different cores may be some nanoseconds apart; what would be negative counts as 0.
            into.record(clock.delta_as_nanos(earlier, later));
        }
    }
}

/// What a session measures of its calls and packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Measure {
    /// Counts only: no call reads a clock.
    Counts,
    /// Counts, and how long calls took, packets waited and sends waited.
    #[default]
    Times,
}
