//! Packets that cost an instance its life: kept for a person to look at, to save and to send again.
//!
//! The store is a plain value; [`DeadLetterBox`] guards the one of a session. It is bounded by number and by bytes: the
//! oldest letter makes room and is counted.

mod file;
mod record;
mod shared;

use crate::exec::Operation;
use graphmill_abi::{MAX_PLANES, Packet, PacketHeader};
use std::collections::VecDeque;

pub use file::{DeadLetterFileError, read_dead_letters, write_dead_letters};
pub use shared::DeadLetterBox;

/// Most letters that a session keeps.
pub const ENTRIES_MAX: u32 = 1_000;
/// Most bytes that the letters of a session keep alive.
pub const BYTES_MAX: u64 = 64 << 20;
/// Longest message of a letter in bytes; what is longer is cut.
pub const MESSAGE_LEN_MAX: usize = 4_096;

/// A packet that was in flight when its node failed, and why it is not delivered again.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// Id of the node.
    pub node: String,
    /// Id of its kind.
    pub kind: String,
    /// Input that the packet came in on.
    pub pin: String,
    /// What the packet did.
    pub reason: Reason,
    /// How often it was delivered.
    pub attempts: u32,
    /// When it was given up, in nanoseconds of the session's clock.
    pub at_ns: i64,
    /// Everything of the packet but its bytes.
    pub header: PacketHeader,
    /// The packet with its bytes, if the node keeps them.
    pub packet: Option<Packet>,
}

/// What a packet did to its node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The call that failed.
    pub operation: Operation,
    /// How it failed.
    pub message: String,
}

impl DeadLetter {
    /// Bytes that the letter keeps alive. A buffer counts in full for every plane that lies in it.
    pub fn byte_len(&self) -> u64 {
        let text = self.node.len() + self.kind.len() + self.pin.len() + self.reason.message.len();
        to_u64(size_of::<Self>() + text) + self.packet.as_ref().map_or(0, kept_bytes)
    }
}

fn kept_bytes(packet: &Packet) -> u64 {
    let planes = (0..MAX_PLANES).filter_map(|index| packet.plane_buffer(index));
    planes.chain(packet.side()).map(|buffer| to_u64(buffer.len())).sum()
}

fn to_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// How much a store holds, and how much a file may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeadLetterLimits {
    /// Most letters; 0 keeps none.
    pub entries_max: u32,
    /// Most bytes of all letters together.
    pub bytes_max: u64,
}

impl Default for DeadLetterLimits {
    /// [`ENTRIES_MAX`] letters and [`BYTES_MAX`] bytes.
    fn default() -> Self {
        Self { entries_max: ENTRIES_MAX, bytes_max: BYTES_MAX }
    }
}

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
        self.bytes > self.limits.bytes_max || to_u64(self.letters.len()) > u64::from(self.limits.entries_max)
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
