/* Graphmill plugin ABI, version 1.0.

   Generated from the layout of the crate graphmill-abi: do not edit, run `cargo xtask header`.

   A plugin exports one function, `gm_plugin_entry_v1` (or that name, an underscore and a suffix of its own).
   The bracket in a comment says on which thread and in which state a function may be called:
   [loader] once, while the library is loaded; [worker] the one thread that owns the instance; [any] every thread.
   Licence: MIT OR Apache-2.0. */

#ifndef GRAPHMILL_H
#define GRAPHMILL_H

#include <stddef.h>
#include <stdint.h>
#if defined(_WIN32)
#define GM_EXPORT __declspec(dllexport)
#else
#define GM_EXPORT __attribute__((visibility("default")))
#endif

// Context of an instance or module in the host; opaque.
typedef struct gm_ctx gm_ctx;
// An instance; opaque, made and freed by the plugin.
typedef struct gm_node gm_node;
// Something that was loaded once, as long as it is held; opaque.
typedef struct gm_resource gm_resource;
typedef struct gm_buffer gm_buffer;

// First eight bytes of every module and host table: the letters `GRAPHMIL`, little-endian.
#define GM_MAGIC 5497009793161843271

// Major version of the ABI that this header describes.
#define GM_ABI_MAJOR 1

// Minor version of the ABI that this header describes.
#define GM_ABI_MINOR 0

// The message was cut at a character boundary.
#define GM_ERROR_TRUNCATED 1

// The last release returns at once and runs no code of its owner.
#define GM_BUFOPS_RELEASE_NONBLOCKING 1

// The bytes may be written by the one who holds the only reference.
#define GM_BUF_WRITABLE 1

// Bytes in ordinary memory, numbered as in DLPack.
#define GM_DEVICE_CPU 1

// No packet.
#define GM_KIND_NONE 0

// Sound.
#define GM_KIND_AUDIO 1

// A picture.
#define GM_KIND_VIDEO 2

// A dense tensor.
#define GM_KIND_TENSOR 3

// UTF-8 text in plane 0.
#define GM_KIND_TEXT 4

// A named, versioned event with JSON in plane 0.
#define GM_KIND_EVENT 5

// Opaque bytes with a media type in plane 0.
#define GM_KIND_BYTES 6

// Flags up to this mask may be ignored; a flag above it that the reader does not know makes it refuse the packet.
#define GM_PACKET_FLAGS_IGNORABLE 65535

// Something is missing between the packet before this one and this one.
#define GM_PACKET_DISCONTINUITY 1

// A time that is not known.
#define GM_TIME_UNKNOWN INT64_MIN

// 32-bit floating point, nominal range -1 to 1.
#define GM_SAMPLE_F32 1

// 64-bit floating point, nominal range -1 to 1.
#define GM_SAMPLE_F64 2

// 16-bit signed.
#define GM_SAMPLE_I16 3

// 32-bit signed.
#define GM_SAMPLE_I32 4

// 8-bit unsigned.
#define GM_SAMPLE_U8 5

// Frames one after the other, each with one sample per channel.
#define GM_LAYOUT_INTERLEAVED 0

// Channels one after the other; the plane's stride is the distance between two channels in bytes.
#define GM_LAYOUT_PLANAR 1

// 8-bit red, green, blue; one plane.
#define GM_PIXEL_RGB8 1

// 8-bit red, green, blue, alpha; one plane.
#define GM_PIXEL_RGBA8 2

// 8-bit grey; one plane.
#define GM_PIXEL_GRAY8 3

// 4:2:0 with three planes Y, U, V.
#define GM_PIXEL_I420 4

// 4:2:0 with two planes Y and interleaved UV.
#define GM_PIXEL_NV12 5

// DLPack code of signed integers.
#define GM_DTYPE_INT 0

// DLPack code of unsigned integers.
#define GM_DTYPE_UINT 1

// DLPack code of IEEE floating point.
#define GM_DTYPE_FLOAT 2

// DLPack code of bfloat16.
#define GM_DTYPE_BFLOAT 4

// DLPack code of booleans.
#define GM_DTYPE_BOOL 6

// A node without inputs, driven by `tick`.
#define GM_ROLE_SOURCE 1

// A node with inputs and outputs, driven by `process`.
#define GM_ROLE_PROCESSOR 2

// A node without outputs, driven by `process`.
#define GM_ROLE_SINK 3

// The most detailed log level.
#define GM_LOG_TRACE 1

// Log level for those who debug the plugin.
#define GM_LOG_DEBUG 2

// Log level for ordinary news.
#define GM_LOG_INFO 3

// Log level for what somebody should look at.
#define GM_LOG_WARN 4

// Log level for failures.
#define GM_LOG_ERROR 5

// Nobody listens to the records of this place.
#define GM_LOG_NEVER 0

// Somebody may listen: ask `log_enabled`.
#define GM_LOG_SOMETIMES 1

// Somebody listens to every record of this place.
#define GM_LOG_ALWAYS 2

// Bytes of a message that are kept; as many of its spans, and of the texts of all its fields together.
#define GM_LOG_TEXT_LEN_MAX 8192

// Fields that a place can have.
#define GM_LOG_FIELDS_MAX 32

// A text of the record was cut before the host saw it.
#define GM_LOG_CUT 1

// A field without a value.
#define GM_LOG_VALUE_NONE 0

// A signed number, in `i64_`.
#define GM_LOG_VALUE_I64 1

// An unsigned number, in `u64_`.
#define GM_LOG_VALUE_U64 2

// A number with a fraction, in `f64_`.
#define GM_LOG_VALUE_F64 3

// Yes or no, 1 or 0 in `u64_`.
#define GM_LOG_VALUE_BOOL 4

// A text that is a value, in `text`.
#define GM_LOG_VALUE_TEXT 5

// A text that shows a value of another type, in `text`.
#define GM_LOG_VALUE_SHOWN 6

// Nanoseconds that never go back, from an origin of the host.
#define GM_CLOCK_MONOTONIC 0

// Nanoseconds since the session started.
#define GM_CLOCK_SESSION 1

// Why `flush` is called: the pin has ended.
#define GM_FLUSH_EOS 1

// Do not wait for room on a full link; the packet stays with the caller.
#define GM_EMIT_NONBLOCK 1

// The resource is a `gm_buffer` that every plugin finds under its key.
#define GM_RESOURCE_SHARED 1

// Result of a call: 0 is success, above 0 is flow, below 0 is an error.
typedef int32_t gm_status;

// What stands first in every table that two builds exchange; it never changes, in any major version.
typedef struct gm_header {
  // `GM_MAGIC`.
  uint64_t magic;
  // Bytes that the publisher filled, this header included.
  uint32_t struct_size;
  // Major version of the ABI: must be equal.
  uint16_t abi_major;
  // Minor version that the publisher was built against: told, never compared.
  uint16_t abi_minor;
} gm_header;

// What the host keeps of a place; lives as long as the process.
typedef struct gm_log_handle {
  // `GM_LOG_NEVER`, `GM_LOG_SOMETIMES` or `GM_LOG_ALWAYS`. Changes when the host's filter does, so read it
  // atomically before every record: that is all that a record costs that nobody wants.
  uint32_t interest;
  // For the records of this place; 0 when the host does not take them.
  uint32_t number;
} gm_log_handle;

// UTF-8 text: not terminated, `ptr` may be null only when `len` is 0.
typedef struct gm_str {
  // First byte.
  const char *ptr;
  // Length in bytes.
  size_t len;
} gm_str;

// A place in the plugin's code that writes records: describe it with `log_site` once, then look at `interest` of the
// answer before every record, and hand the record to `log` with the answer's `number`.
typedef struct gm_log_site {
  // Size of this struct.
  uint32_t struct_size;
  // `GM_LOG_*`.
  uint32_t level;
  // Who speaks, for example a module path; empty means the kind of the node.
  struct gm_str target;
  // Source file, may be empty.
  struct gm_str file;
  // Source line, 0 when not known.
  uint32_t line;
  // Number of fields, at most `GM_LOG_FIELDS_MAX`.
  uint32_t n_fields;
  // Names of the fields, may be null when there is none.
  const struct gm_str *fields;
} gm_log_site;

// Content of a field.
typedef union gm_log_data {
  // For `GM_LOG_VALUE_I64`.
  int64_t i64_;
  // For `GM_LOG_VALUE_U64` and `GM_LOG_VALUE_BOOL`.
  uint64_t u64_;
  // For `GM_LOG_VALUE_F64`.
  double f64_;
  // For `GM_LOG_VALUE_TEXT` and `GM_LOG_VALUE_SHOWN`.
  struct gm_str text;
} gm_log_data;

// Value of a field.
typedef struct gm_log_value {
  // `GM_LOG_VALUE_*`.
  uint32_t kind;
  // Zero.
  uint32_t reserved;
  // Its content.
  union gm_log_data data;
} gm_log_value;

// One log record; all texts may be empty.
typedef struct gm_log_record {
  // Size of this struct.
  uint32_t struct_size;
  // `GM_LOG_CUT`.
  uint32_t flags;
  // The number that `log_site` gave for the place.
  uint32_t site;
  // Source line for places that have none, 0 when not known.
  uint32_t line;
  // Source file for places that have none.
  struct gm_str file;
  // The target of the place again: needed when the host had no room left for another place.
  struct gm_str target;
  // The text.
  struct gm_str message;
  // In which spans of the plugin this happens, the outermost first, separated by `:`.
  struct gm_str spans;
  // Values of the first fields of the place, in its order; may be null when there is none.
  const struct gm_log_value *values;
  // Number of values.
  uint32_t n_values;
  // Zero.
  uint32_t reserved;
} gm_log_record;

// What a buffer is wanted for.
typedef struct gm_alloc_info {
  // Size of this struct.
  uint32_t struct_size;
  // Wanted alignment, a power of two up to 4096; 0 means 64.
  uint32_t align;
  // Length in bytes.
  uint64_t len;
} gm_alloc_info;

// How a buffer is kept and given back; lives as long as the process.
typedef struct gm_buffer_ops {
  // Size of this table.
  uint32_t struct_size;
  // `GM_BUFOPS_RELEASE_NONBLOCKING`.
  uint32_t flags;
  // [any] Adds a reference; cannot fail, allocates nothing.
  void (*retain)(struct gm_buffer*);
  // [any] Drops a reference; the last one frees with the allocator of the maker. Must not call the host except to log.
  void (*release)(struct gm_buffer*);
  // [any] 1 when the caller holds the only reference. May be null: never unique.
  uint32_t (*is_unique)(const struct gm_buffer*);
} gm_buffer_ops;

// Reference-counted bytes; the header never changes while anybody else can see it.
typedef struct gm_buffer {
  // How to keep it and give it back.
  const struct gm_buffer_ops *ops;
  // First byte, null only when `len` is 0.
  uint8_t *data;
  // Length in bytes.
  uint64_t len;
  // `GM_BUF_WRITABLE`.
  uint32_t flags;
  // Device as in DLPack, `GM_DEVICE_CPU` for ordinary memory.
  int32_t device_type;
  // Number of the device.
  int32_t device_id;
  // Alignment of `data` in bytes that the maker promises.
  uint32_t align;
  // Belongs to the maker.
  void *maker[3];
} gm_buffer;

// What went wrong, in memory of the caller: nothing to free unless `detail` is set.
typedef struct gm_error {
  // Bytes that the callee may write.
  uint32_t struct_size;
  // The status again.
  gm_status code;
  // `GM_ERROR_TRUNCATED`.
  uint32_t flags;
  // Bytes of `message` in use.
  uint32_t message_len;
  // UTF-8, not terminated.
  char message[224];
  // Longer text such as a backtrace, or null; the caller releases it.
  struct gm_buffer *detail;
} gm_error;

// A part of a buffer: smaller than 4 GiB.
typedef struct gm_plane {
  // The buffer, or null in planes that are not used or were taken.
  struct gm_buffer *buf;
  // First byte of the plane in the buffer.
  uint32_t offset;
  // Length in bytes.
  uint32_t len;
  // Bytes from one line (video) or channel (planar audio) to the next, never negative, 0 when there is only one.
  int32_t stride;
  // Zero.
  uint32_t reserved;
} gm_plane;

// Shape of sound.
typedef struct gm_audio {
  // `GM_SAMPLE_*`.
  uint32_t sample;
  // `GM_LAYOUT_*`.
  uint32_t layout;
  // Frames per second.
  uint32_t rate_hz;
  // Samples per frame.
  uint32_t channels;
  // Frames in this packet.
  uint32_t frames;
  // Zero.
  uint32_t reserved;
  // Speaker positions as in WAVE_FORMAT_EXTENSIBLE, 0 when not known.
  uint64_t channel_mask;
} gm_audio;

// Shape of a picture.
typedef struct gm_video {
  // `GM_PIXEL_*`.
  uint32_t pixel;
  // Width in pixels.
  uint32_t width;
  // Height in pixels.
  uint32_t height;
  // Colour primaries as in ITU-T H.273, 0 when not known.
  uint32_t primaries;
  // Transfer function as in ITU-T H.273, 0 when not known.
  uint32_t transfer;
  // Matrix as in ITU-T H.273, 0 when not known.
  uint32_t matrix;
  // 0 not known, 1 limited, 2 full.
  uint32_t range;
  // Zero.
  uint32_t flags;
} gm_video;

// Shape of a tensor: the meaning of DLPack's `DLTensor`, strides always given.
typedef struct gm_tensor {
  // `GM_DTYPE_*`.
  uint8_t dtype_code;
  // Bits of one lane.
  uint8_t dtype_bits;
  // Lanes of one element, 1 for scalars.
  uint16_t dtype_lanes;
  // Dimensions in use, at most 8.
  uint32_t ndim;
  // Bytes from the start of plane 0 to the first element.
  uint64_t byte_offset;
  // Length of each dimension.
  uint32_t shape[8];
  // Distance between neighbours of each dimension, in elements.
  int32_t strides[8];
} gm_tensor;

// Name and version of an event; its JSON is plane 0.
typedef struct gm_event {
  // Version of the event's shape.
  uint32_t version;
  // Bytes of `name` in use.
  uint32_t name_len;
  // Namespaced name such as `speech.segment`, UTF-8, not terminated.
  char name[80];
} gm_event;

// Media type of opaque bytes.
typedef struct gm_bytes {
  // Zero.
  uint32_t reserved;
  // Bytes of `media_type` in use.
  uint32_t media_type_len;
  // Media type such as `image/png`, UTF-8, not terminated.
  char media_type[80];
} gm_bytes;

// What is particular to the kind of packet.
typedef union gm_payload {
  // For `GM_KIND_AUDIO`.
  struct gm_audio audio;
  // For `GM_KIND_VIDEO`.
  struct gm_video video;
  // For `GM_KIND_TENSOR`.
  struct gm_tensor tensor;
  // For `GM_KIND_EVENT`.
  struct gm_event event;
  // For `GM_KIND_BYTES`.
  struct gm_bytes bytes;
  // Frozen size.
  uint64_t reserved[12];
} gm_payload;

// One unit on a link: four cache lines, moved by value.
//
// The caller of `process` or `emit` owns the references in it. The callee takes one by copying the pointer and
// storing null in its place; what is not null afterwards stays with the caller, on every path.
typedef struct gm_packet {
  // Size of this struct.
  uint32_t struct_size;
  // `GM_KIND_*`.
  uint32_t kind;
  // `GM_PACKET_*`; bits 16 to 31 must be understood.
  uint32_t flags;
  // Planes in use, at most 4.
  uint32_t n_planes;
  // Number of the packet in its stream.
  uint64_t seq;
  // Presentation time in nanoseconds, `GM_TIME_UNKNOWN` when not known.
  int64_t pts_ns;
  // Duration in nanoseconds, `GM_TIME_UNKNOWN` when not known.
  int64_t duration_ns;
  // Where the bytes are.
  struct gm_plane planes[4];
  // Side data as UTF-8 JSON, or null.
  struct gm_buffer *side;
  // Belongs to the host; plugins hand it on unchanged.
  uint64_t host_private;
  // Number of the stream that the packet belongs to, 0 when there is only one.
  uint64_t stream_id;
  // What is particular to the kind.
  union gm_payload u;
} gm_packet;

// What is to be loaded once, and how.
typedef struct gm_resource_spec {
  // Size of this struct.
  uint32_t struct_size;
  // `GM_RESOURCE_SHARED`, or 0: only nodes of this plugin find it.
  uint32_t flags;
  // Names what is really loaded, such as a digest and a device: 1 to 1024 bytes.
  struct gm_str key;
  // Type of the value, at most 512 bytes; who asks for the key with another one is refused.
  struct gm_str type_tag;
  // Bytes that the value will take, 0 when not known: refused before the load when the budget has no room.
  uint64_t bytes;
  // How long to wait for the load of another node in milliseconds, 0 for the host's default.
  uint32_t wait_ms;
  // Zero.
  uint32_t reserved;
  // Handed to `make`.
  void *arg;
  // [worker & inside resource_get] Loads: stores a value that is not null, and what it takes in bytes if that is
  // better known now. Gets `arg`, the places for both and an error. Every service but `emit` and `resource_get` of
  // the same key may be used. A shared value is one reference to a `gm_buffer`, which moves to the host.
  gm_status (*make)(void*, void**, uint64_t*, struct gm_error*);
  // [a thread of the host] Frees the value, once, when it is neither kept nor held any more. May be null: there is
  // nothing to free. Null for a shared value.
  void (*destroy)(void*);
} gm_resource_spec;

// What the host offers; lives as long as the process.
typedef struct gm_host_api {
  // Read first.
  struct gm_header hdr;
  // [any] Keeps the context alive after destroy.
  void (*ctx_retain)(gm_ctx*);
  // [any] Gives one reference back.
  void (*ctx_release)(gm_ctx*);
  // [any] Describes a place that writes records, once; the same description gives the same answer, never null.
  const struct gm_log_handle *(*log_site)(gm_ctx*, const struct gm_log_site*);
  // [any] 1 when a record of the place with this number would be kept now; asked for `GM_LOG_SOMETIMES` only.
  uint32_t (*log_enabled)(gm_ctx*, uint32_t);
  // [any] Takes a record; everything in it is copied.
  void (*log)(gm_ctx*, const struct gm_log_record*);
  // [any] 1 when the instance should return soon.
  uint32_t (*is_cancelled)(gm_ctx*);
  // [any] Nanoseconds of a `GM_CLOCK_*`, `GM_TIME_UNKNOWN` for an unknown one.
  int64_t (*clock_ns)(gm_ctx*, uint32_t);
  // [any] A writable buffer from the host's pool; contents are initialised but arbitrary.
  gm_status (*buffer_alloc)(gm_ctx*,
                            const struct gm_alloc_info*,
                            struct gm_buffer**,
                            struct gm_error*);
  // [worker & inside tick, process or flush] Hands a packet to the links of an output pin; takes it whole or not at all.
  gm_status (*emit)(gm_ctx*, uint32_t, uint32_t, struct gm_packet*, struct gm_error*);
  // [any] Asks for a tick of this source or processor as soon as possible.
  gm_status (*wake)(gm_ctx*);
  // [any] Tells the nodes upstream of an input pin something, by name and with content as JSON; both are copied.
  // Never waits: a newer hint of the same name takes the place of one that was not heard yet.
  gm_status (*hint)(gm_ctx*, uint32_t, struct gm_str, struct gm_str, struct gm_error*);
  // [any] A further table by name and revision, for example `org.graphmill.name/1`, or null.
  const void *(*get_extension)(gm_ctx*, struct gm_str);
  // [worker] Gives what is kept under a key, waits for the node that loads it, or has `make` load it here and now.
  // The handle has to be released.
  gm_status (*resource_get)(gm_ctx*, const struct gm_resource_spec*, gm_resource**, struct gm_error*);
  // [any] The value, which lives at least as long as the handle and is shared: nobody changes it without care of
  // its own. A shared `gm_buffer` is borrowed; retain it to keep it.
  void *(*resource_value)(gm_resource*);
  // [any] Gives the handle back. The value is destroyed later, on a thread of the host.
  void (*resource_release)(gm_resource*);
} gm_host_api;

// The host as an instance or module sees it.
typedef struct gm_host {
  // What the host offers.
  const struct gm_host_api *api;
  // To be passed to every function of `api`; borrowed, retain it to keep it.
  gm_ctx *ctx;
} gm_host;

// With what an instance is made.
typedef struct gm_create_info {
  // Size of this struct.
  uint32_t struct_size;
  // Zero.
  uint32_t flags;
  // Number of the instance in this process.
  uint64_t instance_id;
  // Params as one JSON object, borrowed for the call.
  struct gm_str params_json;
} gm_create_info;

// When a source is asked, and when it wants to be asked again.
typedef struct gm_tick_info {
  // Size of this struct.
  uint32_t struct_size;
  // Zero.
  uint32_t flags;
  // Monotonic time of this tick.
  int64_t now_ns;
  // Out: monotonic time of the next tick wanted, `GM_TIME_UNKNOWN` for as soon as possible.
  int64_t next_ns;
} gm_tick_info;

// One kind of node; lives as long as the process.
typedef struct gm_node_class {
  // Size of this table.
  uint32_t struct_size;
  // `GM_ROLE_*`.
  uint32_t role;
  // Equal to the `id` of one kind in the manifest.
  struct gm_str id;
  // [worker] Makes an instance; on success `*out` belongs to the host, on error it stays null.
  gm_status (*create)(const struct gm_host*,
                      const struct gm_create_info*,
                      gm_node**,
                      struct gm_error*);
  // [worker & created] Frees the instance and joins every thread that it started.
  void (*destroy)(gm_node*);
  // [worker & created & !running] May be null.
  gm_status (*start)(gm_node*, struct gm_error*);
  // [worker & running] May be null.
  gm_status (*stop)(gm_node*, struct gm_error*);
  // [worker & running] Sources: makes packets. Processors: called after `wake`, and then when `next_ns` says; the
  // largest number is not before the next `wake`. Null in sinks, may be null in processors.
  gm_status (*tick)(gm_node*, struct gm_tick_info*, struct gm_error*);
  // [worker & running] Processors and sinks: takes a packet that came in on a pin. Null in sources.
  gm_status (*process)(gm_node*, uint32_t, struct gm_packet*, struct gm_error*);
  // [worker & running] A pin has ended (`GM_FLUSH_EOS`); may emit. May be null.
  gm_status (*flush)(gm_node*, uint32_t, uint32_t, struct gm_error*);
  // [worker & created] New params between two packets; on error the old ones stay. May be null.
  gm_status (*update)(gm_node*, struct gm_str, struct gm_error*);
  // [worker & running] A node downstream of an output pin tells something, by name and with content as JSON;
  // `GM_PASS` when it is not for this node. May be null.
  gm_status (*hint)(gm_node*, uint32_t, struct gm_str, struct gm_str, struct gm_error*);
  // [worker & created] A further table by name and revision, or null. May be null.
  const void *(*get_extension)(gm_node*, struct gm_str);
  // [any & no instance] Tells the pins of a node with these params, for a kind with the capability
  // `pins_by_params`: stores one reference to a buffer, which moves to the host, with a JSON object of `inputs` and
  // `outputs` as they stand in the manifest. Every service but `emit`, `hint` and `resource_get` may be used. Loads
  // nothing large, and gives the same pins for the same params. Null for a kind whose pins are those of the manifest.
  gm_status (*pins)(const struct gm_host*, struct gm_str, struct gm_buffer**, struct gm_error*);
} gm_node_class;

// What a library offers; lives as long as the process.
typedef struct gm_module {
  // Read first.
  struct gm_header hdr;
  // The manifest: one UTF-8 JSON object, never changed.
  struct gm_str manifest_json;
  // Pointers to the classes, so that a class can grow.
  const struct gm_node_class *const *classes;
  // Number of classes.
  uint32_t n_classes;
  // Zero.
  uint32_t flags;
  // [any] A further table by name and revision, or null. May be null.
  const void *(*get_extension)(struct gm_str);
} gm_module;

// Success.
#define GM_OK 0

// A source has nothing to give now and wants to be asked again.
#define GM_AGAIN 1

// A source has given its last packet.
#define GM_EOS 2

// A hint is not for this node: the host hands it on to the nodes upstream of it.
#define GM_PASS 3

// The caller passed something that the callee does not accept.
#define GM_E_INVALID -1

// The callee does not know the kind, format, flag or operation.
#define GM_E_UNSUPPORTED -2

// Host and plugin cannot work together; the message names both versions.
#define GM_E_VERSION -3

// A panic was caught; the instance is poisoned.
#define GM_E_PANIC -4

// The session is stopping.
#define GM_E_CANCELLED -5

// The instance is gone; only its context is left.
#define GM_E_SHUTDOWN -6

// Memory could not be had.
#define GM_E_NOMEM -7

// The call would have to wait and was told not to.
#define GM_E_WOULDBLOCK -8

// The call is not legal in this state.
#define GM_E_STATE -9

// The call is not legal on this thread.
#define GM_E_THREAD -10

// What was named does not exist.
#define GM_E_NOTFOUND -11

// Reading or writing outside the process failed.
#define GM_E_IO -12

// Anything else.
#define GM_E_INTERNAL -13

// A wait ended at its deadline.
#define GM_E_TIMEOUT -14

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The one function that a plugin exports, under this name or this name, an underscore and a suffix of its own.
extern gm_status gm_plugin_entry_v1(const struct gm_host *host,
                                    const struct gm_module **out,
                                    struct gm_error *err);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* GRAPHMILL_H */
