//! A list of buffers that any thread may put something on and one thread takes whole.
//!
//! The links stand in the last of the maker's words of the buffers themselves. Nothing is ever taken singly, so the
//! classic trap of such lists, a first element that was taken and put back meanwhile, cannot happen.

use graphmill_abi::layout::gm_buffer;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Which of the maker's words holds the link.
const LINK: usize = 2;

/// Buffers that wait, last one first.
#[derive(Debug)]
pub(super) struct List {
    first: AtomicPtr<gm_buffer>,
}

/// Buffers that were taken from a list, in the order in which they were put there.
#[derive(Debug)]
pub(super) struct Waiting {
    first: *mut gm_buffer,
}

impl List {
    pub(super) const fn new() -> Self {
        Self { first: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Puts a buffer on the list and says whether it was empty, so that somebody has to be woken.
    ///
    /// # Safety
    /// `raw` is a live buffer that nobody else refers to and whose maker's words are the caller's.
    pub(super) unsafe fn push(&self, raw: *mut gm_buffer) -> bool {
        let mut first = self.first.load(Ordering::Relaxed);
        loop {
            // SAFETY: passed on from the caller; until the exchange below nobody else sees the buffer.
            unsafe { (*raw).maker[LINK] = first.cast() };
            // What was written into the buffer so far becomes visible to whoever takes the list.
            match self.first.compare_exchange_weak(first, raw, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return first.is_null(),
                Err(now) => first = now,
            }
        }
    }

    /// Takes everything.
    pub(super) fn take(&self) -> Waiting {
        let mut last = self.first.swap(ptr::null_mut(), Ordering::Acquire);
        let mut first: *mut gm_buffer = ptr::null_mut();
        while !last.is_null() {
            // SAFETY: what is on the list is alive and belongs to whoever took it.
            let before = unsafe { (*last).maker[LINK] }.cast();
            // SAFETY: as above.
            unsafe { (*last).maker[LINK] = first.cast() };
            first = last;
            last = before;
        }
        Waiting { first }
    }
}

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_null()
    }

    /// The next buffer, which from now on belongs to the caller.
    pub(super) fn next(&mut self) -> Option<*mut gm_buffer> {
        if self.first.is_null() {
            return None;
        }
        let raw = self.first;
        // SAFETY: what was taken and not given out yet is alive and ours.
        self.first = unsafe { (*raw).maker[LINK] }.cast();
        Some(raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use graphmill_abi::Buffer;
    use std::collections::BTreeMap;

    /// A buffer with a number in it, as a list wants it.
    fn numbered(number: u32) -> *mut gm_buffer {
        Buffer::copy_from_slice(&number.to_le_bytes()).into_raw()
    }

    fn number_of(raw: *mut gm_buffer) -> u32 {
        // SAFETY: the reference was given away by `numbered` and comes back here.
        let buffer = unsafe { Buffer::from_raw(raw) }.unwrap();
        u32::from_le_bytes(buffer.as_slice().try_into().unwrap())
    }

    #[test]
    fn order_is_kept_and_only_the_first_push_wakes() {
        let list = List::new();
        assert!(list.take().is_empty());
        // SAFETY: fresh buffers, nobody else refers to them.
        let wakes: Vec<bool> = (0..3).map(|number| unsafe { list.push(numbered(number)) }).collect();
        assert_eq!(wakes, [true, false, false]);
        let mut waiting = list.take();
        let numbers: Vec<u32> = std::iter::from_fn(|| waiting.next()).map(number_of).collect();
        assert_eq!(numbers, [0, 1, 2]);
        assert!(list.take().is_empty());
    }

    #[test]
    fn nothing_is_lost_or_doubled_between_four_threads() {
        const EACH: u32 = if cfg!(miri) { 20 } else { 5000 };
        let list = List::new();
        let mut seen = BTreeMap::new();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let list = &list;
                scope.spawn(move || {
                    for number in 0..EACH {
                        // SAFETY: a fresh buffer.
                        unsafe { list.push(numbered(thread * EACH + number)) };
                    }
                });
            }
            while seen.len() < 4 * EACH as usize {
                let mut waiting = list.take();
                while let Some(raw) = waiting.next() {
                    *seen.entry(number_of(raw)).or_insert(0) += 1;
                }
                std::thread::yield_now();
            }
        });
        assert!(seen.values().all(|count| *count == 1));
    }
}
