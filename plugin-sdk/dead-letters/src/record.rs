//! The header of one letter as JSON.

use crate::{DeadLetter, Reason};
use graphmill_abi::layout::{gm_audio, gm_tensor, gm_video};
use graphmill_abi::{Buffer, MAX_PLANES, Packet, PacketError, PacketHeader, PacketShape, PlaneHeader, Text};
use serde::{Deserialize, Serialize};

/// Everything of a letter but the bytes, which follow it in the order of the planes, side data last.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    node: String,
    kind: String,
    pin: String,
    operation: String,
    message: String,
    attempts: u32,
    at_ns: i64,
    flags: u32,
    seq: u64,
    stream_id: u64,
    pts_ns: Option<i64>,
    duration_ns: Option<i64>,
    shape: Shape,
    planes: Vec<Plane>,
    /// What was kept of the bytes; `None` when only the header was.
    payload: Option<Payload>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    side_len: Option<u32>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plane {
    len: u32,
    stride: i32,
}

/// Field by field what the packet has, so that nothing is lost that the plugin saw.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
enum Shape {
    Audio {
        sample: u32,
        layout: u32,
        rate_hz: u32,
        channels: u32,
        frames: u32,
        channel_mask: u64,
    },
    Video {
        pixel: u32,
        width: u32,
        height: u32,
        primaries: u32,
        transfer: u32,
        matrix: u32,
        range: u32,
        flags: u32,
    },
    Tensor {
        dtype_code: u8,
        dtype_bits: u8,
        dtype_lanes: u16,
        ndim: u32,
        byte_offset: u64,
        shape: [u32; 8],
        strides: [i32; 8],
    },
    Text,
    Event {
        name: String,
        version: u32,
    },
    Bytes {
        media_type: String,
    },
}

impl Record {
    /// The record of a letter and the bytes that follow it; `None` for a shape that this version cannot write.
    pub(super) fn of(letter: &DeadLetter) -> Option<(Self, Vec<Buffer>)> {
        let kept = letter.packet.as_ref().and_then(|packet| Some((packet, packet.header()?)));
        let header = kept.map_or(letter.header, |(_, header)| header);
        let planes = header.planes.iter().take(count(header.n_planes));
        let record = Self {
            node: letter.node.clone(),
            kind: letter.kind.clone(),
            pin: letter.pin.clone(),
            operation: letter.reason.operation.clone(),
            message: letter.reason.message.clone(),
            attempts: letter.attempts,
            at_ns: letter.at_ns,
            flags: header.flags,
            seq: header.seq,
            stream_id: header.stream_id,
            pts_ns: header.pts_ns,
            duration_ns: header.duration_ns,
            shape: Shape::of(&header.shape)?,
            planes: planes.map(|plane| Plane { len: plane.len, stride: plane.stride }).collect(),
            payload: None,
        };
        Some(match kept.and_then(|(packet, _)| bytes_of(packet)) {
            None => (record, Vec::new()),
            Some((planes, side)) => record.with_payload(planes, side),
        })
    }

    fn with_payload(mut self, mut bytes: Vec<Buffer>, side: Option<Buffer>) -> (Self, Vec<Buffer>) {
        // Side data beyond 4 GiB cannot be: a packet that holds it would not have passed a link.
        let side_len = side.as_ref().map(|side| u32::try_from(side.len()).unwrap_or(u32::MAX));
        self.payload = Some(Payload { side_len });
        bytes.extend(side);
        (self, bytes)
    }

    /// Bytes that follow the record.
    pub(super) fn body_len(&self) -> u64 {
        let Some(payload) = &self.payload else { return 0 };
        let planes: u64 = self.planes.iter().map(|plane| u64::from(plane.len)).sum();
        planes + u64::from(payload.side_len.unwrap_or(0))
    }

    /// The letter again; `body` holds exactly [`Record::body_len`] bytes.
    pub(super) fn into_letter(self, body: &[u8]) -> Result<DeadLetter, PacketError> {
        let header = self.packet_header()?;
        let packet = match &self.payload {
            None => None,
            Some(payload) => Some(self.packet(&header, payload, body)?),
        };
        let reason = Reason { operation: self.operation, message: self.message };
        let Self { node, kind, pin, attempts, at_ns, .. } = self;
        Ok(DeadLetter { node, kind, pin, reason, attempts, at_ns, header, packet })
    }

    fn packet_header(&self) -> Result<PacketHeader, PacketError> {
        let n_planes = u32::try_from(self.planes.len()).unwrap_or(u32::MAX);
        if self.planes.len() > MAX_PLANES {
            return Err(PacketError::Planes(n_planes));
        }
        let mut planes = [PlaneHeader::default(); MAX_PLANES];
        for (target, plane) in planes.iter_mut().zip(&self.planes) {
            *target = PlaneHeader { len: plane.len, stride: plane.stride };
        }
        Ok(PacketHeader {
            flags: self.flags,
            seq: self.seq,
            stream_id: self.stream_id,
            pts_ns: self.pts_ns,
            duration_ns: self.duration_ns,
            shape: self.shape.to_header()?,
            n_planes,
            planes,
        })
    }

    fn packet(&self, header: &PacketHeader, payload: &Payload, body: &[u8]) -> Result<Packet, PacketError> {
        let mut rest = body;
        let mut planes = Vec::with_capacity(self.planes.len());
        for (index, plane) in (0..).zip(&self.planes) {
            let (bytes, after) = rest.split_at_checked(count(plane.len)).ok_or(PacketError::Bounds(index))?;
            planes.push(Buffer::copy_from_slice(bytes));
            rest = after;
        }
        let side = payload.side_len.map(|_| Buffer::copy_from_slice(rest));
        Packet::from_parts(header, planes, side)
    }
}

/// The bytes of each plane, if all of them are there, and the side data.
fn bytes_of(packet: &Packet) -> Option<(Vec<Buffer>, Option<Buffer>)> {
    let planes: Option<Vec<Buffer>> =
        (0..packet.n_planes()).map(|index| packet.plane(index).map(Buffer::copy_from_slice)).collect();
    Some((planes?, packet.side()))
}

fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Shape {
    fn of(shape: &PacketShape) -> Option<Self> {
        Some(match *shape {
            PacketShape::Audio(gm_audio { sample, layout, rate_hz, channels, frames, reserved: _, channel_mask }) => {
                Self::Audio { sample, layout, rate_hz, channels, frames, channel_mask }
            }
            PacketShape::Video(gm_video { pixel, width, height, primaries, transfer, matrix, range, flags }) => {
                Self::Video { pixel, width, height, primaries, transfer, matrix, range, flags }
            }
            PacketShape::Tensor(raw) => {
                let gm_tensor { dtype_code, dtype_bits, dtype_lanes, ndim, byte_offset, shape, strides } = raw;
                Self::Tensor { dtype_code, dtype_bits, dtype_lanes, ndim, byte_offset, shape, strides }
            }
            PacketShape::Text => Self::Text,
            PacketShape::Event { name, version } => Self::Event { name: name.as_str().to_string(), version },
            PacketShape::Bytes { media_type } => Self::Bytes { media_type: media_type.as_str().to_string() },
            _ => return None,
        })
    }

    fn to_header(&self) -> Result<PacketShape, PacketError> {
        Ok(match *self {
            Self::Audio { sample, layout, rate_hz, channels, frames, channel_mask } => {
                PacketShape::Audio(gm_audio { sample, layout, rate_hz, channels, frames, reserved: 0, channel_mask })
            }
            Self::Video { pixel, width, height, primaries, transfer, matrix, range, flags } => {
                PacketShape::Video(gm_video { pixel, width, height, primaries, transfer, matrix, range, flags })
            }
            Self::Tensor { dtype_code, dtype_bits, dtype_lanes, ndim, byte_offset, shape, strides } => {
                PacketShape::Tensor(gm_tensor {
                    dtype_code,
                    dtype_bits,
                    dtype_lanes,
                    ndim,
                    byte_offset,
                    shape,
                    strides,
                })
            }
            Self::Text => PacketShape::Text,
            Self::Event { ref name, version } => PacketShape::Event { name: Text::new(name)?, version },
            Self::Bytes { ref media_type } => PacketShape::Bytes { media_type: Text::new(media_type)? },
        })
    }
}
