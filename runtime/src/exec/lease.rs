//! Who may touch the ends of a worker's links: its own thread, until that is taken away from it.
//!
//! A thread that does not return from a plugin can do so at any later moment. Before it touches anything shared it has
//! to know whether it still may, and the watch has to be sure of the answer when it takes the lease away. Both happen
//! without a locked instruction on the data path:
//!
//! * The owner publishes a *call word* before it goes into a plugin and clears it when it is back. Back in the host it
//!   looks for a challenge; there is none nearly always, and it goes on.
//! * The watch challenges an owner whose word has not changed for longer than its deadline. It announces the
//!   challenge, makes every thread of the process pass a full barrier, and reads the word again. If the word is still
//!   the same, the owner has not come back, and when it does, it will see the challenge: the lease is revoked by a
//!   compare-and-swap on the verdict. If the owner came back in between, it takes the verdict first and keeps the lease.
//!
//! The barrier in other threads is `membarrier(2)`; where the kernel has none, the owner pays for a fence per call.

use crate::exec::counters::Operation;
use crate::exec::sys::{AtomicBool, AtomicU64, Barrier, Ordering};

/// The word of an owner that is in the host.
const IN_HOST: u64 = 0;
const NODE_SHIFT: u32 = 8;
const SEQ_SHIFT: u32 = 32;
/// Nodes of one worker that a word can tell apart.
pub(crate) const NODES_MAX: usize = 1 << (SEQ_SHIFT - NODE_SHIFT);

const OPEN: u64 = 1;
const KEPT: u64 = 2;
const REVOKED: u64 = 3;
const ROUND_SHIFT: u32 = 2;
const STATE_MASK: u64 = (1 << ROUND_SHIFT) - 1;

/// The right of one thread to touch the links of its worker.
#[derive(Debug)]
pub(crate) struct Lease {
    /// What the owner is doing: [`IN_HOST`], or sequence number, node and operation of a call.
    word: AtomicU64,
    /// Number of the challenge that is under way, 0 for none.
    challenge: AtomicU64,
    /// Number and state of the newest challenge.
    verdict: AtomicU64,
    /// Whether the lease was revoked; for those who only want to know.
    is_revoked: AtomicBool,
    barrier: Barrier,
}

/// A call as the watch sees it; equal words mean that it is still the same call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallWord(u64);

impl CallWord {
    /// Position of the node among those of its worker.
    pub(crate) fn node(self) -> usize {
        ((self.0 >> NODE_SHIFT) as usize) & (NODES_MAX - 1)
    }

    /// The call, or `None` while the owner waits for room on a link.
    pub(crate) fn operation(self) -> Option<Operation> {
        Operation::from_code((self.0 & 0xFF) as u8)
    }
}

impl Lease {
    /// A lease whose owner is in the host.
    pub(crate) fn new(barrier: Barrier) -> Self {
        Self {
            word: AtomicU64::new(IN_HOST),
            challenge: AtomicU64::new(0),
            verdict: AtomicU64::new(0),
            is_revoked: AtomicBool::new(false),
            barrier,
        }
    }

    /// [owner] Goes into a plugin. `seq` is a count of the owner that never repeats.
    pub(crate) fn enter(&self, seq: u64, node: usize, operation: Operation) {
        let word = (seq << SEQ_SHIFT) | ((node as u64) << NODE_SHIFT) | u64::from(operation.code());
        self.word.store(word, Ordering::Release);
    }

    /// [owner] Comes back from a plugin; `false` when the lease is gone, and then nothing shared may be touched.
    #[must_use]
    pub(crate) fn leave(&self) -> bool {
        self.word.store(IN_HOST, Ordering::Release);
        self.barrier.light();
        let round = self.challenge.load(Ordering::Acquire);
        round == 0 || self.contest(round)
    }

    /// Whoever takes the verdict of a challenge first has the lease.
    #[cold]
    fn contest(&self, round: u64) -> bool {
        let open = (round << ROUND_SHIFT) | OPEN;
        let kept = (round << ROUND_SHIFT) | KEPT;
        match self.verdict.compare_exchange(open, kept, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(verdict) => verdict & STATE_MASK != REVOKED,
        }
    }

    /// [watch] The call that the owner is in, if it is in one.
    pub(crate) fn call(&self) -> Option<CallWord> {
        let word = self.word.load(Ordering::Acquire);
        (word != IN_HOST).then_some(CallWord(word))
    }

    /// [watch] Takes the lease away if the owner is still in this call. Only one thread may do so.
    pub(crate) fn revoke(&self, call: CallWord) -> bool {
        if self.is_revoked() {
            return true;
        }
        let round = (self.verdict.load(Ordering::Relaxed) >> ROUND_SHIFT) + 1;
        let open = (round << ROUND_SHIFT) | OPEN;
        self.verdict.store(open, Ordering::Release);
        self.challenge.store(round, Ordering::Release);
        self.barrier.heavy();
        let is_revoked = self.call() == Some(call)
            && self
                .verdict
                .compare_exchange(open, (round << ROUND_SHIFT) | REVOKED, Ordering::AcqRel, Ordering::Acquire)
                .is_ok();
        if is_revoked {
            self.is_revoked.store(true, Ordering::Release);
        } else {
            self.challenge.store(0, Ordering::Release);
        }
        is_revoked
    }

    /// Whether the lease was revoked.
    pub(crate) fn is_revoked(&self) -> bool {
        self.is_revoked.load(Ordering::Acquire)
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    fn lease() -> Lease {
        Lease::new(Barrier::new())
    }

    #[test]
    fn call_tells_node_and_operation() {
        let lease = lease();
        assert_eq!(lease.call(), None);
        lease.enter(7, 65_000, Operation::Process);
        let call = lease.call().unwrap();
        assert_eq!((call.node(), call.operation()), (65_000, Some(Operation::Process)));
        assert!(lease.leave());
        lease.enter(8, 65_000, Operation::Process);
        assert_ne!(lease.call(), Some(call), "the next call of the same kind is another one");
    }

    #[test]
    fn lease_is_revoked_only_during_the_call_that_was_seen() {
        let lease = lease();
        lease.enter(1, 0, Operation::Tick);
        let first = lease.call().unwrap();
        assert!(lease.leave());
        lease.enter(2, 0, Operation::Tick);
        assert!(!lease.revoke(first));
        assert!(lease.leave());
        lease.enter(3, 0, Operation::Tick);
        assert!(lease.revoke(lease.call().unwrap()));
        assert!(!lease.leave());
        assert!(lease.is_revoked() && !lease.leave());
    }
}

#[cfg(test)]
#[cfg(loom)]
mod models {
    use super::*;
    use loom::sync::Arc;

    /// In every interleaving the owner keeps the lease or the watch gets it: never both, never neither.
    #[test]
    fn exactly_one_of_owner_and_watch_has_the_lease() {
        loom::model(|| {
            let lease = Arc::new(Lease::new(Barrier::new()));
            lease.enter(1, 0, Operation::Process);
            let call = lease.call().unwrap();
            let watch = {
                let lease = lease.clone();
                loom::thread::spawn(move || lease.revoke(call))
            };
            let is_kept = lease.leave();
            let is_revoked = watch.join().unwrap();
            assert_ne!(is_kept, is_revoked);
        });
    }

    /// An owner that goes on calling is never revoked for a call that it has left, however often it is challenged.
    #[test]
    fn challenge_of_an_old_call_changes_nothing() {
        loom::model(|| {
            let lease = Arc::new(Lease::new(Barrier::new()));
            lease.enter(1, 0, Operation::Process);
            let call = lease.call().unwrap();
            let watch = {
                let lease = lease.clone();
                loom::thread::spawn(move || (lease.revoke(call), lease.call().map(|call| lease.revoke(call))))
            };
            let mut is_kept = lease.leave();
            if is_kept {
                lease.enter(2, 0, Operation::Process);
                is_kept = lease.leave();
            }
            let (first, second) = watch.join().unwrap();
            assert_eq!(is_kept, !(first || second == Some(true)));
        });
    }
}
