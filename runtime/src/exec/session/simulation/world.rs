//! Who runs when: the workers, the watch, the clock and the dice of one seed.
//!
//! The world is of one thread, and reached from wherever a call is. Nobody keeps it borrowed while a worker has a
//! round, because the calls of that worker come here too.

use super::fault::Trouble;
use super::oracle::Oracle;
use crate::exec::clock::{Clock, VirtualClock};
use crate::exec::shared::SessionShared;
use crate::exec::supervise::SplitMix;
use crate::exec::watch::{Seen, Watch};
use crate::exec::worker::{Milestone, Round, SteppedWorker, WorkerPlan};
use crossbeam_channel::Sender;
use std::cell::RefCell;
use std::sync::Arc;

/// Rounds that one run may have, far more than any needs.
const ROUNDS_MAX: usize = 200_000;
/// Calls in the middle of which others run, at most one inside the other. Below the number of abandoned threads at
/// which no hung instance is replaced any more.
const DEPTH_MAX: usize = 4;

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// Random numbers of a seed.
#[derive(Debug)]
pub(super) struct Dice(SplitMix);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(SplitMix::new(seed))
    }

    /// A number below `count`.
    pub(super) fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.0.up_to(count as u64 - 1)).unwrap()
    }

    /// Whether something happens that happens once in so many times.
    pub(super) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// A place for a worker.
struct Slot {
    /// `None` while it has a round, and after its end.
    worker: Option<Box<SteppedWorker>>,
    /// The machine gives it no time before this.
    clogged_until_ns: i64,
}

/// Everything that a run shares.
pub(super) struct World {
    pub(super) dice: Dice,
    pub(super) clock: Arc<VirtualClock>,
    pub(super) shared: Arc<SessionShared>,
    pub(super) watch: Watch,
    pub(super) oracle: Oracle,
    /// Further faults that the run may have.
    pub(super) faults_left: usize,
    seen: Vec<Option<Seen>>,
    slots: Vec<Slot>,
    /// Plans of workers that take the place of hung ones.
    successors: Vec<WorkerPlan>,
    depth: usize,
    rounds: usize,
    /// Who did what, to compare two runs of one seed.
    pub(super) story: u64,
}

/// Who is to run, or what else is to happen.
enum Next {
    Worker(usize, Box<SteppedWorker>),
    /// Everybody sleeps until then.
    Sleep(i64),
    /// Everybody has ended, or waits for a call that is under way.
    Nothing,
}

impl World {
    pub(super) fn new(dice: Dice, clock: Arc<VirtualClock>, watch: Watch, oracle: Oracle) -> Self {
        let faults_left = [0, 3, 8, 20];
        let mut world = Self {
            dice,
            clock,
            shared: watch.shared.clone(),
            seen: vec![None; watch.workers.len()],
            watch,
            oracle,
            faults_left: 0,
            slots: Vec::new(),
            successors: Vec::new(),
            depth: 0,
            rounds: 0,
            story: 0,
        };
        world.faults_left = faults_left[world.dice.below(faults_left.len())];
        world
    }

    /// Makes this the world of the thread.
    pub(super) fn enter(self) {
        WORLD.with_borrow_mut(|world| *world = Some(self));
    }

    /// Takes the world of the thread away again.
    pub(super) fn leave() -> Self {
        WORLD.with_borrow_mut(Option::take).expect("a run has a world")
    }

    pub(super) fn add_worker(&mut self, worker: Box<SteppedWorker>) {
        self.slots.push(Slot { worker: Some(worker), clogged_until_ns: 0 });
    }

    /// Whether no worker is left.
    pub(super) fn has_ended(&self) -> bool {
        self.successors.is_empty() && self.slots.iter().all(|slot| slot.worker.is_none())
    }

    /// Who is left and why nobody runs, for a person who looks for the reason of a fault.
    pub(super) fn tell_slots(&mut self) -> String {
        let now_ns = self.clock.now_ns();
        let slots = self.slots.iter_mut().filter_map(|slot| {
            let worker = slot.worker.as_mut()?;
            Some(format!("clogged until {}, {worker:?}, awake {}", slot.clogged_until_ns, worker.is_awake(now_ns)))
        });
        format!("now {now_ns}, depth {}: {}", self.depth, slots.collect::<Vec<_>>().join("; "))
    }

    /// Moves the clock, with the watch looking before and after.
    fn advance(&mut self, by_ns: i64) {
        self.watch.look(&mut self.seen, self.clock.now_ns());
        self.clock.advance_ns(by_ns);
        self.watch.look(&mut self.seen, self.clock.now_ns());
    }

    fn adopt_successors(&mut self) {
        for plan in std::mem::take(&mut self.successors) {
            self.add_worker(SteppedWorker::succeeding(plan));
        }
    }

    /// Chooses who runs next.
    fn next(&mut self) -> Next {
        self.adopt_successors();
        let now_ns = self.clock.now_ns();
        let mut awake = self.awake(now_ns);
        if awake.is_empty() {
            // One that looks for room may bring what it kept onto a link, which wakes another one.
            awake = self.awake(now_ns);
        }
        if awake.is_empty() {
            return self.next_wake_ns().map_or(Next::Nothing, Next::Sleep);
        }
        let at = awake[self.dice.below(awake.len())];
        if self.dice.one_in(60) {
            self.slots[at].clogged_until_ns = now_ns + 40_000_000;
        }
        match self.slots[at].worker.take() {
            Some(worker) => Next::Worker(at, worker),
            None => Next::Nothing,
        }
    }

    fn awake(&mut self, now_ns: i64) -> Vec<usize> {
        (0..self.slots.len()).filter(|at| self.is_awake(*at, now_ns)).collect()
    }

    fn is_awake(&mut self, at: usize, now_ns: i64) -> bool {
        let slot = &mut self.slots[at];
        slot.clogged_until_ns <= now_ns && slot.worker.as_mut().is_some_and(|worker| worker.is_awake(now_ns))
    }

    /// When the next worker wakes up by itself.
    fn next_wake_ns(&self) -> Option<i64> {
        let now_ns = self.clock.now_ns();
        let wakes = self.slots.iter().filter_map(|slot| {
            let worker = slot.worker.as_ref()?;
            match slot.clogged_until_ns {
                until_ns if until_ns > now_ns => Some(until_ns),
                _ => worker.wakes_at_ns(),
            }
        });
        wakes.min()
    }

    fn note(&mut self, what: u64) {
        self.story = self.story.wrapping_mul(0x0100_0000_01B3) ^ what;
    }
}

/// Lends the world for a moment. No worker may get a round meanwhile.
pub(super) fn with<T>(body: impl FnOnce(&mut World) -> T) -> T {
    WORLD.with_borrow_mut(|world| body(world.as_mut().expect("a run has a world")))
}

/// Lends the world for a moment; does nothing when a run that went wrong is over already.
pub(super) fn with_if_there(body: impl FnOnce(&mut World)) {
    WORLD.with_borrow_mut(|world| world.as_mut().map(body));
}

/// The way of the watch to take the place of a hung worker.
#[expect(clippy::unnecessary_wraps, reason = "the real one starts a thread, which can fail")]
pub(super) fn start_worker(plan: WorkerPlan, _: Sender<Milestone>) -> std::io::Result<()> {
    // The watch looks while the world is borrowed, so the plan waits beside it.
    SUCCESSORS.with_borrow_mut(|plans| plans.push(plan));
    Ok(())
}

thread_local! {
    static SUCCESSORS: RefCell<Vec<WorkerPlan>> = const { RefCell::new(Vec::new()) };
}

/// Gives somebody a round, or moves the clock; `false` when there is nothing left to happen.
pub(super) fn step() -> bool {
    let next = with(|world| {
        world.successors.extend(SUCCESSORS.take());
        world.rounds += 1;
        assert!(world.rounds < ROUNDS_MAX, "the run does not end");
        world.next()
    });
    match next {
        Next::Nothing => false,
        Next::Sleep(until_ns) => with(|world| {
            let by_ns = until_ns - world.clock.now_ns();
            world.advance(by_ns.max(1));
            true
        }),
        Next::Worker(at, worker) => {
            let round = worker.round();
            with(|world| match round {
                Round::Going(worker) => {
                    world.slots[at].worker = Some(worker);
                    world.note(at as u64);
                }
                Round::Ended => world.note(1 << 32),
                Round::Lost => world.note(1 << 33),
            });
            true
        }
    }
}

/// What happens in the middle of a call with this trouble; says nothing of its result.
pub(super) fn meanwhile(trouble: Trouble, deadline_ns: i64) {
    let Some(rounds) = with(|world| (world.depth < DEPTH_MAX).then(|| 1 + world.dice.below(30))) else { return };
    with(|world| world.depth += 1);
    let pieces = match trouble {
        Trouble::Slow => 3,
        Trouble::Hang => 6,
        _ => 0,
    };
    run_others(rounds);
    for _ in 0..pieces {
        with(|world| world.advance(deadline_ns / 4));
        run_others(rounds);
    }
    with(|world| world.depth -= 1);
}

fn run_others(rounds: usize) {
    for _ in 0..rounds {
        if !step() {
            break;
        }
    }
}
