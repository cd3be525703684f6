//! A host that offers every service and gives nothing; a test replaces the services that it is about.
//!
//! The tests of the crate and those beside it share this file, so that a service which the ABI gains is added once.

use graphmill_abi::layout::*;
use std::ffi::c_void;
use std::ptr;

unsafe extern "C" fn nothing(_: *mut gm_ctx) {}
unsafe extern "C" fn no_site(_: *mut gm_ctx, _: *const gm_log_site) -> *const gm_log_handle {
    ptr::null()
}
unsafe extern "C" fn disabled(_: *mut gm_ctx, _: u32) -> u32 {
    0
}
unsafe extern "C" fn unlogged(_: *mut gm_ctx, _: *const gm_log_record) {}
unsafe extern "C" fn no(_: *mut gm_ctx) -> u32 {
    0
}
unsafe extern "C" fn zero(_: *mut gm_ctx, _: u32) -> i64 {
    0
}
unsafe extern "C" fn no_buffer(
    _: *mut gm_ctx,
    _: *const gm_alloc_info,
    _: *mut *mut gm_buffer,
    _: *mut gm_error,
) -> gm_status {
    GM_E_NOMEM
}
unsafe extern "C" fn no_emit(_: *mut gm_ctx, _: u32, _: u32, _: *mut gm_packet, _: *mut gm_error) -> gm_status {
    GM_E_SHUTDOWN
}
unsafe extern "C" fn no_wake(_: *mut gm_ctx) -> gm_status {
    GM_E_SHUTDOWN
}
unsafe extern "C" fn no_hint(_: *mut gm_ctx, _: u32, _: gm_str, _: gm_str, _: *mut gm_error) -> gm_status {
    GM_E_SHUTDOWN
}
unsafe extern "C" fn no_resource(
    _: *mut gm_ctx,
    _: *const gm_resource_spec,
    _: *mut *mut gm_resource,
    _: *mut gm_error,
) -> gm_status {
    GM_E_SHUTDOWN
}
unsafe extern "C" fn no_value(_: *mut gm_resource) -> *mut c_void {
    ptr::null_mut()
}
unsafe extern "C" fn unreleased(_: *mut gm_resource) {}

/// The table of that host, which says that it has `struct_size` bytes.
pub(crate) const fn idle_api(struct_size: u32) -> gm_host_api {
    gm_host_api {
        hdr: gm_header { magic: GM_MAGIC, struct_size, abi_major: GM_ABI_MAJOR, abi_minor: GM_ABI_MINOR },
        ctx_retain: Some(nothing),
        ctx_release: Some(nothing),
        log_site: Some(no_site),
        log_enabled: Some(disabled),
        log: Some(unlogged),
        is_cancelled: Some(no),
        clock_ns: Some(zero),
        buffer_alloc: Some(no_buffer),
        emit: Some(no_emit),
        wake: Some(no_wake),
        hint: Some(no_hint),
        get_extension: None,
        resource_get: Some(no_resource),
        resource_value: Some(no_value),
        resource_release: Some(unreleased),
    }
}
