//! One unit on a link: header, format and planes, owned.

mod shape;

use crate::buffer::{self, Buffer, BufferError};
use crate::layout::*;
use crate::payload::{AudioHeader, EventView, PacketKind, Sample, TensorHeader, VideoHeader};
use crate::text::{self, Text, TextError};
use core::mem::ManuallyDrop;
use core::ptr;

mod header;
mod rest;

pub use header::{PacketHeader, PacketNumbers, PacketOutline, PacketShape, PlaneHeader};

/// Planes that a packet has room for.
pub const MAX_PLANES: usize = 4;

/// One unit on a link. Cloning shares the bytes; the header is 256 bytes and is moved by value.
///
/// The same type stands on both sides of the boundary: a plugin works on the very memory that the host owns.
///
/// ```
/// use graphmill_abi::{AudioHeader, Buffer, Packet};
///
/// let header = AudioHeader::f32(48_000, 1, 480);
/// let mut packet = Packet::from_audio(header, Buffer::zeroed(480 * 4))?;
/// packet.samples_mut::<f32>()?[0] = 0.5;
/// assert_eq!(packet.samples::<f32>()?[0], 0.5);
/// # Ok::<(), graphmill_abi::PacketError>(())
/// ```
#[repr(transparent)]
pub struct Packet(gm_packet);

/// Why a packet cannot be made, taken or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PacketError {
    /// The pointer is null or misaligned, or the struct is shorter than that of version 1.0.
    Pointer,
    /// The kind is not known.
    Kind(u32),
    /// A flag that must be understood is not known.
    Flags(u32),
    /// More planes than a packet has room for, or a plane in use beyond the count.
    Planes(u32),
    /// A plane reaches beyond the end of its buffer, or beyond 4 GiB.
    Bounds(u32),
    /// A buffer cannot be used.
    Buffer(BufferError),
    /// The shape in the header is impossible or does not fit the bytes.
    Shape,
    /// A name in the header is unusable.
    Text(TextError),
    /// The packet is of another kind or sample type than the reader asked for.
    Mismatch,
    /// The bytes are shared, so they cannot be written.
    Shared,
    /// The bytes are not aligned for the type that the reader asked for.
    Alignment,
}

impl core::fmt::Display for PacketError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Pointer => f.write_str("packet pointer is null, misaligned or points at a short struct"),
            Self::Kind(kind) => write!(f, "packet kind {kind} is not known"),
            Self::Flags(flags) => write!(f, "packet has flags {flags:#x} that must be understood and are not known"),
            Self::Planes(count) => {
                write!(f, "packet has an impossible set of planes (count {count}, at most {MAX_PLANES})")
            }
            Self::Bounds(plane) => write!(f, "plane {plane} of the packet reaches beyond its buffer"),
            Self::Buffer(error) => error.fmt(f),
            Self::Shape => f.write_str("shape in the packet header is impossible or does not fit the bytes"),
            Self::Text(error) => error.fmt(f),
            Self::Mismatch => f.write_str("packet is of another kind or sample type than was asked for"),
            Self::Shared => f.write_str("bytes of the packet are shared and cannot be written"),
            Self::Alignment => f.write_str("bytes of the packet are not aligned for this type"),
        }
    }
}

impl core::error::Error for PacketError {}

impl From<BufferError> for PacketError {
    fn from(error: BufferError) -> Self {
        Self::Buffer(error)
    }
}

impl From<TextError> for PacketError {
    fn from(error: TextError) -> Self {
        Self::Text(error)
    }
}

// SAFETY: a packet owns buffers, which may go to any thread, and plain numbers.
unsafe impl Send for Packet {}
// SAFETY: as above; shared access only reads.
unsafe impl Sync for Packet {}

const NO_PLANE: gm_plane = gm_plane { buf: ptr::null_mut(), offset: 0, len: 0, stride: 0, reserved: 0 };

impl Packet {
    /// A packet without content: what is left after [`Packet::take`].
    pub const EMPTY: Self = Self(gm_packet {
        struct_size: size_of::<gm_packet>() as u32,
        kind: GM_KIND_NONE,
        flags: 0,
        n_planes: 0,
        seq: 0,
        pts_ns: GM_TIME_UNKNOWN,
        duration_ns: GM_TIME_UNKNOWN,
        planes: [NO_PLANE; MAX_PLANES],
        side: ptr::null_mut(),
        host_private: 0,
        stream_id: 0,
        u: gm_payload { reserved: [0; 12] },
    });

    /// Sound; `bytes` holds the samples from its start, planar channels without gaps.
    ///
    /// # Errors
    /// [`PacketError::Shape`] when the header has no channel or no rate or the bytes are too few.
    pub fn from_audio(header: AudioHeader, bytes: Buffer) -> Result<Self, PacketError> {
        let raw = header.to_raw();
        AudioHeader::from_raw(&raw).ok_or(PacketError::Shape)?;
        let mut packet = Self::with_bytes(PacketShape::Audio(raw), bytes)?;
        let [plane, ..] = &mut packet.0.planes;
        if header.planar && header.channels > 1 {
            let stride = u64::from(header.frames) * header.sample.size() as u64;
            plane.stride = i32::try_from(stride).map_err(|_| PacketError::Shape)?;
        }
        shape::check_audio(&header, plane)?;
        Ok(packet)
    }

    /// A picture; one buffer and line stride in bytes per plane. Chroma of an odd size is rounded up.
    ///
    /// # Errors
    /// [`PacketError::Shape`] when the pixel format is not known or has another number of planes, or when a line does
    /// not fit its stride or the lines not their buffer.
    pub fn from_video<const N: usize>(header: VideoHeader, planes: [(Buffer, i32); N]) -> Result<Self, PacketError> {
        if N > MAX_PLANES || header.n_planes() != Some(N) {
            return Err(PacketError::Shape);
        }
        let video = gm_video {
            pixel: header.pixel,
            width: header.width,
            height: header.height,
            primaries: 0,
            transfer: 0,
            matrix: 0,
            range: 0,
            flags: 0,
        };
        let strides = planes.each_ref().map(|(_, stride)| *stride);
        let mut buffers = [const { None }; MAX_PLANES];
        for (slot, (buffer, _)) in buffers.iter_mut().zip(planes) {
            *slot = Some(buffer);
        }
        let mut packet = Self::with_planes(PacketShape::Video(video), buffers)?;
        for (plane, stride) in packet.0.planes.iter_mut().zip(strides) {
            plane.stride = stride;
        }
        shape::check_video(&header, N, &packet.0.planes)?;
        Ok(packet)
    }

    /// A tensor without gaps; `bytes` holds the elements from its start.
    ///
    /// # Errors
    /// [`PacketError::Shape`] when there are more than eight dimensions, the shape overflows or the bytes are too few.
    pub fn from_tensor(header: TensorHeader, bytes: Buffer) -> Result<Self, PacketError> {
        let needed = header.byte_len().ok_or(PacketError::Shape)?;
        if needed > bytes.len() as u64 {
            return Err(PacketError::Shape);
        }
        let tensor = gm_tensor {
            dtype_code: header.dtype_code,
            dtype_bits: header.dtype_bits,
            dtype_lanes: 1,
            ndim: header.ndim,
            byte_offset: 0,
            shape: header.shape,
            strides: header.dense_strides().ok_or(PacketError::Shape)?,
        };
        Self::with_bytes(PacketShape::Tensor(tensor), bytes)
    }

    /// Text.
    ///
    /// # Errors
    /// [`PacketError::Bounds`] beyond 4 GiB.
    pub fn from_text(text: &str) -> Result<Self, PacketError> {
        Self::with_bytes(PacketShape::Text, Buffer::copy_from_slice(text.as_bytes()))
    }

    /// An event; `json` is its content.
    ///
    /// # Errors
    /// [`PacketError::Text`] when the name is longer than 80 bytes.
    pub fn from_event(name: &str, version: u32, json: Buffer) -> Result<Self, PacketError> {
        Self::with_bytes(PacketShape::Event { name: Text::new(name)?, version }, json)
    }

    /// Opaque bytes with a media type such as `image/png`.
    ///
    /// # Errors
    /// [`PacketError::Text`] when the media type is longer than 80 bytes, [`PacketError::Bounds`] beyond 4 GiB.
    pub fn from_bytes(media_type: &str, bytes: Buffer) -> Result<Self, PacketError> {
        Self::with_bytes(PacketShape::Bytes { media_type: Text::new(media_type)? }, bytes)
    }

    fn with_bytes(shape: PacketShape, bytes: Buffer) -> Result<Self, PacketError> {
        Self::with_planes(shape, [Some(bytes), None, None, None])
    }

    fn with_planes(shape: PacketShape, buffers: [Option<Buffer>; MAX_PLANES]) -> Result<Self, PacketError> {
        let mut packet = Self::EMPTY;
        (packet.0.kind, packet.0.u) = shape.to_raw();
        for (plane, buffer) in packet.0.planes.iter_mut().zip(buffers).take_while(|(_, buffer)| buffer.is_some()) {
            let Some(buffer) = buffer else { break };
            plane.len = u32::try_from(buffer.len()).map_err(|_| PacketError::Bounds(packet.0.n_planes))?;
            plane.buf = buffer.into_raw();
            packet.0.n_planes += 1;
        }
        Ok(packet)
    }

    /// Takes the content out and leaves a packet without content behind.
    #[inline]
    pub fn take(&mut self) -> Self {
        // SAFETY: the references in the original are nulled below, before anything else can see them.
        let taken = Self(unsafe { ptr::read(&raw const self.0) });
        // Only what owns something is reset: writing all 256 bytes would double the cost of a move.
        self.forget_references();
        self.0.kind = GM_KIND_NONE;
        self.0.n_planes = 0;
        taken
    }

    /// Moves the content into `target`, whose own is dropped: one copy, where a `take` that is assigned may make two.
    ///
    /// What stays behind owns nothing and has no bytes, but still tells kind, numbers and shape: see [`Packet::outline`].
    #[inline]
    pub fn move_to(&mut self, target: &mut Self) {
        target.clear();
        // SAFETY: both are valid and apart. The target owned nothing any more; the references are nulled below, before
        // anything else can see them twice.
        unsafe { ptr::copy_nonoverlapping(&raw const self.0, &raw mut target.0, 1) };
        self.forget_references();
    }

    /// Nulls every reference without giving it back.
    #[inline]
    fn forget_references(&mut self) {
        for plane in &mut self.0.planes {
            plane.buf = ptr::null_mut();
        }
        self.0.side = ptr::null_mut();
    }

    /// Drops the content in place and leaves a packet without content behind.
    ///
    /// Right after the other side took the content there is nothing to drop; what is left of the header is reset.
    #[inline]
    pub fn clear(&mut self) {
        if self.owns_something() {
            self.release_all();
        }
        self.0.kind = GM_KIND_NONE;
        self.0.n_planes = 0;
    }

    #[inline]
    fn owns_something(&self) -> bool {
        let addresses = self.0.planes.iter().map(|plane| plane.buf.addr());
        addresses.fold(self.0.side.addr(), |all, address| all | address) != 0
    }

    fn release_all(&mut self) {
        for plane in &mut self.0.planes {
            let buffer = core::mem::replace(&mut plane.buf, ptr::null_mut());
            // SAFETY: the packet owned this reference, and the plane no longer shows it.
            unsafe { release(buffer) };
        }
        let side = core::mem::replace(&mut self.0.side, ptr::null_mut());
        // SAFETY: as above.
        unsafe { release(side) };
    }

    /// Whether there is no content.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.kind == GM_KIND_NONE
    }

    /// The kind, or `None` for an empty packet.
    pub fn kind(&self) -> Option<PacketKind> {
        PacketKind::from_raw(self.0.kind)
    }

    /// Number of the packet in its stream.
    #[inline]
    pub fn seq(&self) -> u64 {
        self.0.seq
    }

    /// Sets the number of the packet in its stream.
    #[inline]
    pub fn set_seq(&mut self, seq: u64) {
        self.0.seq = seq;
    }

    /// Number of the stream that the packet belongs to.
    #[inline]
    pub fn stream_id(&self) -> u64 {
        self.0.stream_id
    }

    /// Sets the number of the stream that the packet belongs to.
    #[inline]
    pub fn set_stream_id(&mut self, stream_id: u64) {
        self.0.stream_id = stream_id;
    }

    /// Presentation time in nanoseconds, if known.
    #[inline]
    pub fn pts_ns(&self) -> Option<i64> {
        (self.0.pts_ns != GM_TIME_UNKNOWN).then_some(self.0.pts_ns)
    }

    /// Sets or clears the presentation time.
    #[inline]
    pub fn set_pts_ns(&mut self, pts_ns: Option<i64>) {
        self.0.pts_ns = pts_ns.unwrap_or(GM_TIME_UNKNOWN);
    }

    /// Duration in nanoseconds, if known.
    pub fn duration_ns(&self) -> Option<i64> {
        (self.0.duration_ns != GM_TIME_UNKNOWN).then_some(self.0.duration_ns)
    }

    /// Sets or clears the duration.
    pub fn set_duration_ns(&mut self, duration_ns: Option<i64>) {
        self.0.duration_ns = duration_ns.unwrap_or(GM_TIME_UNKNOWN);
    }

    /// Copies sequence number, stream, time and flags of `other`: for a node that makes one packet from another.
    pub fn copy_timing(&mut self, other: &Self) {
        self.0.seq = other.0.seq;
        self.0.stream_id = other.0.stream_id;
        self.0.pts_ns = other.0.pts_ns;
        self.0.duration_ns = other.0.duration_ns;
        self.0.flags = other.0.flags;
        self.0.host_private = other.0.host_private;
    }

    /// Whether something is missing between the packet before this one and this one.
    pub fn is_discontinuity(&self) -> bool {
        self.0.flags & GM_PACKET_DISCONTINUITY != 0
    }

    /// Marks that something is missing between the packet before this one and this one.
    pub fn set_discontinuity(&mut self) {
        self.0.flags |= GM_PACKET_DISCONTINUITY;
    }

    /// The word that belongs to the host: time of ingress.
    #[inline]
    pub fn host_private(&self) -> u64 {
        self.0.host_private
    }

    /// Sets the word that belongs to the host.
    #[inline]
    pub fn set_host_private(&mut self, word: u64) {
        self.0.host_private = word;
    }

    /// Shape of the sound, or `None` for other kinds.
    pub fn audio(&self) -> Option<AudioHeader> {
        if self.0.kind != GM_KIND_AUDIO {
            return None;
        }
        // SAFETY: every member of the union is plain numbers, and the whole union is always initialised.
        AudioHeader::from_raw(unsafe { &self.0.u.audio })
    }

    /// Shape of the picture, or `None` for other kinds.
    pub fn video(&self) -> Option<VideoHeader> {
        if self.0.kind != GM_KIND_VIDEO {
            return None;
        }
        // SAFETY: every member of the union is plain numbers, and the whole union is always initialised.
        let raw = unsafe { &self.0.u.video };
        Some(VideoHeader { pixel: raw.pixel, width: raw.width, height: raw.height })
    }

    /// Shape of the tensor, or `None` for other kinds.
    pub fn tensor(&self) -> Option<TensorHeader> {
        if self.0.kind != GM_KIND_TENSOR {
            return None;
        }
        // SAFETY: every member of the union is plain numbers, and the whole union is always initialised.
        let raw = unsafe { &self.0.u.tensor };
        (raw.ndim <= 8).then_some(TensorHeader {
            dtype_code: raw.dtype_code,
            dtype_bits: raw.dtype_bits,
            ndim: raw.ndim,
            shape: raw.shape,
        })
    }

    /// The text, or `None` for other kinds and for bytes that are not UTF-8.
    pub fn as_text(&self) -> Option<&str> {
        (self.0.kind == GM_KIND_TEXT).then(|| core::str::from_utf8(self.plane(0).unwrap_or_default()).ok())?
    }

    /// The event, or `None` for other kinds and for content that is not UTF-8.
    pub fn event(&self) -> Option<EventView<'_>> {
        let (name, version) = self.event_name()?;
        let json = core::str::from_utf8(self.plane(0).unwrap_or_default()).ok()?;
        Some(EventView { name, version, json })
    }

    /// Name and version of the event, or `None` for other kinds.
    ///
    /// Reads the header alone. Whoever only asks which event it is spares the check of the content that
    /// [`Packet::event`] makes, and gets an answer also where the content is not UTF-8.
    ///
    /// ```
    /// use graphmill_abi::{Buffer, Packet};
    ///
    /// let event = Packet::from_event("speech.segment", 1, Buffer::copy_from_slice(b"{}"))?;
    /// assert_eq!(event.event_name(), Some(("speech.segment", 1)));
    /// # Ok::<(), graphmill_abi::PacketError>(())
    /// ```
    pub fn event_name(&self) -> Option<(&str, u32)> {
        if self.0.kind != GM_KIND_EVENT {
            return None;
        }
        // SAFETY: every member of the union is plain numbers, and the whole union is always initialised.
        let raw = unsafe { &self.0.u.event };
        let name = text::view(&raw.name, raw.name_len).ok()?;
        Some((name, raw.version))
    }

    /// Media type of opaque bytes, or `None` for other kinds.
    pub fn media_type(&self) -> Option<&str> {
        if self.0.kind != GM_KIND_BYTES {
            return None;
        }
        // SAFETY: every member of the union is plain numbers, and the whole union is always initialised.
        let raw = unsafe { &self.0.u.bytes };
        text::view(&raw.media_type, raw.media_type_len).ok()
    }

    /// Planes in use.
    pub fn n_planes(&self) -> usize {
        (self.0.n_planes as usize).min(MAX_PLANES)
    }

    /// Bytes of all planes together.
    #[inline]
    pub fn byte_len(&self) -> u64 {
        let planes = self.0.planes.iter().take(self.0.n_planes as usize);
        planes.filter(|plane| !plane.buf.is_null()).map(|plane| u64::from(plane.len)).sum()
    }

    /// The bytes of one plane.
    pub fn plane(&self, index: usize) -> Option<&[u8]> {
        let plane = self.0.planes.get(index)?;
        let buffer = borrow_buffer(plane.buf)?;
        let (start, len) = (plane.offset as usize, plane.len as usize);
        let bytes: &[u8] = buffer.as_slice().get(start..start.checked_add(len)?)?;
        // SAFETY: the bytes live as long as the reference in `self`, which is borrowed for the returned lifetime.
        Some(unsafe { core::slice::from_raw_parts(bytes.as_ptr(), bytes.len()) })
    }

    /// The bytes of one plane for writing, or `None` when they are shared or the plane is not there.
    pub fn plane_mut(&mut self, index: usize) -> Option<&mut [u8]> {
        let plane = self.0.planes.get_mut(index)?;
        let mut buffer = borrow_buffer(plane.buf)?;
        let (start, len) = (plane.offset as usize, plane.len as usize);
        let bytes = buffer.as_mut_slice()?.get_mut(start..start.checked_add(len)?)?;
        // SAFETY: the bytes live as long as the reference in `self`, which is borrowed exclusively, and it is the only one.
        Some(unsafe { core::slice::from_raw_parts_mut(bytes.as_mut_ptr(), bytes.len()) })
    }

    /// A further reference to the buffer of one plane.
    pub fn plane_buffer(&self, index: usize) -> Option<Buffer> {
        self.0.planes.get(index).and_then(|plane| borrow_buffer(plane.buf)).map(|buffer| Buffer::clone(&buffer))
    }

    /// The samples of an audio packet.
    ///
    /// # Errors
    /// [`PacketError::Mismatch`] for another kind or sample type, [`PacketError::Alignment`], and [`PacketError::Shape`]
    /// when the bytes are too few or planar channels have gaps between them.
    pub fn samples<T: Sample>(&self) -> Result<&[T], PacketError> {
        let count = self.sample_count::<T>()?;
        let bytes = self.plane(0).unwrap_or_default();
        check_typed::<T>(bytes.as_ptr(), bytes.len(), count)?;
        if count == 0 {
            return Ok(&[]);
        }
        // SAFETY: just checked: aligned, long enough; every bit pattern is a valid sample.
        Ok(unsafe { core::slice::from_raw_parts(bytes.as_ptr().cast(), count) })
    }

    /// The samples of an audio packet for writing.
    ///
    /// # Errors
    /// As for [`Packet::samples`], and [`PacketError::Shared`] when somebody else holds the bytes too.
    pub fn samples_mut<T: Sample>(&mut self) -> Result<&mut [T], PacketError> {
        let count = self.sample_count::<T>()?;
        if count == 0 {
            return Ok(&mut []);
        }
        let bytes = self.plane_mut(0).ok_or(PacketError::Shared)?;
        check_typed::<T>(bytes.as_ptr(), bytes.len(), count)?;
        // SAFETY: just checked: aligned, long enough; every bit pattern is a valid sample.
        Ok(unsafe { core::slice::from_raw_parts_mut(bytes.as_mut_ptr().cast(), count) })
    }

    fn sample_count<T: Sample>(&self) -> Result<usize, PacketError> {
        let header = self.audio().ok_or(PacketError::Mismatch)?;
        if header.sample != T::TYPE {
            return Err(PacketError::Mismatch);
        }
        if header.planar && header.channels > 1 {
            let [plane, ..] = &self.0.planes;
            let channel_len = u64::from(header.frames) * size_of::<T>() as u64;
            if i64::from(plane.stride).cast_unsigned() != channel_len {
                return Err(PacketError::Shape);
            }
        }
        let count = u64::from(header.frames) * u64::from(header.channels);
        usize::try_from(count).map_err(|_| PacketError::Shape)
    }

    /// Replaces the buffer of one plane by `buffer`, of which `len` bytes from the start are the plane.
    ///
    /// # Errors
    /// [`PacketError::Bounds`] when there is no such plane or `len` is larger than the buffer.
    pub fn set_plane(&mut self, index: usize, buffer: Buffer, len: u32) -> Result<(), PacketError> {
        let bounds = PacketError::Bounds(u32::try_from(index).unwrap_or(u32::MAX));
        if len as usize > buffer.len() || index >= self.n_planes() {
            return Err(bounds);
        }
        let plane = self.0.planes.get_mut(index).ok_or(bounds)?;
        let old = core::mem::replace(plane, gm_plane { buf: buffer.into_raw(), offset: 0, len, ..*plane });
        // SAFETY: the packet owned this reference, and the plane no longer shows it.
        unsafe { release(old.buf) };
        Ok(())
    }

    /// The raw packet, for handing it to the other side; what is not nulled there stays owned by `self`.
    #[inline]
    pub fn as_raw_mut(&mut self) -> *mut gm_packet {
        &raw mut self.0
    }

    /// Works on the packet of a caller in place: the reference becomes the packet.
    ///
    /// # Errors
    /// [`PacketError::Pointer`] when the pointer is null, misaligned or the struct too short.
    ///
    /// # Safety
    /// A pointer that is neither null nor misaligned must point at a packet that nobody else uses for `'a` and of
    /// which the caller of the ABI function owns the references.
    #[inline]
    pub unsafe fn borrow_raw<'a>(raw: *mut gm_packet) -> Result<&'a mut Self, PacketError> {
        if raw.is_null() || !raw.is_aligned() {
            return Err(PacketError::Pointer);
        }
        // SAFETY: not null and aligned; the caller promises a packet there.
        if (unsafe { (*raw).struct_size } as usize) < size_of::<gm_packet>() {
            return Err(PacketError::Pointer);
        }
        // SAFETY: `Packet` is a transparent wrapper; the caller promises exclusive use.
        Ok(unsafe { &mut *raw.cast::<Self>() })
    }

    /// Takes the packet of the other side over: copies it, checks the copy, then nulls the references in the original.
    ///
    /// # Errors
    /// Says what is wrong; the original is then untouched and stays with its owner.
    ///
    /// # Safety
    /// A pointer that is neither null nor misaligned must point at a packet that nobody else uses during the call, and
    /// every pointer in it that is neither null nor misaligned at a live buffer of which the caller owns one reference.
    pub unsafe fn take_raw(raw: *mut gm_packet) -> Result<Self, PacketError> {
        let mut taken = Self::EMPTY;
        // SAFETY: passed on from the caller.
        unsafe { Self::take_raw_into(raw, &mut taken) }?;
        Ok(taken)
    }

    /// As [`Packet::take_raw`], into a packet that is there already and whose own content is dropped: one copy.
    ///
    /// # Errors
    /// As for [`Packet::take_raw`]; `target` is then empty.
    ///
    /// # Safety
    /// As for [`Packet::take_raw`]; `raw` is not `target`.
    #[inline]
    pub unsafe fn take_raw_into(raw: *mut gm_packet, target: &mut Self) -> Result<(), PacketError> {
        target.clear();
        if raw.is_null() || !raw.is_aligned() {
            return Err(PacketError::Pointer);
        }
        // SAFETY: not null and aligned, and the caller promises a packet there, apart from the target. The target owned
        // nothing any more.
        unsafe { ptr::copy_nonoverlapping(raw, &raw mut target.0, 1) };
        // SAFETY: passed on from the caller.
        if let Err(error) = unsafe { validate(&target.0) } {
            // What was copied still belongs to the original.
            target.forget_references();
            target.clear();
            return Err(error);
        }
        // SAFETY: the packet is ours for the call; its references now belong to the copy.
        for plane in unsafe { &mut (*raw).planes } {
            plane.buf = ptr::null_mut();
        }
        // SAFETY: as above.
        unsafe { (*raw).side = ptr::null_mut() };
        Ok(())
    }
}

/// A buffer that a packet owns, without taking its reference.
fn borrow_buffer(raw: *mut gm_buffer) -> Option<ManuallyDrop<Buffer>> {
    if raw.is_null() {
        return None;
    }
    // SAFETY: a packet owns one live reference for every pointer in it that is not null. It is not released here.
    unsafe { Buffer::from_raw(raw) }.ok().map(ManuallyDrop::new)
}

fn check_typed<T>(start: *const u8, byte_len: usize, count: usize) -> Result<(), PacketError> {
    let needed = count.checked_mul(size_of::<T>()).ok_or(PacketError::Shape)?;
    if needed > byte_len {
        return Err(PacketError::Shape);
    }
    if count > 0 && !start.cast::<T>().is_aligned() {
        return Err(PacketError::Alignment);
    }
    Ok(())
}

/// Checks a packet that came from the other side.
///
/// # Safety
/// Every pointer in it that is neither null nor misaligned points at a live buffer.
unsafe fn validate(raw: &gm_packet) -> Result<(), PacketError> {
    if (raw.struct_size as usize) < size_of::<gm_packet>() {
        return Err(PacketError::Pointer);
    }
    let unknown = raw.flags & !GM_PACKET_FLAGS_IGNORABLE;
    if unknown != 0 {
        return Err(PacketError::Flags(unknown));
    }
    // Most packets have one plane: that the others are null is one look.
    let [first, further @ ..] = &raw.planes;
    let has_further = further.iter().fold(0, |all, plane| all | plane.buf.addr()) != 0;
    if raw.n_planes == 1 && !has_further {
        // SAFETY: passed on from the caller.
        unsafe { validate_plane(0, first) }?;
    } else {
        // SAFETY: passed on from the caller.
        unsafe { validate_planes(raw) }?;
    }
    if !raw.side.is_null() {
        // SAFETY: passed on from the caller.
        unsafe { buffer::check(raw.side) }?;
    }
    shape::validate(raw)
}

/// Checks every plane: those in use can be read, the others are null.
///
/// # Safety
/// As for [`validate`].
unsafe fn validate_planes(raw: &gm_packet) -> Result<(), PacketError> {
    for (index, plane) in (0..).zip(&raw.planes) {
        if index < raw.n_planes {
            // SAFETY: passed on from the caller.
            unsafe { validate_plane(index, plane) }?;
        } else if !plane.buf.is_null() {
            return Err(PacketError::Planes(raw.n_planes));
        }
    }
    if raw.n_planes as usize > MAX_PLANES { Err(PacketError::Planes(raw.n_planes)) } else { Ok(()) }
}

/// Checks a plane in use.
///
/// # Safety
/// As for [`validate`].
#[inline]
unsafe fn validate_plane(index: u32, plane: &gm_plane) -> Result<(), PacketError> {
    // SAFETY: passed on from the caller.
    unsafe { buffer::check(plane.buf) }?;
    // SAFETY: the header was just checked to be readable; its length never changes.
    let buffer_len = unsafe { (*plane.buf).len };
    let end = u64::from(plane.offset) + u64::from(plane.len);
    if end > buffer_len { Err(PacketError::Bounds(index)) } else { Ok(()) }
}

/// Gives one reference back; null is allowed.
///
/// # Safety
/// The caller owns the reference and gives it up.
#[inline]
unsafe fn release(raw: *mut gm_buffer) {
    if !raw.is_null() {
        // SAFETY: passed on from the caller.
        drop(unsafe { Buffer::from_raw(raw) });
    }
}

impl Drop for Packet {
    #[inline]
    fn drop(&mut self) {
        if self.owns_something() {
            self.release_all();
        }
    }
}

impl Clone for Packet {
    fn clone(&self) -> Self {
        for plane in &self.0.planes {
            // The further reference is the one that the copy below owns.
            let _kept = borrow_buffer(plane.buf).map(|buffer| ManuallyDrop::new(Buffer::clone(&buffer)));
        }
        let _kept = self.side().map(ManuallyDrop::new);
        // SAFETY: a bitwise copy of plain numbers and pointers, of which every reference was just added.
        Self(unsafe { ptr::read(&raw const self.0) })
    }
}

impl Default for Packet {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl core::fmt::Debug for Packet {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Packet")
            .field("kind", &self.kind())
            .field("seq", &self.seq())
            .field("pts_ns", &self.pts_ns())
            .field("bytes", &self.byte_len())
            .finish()
    }
}

#[cfg(test)]
mod tests;
