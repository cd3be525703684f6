//! What a callee left in a packet that it was lent.

use super::{MAX_PLANES, Packet, PacketError};
use crate::layout::*;
use crate::payload::PacketKind;

impl Packet {
    /// Checks what another one left in a packet that it was lent: planes that were taken are null, the rest is in order.
    ///
    /// # Errors
    /// What could not be read any more; dropping the packet is sound all the same.
    pub fn check_rest(&self) -> Result<(), PacketError> {
        let raw = &self.0;
        if (raw.struct_size as usize) < size_of::<gm_packet>() {
            return Err(PacketError::Pointer);
        }
        if raw.kind != GM_KIND_NONE && PacketKind::from_raw(raw.kind).is_none() {
            return Err(PacketError::Kind(raw.kind));
        }
        if raw.kind != GM_KIND_NONE && self.header().is_none() {
            return Err(PacketError::Shape);
        }
        if raw.n_planes as usize > MAX_PLANES {
            return Err(PacketError::Planes(raw.n_planes));
        }
        for index in 0..raw.n_planes {
            let is_there = raw.planes.get(index as usize).is_some_and(|plane| !plane.buf.is_null());
            if is_there && self.plane(index as usize).is_none() {
                return Err(PacketError::Bounds(index));
            }
        }
        Ok(())
    }
}
