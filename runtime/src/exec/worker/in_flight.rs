//! What is remembered of a packet while its node has it: to hand it over again, or to make a dead letter of it.

use crate::exec::context::NodeContext;
use crate::exec::supervise::{DeadLetter, Reason};
use crate::graph::{DeadLetterContent, Policy};
use graphmill_abi::{Packet, PacketHeader, PacketOutline};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A packet in flight, remembered before its call: the call may change it, or leave nothing of it.
pub(crate) enum InFlight {
    /// Everything but its bytes.
    Outline(PacketOutline),
    /// All of it. This shares its bytes, so that the node cannot work in place.
    Packet(Packet),
}

impl InFlight {
    /// The header, and the packet for the letter if the policy keeps that.
    fn into_content(self, content: DeadLetterContent) -> Option<(PacketHeader, Option<Packet>)> {
        match self {
            Self::Outline(outline) => Some((outline.header()?, None)),
            Self::Packet(packet) => {
                Some((packet.header()?, Some(packet).filter(|_| content == DeadLetterContent::Payload)))
            }
        }
    }
}

/// How a packet was handed over the last time.
#[derive(Debug)]
pub(crate) struct Undelivered {
    /// Number of the input.
    pub(crate) pin: usize,
    /// Deliveries so far.
    pub(crate) attempts: u32,
    /// Why the last one failed.
    pub(crate) reason: Reason,
}

/// A packet that was in flight at a failure and is handed over again.
#[derive(Debug)]
pub(crate) struct Redelivery {
    pub(crate) packet: Packet,
    pub(crate) last: Undelivered,
}

/// Where whole packets in flight are kept, for policies that want that: the watch can still reach them there when the
/// call does not return. Whoever has the worker's lease uses it.
#[derive(Debug)]
pub(crate) struct Kept {
    /// Names of the inputs.
    inputs: Vec<Arc<str>>,
    policy: Policy,
    slot: Mutex<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    in_flight: Option<(Packet, usize, u32)>,
    redelivery: Option<Redelivery>,
}

impl Kept {
    /// The keeper of a node with these inputs.
    pub(crate) fn new(inputs: Vec<Arc<str>>, policy: Policy) -> Self {
        Self { inputs, policy, slot: Mutex::default() }
    }

    /// Whether the policy needs whole packets.
    pub(super) fn wants_packets(&self) -> bool {
        self.policy.redeliver > 0 || self.policy.dead_letters == DeadLetterContent::Payload
    }

    /// Keeps the packet of the next call.
    pub(super) fn put(&self, packet: &Packet, pin: usize, attempts: u32) {
        self.slot().in_flight = Some((packet.clone(), pin, attempts));
    }

    /// The packet of a call that has returned.
    pub(super) fn take(&self) -> Option<InFlight> {
        self.slot().in_flight.take().map(|(packet, ..)| InFlight::Packet(packet))
    }

    /// [watch] The packet of a call that does not return.
    pub(crate) fn take_hung(&self, reason: Reason) -> Option<Redelivery> {
        let (packet, pin, attempts) = self.slot().in_flight.take()?;
        Some(Redelivery { packet, last: Undelivered { pin, attempts, reason } })
    }

    /// [watch] Leaves a packet for the next instance.
    pub(crate) fn leave(&self, redelivery: Redelivery) {
        self.slot().redelivery = Some(redelivery);
    }

    /// The packet that was left for the next instance.
    pub(crate) fn take_redelivery(&self) -> Option<Redelivery> {
        self.slot().redelivery.take()
    }

    /// The dead letter of a packet; `None` when nothing of it can be told.
    pub(crate) fn letter(&self, last: Undelivered, in_flight: InFlight, context: &NodeContext) -> Option<DeadLetter> {
        let (header, packet) = in_flight.into_content(self.policy.dead_letters)?;
        Some(DeadLetter {
            node: context.node().to_string(),
            kind: context.kind().to_string(),
            pin: self.inputs.get(last.pin)?.to_string(),
            reason: last.reason,
            attempts: last.attempts,
            at_ns: context.now_ns(),
            header,
            packet,
        })
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
