//! The resource functions of the host as a plugin in C sees them: what breaks the contract is refused and counted.

use super::bench::Bench;
use super::services::{Raw, raw, raw_node};
use crate::plugin::host::{Home, HostContext};
use crate::plugin::host_stats;
use graphmill_abi::layout::*;
use graphmill_abi::{Buffer, ErrorSlot};
use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

thread_local! {
    /// What `make` answers, and whether it gives a value.
    static ANSWER: Cell<(gm_status, bool)> = const { Cell::new((GM_OK, true)) };
    static MADE: Cell<u64> = const { Cell::new(0) };
    /// What services answer inside `make`.
    static INSIDE: Cell<[gm_status; 2]> = const { Cell::new([GM_OK; 2]) };
}

/// Counts how often it is destroyed; the test and the value own it together.
type Count = Arc<AtomicU64>;

unsafe extern "C" fn make(arg: *mut c_void, out: *mut *mut c_void, bytes: *mut u64, err: *mut gm_error) -> gm_status {
    let (status, gives) = ANSWER.get();
    MADE.set(MADE.get() + 1);
    if gives {
        // SAFETY: the argument is the count of the test, of which the value gets a further reference.
        unsafe { Arc::increment_strong_count(arg.cast::<AtomicU64>()) };
        // SAFETY: the host gives a place for one pointer.
        unsafe { out.write(arg) };
        // SAFETY: the host gives a place for one number.
        unsafe { bytes.write(64) };
    }
    if status < 0 {
        // SAFETY: the error is that of the host.
        unsafe { ErrorSlot::fill(err, status, "refused on purpose") };
    }
    status
}

unsafe extern "C" fn make_buffer(_: *mut c_void, out: *mut *mut c_void, _: *mut u64, _: *mut gm_error) -> gm_status {
    // SAFETY: the host gives a place for one pointer.
    unsafe { out.write(Buffer::copy_from_slice(b"weights").into_raw().cast()) };
    GM_OK
}

unsafe extern "C" fn destroy(value: *mut c_void) {
    // SAFETY: the value is a reference to the count.
    let count = unsafe { Arc::from_raw(value.cast::<AtomicU64>().cast_const()) };
    count.fetch_add(1, Ordering::SeqCst);
}

/// Asks the host from inside of a load for what it may not give there.
unsafe extern "C" fn make_nested(arg: *mut c_void, out: *mut *mut c_void, _: *mut u64, _: *mut gm_error) -> gm_status {
    // SAFETY: the argument is the host of the test.
    let raw = unsafe { &*arg.cast::<Raw>() };
    let mut packet = graphmill_abi::Packet::from_text("x").unwrap();
    let (ctx, packet) = (raw.host.ctx, packet.as_raw_mut());
    // SAFETY: the packet is ours.
    let emitted = unsafe { raw.api.emit.unwrap()(ctx, 0, 0, packet, ptr::null_mut()) };
    let (itself, _, _) =
        get(raw, &gm_resource_spec { arg, make: Some(make_nested), ..spec("nested", ptr::null_mut()) });
    INSIDE.set([emitted, itself]);
    // SAFETY: the host gives a place for one pointer; nothing is destroyed.
    unsafe { out.write(arg) };
    GM_OK
}

fn spec(key: &'static str, arg: *mut c_void) -> gm_resource_spec {
    gm_resource_spec {
        struct_size: u32::try_from(size_of::<gm_resource_spec>()).unwrap(),
        flags: 0,
        key: gm_str::new(key),
        type_tag: gm_str::new("count"),
        bytes: 0,
        wait_ms: 0,
        reserved: 0,
        arg,
        make: Some(make),
        destroy: Some(destroy),
    }
}

fn of_count(key: &'static str, count: &Count) -> gm_resource_spec {
    spec(key, Arc::as_ptr(count).cast_mut().cast())
}

fn get(raw: &Raw, spec: *const gm_resource_spec) -> (gm_status, *mut gm_resource, String) {
    let (mut error, mut out) = (ErrorSlot::new(), ptr::null_mut());
    // SAFETY: the pointers are null, misaligned or right, as the host has to expect.
    let status = unsafe { raw.api.resource_get.unwrap()(raw.host.ctx, spec, &raw mut out, error.as_raw()) };
    (status, out, error.message().into_owned())
}

fn value(raw: &Raw, resource: *mut gm_resource) -> *mut c_void {
    // SAFETY: as above.
    unsafe { raw.api.resource_value.unwrap()(resource) }
}

fn release(raw: &Raw, resource: *mut gm_resource) {
    // SAFETY: as above.
    unsafe { raw.api.resource_release.unwrap()(resource) };
}

/// Waits for the reaper to give up every reference but that of the test.
fn await_destroyed(count: &Count) {
    while Arc::strong_count(count) > 1 {
        std::thread::yield_now();
    }
}

#[test]
fn value_is_made_once_and_destroyed_once_after_the_last_handle_and_the_cache() {
    let (bench, count) = (Bench::new("sample.gain"), Count::default());
    let raw = raw_node(&bench);
    let (made, spec) = (MADE.get(), of_count("once", &count));
    let [first, second] = [(); 2].map(|()| get(&raw, &spec));
    assert_eq!((first.0, second.0, MADE.get() - made), (GM_OK, GM_OK, 1));
    assert_ne!(first.1, second.1, "a handle for each");
    assert_eq!([value(&raw, first.1), value(&raw, second.1)], [spec.arg; 2]);
    assert_eq!(bench.resources.counters().bytes, 64, "what `make` says holds");
    release(&raw, first.1);
    bench.resources.clear();
    assert_eq!((value(&raw, second.1), count.load(Ordering::SeqCst)), (spec.arg, 0));
    release(&raw, second.1);
    await_destroyed(&count);
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn plugins_have_keys_of_their_own_and_find_the_same_shared_buffer() {
    let (bench, count) = (Bench::new("sample.gain"), Count::default());
    let other = Home::new(&bench.resources, 2);
    let (one, two) = (raw_node(&bench), raw(HostContext::for_node(Arc::clone(&bench.context), other)));
    let spec = of_count("key", &count);
    let handles = [&one, &two].map(|raw| get(raw, &spec).1);
    assert_eq!(bench.resources.counters().loads, 2, "each plugin loads its own");
    let buffer = gm_resource_spec {
        flags: GM_RESOURCE_SHARED,
        make: Some(make_buffer),
        destroy: None,
        ..of_count("key", &count)
    };
    let buffers = [&one, &two].map(|raw| get(raw, &buffer).1);
    assert_eq!(value(&one, buffers[0]), value(&two, buffers[1]));
    assert_eq!((bench.resources.counters().loads, bench.resources.counters().bytes), (3, 64 + 64 + 7));
    handles.into_iter().chain(buffers).for_each(|handle| release(&one, handle));
}

#[test]
fn bad_specs_are_refused_with_a_reason_and_make_nothing() {
    let (bench, count) = (Bench::new("sample.gain"), Count::default());
    let raw = raw_node(&bench);
    let (made, good) = (MADE.get(), of_count("key", &count));
    let long = "k".repeat(1025);
    let bad_utf8 = gm_str { ptr: [0xff_u8].as_ptr().cast(), len: 1 };
    let null = gm_str { ptr: ptr::null(), len: 3 };
    let cases = [
        (gm_resource_spec { struct_size: 8, ..good }, GM_E_INVALID, "shorter than that of version 1.0"),
        (gm_resource_spec { flags: 6, ..good }, GM_E_UNSUPPORTED, "resource flags 0x6 are not known"),
        (gm_resource_spec { flags: GM_RESOURCE_SHARED, ..good }, GM_E_INVALID, "has its own release"),
        (gm_resource_spec { make: None, ..good }, GM_E_INVALID, "no `make`"),
        (gm_resource_spec { key: gm_str::EMPTY, ..good }, GM_E_INVALID, "a key of 0 bytes is none"),
        (gm_resource_spec { key: gm_str::new(&long), ..good }, GM_E_INVALID, "1024"),
        (gm_resource_spec { key: bad_utf8, ..good }, GM_E_INVALID, "UTF-8"),
        (gm_resource_spec { type_tag: null, ..good }, GM_E_INVALID, "null"),
        (gm_resource_spec { bytes: u64::MAX, ..good }, GM_E_NOMEM, "raise the budget"),
    ];
    for (spec, status, want) in cases {
        let (found, handle, message) = get(&raw, &spec);
        assert_eq!((found, handle.is_null()), (status, true), "{message}");
        assert!(message.contains(want), "{message} instead of {want}");
    }
    let wrong = "the resource spec is null or misaligned";
    assert_eq!(get(&raw, ptr::null()).2, wrong);
    assert_eq!(get(&raw, ptr::from_ref(&good).wrapping_byte_add(1)).2, wrong);
    // SAFETY: the host has to expect such a pointer.
    let status = unsafe { raw.api.resource_get.unwrap()(raw.host.ctx, &good, ptr::null_mut(), ptr::null_mut()) };
    assert_eq!((status, MADE.get() - made), (GM_E_INVALID, 0));
}

#[test]
fn load_that_breaks_the_contract_is_an_error_and_what_it_gave_is_left_alone_and_counted() {
    let (bench, count) = (Bench::new("sample.gain"), Count::default());
    let raw = raw_node(&bench);
    let cases = [
        ((GM_OK, false), GM_E_INVALID, "`make` reports success and gives no value"),
        ((GM_E_IO, false), GM_E_IO, "refused on purpose"),
        ((GM_E_PANIC, false), GM_E_PANIC, "refused on purpose"),
        ((GM_EOS, false), GM_E_INVALID, "`make` answers with the status 2, which it may not"),
        ((GM_EOS, true), GM_E_INVALID, "`make` answers with the status 2, which it may not"),
        ((GM_E_IO, true), GM_E_INVALID, "`make` reports an error and gives a value all the same"),
    ];
    for (answer, status, want) in cases {
        let leaked = host_stats().resources_leaked;
        ANSWER.set(answer);
        let (found, handle, message) = get(&raw, &of_count("odd", &count));
        assert_eq!((found, handle.is_null()), (status, true), "{message}");
        assert!(message.starts_with("loading `odd` fails: ") && message.contains(want), "{message}");
        assert!(host_stats().resources_leaked - leaked >= u64::from(answer.1));
    }
    ANSWER.set((GM_OK, true));
    assert_eq!((bench.resources.counters().entries, bench.resources.counters().load_failures), (0, 6));
    assert_eq!(count.load(Ordering::SeqCst), 0);
    // What was left alone here is given back, so that nothing is lost in the test itself.
    while Arc::strong_count(&count) > 1 {
        // SAFETY: `make` left such a reference behind.
        unsafe { Arc::decrement_strong_count(Arc::as_ptr(&count)) };
    }
}

#[test]
fn h32_load_that_asks_for_itself_or_emits_is_refused_and_can_go_on() {
    let bench = Bench::new("sample.gain");
    let raw = raw_node(&bench);
    let spec = gm_resource_spec {
        make: Some(make_nested),
        destroy: None,
        ..spec("nested", ptr::from_ref(&raw).cast_mut().cast())
    };
    let (status, handle, message) = get(&raw, &spec);
    assert_eq!(status, GM_OK, "{message}");
    assert_eq!(INSIDE.get(), [GM_E_STATE, GM_E_STATE]);
    release(&raw, handle);
}

#[test]
fn contexts_that_may_not_ask_are_refused_and_strange_handles_are_left_alone() {
    let (bench, count) = (Bench::new("sample.gain"), Count::default());
    let node = raw_node(&bench);
    let good = of_count("key", &count);
    let refused = |raw: &Raw| {
        let (status, handle, _) = get(raw, &good);
        assert!(handle.is_null());
        status
    };
    assert_eq!(refused(&raw(HostContext::for_module("libsample.so".to_owned()))), GM_E_STATE);
    let gone = Home::new(&crate::resource::Resources::new(), 1);
    assert_eq!(refused(&raw(HostContext::for_node(Arc::clone(&bench.context), gone))), GM_E_SHUTDOWN);
    let (ctx, get) = (std::sync::atomic::AtomicPtr::new(node.host.ctx), node.api.resource_get.unwrap());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (ctx, mut out) = (ctx.load(Ordering::Relaxed), ptr::null_mut());
            // SAFETY: the context outlives the scope; the spec is not read on a wrong thread.
            assert_eq!(unsafe { get(ctx, ptr::null(), &raw mut out, ptr::null_mut()) }, GM_E_THREAD);
        });
    });
    let memory = [0_u64; 64];
    for handle in
        [ptr::null_mut(), memory.as_ptr().cast_mut().cast(), memory.as_ptr().wrapping_byte_add(1).cast_mut().cast()]
    {
        assert!(value(&node, handle).is_null());
        release(&node, handle);
    }
    bench.context.close();
    assert_eq!(refused(&node), GM_E_SHUTDOWN);
}
