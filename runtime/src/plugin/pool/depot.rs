//! What is idle of all large buffers: as much as was needed lately, within a budget, while there is somebody to need it.

use super::shape::{LARGE_CLASSES, LargeClass};
use super::shelf::Shelf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Idle bytes of one class beyond which there is no room in its queues, whatever the budget.
const CLASS_IDLE_BYTES_MAX: usize = 2 << 30;
/// Idle buffers of one class at most.
const CLASS_IDLE_MAX: usize = 1024;

/// A shelf for each large class, made when it is first used, and what is allowed to be on them together.
///
/// Taking and putting are lock-free. As long as all large buffers together, in use or not, are within the budget, they
/// only read what seldom changes, beside the queue itself; only beyond it idle buffers are counted.
#[derive(Debug)]
pub(super) struct Depot<T> {
    shelves: [OnceLock<Shelf<T>>; LARGE_CLASSES],
    /// Who may need large buffers; without anybody nothing is kept.
    users: AtomicUsize,
    /// Bytes of all large buffers that are there, in use or idle.
    bytes: AtomicUsize,
    /// How many were ever made.
    count: AtomicU64,
    /// Idle bytes that are kept at most.
    budget: AtomicUsize,
}

impl<T> Depot<T> {
    /// An empty depot for nobody.
    pub(super) const fn new(budget: usize) -> Self {
        Self {
            shelves: [const { OnceLock::new() }; LARGE_CLASSES],
            users: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            count: AtomicU64::new(0),
            budget: AtomicUsize::new(budget),
        }
    }

    fn shelf(&self, class: LargeClass) -> Option<&Shelf<T>> {
        let room = (CLASS_IDLE_BYTES_MAX / class.capacity).clamp(1, CLASS_IDLE_MAX);
        Some(self.shelves.get(class.index)?.get_or_init(|| Shelf::new(room)))
    }

    /// Shelves that were ever used, with the size of what is on them.
    fn used(&self) -> impl Iterator<Item = (usize, &Shelf<T>)> {
        let shelves = self.shelves.iter().enumerate();
        shelves.filter_map(|(index, shelf)| Some((LargeClass::at(index).capacity, shelf.get()?)))
    }

    /// An idle buffer of a class.
    pub(super) fn take(&self, class: LargeClass) -> Option<T> {
        self.shelf(class)?.take()
    }

    /// Keeps a buffer that nobody holds any more, or drops it.
    pub(super) fn put(&self, class: LargeClass, idle: T) {
        if self.has_no_user() || self.is_beyond_budget(class.capacity) {
            return drop(idle);
        }
        let Some(shelf) = self.shelf(class) else { return };
        shelf.put(idle);
        // The last user may have left between the question above and the shelf, and not have seen this one.
        if self.has_no_user() {
            shelf.clear();
        }
    }

    fn is_beyond_budget(&self, more: usize) -> bool {
        let budget = self.budget.load(Ordering::Relaxed);
        self.bytes.load(Ordering::Relaxed) > budget && self.idle().1.saturating_add(more) > budget
    }

    fn has_no_user(&self) -> bool {
        // Before and after the queue, whose operations are sequentially consistent too: either the user who leaves
        // finds what was put there, or who put it there finds that there is no user.
        self.users.load(Ordering::SeqCst) == 0
    }

    /// How many idle buffers there are, and their bytes.
    pub(super) fn idle(&self) -> (usize, usize) {
        let add =
            |(count, bytes): (usize, usize), (capacity, len): (usize, usize)| (count + len, bytes + capacity * len);
        self.used().map(|(capacity, shelf)| (capacity, shelf.len())).fold((0, 0), add)
    }

    /// Bytes of all buffers, in use or idle.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// How many buffers were ever made.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Counts a buffer that is there from now on.
    pub(super) fn made(&self, class: LargeClass) {
        self.bytes.fetch_add(class.capacity, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a buffer that is no more.
    pub(super) fn freed(&self, class: LargeClass) {
        self.bytes.fetch_sub(class.capacity, Ordering::Relaxed);
    }

    /// Somebody may need large buffers.
    pub(super) fn enter(&self) {
        self.users.fetch_add(1, Ordering::SeqCst);
    }

    /// Somebody needs none any more; the last one takes everything along.
    pub(super) fn leave(&self) {
        if self.users.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.clear();
        }
    }

    /// Sets the budget; what is idle beyond it goes at once.
    pub(super) fn set_budget(&self, bytes: usize) {
        self.budget.store(bytes, Ordering::Relaxed);
        if self.idle().1 > bytes {
            self.clear();
        }
    }

    /// Drops what nobody needed since the last time.
    pub(super) fn turn_over(&self) {
        self.used().for_each(|(_, shelf)| shelf.turn_over());
    }

    /// Drops everything that is idle.
    pub(super) fn clear(&self) {
        self.used().for_each(|(_, shelf)| shelf.clear());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const MIB: usize = 1 << 20;

    fn class(capacity: usize) -> LargeClass {
        let all = (0..LARGE_CLASSES).map(LargeClass::at);
        all.into_iter().find(|class| class.capacity == capacity).unwrap()
    }

    /// A depot with a user, and a value that stands for all its buffers.
    fn depot(budget: usize) -> (Depot<Arc<()>>, Arc<()>) {
        let depot = Depot::new(budget);
        depot.enter();
        (depot, Arc::new(()))
    }

    #[test]
    fn idle_bytes_of_all_classes_together_stay_within_the_budget() {
        let (depot, buffer) = depot(10 * MIB);
        for _ in 0..8 {
            for capacity in [MIB, 2 * MIB] {
                depot.made(class(capacity));
                depot.put(class(capacity), buffer.clone());
                assert!(depot.idle().1 <= 10 * MIB);
            }
        }
        assert_eq!((Arc::strong_count(&buffer) - 1, depot.idle().1), (depot.idle().0, 10 * MIB), "and use it up");
        assert!(depot.take(class(2 * MIB)).is_some());
        depot.set_budget(9 * MIB);
        assert_eq!(depot.idle(), (6, 8 * MIB), "a budget that is kept changes nothing");
        depot.set_budget(0);
        assert_eq!((depot.idle(), Arc::strong_count(&buffer)), ((0, 0), 1));
    }

    #[test]
    fn nothing_is_kept_without_a_user() {
        let (depot, buffer) = depot(usize::MAX);
        depot.enter();
        depot.put(class(MIB), buffer.clone());
        depot.leave();
        assert_eq!(depot.idle(), (1, MIB), "somebody is left");
        depot.leave();
        assert_eq!((depot.idle(), Arc::strong_count(&buffer)), ((0, 0), 1));
        depot.put(class(MIB), buffer.clone());
        assert_eq!((depot.idle(), Arc::strong_count(&buffer)), ((0, 0), 1));
    }

    #[test]
    fn a_buffer_that_is_put_back_while_the_last_user_leaves_does_not_stay() {
        for _ in 0..if cfg!(miri) { 5 } else { 500 } {
            let (depot, buffer) = depot(usize::MAX);
            std::thread::scope(|scope| {
                scope.spawn(|| depot.put(class(MIB), buffer.clone()));
                depot.leave();
            });
            assert_eq!((depot.idle(), Arc::strong_count(&buffer)), ((0, 0), 1));
        }
    }

    #[test]
    fn what_nobody_needs_is_gone_after_two_turns() {
        let (depot, buffer) = depot(usize::MAX);
        (0..4).for_each(|_| depot.put(class(MIB), buffer.clone()));
        depot.turn_over();
        let taken = depot.take(class(MIB)).unwrap();
        depot.put(class(MIB), taken);
        depot.turn_over();
        assert_eq!(depot.idle(), (1, MIB));
        depot.turn_over();
        assert_eq!(depot.idle(), (0, 0));
    }
}
