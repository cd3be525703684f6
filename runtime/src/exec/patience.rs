//! How long a thread that has nothing to do looks around before it sleeps.
//!
//! To sleep and be woken costs two system calls and two switches, far more than a packet. Where the next packet comes
//! within microseconds it is cheaper to look for it a few times, and to let others run in between, because the one who
//! makes it may need this very processor. Where packets come rarely that is wasted, so a thread remembers how often
//! looking was in vain and then looks only every so many times.
//!
//! Two threads that ask and answer each other can end up with both asleep: the wake-up of the other one takes longer than
//! a thread looks, so looking seems to be in vain, although each would answer at once if it were awake. So one look in 64
//! outlasts a wake-up where sleeps are short and end with one packet. If that finds something, the next looks are as long,
//! until the other one has stayed awake too, which its own look around makes it do. If it has not by then, it has other
//! work in between, and there is a rest. And where each answer came at once so far, a wait that is longer does not end in a
//! sleep either: whoever is held up for a moment would find the other one asleep, and so on. That lasts for as many waits as
//! are for one packet, and ends with the first answer that does not come at all.
//!
//! Looking on without a pause is worth it only where packets come singly: an answer may be there before others have run.
//! Elsewhere it was tried too: with more threads than processors it only took time from those who had work.

use crate::exec::habit::{Habit, MISSES_MAX};
use crate::exec::lookout::Lookout;
use crate::exec::sys::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What threads of a session do while they have nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Idle {
    /// They look for work a few times, for some microseconds in all, where that has helped before, and then sleep. Where
    /// packets come faster than a thread can be woken for each, a packet may wait for 0.2 ms. Where they come singly and
    /// fast, as when an application waits for each answer, a thread looks for up to 60 µs now and then.
    #[default]
    Adaptive,
    /// They sleep at once, and every packet wakes who sleeps: least processor time where packets are rare.
    Sleep,
}

/// How often a thread looks in a row: more make no difference to a chain of eight on two processors, fewer do. A model
/// looks at every interleaving of the sleep itself.
const LOOKS: u32 = if cfg!(loom) { 0 } else { 10 };
/// The first looks are for several packets: who took each one as it came would fight with its producer for the same
/// cache lines. It delays a packet by some microseconds at most.
const LOOKS_FOR_MANY: u32 = 8;
const MANY: usize = 16;
/// After this has only delayed a packet that came alone, so many waits are for one packet.
const WAITS_FOR_ONE: u64 = 64;

/// How long a look outlasts a wake-up: that of an idle virtual processor takes 20 µs or more.
const LONG: Duration = Duration::from_micros(60);
/// Long looks in a row: in so many waits the other one looks once.
const LONG_LOOKS: u64 = 1 << MISSES_MAX;
/// Waits before the next long look after these came to nothing.
const REST: u64 = 4096;

/// A sleep that ends sooner was for one of many packets.
const BRISK: Duration = Duration::from_micros(500);
/// Brisk sleeps in a row after which a thread naps.
const BRISK_MIN: u64 = 8;
/// How long a nap is. A packet may wait so long, if its producer has more to do than it can.
const NAP: Duration = Duration::from_micros(200);

/// The memory of one thread that waits at one bell; only that thread uses it.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    idle: Idle,
    /// Of looking around before a sleep.
    habit: Habit,
    /// Long looks that are left.
    long_looks: AtomicU64,
    /// Waits that are left before the next one that looks for several packets.
    waits_for_one: AtomicU64,
    /// For the one packet, then.
    lookout: Lookout,
    /// Sleeps in a row that were brisk, up to [`BRISK_MIN`].
    brisk: AtomicU64,
    /// Sleeps in a row that were brisk and ended with one packet, up to [`BRISK_MIN`].
    alone: AtomicU64,
}

impl Patience {
    pub(crate) fn new(idle: Idle) -> Self {
        Self { idle, ..Self::default() }
    }

    /// Looks around for a while, if that is worth it; whether `is_ready` came true, which is asked whether so many packets
    /// wait or there is something else to do.
    pub(crate) fn wait_for(&self, is_ready: impl FnMut(usize) -> bool) -> bool {
        if self.idle == Idle::Sleep {
            return false;
        }
        if !self.habit.is_due() {
            return false;
        }
        let found = self.look_around(self.is_long(), is_ready);
        self.learn(found);
        found != Found::Nothing
    }

    /// Whether the look that is due outlasts a wake-up.
    fn is_long(&self) -> bool {
        let is_alone = self.alone.load(Ordering::Relaxed) >= BRISK_MIN;
        is_alone && self.habit.is_rarest()
    }

    /// When the next look is due after one that found this.
    fn learn(&self, found: Found) {
        let long_looks = self.long_looks.load(Ordering::Relaxed);
        let long_looks = match found {
            Found::Soon | Found::Nothing => {
                self.habit.learn(found == Found::Soon);
                0
            }
            Found::Late => {
                self.habit.rest_for(if long_looks == 1 { REST } else { 0 });
                long_looks.checked_sub(1).unwrap_or(LONG_LOOKS)
            }
        };
        self.long_looks.store(long_looks, Ordering::Relaxed);
    }

    /// How long the thread only naps, if it does.
    pub(crate) fn nap(&self) -> Option<Duration> {
        (self.brisk.load(Ordering::Relaxed) >= BRISK_MIN).then_some(NAP)
    }

    /// Notes how long the thread slept or napped, and asks whether so many packets were there then.
    pub(crate) fn woke_up(&self, slept: Duration, mut is_ready: impl FnMut(usize) -> bool) {
        if self.idle == Idle::Sleep {
            return;
        }
        let count = |row: &AtomicU64, goes_on: bool| {
            let so_far = row.load(Ordering::Relaxed);
            row.store(if goes_on { (so_far + 1).min(BRISK_MIN) } else { 0 }, Ordering::Relaxed);
        };
        let is_brisk = slept < BRISK && is_ready(1);
        count(&self.brisk, is_brisk);
        count(&self.alone, is_brisk && !is_ready(2));
    }

    fn look_around(&self, is_long: bool, mut is_ready: impl FnMut(usize) -> bool) -> Found {
        let waits_for_one = self.waits_for_one.load(Ordering::Relaxed);
        let looks_for_many = if waits_for_one == 0 { LOOKS_FOR_MANY } else { 0 };
        if waits_for_one > 0 && self.lookout.look(|| is_ready(1).then_some(())).is_some() {
            self.waits_for_one.store(waits_for_one - 1, Ordering::Relaxed);
            return Found::Soon;
        }
        // Who answered at once so far and does not now was held up for a moment: shorter than it takes to be woken.
        let was_prompt = waits_for_one > 0 && self.habit.helps();
        let found = (0..LOOKS).find(|look| {
            std::thread::yield_now();
            is_ready(if *look < looks_for_many { MANY } else { 1 })
        });
        let has_delayed = looks_for_many > 0 && found.is_some_and(|look| look >= looks_for_many);
        self.waits_for_one
            .store(if has_delayed { WAITS_FOR_ONE } else { waits_for_one.saturating_sub(1) }, Ordering::Relaxed);
        match found {
            Some(_) => Found::Soon,
            None if was_prompt && look_long(&mut is_ready) => Found::Soon,
            None if is_long && look_long(is_ready) => Found::Late,
            None => Found::Nothing,
        }
    }
}

/// What a look around came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    /// Within the few looks of every look around, or in a long one of those whose answers come at once.
    Soon,
    /// Only in a long one that is made now and then.
    Late,
}

/// Looks on for as long as a wake-up takes.
fn look_long(mut is_ready: impl FnMut(usize) -> bool) -> bool {
    let begun = Instant::now();
    loop {
        std::thread::yield_now();
        if is_ready(1) {
            return true;
        }
        if begun.elapsed() >= LONG {
            return false;
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// There is one packet.
    fn one(wanted: usize) -> bool {
        wanted <= 1
    }

    /// Whether a wait in vain looked at all.
    fn looks(patience: &Patience) -> bool {
        let has_looked = Cell::new(false);
        assert!(!patience.wait_for(|_| {
            has_looked.set(true);
            false
        }));
        has_looked.get()
    }

    #[test]
    fn looking_in_vain_gets_rare_and_one_that_helps_brings_it_back() {
        let patience = Patience::new(Idle::Adaptive);
        let looks_of = |waits: usize| (0..waits).filter(|_| looks(&patience)).count();
        assert_eq!(looks_of(1 + 2 + 4 + 8 + 16 + 32), 6, "each look in vain doubles the sleeps before the next");
        assert_eq!(looks_of(64 * 5), 5, "but there is always a next one");
        assert!((0..64).any(|_| patience.wait_for(|_| true)));
        assert!(looks(&patience), "after one that helped");
    }

    /// Makes a patience whose looks were all in vain, and whose sleeps were short.
    fn with_brisk_sleeps() -> Patience {
        let patience = Patience::new(Idle::Adaptive);
        (0..BRISK_MIN).for_each(|_| patience.woke_up(BRISK / 2, one));
        (0..MISSES_MAX).for_each(|_| patience.learn(Found::Nothing));
        patience
    }

    #[test]
    fn look_is_long_once_in_a_while_where_sleeps_are_short() {
        let patience = with_brisk_sleeps();
        assert!(patience.is_long() && !Patience::new(Idle::Adaptive).is_long());
        let begun = Instant::now();
        assert!((0..63).all(|_| !looks(&patience)) && looks(&patience), "one in 64");
        assert!(begun.elapsed() >= LONG);
        patience.woke_up(BRISK * 2, one);
        assert!(!patience.is_long(), "packets are rare");
        let patience = with_brisk_sleeps();
        patience.woke_up(BRISK / 2, |wanted| wanted <= 2);
        assert!(!patience.is_long(), "packets do not come singly");
    }

    #[test]
    fn long_looks_go_on_until_the_other_one_is_awake_or_has_had_its_chance() {
        let patience = with_brisk_sleeps();
        let waits_before_the_next = |patience: &Patience| patience.habit.left();
        for _ in 0..LONG_LOOKS {
            patience.learn(Found::Late);
            assert!(waits_before_the_next(&patience) == 0 && patience.is_long());
        }
        patience.learn(Found::Late);
        assert_eq!(waits_before_the_next(&patience), REST, "it is as slow each time");
        patience.learn(Found::Late);
        patience.learn(Found::Soon);
        assert!(waits_before_the_next(&patience) == 0 && !patience.is_long(), "both are awake");
    }

    #[test]
    fn packet_that_comes_alone_is_not_delayed_again() {
        let patience = Patience::new(Idle::Adaptive);
        let looks = Cell::new(0_u32);
        let alone = |wanted: usize| {
            looks.set(looks.get() + 1);
            one(wanted)
        };
        let waits: Vec<u32> = (0..=WAITS_FOR_ONE + 1)
            .map(|_| {
                looks.set(0);
                assert!(patience.wait_for(alone));
                looks.get()
            })
            .collect();
        let (first, rest) = waits.split_first().unwrap();
        let (last, between) = rest.split_last().unwrap();
        assert_eq!([*first, *last], [LOOKS_FOR_MANY + 1; 2], "{waits:?}");
        assert!(between.iter().all(|looks| *looks == 1), "{waits:?}");
    }

    #[test]
    fn answer_that_is_late_for_once_is_looked_for_longer() {
        let comes_late = |patience: &Patience| {
            let begun = Instant::now();
            patience.wait_for(|_| begun.elapsed() > LONG / 2)
        };
        let patience = Patience::new(Idle::Adaptive);
        assert!((0..2).all(|_| patience.wait_for(one)), "they come singly, each at once");
        assert!(comes_late(&patience));
        assert!(looks(&patience) && !looks(&patience), "one that does not come at all is not looked for again");
    }

    #[test]
    fn thread_that_is_woken_often_naps_until_a_nap_is_for_nothing() {
        let patience = Patience::new(Idle::Adaptive);
        for _ in 0..BRISK_MIN {
            assert_eq!(patience.nap(), None);
            patience.woke_up(BRISK / 2, one);
        }
        assert_eq!(patience.nap(), Some(NAP));
        patience.woke_up(NAP, one);
        assert_eq!(patience.nap(), Some(NAP));
        patience.woke_up(NAP, |_| false);
        assert_eq!(patience.nap(), None, "nothing came");
        (0..BRISK_MIN).for_each(|_| patience.woke_up(BRISK / 2, one));
        patience.woke_up(BRISK * 2, one);
        assert_eq!(patience.nap(), None, "packets are rare again");
    }

    #[test]
    fn who_is_to_sleep_does_not_look() {
        let patience = Patience::new(Idle::Sleep);
        assert!((0..200).all(|_| !looks(&patience)));
        (0..200).for_each(|_| patience.woke_up(BRISK / 2, one));
        assert_eq!(patience.nap(), None);
    }
}
