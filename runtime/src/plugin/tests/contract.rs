//! Classes that answer what they may not, and instances that are owned from the first moment.

use super::bench::{Bench, Kept};
use crate::exec::{Factory, FaultClass, Instance, NextTick};
use crate::graph::Role;
use crate::plugin::call::PluginFactory;
use crate::plugin::host_stats;
use crate::plugin::import::{Functions, ImportedClass};
use graphmill_abi::layout::*;
use graphmill_abi::{ErrorSlot, Packet};
use std::cell::Cell;
use std::ptr;

thread_local! {
    /// What `create` of the class answers with, and whether it gives an instance.
    static CREATE: Cell<(gm_status, bool)> = const { Cell::new((GM_OK, true)) };
    /// What every other function answers with.
    static ANSWER: Cell<gm_status> = const { Cell::new(GM_OK) };
    /// The length of a message that no function writes.
    static CLAIMED_LEN: Cell<u32> = const { Cell::new(0) };
    /// When the source wants its next tick.
    static NEXT_NS: Cell<i64> = const { Cell::new(GM_TIME_UNKNOWN) };
    /// Instances made and destroyed on this thread.
    static MADE: Cell<u32> = const { Cell::new(0) };
    static DESTROYED: Cell<u32> = const { Cell::new(0) };
}

unsafe extern "C" fn create(
    _host: *const gm_host,
    _info: *const gm_create_info,
    out: *mut *mut gm_node,
    err: *mut gm_error,
) -> gm_status {
    let (status, gives) = CREATE.get();
    if gives {
        MADE.set(MADE.get() + 1);
        // SAFETY: the host gives a place for one pointer; the instance is never followed.
        unsafe { out.write(ptr::dangling_mut::<u64>().cast()) };
    }
    if status < 0 {
        // SAFETY: the error is that of the host.
        unsafe { ErrorSlot::fill(err, status, "refused on purpose") };
    }
    claim(err);
    status
}

/// Claims a message without writing it.
fn claim(err: *mut gm_error) {
    if CLAIMED_LEN.get() > 0 {
        // SAFETY: the error is that of the host.
        unsafe { (*err).message_len = CLAIMED_LEN.get() };
    }
}

unsafe extern "C" fn destroy(_: *mut gm_node) {
    DESTROYED.set(DESTROYED.get() + 1);
}

unsafe extern "C" fn step(_: *mut gm_node, _: *mut gm_error) -> gm_status {
    ANSWER.get()
}

unsafe extern "C" fn tick(_: *mut gm_node, info: *mut gm_tick_info, _: *mut gm_error) -> gm_status {
    // SAFETY: the host gives a tick info.
    unsafe { (*info).next_ns = NEXT_NS.get() };
    ANSWER.get()
}

unsafe extern "C" fn process(_: *mut gm_node, _: u32, _: *mut gm_packet, err: *mut gm_error) -> gm_status {
    claim(err);
    ANSWER.get()
}

fn factory(role: Role) -> PluginFactory {
    let functions = Functions {
        create,
        destroy,
        start: Some(step),
        stop: None,
        tick: (role == Role::Source).then_some(tick),
        process: (role != Role::Source).then_some(process),
        flush: None,
        update: None,
        hint: None,
        pins: None,
    };
    PluginFactory::new(ImportedClass { id: "odd.node".into(), role, functions }, 0)
}

fn instance(role: Role) -> Box<dyn Instance> {
    CREATE.set((GM_OK, true));
    factory(role).create(&Bench::new("odd.node").context, "{}").unwrap()
}

fn process_once(instance: &mut dyn Instance) -> Result<(), crate::exec::Fault> {
    instance.process(0, &mut Packet::from_text("x").unwrap(), &mut Kept::default())
}

#[test]
fn f3_what_create_makes_is_owned_and_destroyed_once_whatever_follows() {
    let bench = Bench::new("odd.node");
    let cases = [
        ((GM_OK, true), None),
        ((GM_OK, false), Some((FaultClass::Contract, "`create` reports success and gives no instance"))),
        ((GM_E_IO, false), Some((FaultClass::Error, "refused on purpose"))),
        ((GM_E_PANIC, false), Some((FaultClass::Panic, "refused on purpose"))),
        ((GM_E_CANCELLED, false), Some((FaultClass::Cancelled, "refused on purpose"))),
        ((12_345, false), Some((FaultClass::Contract, "`create` answers with the status 12345, which it may not"))),
    ];
    for (answer, want) in cases {
        let before = (MADE.get(), DESTROYED.get());
        CREATE.set(answer);
        let fault = factory(Role::Sink).create(&bench.context, "{}").err();
        let found = fault.as_ref().map(|fault| (fault.class, fault.message.as_str()));
        assert_eq!(found, want, "{answer:?}");
        assert_eq!(MADE.get() - before.0, DESTROYED.get() - before.1, "{answer:?}");
    }
}

#[test]
fn f3_instance_that_comes_with_an_error_is_left_alone_and_counted() {
    let (leaked, destroyed) = (host_stats().instances_leaked, DESTROYED.get());
    CREATE.set((GM_E_IO, true));
    let fault = factory(Role::Sink).create(&Bench::new("odd.node").context, "{}").err().unwrap();
    assert_eq!(fault.class, FaultClass::Contract);
    assert_eq!(
        fault.message,
        "`create` reports an error and gives an instance all the same, which is left alone: refused on purpose"
    );
    assert_eq!(DESTROYED.get(), destroyed);
    assert!(host_stats().instances_leaked > leaked);
}

#[test]
fn f3_instance_is_destroyed_after_a_panic_and_after_a_breach() {
    for (status, class) in [(GM_E_PANIC, FaultClass::Panic), (12_345, FaultClass::Contract)] {
        let mut node = instance(Role::Sink);
        ANSWER.set(status);
        assert_eq!(process_once(&mut *node).unwrap_err().class, class);
        ANSWER.set(GM_OK);
        let again = process_once(&mut *node).unwrap_err();
        assert_eq!(again.class, class);
        assert!(again.message.starts_with("`process` is not called"), "{again}");
        let before = DESTROYED.get();
        drop(node);
        assert_eq!(DESTROYED.get(), before + 1);
    }
}

#[test]
fn statuses_are_classified_and_named_when_the_plugin_says_nothing() {
    let cases = [
        (GM_E_IO, FaultClass::Error, "`process` fails with `input or output failed` and says no more"),
        (-999, FaultClass::Error, "`process` fails with status -999 and says no more"),
        (GM_E_CANCELLED, FaultClass::Cancelled, "`process` fails with `cancelled` and says no more"),
        (GM_E_SHUTDOWN, FaultClass::Cancelled, "`process` fails with `shut down` and says no more"),
        (GM_EOS, FaultClass::Contract, "`process` answers with the status 2, which it may not"),
    ];
    for (status, class, message) in cases {
        let mut node = instance(Role::Processor);
        ANSWER.set(status);
        let fault = process_once(&mut *node).unwrap_err();
        assert_eq!((fault.class, fault.message.as_str()), (class, message));
    }
    ANSWER.set(GM_OK);
}

#[test]
fn answers_of_a_source_become_the_next_tick() {
    let cases = [
        (GM_OK, GM_TIME_UNKNOWN, NextTick::Now),
        (GM_OK, 77, NextTick::At(77)),
        (GM_OK, i64::MAX, NextTick::OnWake),
        (GM_AGAIN, 77, NextTick::At(77)),
        (GM_AGAIN, GM_TIME_UNKNOWN, NextTick::At(1_000_010)),
        (GM_EOS, 77, NextTick::Ended),
    ];
    let mut node = instance(Role::Source);
    for (status, next_ns, want) in cases {
        ANSWER.set(status);
        NEXT_NS.set(next_ns);
        assert_eq!(node.tick(10, &mut Kept::default()).unwrap(), want);
    }
    ANSWER.set(3);
    assert_eq!(node.tick(10, &mut Kept::default()).unwrap_err().class, FaultClass::Contract);
    ANSWER.set(GM_OK);
}

#[test]
fn r7_functions_that_a_class_does_not_have_are_never_called() {
    let mut node = instance(Role::Sink);
    node.start().unwrap();
    node.flush(0, &mut Kept::default()).unwrap();
    node.stop().unwrap();
    let fault = node.update("{}").unwrap_err();
    assert_eq!(fault.message, "params of this kind cannot change while it runs");
    let fault = node.tick(0, &mut Kept::default()).unwrap_err();
    assert_eq!(fault.message, "a kind of this role has no `tick`");
}

#[test]
fn message_that_a_plugin_claims_and_does_not_write_is_zeros() {
    CLAIMED_LEN.set(5);
    ANSWER.set(GM_E_IO);
    let mut node = instance(Role::Sink);
    for _ in 0..2 {
        assert_eq!(process_once(&mut *node).unwrap_err().message, "\0\0\0\0\0");
    }
    CLAIMED_LEN.set(u32::MAX);
    assert_eq!(process_once(&mut *node).unwrap_err().message.len(), 224);
    CREATE.set((GM_E_IO, false));
    CLAIMED_LEN.set(3);
    let fault = factory(Role::Sink).create(&Bench::new("odd.node").context, "{}").err().unwrap();
    assert_eq!(fault.message, "ref", "what was written is told as far as it is claimed");
    CLAIMED_LEN.set(0);
    ANSWER.set(GM_OK);
}
