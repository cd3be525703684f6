//! The functions behind a class table, generic over the type of the node.

use crate::context::{Context, CreateContext};
use crate::error::{Error, Result};
use crate::export::guard::{contain, guard, poisoned};
use crate::export::host::HostRef;
use crate::export::struct_size;
use crate::hint::{Hint, HintAnswer};
use crate::node::{Node, Processor, Sink, Source, Tick};
use graphmill_abi::layout::*;
use graphmill_abi::{Buffer, Packet};
use serde_json::Value;
use std::marker::PhantomData;

/// One kind, ready to be put into the module's table: built once and never changed, so no field can be named.
///
/// Reading one is all there is:
///
/// ```
/// fn look(class: &graphmill_plugin_sdk::export::Class) -> String {
///     format!("{class:?}")
/// }
/// ```
///
/// Changing one does not compile (requirement F2):
///
/// ```compile_fail,E0616
/// fn rename(class: &mut graphmill_plugin_sdk::export::Class) {
///     class.id = "another";
/// }
/// ```
#[derive(Debug)]
#[doc(hidden)]
pub struct Class {
    id: &'static str,
    manifest: Value,
    table: gm_node_class,
}

impl Class {
    fn new<T: Node>(role: &str, table: gm_node_class) -> Self {
        let kind = T::kind();
        let pins: Option<unsafe extern "C" fn(_, _, _, _) -> _> =
            if kind.asks_for_pins() { Some(pins::<T>) } else { None };
        Self { id: kind.id(), manifest: kind.to_json::<T::Params>(role), table: gm_node_class { pins, ..table } }
    }

    pub(super) fn id(&self) -> &'static str {
        self.id
    }

    pub(super) fn manifest(&self) -> &Value {
        &self.manifest
    }

    pub(super) fn table(&self) -> gm_node_class {
        gm_node_class { id: gm_str::new(self.id), ..self.table }
    }
}

/// Finds out which of the three roles a type has: the macro calls `class()` on three references to it, and the
/// compiler takes the first trait that fits.
#[derive(Debug)]
#[doc(hidden)]
pub struct ClassOf<T>(PhantomData<T>);

impl<T: Node> ClassOf<T> {
    /// Asks about `T`.
    #[expect(clippy::new_without_default, reason = "only the macro makes one")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

#[doc(hidden)]
#[diagnostic::on_unimplemented(message = "an exported kind implements `Source`, `Processor` or `Sink`")]
pub trait SourceClass {
    /// The class of a source.
    fn class(&self) -> Class;
}

impl<T: Source> SourceClass for &&ClassOf<T> {
    fn class(&self) -> Class {
        Class::new::<T>("source", gm_node_class { tick: Some(tick::<T>), ..common::<T>(GM_ROLE_SOURCE) })
    }
}

#[doc(hidden)]
pub trait ProcessorClass {
    /// The class of a processor.
    fn class(&self) -> Class;
}

impl<T: Processor> ProcessorClass for &ClassOf<T> {
    fn class(&self) -> Class {
        let table = gm_node_class {
            tick: Some(tick_processor::<T>),
            process: Some(process::<T>),
            flush: Some(flush_processor::<T>),
            ..common::<T>(GM_ROLE_PROCESSOR)
        };
        Class::new::<T>("processor", table)
    }
}

#[doc(hidden)]
pub trait SinkClass {
    /// The class of a sink.
    fn class(&self) -> Class;
}

impl<T: Sink> SinkClass for ClassOf<T> {
    fn class(&self) -> Class {
        let table =
            gm_node_class { process: Some(consume::<T>), flush: Some(flush_sink::<T>), ..common::<T>(GM_ROLE_SINK) };
        Class::new::<T>("sink", table)
    }
}

fn common<T: Node>(role: u32) -> gm_node_class {
    gm_node_class {
        struct_size: struct_size::<gm_node_class>(),
        role,
        id: gm_str::EMPTY,
        create: Some(create::<T>),
        destroy: Some(destroy::<T>),
        start: Some(start::<T>),
        stop: Some(stop::<T>),
        tick: None,
        process: None,
        flush: None,
        update: Some(update::<T>),
        hint: Some(hint::<T>),
        get_extension: None,
        pins: None,
    }
}

/// An instance as the host holds it.
struct Instance<T> {
    node: T,
    host: HostRef,
    is_poisoned: bool,
}

unsafe extern "C" fn create<T: Node>(
    host: *const gm_host,
    info: *const gm_create_info,
    out: *mut *mut gm_node,
    err: *mut gm_error,
) -> gm_status {
    let body = || {
        // SAFETY: passed on from the host.
        let host = unsafe { HostRef::retain(host) }?;
        // SAFETY: passed on from the host.
        let info = unsafe { read_create_info(info) }?;
        // SAFETY: passed on from the host.
        let params = unsafe { read_params::<T>(info.params_json) }?;
        let node = T::create(params, &mut CreateContext::new(&host, info.instance_id))?;
        let instance = Box::new(Instance { node, host, is_poisoned: false });
        // SAFETY: the host gives a place for one pointer.
        unsafe { out.write(Box::into_raw(instance).cast()) };
        Ok(GM_OK)
    };
    // SAFETY: passed on from the host.
    unsafe { guard(err, body) }
}

/// Reads what `create` is given, borrowed for the call.
///
/// # Safety
/// `info` is null or points at what the host passed, during that call.
unsafe fn read_create_info<'a>(info: *const gm_create_info) -> Result<&'a gm_create_info> {
    if info.is_null() || !info.is_aligned() {
        return Err(Error::invalid("the host passed no create info"));
    }
    // SAFETY: not null and aligned; the host passed it for this call.
    Ok(unsafe { &*info })
}

/// Reads the params of an instance.
///
/// # Safety
/// As for [`read_str`].
unsafe fn read_params<T: Node>(text: gm_str) -> Result<T::Params> {
    // SAFETY: passed on from the caller.
    let text = unsafe { read_str(text) }?;
    serde_json::from_str(text).map_err(|error| Error::invalid(format!("params: {error}")))
}

/// Reads a text of the host, borrowed for the call.
///
/// # Safety
/// The text points at `len` readable bytes, or is null and empty.
unsafe fn read_str<'a>(text: gm_str) -> Result<&'a str> {
    if text.len == 0 {
        return Ok("");
    }
    if text.ptr.is_null() {
        return Err(Error::invalid("the host passed a text without bytes"));
    }
    // SAFETY: not null; the host promises `len` bytes for the call.
    let bytes = unsafe { std::slice::from_raw_parts(text.ptr.cast::<u8>(), text.len) };
    std::str::from_utf8(bytes).map_err(Error::invalid)
}

unsafe extern "C" fn destroy<T: Node>(node: *mut gm_node) {
    contain("destroy", || {
        if !node.is_null() {
            // SAFETY: the host gives back what `create` gave out, once.
            drop(unsafe { Box::from_raw(node.cast::<Instance<T>>()) });
        }
    });
}

unsafe extern "C" fn pins<T: Node>(
    _host: *const gm_host,
    params: gm_str,
    out: *mut *mut gm_buffer,
    err: *mut gm_error,
) -> gm_status {
    let body = || {
        // SAFETY: passed on from the host.
        let params = unsafe { read_params::<T>(params) }?;
        if out.is_null() {
            return Err(Error::invalid("the host passed no place for the pins"));
        }
        let text = T::pins(&params)?.to_json().to_string();
        // SAFETY: not null; the host gives a place for one pointer.
        unsafe { out.write(Buffer::copy_from_slice(text.as_bytes()).into_raw()) };
        Ok(GM_OK)
    };
    // SAFETY: passed on from the host.
    unsafe { guard(err, body) }
}

/// Runs a call into an instance; a panic poisons it.
///
/// # Safety
/// `node` is what `create::<T>` gave out and not destroyed yet, used by nobody else; `err` as for [`guard`].
unsafe fn call<T: Node>(
    node: *mut gm_node,
    err: *mut gm_error,
    body: impl FnOnce(&mut T, &mut Context<'_>) -> Result<gm_status>,
) -> gm_status {
    if node.is_null() {
        return GM_E_INVALID;
    }
    // SAFETY: not null; the host promises a live instance that nobody else uses.
    let instance = unsafe { &mut *node.cast::<Instance<T>>() };
    if instance.is_poisoned {
        // SAFETY: passed on from the caller.
        return unsafe { guard(err, || Err(poisoned())) };
    }
    let Instance { node, host, .. } = instance;
    // SAFETY: passed on from the caller.
    let status = unsafe { guard(err, || body(node, &mut Context::new(host))) };
    if status == GM_E_PANIC {
        instance.is_poisoned = true;
    }
    status
}

unsafe extern "C" fn start<T: Node>(node: *mut gm_node, err: *mut gm_error) -> gm_status {
    // SAFETY: passed on from the host.
    unsafe { call::<T>(node, err, |node, cx| node.start(cx).map(|()| GM_OK)) }
}

unsafe extern "C" fn stop<T: Node>(node: *mut gm_node, err: *mut gm_error) -> gm_status {
    // SAFETY: passed on from the host.
    unsafe { call::<T>(node, err, |node, cx| node.stop(cx).map(|()| GM_OK)) }
}

unsafe extern "C" fn update<T: Node>(node: *mut gm_node, params: gm_str, err: *mut gm_error) -> gm_status {
    let body = |node: &mut T, cx: &mut Context<'_>| {
        // SAFETY: passed on from the host.
        let params = unsafe { read_params::<T>(params) }?;
        node.update(params, cx).map(|()| GM_OK)
    };
    // SAFETY: passed on from the host.
    unsafe { call::<T>(node, err, body) }
}

unsafe extern "C" fn hint<T: Node>(
    node: *mut gm_node,
    pin: u32,
    name: gm_str,
    content: gm_str,
    err: *mut gm_error,
) -> gm_status {
    let body = |node: &mut T, cx: &mut Context<'_>| {
        // SAFETY: passed on from the host.
        let name = unsafe { read_str(name) }?;
        // SAFETY: passed on from the host.
        let content = unsafe { read_str(content) }?;
        Ok(match node.hint(&Hint::new(pin as usize, name, content), cx)? {
            HintAnswer::Taken => GM_OK,
            HintAnswer::Pass => GM_PASS,
        })
    };
    // SAFETY: passed on from the host.
    unsafe { call::<T>(node, err, body) }
}

unsafe extern "C" fn tick<T: Source>(node: *mut gm_node, info: *mut gm_tick_info, err: *mut gm_error) -> gm_status {
    let body = |node: &mut T, cx: &mut Context<'_>| {
        let next = node.tick(cx)?;
        // SAFETY: passed on from the host.
        unsafe { tell_next(next, info) };
        Ok(if next == Tick::End { GM_EOS } else { GM_OK })
    };
    // SAFETY: passed on from the host.
    unsafe { call::<T>(node, err, body) }
}

unsafe extern "C" fn tick_processor<T: Processor>(
    node: *mut gm_node,
    info: *mut gm_tick_info,
    err: *mut gm_error,
) -> gm_status {
    let body = |node: &mut T, cx: &mut Context<'_>| {
        let next = node.tick(cx)?;
        // SAFETY: passed on from the host.
        unsafe { tell_next(next, info) };
        Ok(GM_OK)
    };
    // SAFETY: passed on from the host.
    unsafe { call::<T>(node, err, body) }
}

/// Tells the host when the next tick is wanted.
///
/// # Safety
/// `info` is null or what the host passed for this call.
unsafe fn tell_next(next: Tick, info: *mut gm_tick_info) {
    let next_ns = match next {
        Tick::Again => GM_TIME_UNKNOWN,
        Tick::At(at_ns) => at_ns,
        Tick::OnWake | Tick::End => i64::MAX,
    };
    if !info.is_null() {
        // SAFETY: not null; the host passed it for this call.
        unsafe { (*info).next_ns = next_ns };
    }
}

unsafe extern "C" fn process<T: Processor>(
    node: *mut gm_node,
    pin: u32,
    packet: *mut gm_packet,
    err: *mut gm_error,
) -> gm_status {
    let body = |node: &mut T, cx: &mut Context<'_>| {
        // SAFETY: the host owns the packet and leaves it alone during the call.
        let packet = unsafe { Packet::borrow_raw(packet) }?;
        node.process(pin as usize, packet, cx).map(|()| GM_OK)
    };
    // SAFETY: passed on from the host.
    unsafe { call::<T>(node, err, body) }
}

unsafe extern "C" fn consume<T: Sink>(
    node: *mut gm_node,
    pin: u32,
    packet: *mut gm_packet,
    err: *mut gm_error,
) -> gm_status {
    let body = |node: &mut T, cx: &mut Context<'_>| {
        // SAFETY: the host owns the packet and leaves it alone during the call.
        let packet = unsafe { Packet::borrow_raw(packet) }?;
        node.consume(pin as usize, packet, cx).map(|()| GM_OK)
    };
    // SAFETY: passed on from the host.
    unsafe { call::<T>(node, err, body) }
}

unsafe extern "C" fn flush_processor<T: Processor>(
    node: *mut gm_node,
    pin: u32,
    _reason: u32,
    err: *mut gm_error,
) -> gm_status {
    // SAFETY: passed on from the host.
    unsafe { call::<T>(node, err, |node, cx| node.flush(pin as usize, cx).map(|()| GM_OK)) }
}

unsafe extern "C" fn flush_sink<T: Sink>(node: *mut gm_node, pin: u32, _reason: u32, err: *mut gm_error) -> gm_status {
    // SAFETY: passed on from the host.
    unsafe { call::<T>(node, err, |node, cx| node.flush(pin as usize, cx).map(|()| GM_OK)) }
}
