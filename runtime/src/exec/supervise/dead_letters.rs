//! Packets that cost an instance its life: kept for a person to look at, to save and to send again.
//!
//! The store is a plain value; [`DeadLetterBox`] guards the one of a session. It is bounded by number and by bytes: the
//! oldest letter makes room and is counted.

mod shared;

use graphmill_dead_letters::{DeadLetter, DeadLetterLimits, MESSAGE_LEN_MAX};
use std::collections::VecDeque;

pub use shared::DeadLetterBox;

/// The newest dead letters.
#[derive(Debug)]
pub struct DeadLetters {
    limits: DeadLetterLimits,
    letters: VecDeque<DeadLetter>,
    bytes: u64,
    received: u64,
    evicted: u64,
    payloads_dropped: u64,
}

impl DeadLetters {
    /// An empty store.
    pub fn new(limits: DeadLetterLimits) -> Self {
        Self { limits, letters: VecDeque::new(), bytes: 0, received: 0, evicted: 0, payloads_dropped: 0 }
    }

    /// Takes a letter in; the oldest ones make room.
    ///
    /// A letter that alone is larger than the store loses its payload, so that at least its header stays.
    pub fn push(&mut self, mut letter: DeadLetter) {
        let message = &mut letter.reason.message;
        message.truncate(message.floor_char_boundary(MESSAGE_LEN_MAX));
        self.received += 1;
        if letter.packet.is_some() && letter.byte_len() > self.limits.bytes_max {
            letter.packet = None;
            self.payloads_dropped += 1;
        }
        self.bytes += letter.byte_len();
        self.letters.push_back(letter);
        while self.is_over_its_limits()
            && let Some(oldest) = self.letters.pop_front()
        {
            self.bytes -= oldest.byte_len();
            self.evicted += 1;
        }
    }

    fn is_over_its_limits(&self) -> bool {
        self.bytes > self.limits.bytes_max || self.letters.len() as u64 > u64::from(self.limits.entries_max)
    }

    /// The letters, oldest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &DeadLetter> {
        self.letters.iter()
    }

    /// Takes every letter out, oldest first.
    pub fn take(&mut self) -> Vec<DeadLetter> {
        self.bytes = 0;
        std::mem::take(&mut self.letters).into()
    }

    /// Letters in the store.
    pub fn len(&self) -> usize {
        self.letters.len()
    }

    /// Whether there is no letter in the store.
    pub fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    /// Bytes that the letters keep alive.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Letters that ever came in.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Letters that made room for others.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Letters whose payload alone was too large.
    pub fn payloads_dropped(&self) -> u64 {
        self.payloads_dropped
    }
}

#[cfg(test)]
mod tests;
