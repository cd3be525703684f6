//! Everything of a packet but its bytes: to remember a packet without keeping its payload alive.

use super::{MAX_PLANES, Packet, PacketError, borrow_buffer, validate};
use crate::buffer::Buffer;
use crate::layout::*;
use crate::payload::PacketKind;
use crate::text::{self, Text};
use core::fmt;
use core::mem::ManuallyDrop;
use core::ptr;

/// Everything of a packet but its bytes; plain numbers, so copying it allocates nothing and shares nothing.
///
/// ```
/// use graphmill_abi::{Buffer, Packet};
///
/// let packet = Packet::from_bytes("image/png", Buffer::zeroed(3))?;
/// let header = packet.header().expect("the packet has content");
/// let again = Packet::from_parts(&header, [Buffer::zeroed(3)], None)?;
/// assert_eq!(again.media_type(), Some("image/png"));
/// # Ok::<(), graphmill_abi::PacketError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct PacketHeader {
    /// `GM_PACKET_*` of [`crate::layout`].
    pub flags: u32,
    /// Number of the packet in its stream.
    pub seq: u64,
    /// Number of the stream that the packet belongs to.
    pub stream_id: u64,
    /// Presentation time in nanoseconds, if known.
    pub pts_ns: Option<i64>,
    /// Duration in nanoseconds, if known.
    pub duration_ns: Option<i64>,
    /// What is particular to the kind.
    pub shape: PacketShape,
    /// Planes in use.
    pub n_planes: u32,
    /// Length and stride of each plane; only the first `n_planes` count.
    pub planes: [PlaneHeader; MAX_PLANES],
}

/// What is particular to the kind of a packet, field by field as in the layout.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum PacketShape {
    /// Sound.
    Audio(gm_audio),
    /// A picture.
    Video(gm_video),
    /// A dense tensor.
    Tensor(gm_tensor),
    /// UTF-8 text.
    Text,
    /// A named, versioned event.
    Event {
        /// Namespaced name.
        name: Text,
        /// Version of the event's shape.
        version: u32,
    },
    /// Opaque bytes.
    Bytes {
        /// Media type such as `image/png`.
        media_type: Text,
    },
}

impl PacketShape {
    /// The kind of a packet of this shape.
    pub fn kind(&self) -> PacketKind {
        match self {
            Self::Audio(_) => PacketKind::Audio,
            Self::Video(_) => PacketKind::Video,
            Self::Tensor(_) => PacketKind::Tensor,
            Self::Text => PacketKind::Text,
            Self::Event { .. } => PacketKind::Event,
            Self::Bytes { .. } => PacketKind::Bytes,
        }
    }

    fn of(raw: &gm_packet) -> Option<Self> {
        Some(match raw.kind {
            // SAFETY: the kind says which member was written, and all of them are plain numbers.
            GM_KIND_AUDIO => Self::Audio(unsafe { raw.u.audio }),
            // SAFETY: as above.
            GM_KIND_VIDEO => Self::Video(unsafe { raw.u.video }),
            // SAFETY: as above.
            GM_KIND_TENSOR => Self::Tensor(unsafe { raw.u.tensor }),
            GM_KIND_TEXT => Self::Text,
            GM_KIND_EVENT => {
                // SAFETY: as above.
                let event = unsafe { &raw.u.event };
                let name = Text::new(text::view(&event.name, event.name_len).ok()?).ok()?;
                Self::Event { name, version: event.version }
            }
            GM_KIND_BYTES => {
                // SAFETY: as above.
                let bytes = unsafe { &raw.u.bytes };
                let media_type = Text::new(text::view(&bytes.media_type, bytes.media_type_len).ok()?).ok()?;
                Self::Bytes { media_type }
            }
            _ => return None,
        })
    }

    pub(super) fn to_raw(self) -> (u32, gm_payload) {
        match self {
            Self::Audio(audio) => (GM_KIND_AUDIO, gm_payload { audio }),
            Self::Video(video) => (GM_KIND_VIDEO, gm_payload { video }),
            Self::Tensor(tensor) => (GM_KIND_TENSOR, gm_payload { tensor }),
            Self::Text => (GM_KIND_TEXT, gm_payload { reserved: [0; 12] }),
            Self::Event { name, version } => {
                let (name_len, name) = name.to_raw();
                (GM_KIND_EVENT, gm_payload { event: gm_event { version, name_len, name } })
            }
            Self::Bytes { media_type } => {
                let (media_type_len, media_type) = media_type.to_raw();
                (GM_KIND_BYTES, gm_payload { bytes: gm_bytes { reserved: 0, media_type_len, media_type } })
            }
        }
    }
}

/// Length and stride of one plane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlaneHeader {
    /// Length in bytes.
    pub len: u32,
    /// Bytes from one line (video) or channel (planar audio) to the next, 0 when there is only one.
    pub stride: i32,
}

/// The numbers of a packet, without its shape: few enough to be noted before every call.
#[derive(Debug, Clone, Copy)]
pub struct PacketNumbers {
    kind: u32,
    flags: u32,
    n_planes: u32,
    seq: u64,
    pts_ns: i64,
    duration_ns: i64,
    stream_id: u64,
}

/// What a packet said before a call, in case that it is asked for: one plain copy, read only then.
///
/// It holds nothing alive. Use it where a [`PacketHeader`] of every packet would cost too much.
pub struct PacketOutline(ManuallyDrop<Packet>);

impl PacketOutline {
    /// Everything but the bytes, or `None` for an empty packet.
    pub fn header(&self) -> Option<PacketHeader> {
        self.0.header()
    }
}

impl fmt::Debug for PacketOutline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PacketOutline").field(&self.header()).finish()
    }
}

impl Packet {
    /// A copy of everything but the bytes that is not read yet.
    pub fn outline(&self) -> PacketOutline {
        // SAFETY: the source is valid. The copy owns no reference: it is never dropped, and only numbers are read of it.
        PacketOutline(ManuallyDrop::new(unsafe { ptr::read(self) }))
    }

    /// The numbers, to be put back with [`Packet::clear_but_for`].
    #[inline]
    pub fn numbers(&self) -> PacketNumbers {
        let gm_packet { kind, flags, n_planes, seq, pts_ns, duration_ns, stream_id, .. } = self.0;
        PacketNumbers { kind, flags, n_planes, seq, pts_ns, duration_ns, stream_id }
    }

    /// Drops the content; what stays owns nothing, but tells these numbers, and the shape that stands there.
    ///
    /// For a packet that another one had meanwhile and may have emptied: see [`Packet::outline`].
    #[cold]
    pub fn clear_but_for(&mut self, numbers: PacketNumbers) {
        self.clear();
        let PacketNumbers { kind, flags, n_planes, seq, pts_ns, duration_ns, stream_id } = numbers;
        (self.0.kind, self.0.flags, self.0.n_planes) = (kind, flags, n_planes);
        (self.0.seq, self.0.pts_ns, self.0.duration_ns, self.0.stream_id) = (seq, pts_ns, duration_ns, stream_id);
    }

    /// Everything but the bytes, or `None` for an empty packet.
    pub fn header(&self) -> Option<PacketHeader> {
        Some(PacketHeader {
            flags: self.0.flags,
            seq: self.0.seq,
            stream_id: self.0.stream_id,
            pts_ns: self.pts_ns(),
            duration_ns: self.duration_ns(),
            shape: PacketShape::of(&self.0)?,
            n_planes: self.0.n_planes,
            planes: self.0.planes.map(|plane| PlaneHeader { len: plane.len, stride: plane.stride }),
        })
    }

    /// Side data as UTF-8 JSON, if there is any.
    pub fn side(&self) -> Option<Buffer> {
        borrow_buffer(self.0.side).map(|buffer| Buffer::clone(&buffer))
    }

    /// Sets or removes the side data: a JSON object in UTF-8 that goes with the packet, such as where a picture comes from.
    pub fn set_side(&mut self, side: Option<Buffer>) {
        let raw = side.map_or(core::ptr::null_mut(), Buffer::into_raw);
        let old = core::mem::replace(&mut self.0.side, raw);
        // SAFETY: the packet owned this reference, and it no longer shows it.
        unsafe { super::release(old) };
    }

    /// A packet from its header and the bytes of each plane, checked as one that comes from the other side.
    ///
    /// # Errors
    /// [`PacketError::Planes`] and [`PacketError::Bounds`] when the planes are not those of the header, otherwise what
    /// is wrong with the header.
    pub fn from_parts(
        header: &PacketHeader,
        planes: impl IntoIterator<Item = Buffer>,
        side: Option<Buffer>,
    ) -> Result<Self, PacketError> {
        let mut buffers = [const { None }; MAX_PLANES];
        for (index, buffer) in planes.into_iter().take(MAX_PLANES + 1).enumerate() {
            *buffers.get_mut(index).ok_or(PacketError::Planes(header.n_planes))? = Some(buffer);
        }
        let mut packet = Self::with_planes(header.shape, buffers)?;
        if packet.0.n_planes != header.n_planes {
            return Err(PacketError::Planes(header.n_planes));
        }
        for ((index, plane), wanted) in (0..).zip(&mut packet.0.planes).zip(header.planes) {
            if plane.buf.is_null() {
                continue;
            }
            if plane.len != wanted.len {
                return Err(PacketError::Bounds(index));
            }
            plane.stride = wanted.stride;
        }
        packet.0.side = side.map_or(ptr::null_mut(), Buffer::into_raw);
        packet.0.flags = header.flags;
        packet.0.seq = header.seq;
        packet.0.stream_id = header.stream_id;
        packet.set_pts_ns(header.pts_ns);
        packet.set_duration_ns(header.duration_ns);
        // SAFETY: every reference in the packet was just moved into it from a live buffer.
        unsafe { validate(&packet.0) }?;
        Ok(packet)
    }
}
