//! When a source is asked for packets, and when a node with inputs is called without one.

use crate::exec::context::Wake;
use crate::exec::counters::NodeCounters;
use crate::exec::doorbell::Doorbell;
use crate::exec::instance::NextTick;
use crate::exec::sys::{AtomicBool, Ordering};
use crate::graph::{LateTicks, TickSpec};
use std::sync::Arc;

/// The timetable of one source.
#[derive(Debug)]
pub(crate) struct Ticks {
    rule: Rule,
    /// The next tick; `i64::MAX` when only a wake brings it.
    next_ns: i64,
    /// The first tick of every instance.
    first_ns: i64,
    waker: Arc<TickWaker>,
}

#[derive(Debug, Clone, Copy)]
enum Rule {
    Asap,
    SelfTimed,
    Interval { interval_ns: i64, makes_up: bool },
}

/// Lets a plugin ask for a tick from any thread.
#[derive(Debug)]
pub(crate) struct TickWaker {
    is_woken: AtomicBool,
    bell: Arc<Doorbell>,
}

impl TickWaker {
    /// A waker of a node whose worker sleeps at `bell`.
    pub(crate) fn new(bell: Arc<Doorbell>) -> Self {
        Self { is_woken: AtomicBool::new(false), bell }
    }
}

impl Wake for TickWaker {
    fn wake(&self) {
        self.is_woken.store(true, Ordering::Release);
        self.bell.ring();
    }
}

impl Ticks {
    /// A timetable whose first tick is due at once.
    pub(crate) fn new(spec: TickSpec, waker: Arc<TickWaker>) -> Self {
        let rule = match spec {
            TickSpec::Asap => Rule::Asap,
            TickSpec::SelfTimed => Rule::SelfTimed,
            TickSpec::Interval { interval_ms, late } => {
                #[expect(clippy::cast_possible_truncation, reason = "a float outside the range saturates")]
                let interval_ns = (interval_ms * 1e6) as i64;
                Rule::Interval { interval_ns: interval_ns.max(1), makes_up: late == LateTicks::Burst }
            }
        };
        Self { rule, next_ns: i64::MIN, first_ns: i64::MIN, waker }
    }

    /// A timetable of a node with inputs: it is ticked once it asks for that, and when it said then.
    pub(crate) fn on_wake(waker: Arc<TickWaker>) -> Self {
        Self { rule: Rule::SelfTimed, next_ns: i64::MAX, first_ns: i64::MAX, waker }
    }

    /// The timetable of the instance that takes the place of this one's.
    pub(crate) fn replica(&self) -> Self {
        Self { rule: self.rule, next_ns: self.first_ns, first_ns: self.first_ns, waker: self.waker.clone() }
    }

    /// Forgets what an instance asked for that is gone.
    pub(crate) fn begin_again(&mut self) {
        self.next_ns = self.first_ns;
    }

    /// Whether a tick is due.
    pub(crate) fn is_due(&self, now_ns: i64) -> bool {
        now_ns >= self.next_ns || self.waker.is_woken.load(Ordering::Acquire)
    }

    /// Takes the tick that is due, if one is, and sets the next of a fixed interval.
    pub(crate) fn take_due(&mut self, now_ns: i64, counters: &NodeCounters) -> bool {
        if !self.is_due(now_ns) {
            return false;
        }
        if self.waker.is_woken.load(Ordering::Relaxed) {
            self.waker.is_woken.swap(false, Ordering::Acquire);
        }
        if let Rule::Interval { interval_ns, makes_up } = self.rule
            && now_ns >= self.next_ns
        {
            let planned_ns = if self.next_ns == i64::MIN { now_ns } else { self.next_ns };
            self.next_ns = planned_ns.saturating_add(interval_ns);
            let missed = now_ns.saturating_sub(planned_ns) / interval_ns;
            if missed > 0 {
                counters.late_ticks.increment();
            }
            if missed > 0 && !makes_up {
                counters.late_ticks.add(missed.unsigned_abs() - 1);
                self.next_ns = planned_ns.saturating_add(interval_ns.saturating_mul(missed + 1));
            }
        }
        true
    }

    /// Goes on after a pause: ticks that would have come meanwhile are neither made up for nor late.
    pub(crate) fn resume(&mut self, now_ns: i64) {
        if let Rule::Interval { .. } = self.rule {
            self.next_ns = self.next_ns.max(now_ns);
        }
    }

    /// Notes what the source asked for; only a self-timed one is heard.
    pub(crate) fn set_next(&mut self, next: NextTick) {
        if let Rule::SelfTimed = self.rule {
            self.next_ns = match next {
                NextTick::Now => i64::MIN,
                NextTick::At(at_ns) => at_ns,
                NextTick::OnWake | NextTick::Ended => i64::MAX,
            };
        }
    }

    /// The time of the next tick, unless only a wake brings it.
    pub(crate) fn next_ns(&self) -> Option<i64> {
        (self.next_ns != i64::MAX).then_some(self.next_ns)
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    fn ticks(spec: TickSpec) -> Ticks {
        Ticks::new(spec, Arc::new(TickWaker::new(Arc::default())))
    }

    fn interval(late: LateTicks) -> Ticks {
        ticks(TickSpec::Interval { interval_ms: 10.0, late })
    }

    const MS: i64 = 1_000_000;

    #[test]
    fn interval_ticks_keep_their_grid_however_late_they_run() {
        let counters = NodeCounters::default();
        let mut ticks = interval(LateTicks::Skip);
        assert!(ticks.take_due(100 * MS, &counters));
        assert!(!ticks.is_due(109 * MS));
        assert!(ticks.take_due(113 * MS, &counters));
        assert_eq!(ticks.next_ns(), Some(120 * MS));
        assert_eq!(counters.late_ticks.value(), 0);
    }

    #[test]
    fn skipped_ticks_are_counted_and_not_made_up() {
        let counters = NodeCounters::default();
        let mut ticks = interval(LateTicks::Skip);
        assert!(ticks.take_due(0, &counters));
        assert!(ticks.take_due(45 * MS, &counters));
        assert_eq!((ticks.next_ns(), counters.late_ticks.value()), (Some(50 * MS), 3));
    }

    #[test]
    fn burst_makes_up_for_every_missed_tick() {
        let counters = NodeCounters::default();
        let mut ticks = interval(LateTicks::Burst);
        assert!(ticks.take_due(0, &counters));
        let made_up = std::iter::repeat_with(|| ticks.take_due(45 * MS, &counters)).take_while(|due| *due).count();
        assert_eq!((made_up, ticks.next_ns()), (4, Some(50 * MS)));
        assert_eq!(counters.late_ticks.value(), 3);
    }

    #[test]
    fn ticks_of_a_pause_are_neither_made_up_for_nor_late() {
        let counters = NodeCounters::default();
        let mut ticks = interval(LateTicks::Burst);
        assert!(ticks.take_due(0, &counters));
        ticks.resume(95 * MS);
        assert!(ticks.take_due(95 * MS, &counters) && !ticks.is_due(104 * MS));
        assert_eq!((ticks.next_ns(), counters.late_ticks.value()), (Some(105 * MS), 0));
    }

    #[test]
    fn node_with_inputs_is_ticked_only_once_it_asks_for_it() {
        let counters = NodeCounters::default();
        let mut ticks = Ticks::on_wake(Arc::new(TickWaker::new(Arc::default())));
        assert!(!ticks.is_due(i64::MAX - 1));
        ticks.waker.wake();
        assert!(ticks.take_due(0, &counters));
        ticks.set_next(NextTick::At(5 * MS));
        assert!(!ticks.is_due(4 * MS) && ticks.is_due(5 * MS));
        ticks.begin_again();
        assert!(!ticks.is_due(5 * MS) && !ticks.replica().is_due(5 * MS), "its next instance asked for nothing");
    }

    #[test]
    fn self_timed_source_is_asked_when_it_said_or_when_it_is_woken() {
        let counters = NodeCounters::default();
        let mut ticks = ticks(TickSpec::SelfTimed);
        assert!(ticks.take_due(0, &counters));
        ticks.set_next(NextTick::At(5 * MS));
        assert!(!ticks.is_due(4 * MS) && ticks.is_due(5 * MS));
        ticks.set_next(NextTick::OnWake);
        assert!(!ticks.is_due(i64::MAX - 1));
        ticks.waker.wake();
        assert!(ticks.take_due(6 * MS, &counters));
        assert!(!ticks.take_due(6 * MS, &counters));
    }
}
