//! The dead letters of a session, which its workers write and its application reads.

use super::DeadLetters;
use graphmill_dead_letters::{DeadLetter, DeadLetterLimits};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The newest dead letters of a session. A clone reads the same letters, also after the session has ended.
///
/// It is touched when a packet is given up, never for one that is delivered.
#[derive(Debug, Clone)]
pub struct DeadLetterBox(Arc<Mutex<DeadLetters>>);

impl DeadLetterBox {
    /// The letters, oldest first. They share the bytes of their packets with those in the box.
    pub fn letters(&self) -> Vec<DeadLetter> {
        self.lock().iter().cloned().collect()
    }

    /// Letters that ever came in, those that made room for others included.
    pub fn received(&self) -> u64 {
        self.lock().received()
    }

    /// Bytes that the letters in the box keep alive.
    pub fn bytes(&self) -> u64 {
        self.lock().bytes()
    }

    pub(crate) fn push(&self, letter: DeadLetter) {
        self.lock().push(letter);
    }

    fn lock(&self) -> MutexGuard<'_, DeadLetters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for DeadLetterBox {
    /// An empty box with the default limits.
    fn default() -> Self {
        Self(Arc::new(Mutex::new(DeadLetters::new(DeadLetterLimits::default()))))
    }
}
