//! The C layout, field by field: the header `graphmill.h` is generated from this file.
//!
//! Rules that hold for every struct: it only ever grows at its end; one that may grow begins with its size; numbers
//! stand where C would use an enumeration; strings are pointer and length; the maker of a buffer frees it. The
//! bracket in a function's comment says on which thread and in which state it may be called.
#![expect(
    rustdoc::broken_intra_doc_links,
    reason = "a bracket in a comment of the C header says on which thread a function is called"
)]
#![expect(non_camel_case_types, reason = "these are the names of the C header")]

use core::ffi::{c_char, c_void};

/// First eight bytes of every module and host table: the letters `GRAPHMIL`, little-endian.
pub const GM_MAGIC: u64 = 0x4C49_4D48_5041_5247;
/// Major version of the ABI that this header describes.
pub const GM_ABI_MAJOR: u16 = 1;
/// Minor version of the ABI that this header describes.
pub const GM_ABI_MINOR: u16 = 0;

/// Success.
pub const GM_OK: gm_status = 0;
/// A source has nothing to give now and wants to be asked again.
pub const GM_AGAIN: gm_status = 1;
/// A source has given its last packet.
pub const GM_EOS: gm_status = 2;
/// A hint is not for this node: the host hands it on to the nodes upstream of it.
pub const GM_PASS: gm_status = 3;
/// The caller passed something that the callee does not accept.
pub const GM_E_INVALID: gm_status = -1;
/// The callee does not know the kind, format, flag or operation.
pub const GM_E_UNSUPPORTED: gm_status = -2;
/// Host and plugin cannot work together; the message names both versions.
pub const GM_E_VERSION: gm_status = -3;
/// A panic was caught; the instance is poisoned.
pub const GM_E_PANIC: gm_status = -4;
/// The session is stopping.
pub const GM_E_CANCELLED: gm_status = -5;
/// The instance is gone; only its context is left.
pub const GM_E_SHUTDOWN: gm_status = -6;
/// Memory could not be had.
pub const GM_E_NOMEM: gm_status = -7;
/// The call would have to wait and was told not to.
pub const GM_E_WOULDBLOCK: gm_status = -8;
/// The call is not legal in this state.
pub const GM_E_STATE: gm_status = -9;
/// The call is not legal on this thread.
pub const GM_E_THREAD: gm_status = -10;
/// What was named does not exist.
pub const GM_E_NOTFOUND: gm_status = -11;
/// Reading or writing outside the process failed.
pub const GM_E_IO: gm_status = -12;
/// Anything else.
pub const GM_E_INTERNAL: gm_status = -13;
/// A wait ended at its deadline.
pub const GM_E_TIMEOUT: gm_status = -14;

/// The message was cut at a character boundary.
pub const GM_ERROR_TRUNCATED: u32 = 1;

/// The last release returns at once and runs no code of its owner.
pub const GM_BUFOPS_RELEASE_NONBLOCKING: u32 = 1;
/// The bytes may be written by the one who holds the only reference.
pub const GM_BUF_WRITABLE: u32 = 1;
/// Bytes in ordinary memory, numbered as in DLPack.
pub const GM_DEVICE_CPU: i32 = 1;

/// No packet.
pub const GM_KIND_NONE: u32 = 0;
/// Sound.
pub const GM_KIND_AUDIO: u32 = 1;
/// A picture.
pub const GM_KIND_VIDEO: u32 = 2;
/// A dense tensor.
pub const GM_KIND_TENSOR: u32 = 3;
/// UTF-8 text in plane 0.
pub const GM_KIND_TEXT: u32 = 4;
/// A named, versioned event with JSON in plane 0.
pub const GM_KIND_EVENT: u32 = 5;
/// Opaque bytes with a media type in plane 0.
pub const GM_KIND_BYTES: u32 = 6;

/// Flags up to this mask may be ignored; a flag above it that the reader does not know makes it refuse the packet.
pub const GM_PACKET_FLAGS_IGNORABLE: u32 = 0x0000_FFFF;
/// Something is missing between the packet before this one and this one.
pub const GM_PACKET_DISCONTINUITY: u32 = 1;
/// A time that is not known.
pub const GM_TIME_UNKNOWN: i64 = i64::MIN;

/// 32-bit floating point, nominal range -1 to 1.
pub const GM_SAMPLE_F32: u32 = 1;
/// 64-bit floating point, nominal range -1 to 1.
pub const GM_SAMPLE_F64: u32 = 2;
/// 16-bit signed.
pub const GM_SAMPLE_I16: u32 = 3;
/// 32-bit signed.
pub const GM_SAMPLE_I32: u32 = 4;
/// 8-bit unsigned.
pub const GM_SAMPLE_U8: u32 = 5;
/// Frames one after the other, each with one sample per channel.
pub const GM_LAYOUT_INTERLEAVED: u32 = 0;
/// Channels one after the other; the plane's stride is the distance between two channels in bytes.
pub const GM_LAYOUT_PLANAR: u32 = 1;

/// 8-bit red, green, blue; one plane.
pub const GM_PIXEL_RGB8: u32 = 1;
/// 8-bit red, green, blue, alpha; one plane.
pub const GM_PIXEL_RGBA8: u32 = 2;
/// 8-bit grey; one plane.
pub const GM_PIXEL_GRAY8: u32 = 3;
/// 4:2:0 with three planes Y, U, V.
pub const GM_PIXEL_I420: u32 = 4;
/// 4:2:0 with two planes Y and interleaved UV.
pub const GM_PIXEL_NV12: u32 = 5;

/// DLPack code of signed integers.
pub const GM_DTYPE_INT: u8 = 0;
/// DLPack code of unsigned integers.
pub const GM_DTYPE_UINT: u8 = 1;
/// DLPack code of IEEE floating point.
pub const GM_DTYPE_FLOAT: u8 = 2;
/// DLPack code of bfloat16.
pub const GM_DTYPE_BFLOAT: u8 = 4;
/// DLPack code of booleans.
pub const GM_DTYPE_BOOL: u8 = 6;

/// A node without inputs, driven by `tick`.
pub const GM_ROLE_SOURCE: u32 = 1;
/// A node with inputs and outputs, driven by `process`.
pub const GM_ROLE_PROCESSOR: u32 = 2;
/// A node without outputs, driven by `process`.
pub const GM_ROLE_SINK: u32 = 3;

/// The most detailed log level.
pub const GM_LOG_TRACE: u32 = 1;
/// Log level for those who debug the plugin.
pub const GM_LOG_DEBUG: u32 = 2;
/// Log level for ordinary news.
pub const GM_LOG_INFO: u32 = 3;
/// Log level for what somebody should look at.
pub const GM_LOG_WARN: u32 = 4;
/// Log level for failures.
pub const GM_LOG_ERROR: u32 = 5;

/// Nobody listens to the records of this place.
pub const GM_LOG_NEVER: u32 = 0;
/// Somebody may listen: ask `log_enabled`.
pub const GM_LOG_SOMETIMES: u32 = 1;
/// Somebody listens to every record of this place.
pub const GM_LOG_ALWAYS: u32 = 2;

/// Bytes of a message that are kept; as many of its spans, and of the texts of all its fields together.
pub const GM_LOG_TEXT_LEN_MAX: usize = 8192;
/// Fields that a place can have.
pub const GM_LOG_FIELDS_MAX: usize = 32;
/// A text of the record was cut before the host saw it.
pub const GM_LOG_CUT: u32 = 1;

/// A field without a value.
pub const GM_LOG_VALUE_NONE: u32 = 0;
/// A signed number, in `i64_`.
pub const GM_LOG_VALUE_I64: u32 = 1;
/// An unsigned number, in `u64_`.
pub const GM_LOG_VALUE_U64: u32 = 2;
/// A number with a fraction, in `f64_`.
pub const GM_LOG_VALUE_F64: u32 = 3;
/// Yes or no, 1 or 0 in `u64_`.
pub const GM_LOG_VALUE_BOOL: u32 = 4;
/// A text that is a value, in `text`.
pub const GM_LOG_VALUE_TEXT: u32 = 5;
/// A text that shows a value of another type, in `text`.
pub const GM_LOG_VALUE_SHOWN: u32 = 6;

/// Nanoseconds that never go back, from an origin of the host.
pub const GM_CLOCK_MONOTONIC: u32 = 0;
/// Nanoseconds since the session started.
pub const GM_CLOCK_SESSION: u32 = 1;

/// Why `flush` is called: the pin has ended.
pub const GM_FLUSH_EOS: u32 = 1;
/// Do not wait for room on a full link; the packet stays with the caller.
pub const GM_EMIT_NONBLOCK: u32 = 1;

/// The resource is a `gm_buffer` that every plugin finds under its key.
pub const GM_RESOURCE_SHARED: u32 = 1;

/// Result of a call: 0 is success, above 0 is flow, below 0 is an error.
pub type gm_status = i32;

/// What stands first in every table that two builds exchange; it never changes, in any major version.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gm_header {
    /// `GM_MAGIC`.
    pub magic: u64,
    /// Bytes that the publisher filled, this header included.
    pub struct_size: u32,
    /// Major version of the ABI: must be equal.
    pub abi_major: u16,
    /// Minor version that the publisher was built against: told, never compared.
    pub abi_minor: u16,
}

/// UTF-8 text: not terminated, `ptr` may be null only when `len` is 0.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gm_str {
    /// First byte.
    pub ptr: *const c_char,
    /// Length in bytes.
    pub len: usize,
}

/// What went wrong, in memory of the caller: nothing to free unless `detail` is set.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gm_error {
    /// Bytes that the callee may write.
    pub struct_size: u32,
    /// The status again.
    pub code: gm_status,
    /// `GM_ERROR_TRUNCATED`.
    pub flags: u32,
    /// Bytes of `message` in use.
    pub message_len: u32,
    /// UTF-8, not terminated.
    pub message: [c_char; 224],
    /// Longer text such as a backtrace, or null; the caller releases it.
    pub detail: *mut gm_buffer,
}

/// How a buffer is kept and given back; lives as long as the process.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gm_buffer_ops {
    /// Size of this table.
    pub struct_size: u32,
    /// `GM_BUFOPS_RELEASE_NONBLOCKING`.
    pub flags: u32,
    /// [any] Adds a reference; cannot fail, allocates nothing.
    pub retain: Option<unsafe extern "C" fn(*mut gm_buffer)>,
    /// [any] Drops a reference; the last one frees with the allocator of the maker. Must not call the host except to log.
    pub release: Option<unsafe extern "C" fn(*mut gm_buffer)>,
    /// [any] 1 when the caller holds the only reference. May be null: never unique.
    pub is_unique: Option<unsafe extern "C" fn(*const gm_buffer) -> u32>,
}

/// Reference-counted bytes; the header never changes while anybody else can see it.
#[repr(C)]
#[derive(Debug)]
pub struct gm_buffer {
    /// How to keep it and give it back.
    pub ops: *const gm_buffer_ops,
    /// First byte, null only when `len` is 0.
    pub data: *mut u8,
    /// Length in bytes.
    pub len: u64,
    /// `GM_BUF_WRITABLE`.
    pub flags: u32,
    /// Device as in DLPack, `GM_DEVICE_CPU` for ordinary memory.
    pub device_type: i32,
    /// Number of the device.
    pub device_id: i32,
    /// Alignment of `data` in bytes that the maker promises.
    pub align: u32,
    /// Belongs to the maker.
    pub maker: [*mut c_void; 3],
}

/// A part of a buffer: smaller than 4 GiB.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gm_plane {
    /// The buffer, or null in planes that are not used or were taken.
    pub buf: *mut gm_buffer,
    /// First byte of the plane in the buffer.
    pub offset: u32,
    /// Length in bytes.
    pub len: u32,
    /// Bytes from one line (video) or channel (planar audio) to the next, never negative, 0 when there is only one.
    pub stride: i32,
    /// Zero.
    pub reserved: u32,
}

/// Shape of sound.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gm_audio {
    /// `GM_SAMPLE_*`.
    pub sample: u32,
    /// `GM_LAYOUT_*`.
    pub layout: u32,
    /// Frames per second.
    pub rate_hz: u32,
    /// Samples per frame.
    pub channels: u32,
    /// Frames in this packet.
    pub frames: u32,
    /// Zero.
    pub reserved: u32,
    /// Speaker positions as in WAVE_FORMAT_EXTENSIBLE, 0 when not known.
    pub channel_mask: u64,
}

/// Shape of a picture.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gm_video {
    /// `GM_PIXEL_*`.
    pub pixel: u32,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Colour primaries as in ITU-T H.273, 0 when not known.
    pub primaries: u32,
    /// Transfer function as in ITU-T H.273, 0 when not known.
    pub transfer: u32,
    /// Matrix as in ITU-T H.273, 0 when not known.
    pub matrix: u32,
    /// 0 not known, 1 limited, 2 full.
    pub range: u32,
    /// Zero.
    pub flags: u32,
}

/// Shape of a tensor: the meaning of DLPack's `DLTensor`, strides always given.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gm_tensor {
    /// `GM_DTYPE_*`.
    pub dtype_code: u8,
    /// Bits of one lane.
    pub dtype_bits: u8,
    /// Lanes of one element, 1 for scalars.
    pub dtype_lanes: u16,
    /// Dimensions in use, at most 8.
    pub ndim: u32,
    /// Bytes from the start of plane 0 to the first element.
    pub byte_offset: u64,
    /// Length of each dimension.
    pub shape: [u32; 8],
    /// Distance between neighbours of each dimension, in elements.
    pub strides: [i32; 8],
}

/// Name and version of an event; its JSON is plane 0.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gm_event {
    /// Version of the event's shape.
    pub version: u32,
    /// Bytes of `name` in use.
    pub name_len: u32,
    /// Namespaced name such as `speech.segment`, UTF-8, not terminated.
    pub name: [c_char; 80],
}

/// Media type of opaque bytes.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gm_bytes {
    /// Zero.
    pub reserved: u32,
    /// Bytes of `media_type` in use.
    pub media_type_len: u32,
    /// Media type such as `image/png`, UTF-8, not terminated.
    pub media_type: [c_char; 80],
}

/// What is particular to the kind of packet.
#[repr(C)]
#[derive(Clone, Copy)]
pub union gm_payload {
    /// For `GM_KIND_AUDIO`.
    pub audio: gm_audio,
    /// For `GM_KIND_VIDEO`.
    pub video: gm_video,
    /// For `GM_KIND_TENSOR`.
    pub tensor: gm_tensor,
    /// For `GM_KIND_EVENT`.
    pub event: gm_event,
    /// For `GM_KIND_BYTES`.
    pub bytes: gm_bytes,
    /// Frozen size.
    pub reserved: [u64; 12],
}

impl core::fmt::Debug for gm_payload {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("gm_payload")
    }
}

/// One unit on a link: four cache lines, moved by value.
///
/// The caller of `process` or `emit` owns the references in it. The callee takes one by copying the pointer and
/// storing null in its place; what is not null afterwards stays with the caller, on every path.
#[repr(C)]
#[derive(Debug)]
pub struct gm_packet {
    /// Size of this struct.
    pub struct_size: u32,
    /// `GM_KIND_*`.
    pub kind: u32,
    /// `GM_PACKET_*`; bits 16 to 31 must be understood.
    pub flags: u32,
    /// Planes in use, at most 4.
    pub n_planes: u32,
    /// Number of the packet in its stream.
    pub seq: u64,
    /// Presentation time in nanoseconds, `GM_TIME_UNKNOWN` when not known.
    pub pts_ns: i64,
    /// Duration in nanoseconds, `GM_TIME_UNKNOWN` when not known.
    pub duration_ns: i64,
    /// Where the bytes are.
    pub planes: [gm_plane; 4],
    /// Side data as UTF-8 JSON, or null.
    pub side: *mut gm_buffer,
    /// Belongs to the host; plugins hand it on unchanged.
    pub host_private: u64,
    /// Number of the stream that the packet belongs to, 0 when there is only one.
    pub stream_id: u64,
    /// What is particular to the kind.
    pub u: gm_payload,
}

/// Context of an instance or module in the host; opaque.
#[repr(C)]
#[derive(Debug)]
pub struct gm_ctx {
    _opaque: [u8; 0],
}

/// An instance; opaque, made and freed by the plugin.
#[repr(C)]
#[derive(Debug)]
pub struct gm_node {
    _opaque: [u8; 0],
}

/// Something that was loaded once, as long as it is held; opaque.
#[repr(C)]
#[derive(Debug)]
pub struct gm_resource {
    _opaque: [u8; 0],
}

/// A place in the plugin's code that writes records: describe it with `log_site` once, then look at `interest` of the
/// answer before every record, and hand the record to `log` with the answer's `number`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gm_log_site {
    /// Size of this struct.
    pub struct_size: u32,
    /// `GM_LOG_*`.
    pub level: u32,
    /// Who speaks, for example a module path; empty means the kind of the node.
    pub target: gm_str,
    /// Source file, may be empty.
    pub file: gm_str,
    /// Source line, 0 when not known.
    pub line: u32,
    /// Number of fields, at most `GM_LOG_FIELDS_MAX`.
    pub n_fields: u32,
    /// Names of the fields, may be null when there is none.
    pub fields: *const gm_str,
}

/// What the host keeps of a place; lives as long as the process.
#[repr(C)]
#[derive(Debug)]
pub struct gm_log_handle {
    /// `GM_LOG_NEVER`, `GM_LOG_SOMETIMES` or `GM_LOG_ALWAYS`. Changes when the host's filter does, so read it
    /// atomically before every record: that is all that a record costs that nobody wants.
    pub interest: u32,
    /// For the records of this place; 0 when the host does not take them.
    pub number: u32,
}

/// Content of a field.
#[repr(C)]
#[derive(Clone, Copy)]
pub union gm_log_data {
    /// For `GM_LOG_VALUE_I64`.
    pub i64_: i64,
    /// For `GM_LOG_VALUE_U64` and `GM_LOG_VALUE_BOOL`.
    pub u64_: u64,
    /// For `GM_LOG_VALUE_F64`.
    pub f64_: f64,
    /// For `GM_LOG_VALUE_TEXT` and `GM_LOG_VALUE_SHOWN`.
    pub text: gm_str,
}

impl core::fmt::Debug for gm_log_data {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("gm_log_data")
    }
}

/// Value of a field.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gm_log_value {
    /// `GM_LOG_VALUE_*`.
    pub kind: u32,
    /// Zero.
    pub reserved: u32,
    /// Its content.
    pub data: gm_log_data,
}

/// One log record; all texts may be empty.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gm_log_record {
    /// Size of this struct.
    pub struct_size: u32,
    /// `GM_LOG_CUT`.
    pub flags: u32,
    /// The number that `log_site` gave for the place.
    pub site: u32,
    /// Source line for places that have none, 0 when not known.
    pub line: u32,
    /// Source file for places that have none.
    pub file: gm_str,
    /// The target of the place again: needed when the host had no room left for another place.
    pub target: gm_str,
    /// The text.
    pub message: gm_str,
    /// In which spans of the plugin this happens, the outermost first, separated by `:`.
    pub spans: gm_str,
    /// Values of the first fields of the place, in its order; may be null when there is none.
    pub values: *const gm_log_value,
    /// Number of values.
    pub n_values: u32,
    /// Zero.
    pub reserved: u32,
}

/// What a buffer is wanted for.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gm_alloc_info {
    /// Size of this struct.
    pub struct_size: u32,
    /// Wanted alignment, a power of two up to 4096; 0 means 64.
    pub align: u32,
    /// Length in bytes.
    pub len: u64,
}

/// What is to be loaded once, and how.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gm_resource_spec {
    /// Size of this struct.
    pub struct_size: u32,
    /// `GM_RESOURCE_SHARED`, or 0: only nodes of this plugin find it.
    pub flags: u32,
    /// Names what is really loaded, such as a digest and a device: 1 to 1024 bytes.
    pub key: gm_str,
    /// Type of the value, at most 512 bytes; who asks for the key with another one is refused.
    pub type_tag: gm_str,
    /// Bytes that the value will take, 0 when not known: refused before the load when the budget has no room.
    pub bytes: u64,
    /// How long to wait for the load of another node in milliseconds, 0 for the host's default.
    pub wait_ms: u32,
    /// Zero.
    pub reserved: u32,
    /// Handed to `make`.
    pub arg: *mut c_void,
    /// [worker & inside resource_get] Loads: stores a value that is not null, and what it takes in bytes if that is
    /// better known now. Gets `arg`, the places for both and an error. Every service but `emit` and `resource_get` of
    /// the same key may be used. A shared value is one reference to a `gm_buffer`, which moves to the host.
    pub make: Option<unsafe extern "C" fn(*mut c_void, *mut *mut c_void, *mut u64, *mut gm_error) -> gm_status>,
    /// [a thread of the host] Frees the value, once, when it is neither kept nor held any more. May be null: there is
    /// nothing to free. Null for a shared value.
    pub destroy: Option<unsafe extern "C" fn(*mut c_void)>,
}

/// With what an instance is made.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gm_create_info {
    /// Size of this struct.
    pub struct_size: u32,
    /// Zero.
    pub flags: u32,
    /// Number of the instance in this process.
    pub instance_id: u64,
    /// Params as one JSON object, borrowed for the call.
    pub params_json: gm_str,
}

/// When a source is asked, and when it wants to be asked again.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gm_tick_info {
    /// Size of this struct.
    pub struct_size: u32,
    /// Zero.
    pub flags: u32,
    /// Monotonic time of this tick.
    pub now_ns: i64,
    /// Out: monotonic time of the next tick wanted, `GM_TIME_UNKNOWN` for as soon as possible.
    pub next_ns: i64,
}

/// What the host offers; lives as long as the process.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gm_host_api {
    /// Read first.
    pub hdr: gm_header,
    /// [any] Keeps the context alive after destroy.
    pub ctx_retain: Option<unsafe extern "C" fn(*mut gm_ctx)>,
    /// [any] Gives one reference back.
    pub ctx_release: Option<unsafe extern "C" fn(*mut gm_ctx)>,
    /// [any] Describes a place that writes records, once; the same description gives the same answer, never null.
    pub log_site: Option<unsafe extern "C" fn(*mut gm_ctx, *const gm_log_site) -> *const gm_log_handle>,
    /// [any] 1 when a record of the place with this number would be kept now; asked for `GM_LOG_SOMETIMES` only.
    pub log_enabled: Option<unsafe extern "C" fn(*mut gm_ctx, u32) -> u32>,
    /// [any] Takes a record; everything in it is copied.
    pub log: Option<unsafe extern "C" fn(*mut gm_ctx, *const gm_log_record)>,
    /// [any] 1 when the instance should return soon.
    pub is_cancelled: Option<unsafe extern "C" fn(*mut gm_ctx) -> u32>,
    /// [any] Nanoseconds of a `GM_CLOCK_*`, `GM_TIME_UNKNOWN` for an unknown one.
    pub clock_ns: Option<unsafe extern "C" fn(*mut gm_ctx, u32) -> i64>,
    /// [any] A writable buffer from the host's pool; contents are initialised but arbitrary.
    pub buffer_alloc: Option<
        unsafe extern "C" fn(*mut gm_ctx, *const gm_alloc_info, *mut *mut gm_buffer, *mut gm_error) -> gm_status,
    >,
    /// [worker & inside tick, process or flush] Hands a packet to the links of an output pin; takes it whole or not at all.
    pub emit: Option<unsafe extern "C" fn(*mut gm_ctx, u32, u32, *mut gm_packet, *mut gm_error) -> gm_status>,
    /// [any] Asks for a tick of this source or processor as soon as possible.
    pub wake: Option<unsafe extern "C" fn(*mut gm_ctx) -> gm_status>,
    /// [any] Tells the nodes upstream of an input pin something, by name and with content as JSON; both are copied.
    /// Never waits: a newer hint of the same name takes the place of one that was not heard yet.
    pub hint: Option<unsafe extern "C" fn(*mut gm_ctx, u32, gm_str, gm_str, *mut gm_error) -> gm_status>,
    /// [any] A further table by name and revision, for example `org.graphmill.name/1`, or null.
    pub get_extension: Option<unsafe extern "C" fn(*mut gm_ctx, gm_str) -> *const c_void>,
    /// [worker] Gives what is kept under a key, waits for the node that loads it, or has `make` load it here and now.
    /// The handle has to be released.
    pub resource_get: Option<
        unsafe extern "C" fn(*mut gm_ctx, *const gm_resource_spec, *mut *mut gm_resource, *mut gm_error) -> gm_status,
    >,
    /// [any] The value, which lives at least as long as the handle and is shared: nobody changes it without care of
    /// its own. A shared `gm_buffer` is borrowed; retain it to keep it.
    pub resource_value: Option<unsafe extern "C" fn(*mut gm_resource) -> *mut c_void>,
    /// [any] Gives the handle back. The value is destroyed later, on a thread of the host.
    pub resource_release: Option<unsafe extern "C" fn(*mut gm_resource)>,
}

/// The host as an instance or module sees it.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gm_host {
    /// What the host offers.
    pub api: *const gm_host_api,
    /// To be passed to every function of `api`; borrowed, retain it to keep it.
    pub ctx: *mut gm_ctx,
}

/// One kind of node; lives as long as the process.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gm_node_class {
    /// Size of this table.
    pub struct_size: u32,
    /// `GM_ROLE_*`.
    pub role: u32,
    /// Equal to the `id` of one kind in the manifest.
    pub id: gm_str,
    /// [worker] Makes an instance; on success `*out` belongs to the host, on error it stays null.
    pub create: Option<
        unsafe extern "C" fn(*const gm_host, *const gm_create_info, *mut *mut gm_node, *mut gm_error) -> gm_status,
    >,
    /// [worker & created] Frees the instance and joins every thread that it started.
    pub destroy: Option<unsafe extern "C" fn(*mut gm_node)>,
    /// [worker & created & !running] May be null.
    pub start: Option<unsafe extern "C" fn(*mut gm_node, *mut gm_error) -> gm_status>,
    /// [worker & running] May be null.
    pub stop: Option<unsafe extern "C" fn(*mut gm_node, *mut gm_error) -> gm_status>,
    /// [worker & running] Sources: makes packets. Processors: called after `wake`, and then when `next_ns` says; the
    /// largest number is not before the next `wake`. Null in sinks, may be null in processors.
    pub tick: Option<unsafe extern "C" fn(*mut gm_node, *mut gm_tick_info, *mut gm_error) -> gm_status>,
    /// [worker & running] Processors and sinks: takes a packet that came in on a pin. Null in sources.
    pub process: Option<unsafe extern "C" fn(*mut gm_node, u32, *mut gm_packet, *mut gm_error) -> gm_status>,
    /// [worker & running] A pin has ended (`GM_FLUSH_EOS`); may emit. May be null.
    pub flush: Option<unsafe extern "C" fn(*mut gm_node, u32, u32, *mut gm_error) -> gm_status>,
    /// [worker & created] New params between two packets; on error the old ones stay. May be null.
    pub update: Option<unsafe extern "C" fn(*mut gm_node, gm_str, *mut gm_error) -> gm_status>,
    /// [worker & running] A node downstream of an output pin tells something, by name and with content as JSON;
    /// `GM_PASS` when it is not for this node. May be null.
    pub hint: Option<unsafe extern "C" fn(*mut gm_node, u32, gm_str, gm_str, *mut gm_error) -> gm_status>,
    /// [worker & created] A further table by name and revision, or null. May be null.
    pub get_extension: Option<unsafe extern "C" fn(*mut gm_node, gm_str) -> *const c_void>,
    /// [any & no instance] Tells the pins of a node with these params, for a kind with the capability
    /// `pins_by_params`: stores one reference to a buffer, which moves to the host, with a JSON object of `inputs` and
    /// `outputs` as they stand in the manifest. Every service but `emit`, `hint` and `resource_get` may be used. Loads
    /// nothing large, and gives the same pins for the same params. Null for a kind whose pins are those of the manifest.
    pub pins: Option<unsafe extern "C" fn(*const gm_host, gm_str, *mut *mut gm_buffer, *mut gm_error) -> gm_status>,
}

/// What a library offers; lives as long as the process.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gm_module {
    /// Read first.
    pub hdr: gm_header,
    /// The manifest: one UTF-8 JSON object, never changed.
    pub manifest_json: gm_str,
    /// Pointers to the classes, so that a class can grow.
    pub classes: *const *const gm_node_class,
    /// Number of classes.
    pub n_classes: u32,
    /// Zero.
    pub flags: u32,
    /// [any] A further table by name and revision, or null. May be null.
    pub get_extension: Option<unsafe extern "C" fn(gm_str) -> *const c_void>,
}

/// Type of the entry function of a plugin.
///
/// [loader, once] Fills `*out` with a module that lives as long as the process. It starts no thread, makes no
/// instance and does no slow work.
pub type gm_plugin_entry_fn =
    unsafe extern "C" fn(host: *const gm_host, out: *mut *const gm_module, err: *mut gm_error) -> gm_status;

unsafe extern "C" {
    /// The one function that a plugin exports, under this name or this name, an underscore and a suffix of its own.
    pub fn gm_plugin_entry_v1(host: *const gm_host, out: *mut *const gm_module, err: *mut gm_error) -> gm_status;
}

impl gm_str {
    /// The empty text.
    pub const EMPTY: Self = Self { ptr: core::ptr::null(), len: 0 };

    /// Points at `text`, which has to outlive every use.
    pub const fn new(text: &str) -> Self {
        Self { ptr: text.as_ptr().cast(), len: text.len() }
    }
}

#[cfg(all(test, target_pointer_width = "64"))]
mod tests;
