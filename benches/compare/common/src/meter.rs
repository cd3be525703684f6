//! The stopwatch of a peer.

use crate::run::{Latency, Run};
use crate::{Case, Failure};
use hdrhistogram::Histogram;
use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};

/// Distance of the packets of a paced case.
const PACE: Duration = Duration::from_millis(1);
/// Longest time of one packet that is told apart: an hour.
const LATENCY_MAX_NS: u64 = 3_600_000_000_000;
/// Digits that a time of one packet is kept with.
const DIGITS: u8 = 3;

/// What a peer measures of one run: it says when the work begins and when it has ended.
#[derive(Debug)]
pub struct Meter {
    begun: Option<(Instant, Duration)>,
    ended: Option<(Duration, Duration)>,
    threads: Option<u64>,
    is_one_process: bool,
    latency: Histogram<u64>,
}

impl Meter {
    /// A stopwatch that does not run yet.
    #[must_use]
    pub fn new() -> Self {
        let latency = Histogram::new_with_max(LATENCY_MAX_NS, DIGITS);
        let latency = latency.unwrap_or_else(|error| unreachable!("the bounds are constants: {error}"));
        Self { begun: None, ended: None, threads: None, is_one_process: true, latency }
    }

    /// The order to start is given now.
    pub fn begin(&mut self) {
        self.begun = Some((Instant::now(), cpu_time()));
    }

    /// Everything has been started: counts the threads.
    pub fn is_running(&mut self) {
        self.threads = status_of("Threads:").or(self.threads);
    }

    /// Everything has ended; the last call counts.
    pub fn end(&mut self) {
        if let Some((begun, cpu)) = self.begun {
            self.ended = Some((begun.elapsed(), cpu_time().saturating_sub(cpu)));
        }
    }

    /// Other processes did all the work, in this time: what this one took says nothing.
    pub fn others_took(&mut self, elapsed: Duration) {
        self.is_one_process = false;
        self.ended = Some((elapsed, Duration::ZERO));
    }

    /// A packet took this long.
    pub fn packet(&mut self, took: Duration) {
        let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.latency.saturating_record(ns.max(1));
    }

    /// Moves packets one by one through `round_trip` and times each, at the pace of the case.
    ///
    /// # Errors
    /// What `round_trip` fails with.
    pub fn round_trips(
        &mut self,
        case: &Case,
        mut round_trip: impl FnMut(u64) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.begin();
        for number in 0..case.packets {
            if case.work == crate::Work::Paced {
                paced(self.begun.map_or_else(Instant::now, |(begun, _)| begun), number);
            }
            let pushed = Instant::now();
            round_trip(number)?;
            self.packet(pushed.elapsed());
        }
        self.is_running();
        self.end();
        Ok(())
    }

    /// What was measured.
    ///
    /// # Errors
    /// The peer never said that it began, or that it ended.
    pub fn run(&self, peer: &str, version: &str, case: &Case) -> Result<Run, Failure> {
        let (seconds, cpu) = self.ended.ok_or_else(|| Failure::Failed("the peer measured nothing".into()))?;
        Ok(Run {
            peer: peer.into(),
            version: version.into(),
            case: case.work,
            depth: case.depth,
            bytes: case.bytes,
            packets: case.packets,
            seconds: seconds.as_secs_f64(),
            cpu_seconds: self.is_one_process.then_some(cpu.as_secs_f64()),
            threads: self.threads.filter(|_| self.is_one_process),
            rss_bytes: status_of("VmHWM:").filter(|_| self.is_one_process).map(|kib| kib * 1024),
            latency: Latency::of(&self.latency),
        })
    }
}

impl Default for Meter {
    fn default() -> Self {
        Self::new()
    }
}

/// Sleeps until packet `number` of a paced case is due.
pub fn paced(begun: Instant, number: u64) {
    let due = begun + PACE * u32::try_from(number).unwrap_or(u32::MAX);
    std::thread::sleep(due.saturating_duration_since(Instant::now()));
}

/// Time of all processors that this process has taken.
fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(now).unwrap_or_default()
}

/// A number of `/proc/self/status`; kibibytes where the file says so.
fn status_of(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Work;

    const CASE: Case = Case { work: Work::RoundTrip, depth: 1, bytes: 0, packets: 3 };

    #[test]
    fn a_run_has_what_the_peer_did() {
        let mut meter = Meter::new();
        meter.round_trips(&CASE, |_| Ok(())).unwrap();
        let run = meter.run("x", "1", &CASE).unwrap();
        assert!(run.seconds > 0.0 && run.cpu_seconds.is_some());
        assert!(run.threads.unwrap() >= 1 && run.rss_bytes.unwrap() > 1 << 16);
        assert!(run.latency.unwrap().max_ns > 0);
    }

    #[test]
    fn what_others_did_is_not_counted_as_ours() {
        let mut meter = Meter::new();
        meter.others_took(Duration::from_millis(2));
        meter.packet(Duration::from_micros(5));
        let run = meter.run("x", "1", &CASE).unwrap();
        assert_eq!((run.seconds, run.latency.map(|latency| latency.p50_ns)), (0.002, Some(5_003)));
        assert_eq!((run.cpu_seconds, run.threads, run.rss_bytes), (None, None, None));
    }

    #[test]
    fn a_peer_that_measured_nothing_has_no_run() {
        let error = Meter::new().run("x", "1", &CASE).unwrap_err();
        assert!(matches!(error, Failure::Failed(reason) if reason.contains("measured nothing")));
    }

    #[test]
    fn a_paced_packet_is_never_early() {
        let begun = Instant::now();
        paced(begun, 3);
        assert!(begun.elapsed() >= PACE * 3);
    }
}
