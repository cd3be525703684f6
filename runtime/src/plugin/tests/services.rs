//! What a node can ask of the host, while it lives and afterwards.

use super::bench::{Bench, Kept, create};
use crate::plugin::host::HostContext;
use graphmill_abi::layout::*;
use graphmill_abi::{Buffer, ErrorSlot, Packet};
use std::cell::RefCell;
use std::ptr;
use std::sync::Arc;

type Work = Box<dyn FnOnce() + Send>;

thread_local! {
    /// What the node of a test, which runs on the thread of that test, leaves for the time after its end.
    static LATER: RefCell<Vec<Work>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn later(work: impl FnOnce() + Send + 'static) {
    LATER.with_borrow_mut(|later| later.push(Box::new(work)));
}

pub(super) fn later_work() -> Vec<Work> {
    LATER.take()
}

#[test]
fn waker_reaches_the_executor() {
    let (bench, mut node) = create("sample.scripted", r#"{"act": "wake"}"#).unwrap();
    node.process(0, &mut Packet::from_text("x").unwrap(), &mut Kept::default()).unwrap();
    assert_eq!(bench.wakes.count(), 1);
}

#[test]
fn node_gets_a_writable_buffer_of_the_pool() {
    let (_bench, mut node) = create("sample.scripted", r#"{"act": "buffers"}"#).unwrap();
    node.process(0, &mut Packet::from_text("x").unwrap(), &mut Kept::default()).unwrap();
}

/// The table as a plugin in C sees it.
pub(super) struct Raw {
    pub(super) host: gm_host,
    pub(super) api: &'static gm_host_api,
    _context: Arc<HostContext>,
}

pub(super) fn raw(context: Arc<HostContext>) -> Raw {
    let host = HostContext::as_host(&context);
    // SAFETY: the table of the host lives as long as the process.
    Raw { host, api: unsafe { &*host.api }, _context: context }
}

pub(super) fn raw_node(bench: &Bench) -> Raw {
    raw(HostContext::for_node(Arc::clone(&bench.context), bench.home()))
}

impl Raw {
    fn alloc(&self, info: *const gm_alloc_info, out: *mut *mut gm_buffer) -> (gm_status, String) {
        let mut error = ErrorSlot::new();
        // SAFETY: the pointers are null, misaligned or right, as the host has to expect.
        let status = unsafe { self.api.buffer_alloc.unwrap()(self.host.ctx, info, out, error.as_raw()) };
        (status, error.message().into_owned())
    }

    fn emit(&self, flags: u32, packet: *mut gm_packet) -> (gm_status, String) {
        let mut error = ErrorSlot::new();
        // SAFETY: as above.
        let status = unsafe { self.api.emit.unwrap()(self.host.ctx, 0, flags, packet, error.as_raw()) };
        (status, error.message().into_owned())
    }

    pub(super) fn hint(&self, pin: u32, name: gm_str, content: gm_str) -> (gm_status, String) {
        let mut error = ErrorSlot::new();
        // SAFETY: as above, for the texts.
        let status = unsafe { self.api.hint.unwrap()(self.host.ctx, pin, name, content, error.as_raw()) };
        (status, error.message().into_owned())
    }

    fn clock_ns(&self, clock: u32) -> i64 {
        // SAFETY: the context is alive.
        unsafe { self.api.clock_ns.unwrap()(self.host.ctx, clock) }
    }

    fn is_cancelled(&self) -> u32 {
        // SAFETY: the context is alive.
        unsafe { self.api.is_cancelled.unwrap()(self.host.ctx) }
    }

    fn retain_and_release(&self) {
        // SAFETY: the host has to expect such pointers.
        unsafe { self.api.ctx_retain.unwrap()(self.host.ctx) };
        // SAFETY: a reference that was retained is given back.
        unsafe { self.api.ctx_release.unwrap()(self.host.ctx) };
    }

    fn wake(&self) -> gm_status {
        // SAFETY: the context is alive.
        unsafe { self.api.wake.unwrap()(self.host.ctx) }
    }
}

const INFO: gm_alloc_info = gm_alloc_info { struct_size: 16, align: 0, len: 10 };

#[test]
fn buffers_are_refused_with_the_reason() {
    let bench = Bench::new("sample.gain");
    let raw = raw_node(&bench);
    let mut out = ptr::null_mut();
    let cases = [
        (gm_alloc_info { align: 3, ..INFO }, "alignment 3 is not a power of two up to 4096"),
        (gm_alloc_info { align: 8192, ..INFO }, "alignment 8192 is not a power of two up to 4096"),
        (gm_alloc_info { len: 1 << 32, ..INFO }, "a buffer of 4294967296 bytes is larger than a plane can be"),
        (gm_alloc_info { struct_size: 8, ..INFO }, "the alloc info is shorter than that of version 1.0"),
    ];
    for (info, message) in cases {
        assert_eq!(raw.alloc(&info, &mut out), (GM_E_INVALID, message.to_owned()));
        assert!(out.is_null());
    }
    let wrong = (GM_E_INVALID, "the alloc info is null or misaligned".to_owned());
    assert_eq!(raw.alloc(ptr::null(), &mut out), wrong);
    assert_eq!(raw.alloc(ptr::from_ref(&INFO).wrapping_byte_add(1), &mut out), wrong);
    assert_eq!(raw.alloc(&INFO, ptr::null_mut()).1, "the place for the buffer is null or misaligned");
    assert_eq!(raw.alloc(&gm_alloc_info { align: 1024, ..INFO }, &mut out), (GM_OK, String::new()));
    // SAFETY: the host gave one reference to a live buffer.
    let buffer = unsafe { Buffer::from_raw(out) }.unwrap();
    assert!(buffer.as_slice().as_ptr().addr().is_multiple_of(1024) && buffer.len() == 10);
}

#[test]
fn misaligned_or_missing_error_of_a_plugin_is_left_alone() {
    let bench = Bench::new("sample.gain");
    let raw = raw_node(&bench);
    let mut error = ErrorSlot::new();
    let odd = error.as_raw().wrapping_byte_add(1);
    for error in [ptr::null_mut(), odd] {
        // SAFETY: the host has to expect such pointers.
        let status = unsafe { raw.api.buffer_alloc.unwrap()(raw.host.ctx, ptr::null(), ptr::null_mut(), error) };
        assert_eq!(status, GM_E_INVALID);
    }
    assert_eq!(error.message(), "");
}

#[test]
fn context_that_is_none_is_refused_by_every_service() {
    let bench = Bench::new("sample.gain");
    let Raw { api, host, _context: context } = raw_node(&bench);
    let memory = [0_u64; 64];
    let strange: [*mut gm_ctx; 3] = [ptr::null_mut(), host.ctx.wrapping_byte_add(1), memory.as_ptr().cast_mut().cast()];
    for ctx in strange {
        let raw = Raw { host: gm_host { ctx, ..host }, api, _context: Arc::clone(&context) };
        let message = "the context is not one of this host".to_owned();
        raw.retain_and_release();
        assert_eq!(raw.is_cancelled(), 1);
        assert_eq!((raw.clock_ns(GM_CLOCK_MONOTONIC), raw.wake()), (GM_TIME_UNKNOWN, GM_E_INVALID));
        assert_eq!(raw.alloc(&INFO, &mut ptr::null_mut()), (GM_E_INVALID, message.clone()));
        assert_eq!(raw.emit(0, ptr::null_mut()), (GM_E_INVALID, message));
    }
}

#[test]
fn services_after_destroy_are_refused_and_time_goes_on() {
    let bench = Bench::new("sample.gain");
    let raw = raw_node(&bench);
    assert_eq!(raw.is_cancelled(), 0);
    bench.context.close();
    bench.clock.advance_ns(42);
    let mut out = ptr::null_mut();
    assert_eq!(raw.alloc(&INFO, &mut out), (GM_E_SHUTDOWN, "the instance is gone".to_owned()));
    assert_eq!(raw.emit(0, ptr::null_mut()).0, GM_E_SHUTDOWN);
    assert_eq!(raw.wake(), GM_E_SHUTDOWN);
    assert_eq!((raw.is_cancelled(), bench.wakes.count()), (1, 0));
    assert_eq!((raw.clock_ns(GM_CLOCK_MONOTONIC), raw.clock_ns(GM_CLOCK_SESSION)), (42, 42));
    assert_eq!(raw.clock_ns(17), GM_TIME_UNKNOWN);
}

#[test]
fn extension_that_nobody_has_is_answered_with_null() {
    let bench = Bench::new("sample.gain");
    let raw = raw_node(&bench);
    for name in [gm_str::new("org.graphmill.name/1"), gm_str::EMPTY] {
        // SAFETY: the context is alive, and so is the text.
        assert!(unsafe { raw.api.get_extension.unwrap()(raw.host.ctx, name) }.is_null());
    }
}

#[test]
fn context_of_a_plugin_gives_what_needs_no_node() {
    let raw = raw(HostContext::for_module("libsample.so".to_owned()));
    let mut out = ptr::null_mut();
    let message = "this context belongs to the whole plugin; use the one that `create` was given".to_owned();
    assert_eq!(raw.alloc(&INFO, &mut out), (GM_E_STATE, message.clone()));
    assert_eq!(raw.emit(0, ptr::null_mut()), (GM_E_STATE, message));
    assert_eq!((raw.wake(), raw.is_cancelled()), (GM_E_STATE, 0));
    assert!(raw.clock_ns(GM_CLOCK_MONOTONIC) >= 0);
    assert_eq!(raw.clock_ns(GM_CLOCK_SESSION), GM_TIME_UNKNOWN);
}
