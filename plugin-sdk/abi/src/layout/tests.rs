//! Size, alignment and every offset, as a 64-bit C compiler sees them.

use super::*;
use core::mem::{align_of, offset_of, size_of};

macro_rules! layout {
    ($ty:ident, $size:expr, $align:expr, { $($field:ident: $offset:expr),* $(,)? }) => {
        assert_eq!((size_of::<$ty>(), align_of::<$ty>()), ($size, $align), stringify!($ty));
        $(assert_eq!(offset_of!($ty, $field), $offset, concat!(stringify!($ty), ".", stringify!($field)));)*
    };
}

#[test]
fn layout_is_what_the_header_promises() {
    layout!(gm_header, 16, 8, { magic: 0, struct_size: 8, abi_major: 12, abi_minor: 14 });
    layout!(gm_str, 16, 8, { ptr: 0, len: 8 });
    layout!(gm_error, 248, 8, { struct_size: 0, code: 4, flags: 8, message_len: 12, message: 16, detail: 240 });
    layout!(gm_buffer_ops, 32, 8, { struct_size: 0, flags: 4, retain: 8, release: 16, is_unique: 24 });
    layout!(gm_buffer, 64, 8, { ops: 0, data: 8, len: 16, flags: 24, device_type: 28, device_id: 32, align: 36, maker: 40 });
    layout!(gm_plane, 24, 8, { buf: 0, offset: 8, len: 12, stride: 16, reserved: 20 });
    layout!(gm_audio, 32, 8, { sample: 0, layout: 4, rate_hz: 8, channels: 12, frames: 16, reserved: 20, channel_mask: 24 });
    layout!(gm_video, 32, 4, { pixel: 0, width: 4, height: 8, primaries: 12, transfer: 16, matrix: 20, range: 24, flags: 28 });
    layout!(gm_tensor, 80, 8, { dtype_code: 0, dtype_bits: 1, dtype_lanes: 2, ndim: 4, byte_offset: 8, shape: 16, strides: 48 });
    layout!(gm_event, 88, 4, { version: 0, name_len: 4, name: 8 });
    layout!(gm_bytes, 88, 4, { reserved: 0, media_type_len: 4, media_type: 8 });
    layout!(gm_packet, 256, 8, { struct_size: 0, kind: 4, flags: 8, n_planes: 12, seq: 16, pts_ns: 24, duration_ns: 32, planes: 40, side: 136, host_private: 144, stream_id: 152, u: 160 });
    layout!(gm_log_site, 56, 8, { struct_size: 0, level: 4, target: 8, file: 24, line: 40, n_fields: 44, fields: 48 });
    layout!(gm_log_handle, 8, 4, { interest: 0, number: 4 });
    layout!(gm_log_value, 24, 8, { kind: 0, reserved: 4, data: 8 });
    layout!(gm_log_record, 96, 8, { struct_size: 0, flags: 4, site: 8, line: 12, file: 16, target: 32, message: 48, spans: 64, values: 80, n_values: 88, reserved: 92 });
    layout!(gm_alloc_info, 16, 8, { struct_size: 0, align: 4, len: 8 });
    layout!(gm_resource_spec, 80, 8, { struct_size: 0, flags: 4, key: 8, type_tag: 24, bytes: 40, wait_ms: 48, reserved: 52, arg: 56, make: 64, destroy: 72 });
    layout!(gm_create_info, 32, 8, { struct_size: 0, flags: 4, instance_id: 8, params_json: 16 });
    layout!(gm_tick_info, 24, 8, { struct_size: 0, flags: 4, now_ns: 8, next_ns: 16 });
    layout!(gm_host_api, 136, 8, { hdr: 0, ctx_retain: 16, ctx_release: 24, log_site: 32, log_enabled: 40, log: 48, is_cancelled: 56, clock_ns: 64, buffer_alloc: 72, emit: 80, wake: 88, hint: 96, get_extension: 104, resource_get: 112, resource_value: 120, resource_release: 128 });
    layout!(gm_host, 16, 8, { api: 0, ctx: 8 });
    layout!(gm_node_class, 112, 8, { struct_size: 0, role: 4, id: 8, create: 24, destroy: 32, start: 40, stop: 48, tick: 56, process: 64, flush: 72, update: 80, hint: 88, get_extension: 96, pins: 104 });
    layout!(gm_module, 56, 8, { hdr: 0, manifest_json: 16, classes: 32, n_classes: 40, flags: 44, get_extension: 48 });
    assert_eq!((size_of::<gm_log_data>(), align_of::<gm_log_data>()), (16, 8));
    assert_eq!((size_of::<gm_payload>(), align_of::<gm_payload>()), (96, 8));
}

#[test]
fn packet_is_at_most_four_cache_lines() {
    assert!(size_of::<gm_packet>() <= 256);
}

#[test]
fn magic_spells_the_name() {
    assert_eq!(&GM_MAGIC.to_le_bytes(), b"GRAPHMIL");
}
