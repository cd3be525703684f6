//! One dead letter.

use crate::to_u64;
use graphmill_abi::{MAX_PLANES, Packet, PacketHeader};

/// Longest message of a letter in bytes; what is longer is cut when the letter is stored.
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
    /// Name of the call that failed, such as `process`.
    pub operation: String,
    /// How it failed.
    pub message: String,
}

impl DeadLetter {
    /// Bytes that the letter keeps alive. A buffer counts in full for every plane that lies in it.
    pub fn byte_len(&self) -> u64 {
        let text = self.node.len() + self.kind.len() + self.pin.len();
        let reason = self.reason.operation.len() + self.reason.message.len();
        to_u64(size_of::<Self>() + text + reason) + self.packet.as_ref().map_or(0, kept_bytes)
    }
}

fn kept_bytes(packet: &Packet) -> u64 {
    let planes = (0..MAX_PLANES).filter_map(|index| packet.plane_buffer(index));
    planes.chain(packet.side()).map(|buffer| to_u64(buffer.len())).sum()
}
