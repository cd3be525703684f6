//! What is remembered of a packet while its node has it: to hand it over again, or to make a dead letter of it.

use crate::exec::supervise::{DeadLetter, Reason};
use crate::exec::worker::node::NodePlan;
use crate::graph::{DeadLetterContent, Policy};
use graphmill_abi::{Packet, PacketHeader, PacketOutline};

/// A packet in flight, remembered before its call: the call may change it, or leave nothing of it.
pub(super) enum InFlight {
    /// Everything but its bytes.
    Outline(PacketOutline),
    /// All of it. This shares its bytes, so that the node cannot work in place.
    Packet(Packet),
}

impl InFlight {
    /// Remembers as much as the policy may need.
    pub(super) fn of(packet: &Packet, policy: &Policy) -> Self {
        if policy.redeliver > 0 || policy.dead_letters == DeadLetterContent::Payload {
            Self::Packet(packet.clone())
        } else {
            Self::Outline(packet.outline())
        }
    }

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
pub(super) struct Undelivered {
    /// Number of the input.
    pub(super) pin: usize,
    /// Deliveries so far.
    pub(super) attempts: u32,
    /// Why the last one failed.
    pub(super) reason: Reason,
}

impl Undelivered {
    /// The dead letter of a packet; `None` when nothing of it can be told.
    pub(super) fn into_letter(self, in_flight: InFlight, plan: &NodePlan) -> Option<DeadLetter> {
        let (header, packet) = in_flight.into_content(plan.policy.dead_letters)?;
        Some(DeadLetter {
            node: plan.context.node().to_string(),
            kind: plan.context.kind().to_string(),
            pin: plan.inputs.get(self.pin)?.name.to_string(),
            reason: self.reason,
            attempts: self.attempts,
            at_ns: plan.context.now_ns(),
            header,
            packet,
        })
    }
}
