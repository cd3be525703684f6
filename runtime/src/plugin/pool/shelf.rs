//! What is idle of one class of large buffers, and which of it nobody needed lately.

use crossbeam_queue::ArrayQueue;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Two queues, one of them at the front. What is put back goes to the front, and from there it is taken first; so after
/// some time the front holds what was needed in that time, and the back what was not. Then the back is emptied, and the
/// two change places. No use is counted for that.
///
/// Lock-free; any thread may do anything at any time. Nobody waits for anybody.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    queues: [ArrayQueue<T>; 2],
    /// Which queue is at the front. Who reads an old value uses the other queue, which does no harm.
    front: AtomicUsize,
}

impl<T> Shelf<T> {
    /// An empty shelf with room for `capacity` things in each of its queues.
    pub(super) fn new(capacity: usize) -> Self {
        Self { queues: [ArrayQueue::new(capacity), ArrayQueue::new(capacity)], front: AtomicUsize::new(0) }
    }

    fn front_and_back(&self) -> (&ArrayQueue<T>, &ArrayQueue<T>) {
        let [first, second] = &self.queues;
        if self.front.load(Ordering::Relaxed) == 0 { (first, second) } else { (second, first) }
    }

    /// Something, preferably what was used lately.
    pub(super) fn take(&self) -> Option<T> {
        let (front, back) = self.front_and_back();
        front.pop().or_else(|| back.pop())
    }

    /// Puts something back; it is dropped when there is no room.
    pub(super) fn put(&self, thing: T) {
        drop(self.front_and_back().0.push(thing));
    }

    /// Drops what nobody took since the last time, and begins to look again.
    pub(super) fn turn_over(&self) {
        let back = self.front_and_back().1;
        drop_all(back);
        // Whoever turns it over at the same time does the same: at worst nothing is judged this time.
        self.front.fetch_xor(1, Ordering::Relaxed);
    }

    /// Drops everything.
    pub(super) fn clear(&self) {
        self.queues.iter().for_each(drop_all);
    }

    /// How many things there are.
    pub(super) fn len(&self) -> usize {
        self.queues.iter().map(ArrayQueue::len).sum()
    }
}

/// Drops what is in a queue. Others may put things there meanwhile, so there is a limit.
fn drop_all<T>(queue: &ArrayQueue<T>) {
    (0..queue.capacity()).map_while(|_| queue.pop()).for_each(drop);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn what_nobody_needed_between_two_turns_is_dropped() {
        let shelf = Shelf::new(8);
        let things: Vec<Arc<usize>> = (0..6).map(Arc::new).collect();
        things.iter().for_each(|thing| shelf.put(Arc::clone(thing)));
        let kept = || things.iter().filter(|thing| Arc::strong_count(thing) == 2).count();
        shelf.turn_over();
        assert_eq!(kept(), 6, "they were all put back since the last turn");
        for _ in 0..10 {
            // Never more than two at once.
            let (one, other) = (shelf.take().unwrap(), shelf.take().unwrap());
            shelf.put(one);
            shelf.put(other);
        }
        shelf.turn_over();
        assert_eq!((kept(), shelf.len()), (2, 2));
        shelf.turn_over();
        assert_eq!(kept(), 0, "nothing was taken any more");
    }

    #[test]
    fn what_finds_no_room_is_dropped_and_clear_drops_the_rest() {
        let shelf = Shelf::new(2);
        let thing = Arc::new(());
        (0..3).for_each(|_| shelf.put(thing.clone()));
        assert_eq!((Arc::strong_count(&thing), shelf.len()), (3, 2));
        shelf.turn_over();
        shelf.put(thing.clone());
        shelf.clear();
        assert_eq!((Arc::strong_count(&thing), shelf.len()), (1, 0));
        assert!(shelf.take().is_none());
    }

    #[test]
    fn threads_that_take_put_and_turn_over_lose_and_double_nothing() {
        let shelf = Shelf::new(4);
        let thing = Arc::new(());
        let rounds = if cfg!(miri) { 50 } else { 5_000 };
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..rounds {
                        let mine = shelf.take().unwrap_or_else(|| thing.clone());
                        shelf.put(mine);
                    }
                });
            }
            scope.spawn(|| (0..rounds).for_each(|_| shelf.turn_over()));
        });
        assert_eq!(Arc::strong_count(&thing), 1 + shelf.len());
        shelf.clear();
        assert_eq!(Arc::strong_count(&thing), 1);
    }
}
