//! The count of a buffer whose maker keeps it in the first of its own words of the header.
//!
//! [`retain`] and [`is_unique`] go into the maker's table as they are; its `release` asks [`release`] whether the
//! reference was the last and frees the buffer then. The buffers of this crate and those of the host are counted so.

use crate::layout::gm_buffer;
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering, fence};

/// More references than this are a leak that would soon wrap around, exactly as in `Arc`.
const REFERENCES_MAX: usize = isize::MAX as usize;

/// The first of the maker's words of a buffer with one reference.
pub const ONE: *mut c_void = ptr::without_provenance_mut(1);

/// Adds a reference.
///
/// # Safety
/// `raw` is a live buffer that is counted here, of which the caller holds a reference.
pub unsafe extern "C" fn retain(raw: *mut gm_buffer) {
    // SAFETY: passed on from the caller.
    if add(unsafe { word(raw) }) > REFERENCES_MAX {
        // A wrapped count would free memory in use. A panic may not cross; this one aborts the process on purpose.
        panic!("too many references to one buffer");
    }
}

/// 1 when the caller holds the only reference.
///
/// # Safety
/// As for [`retain`].
pub unsafe extern "C" fn is_unique(raw: *const gm_buffer) -> u32 {
    // SAFETY: passed on from the caller.
    u32::from(is_one(unsafe { word(raw) }))
}

/// Gives a reference back and says whether it was the last; then nobody else touches the buffer any more.
///
/// # Safety
/// As for [`retain`]; the caller gives up the reference that it held.
#[must_use]
#[inline]
pub unsafe fn release(raw: *mut gm_buffer) -> bool {
    // SAFETY: passed on from the caller.
    give_back(unsafe { word(raw) })
}

/// The word of a buffer.
///
/// # Safety
/// `raw` is a live buffer that is counted here.
unsafe fn word<'a>(raw: *const gm_buffer) -> &'a AtomicUsize {
    // SAFETY: the buffer is alive; the word is projected without making a reference to the header.
    let word = unsafe { &raw const (*raw).maker[0] };
    // SAFETY: the word is aligned, lives as long as the buffer and is only ever touched as an atomic while shared.
    unsafe { AtomicUsize::from_ptr(word.cast_mut().cast::<usize>()) }
}

/// What a count stands on: an atomic of the machine, or one of a model checker.
trait Word {
    fn fetch_add(&self, order: Ordering) -> usize;
    fn fetch_sub(&self, order: Ordering) -> usize;
    fn load(&self, order: Ordering) -> usize;
    /// Has what other holders did before they gave their reference back happen before what the caller does next.
    fn acquire(&self);
}

impl Word for AtomicUsize {
    fn fetch_add(&self, order: Ordering) -> usize {
        AtomicUsize::fetch_add(self, 1, order)
    }

    fn fetch_sub(&self, order: Ordering) -> usize {
        AtomicUsize::fetch_sub(self, 1, order)
    }

    fn load(&self, order: Ordering) -> usize {
        AtomicUsize::load(self, order)
    }

    fn acquire(&self) {
        // The thread sanitizer does not see fences. Reading what the last release wrote orders as much, and costs more.
        if cfg!(thread_sanitizer) {
            AtomicUsize::load(self, Ordering::Acquire);
        } else {
            fence(Ordering::Acquire);
        }
    }
}

/// Adds a reference and says how many there were. Whoever hands a reference to another thread orders that itself.
fn add<W: Word>(word: &W) -> usize {
    word.fetch_add(Ordering::Relaxed)
}

/// Whether there is one reference. If so, what its former holders read and wrote happens before what the caller does.
fn is_one<W: Word>(word: &W) -> bool {
    word.load(Ordering::Acquire) == 1
}

fn give_back<W: Word>(word: &W) -> bool {
    if word.fetch_sub(Ordering::Release) != 1 {
        return false;
    }
    // Pairs with the release above: what other holders did happens before the bytes are freed or used again.
    word.acquire();
    true
}

#[cfg(test)]
#[cfg(loom)]
mod models {
    use super::*;
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::sync::atomic as machine;
    use loom::thread;

    impl Word for machine::AtomicUsize {
        fn fetch_add(&self, order: Ordering) -> usize {
            machine::AtomicUsize::fetch_add(self, 1, order)
        }

        fn fetch_sub(&self, order: Ordering) -> usize {
            machine::AtomicUsize::fetch_sub(self, 1, order)
        }

        fn load(&self, order: Ordering) -> usize {
            machine::AtomicUsize::load(self, order)
        }

        fn acquire(&self) {
            machine::fence(Ordering::Acquire);
        }
    }

    /// Bytes that loom watches, and who counts their holders. The `Arc` is never released, so that it orders nothing.
    type Counted = Arc<(machine::AtomicUsize, UnsafeCell<()>)>;

    fn counted(references: usize) -> Counted {
        Arc::new((machine::AtomicUsize::new(references), UnsafeCell::new(())))
    }

    /// Reads the bytes once, then gives the reference up; frees them if it was the last.
    fn read_and_release((word, bytes): &(machine::AtomicUsize, UnsafeCell<()>)) -> bool {
        bytes.with(|_| ());
        let is_last = give_back(word);
        if is_last {
            bytes.with_mut(|_| ());
        }
        is_last
    }

    #[test]
    fn bytes_are_freed_once_after_the_last_look_at_them() {
        loom::model(|| {
            let buffer = counted(1);
            let others = [(); 2].map(|()| {
                add(&buffer.0);
                let buffer = buffer.clone();
                thread::spawn(move || read_and_release(&buffer))
            });
            let mine = read_and_release(&buffer);
            let frees = others.map(|other| other.join().unwrap()).into_iter().chain([mine]);
            assert_eq!(frees.filter(|is_last| *is_last).count(), 1);
        });
    }

    #[test]
    fn who_finds_itself_alone_writes_after_everybody_else_has_read() {
        loom::model(|| {
            let buffer = counted(2);
            let other = {
                let buffer = buffer.clone();
                thread::spawn(move || read_and_release(&buffer))
            };
            if is_one(&buffer.0) {
                buffer.1.with_mut(|_| ());
            }
            assert_ne!(read_and_release(&buffer), other.join().unwrap());
        });
    }
}
