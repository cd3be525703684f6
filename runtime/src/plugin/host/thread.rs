//! Which thread this is.

use std::ptr;

thread_local! {
    /// Its address tells threads apart; cheaper than asking for the thread's id.
    static MARK: u8 = const { 0 };
}

/// Tells whether code runs on the thread where the mark was taken, as long as that thread lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ThreadMark(usize);

impl ThreadMark {
    /// The mark of the calling thread.
    pub(super) fn here() -> Self {
        // A thread that is ending has no mark any more; it owns nothing either.
        Self(MARK.try_with(|mark| ptr::from_ref(mark).addr()).unwrap_or(0))
    }

    /// Whether this is the thread where the mark was taken.
    pub(super) fn is_here(self) -> bool {
        self == Self::here() && self.0 != 0
    }
}
