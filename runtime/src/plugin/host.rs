//! What a plugin can ask of the host: one table of functions, valid as long as the process.
//!
//! Every function checks what it is given, contains its own panics and says no with a status and a message. None
//! calls a plugin, but for `resource_get`, which has the one that asks load what it asks for; none holds a lock. Which thread may call which function stands in the ABI; the ones that belong to
//! the owner's thread compare it.

mod context;
mod emit;
mod hint;
mod log;
mod resource;
mod thread;

pub(super) use context::{HostContext, during_emitting_call};
pub(super) use resource::Home;

use super::{pool, stats};
use graphmill_abi::ErrorSlot;
use graphmill_abi::layout::*;
use std::borrow::Cow;
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

/// Longest buffer that is given out: a plane is smaller than 4 GiB.
const BUFFER_LEN_MAX: u64 = u32::MAX as u64;
/// Largest alignment that is given out: a page.
const BUFFER_ALIGN_MAX: u32 = 4096;

static API: gm_host_api = gm_host_api {
    hdr: gm_header {
        magic: GM_MAGIC,
        struct_size: size_of_u32::<gm_host_api>(),
        abi_major: GM_ABI_MAJOR,
        abi_minor: GM_ABI_MINOR,
    },
    ctx_retain: Some(ctx_retain),
    ctx_release: Some(ctx_release),
    log_site: Some(log::log_site),
    log_enabled: Some(log::log_enabled),
    log: Some(log::log),
    is_cancelled: Some(is_cancelled),
    clock_ns: Some(clock_ns),
    buffer_alloc: Some(buffer_alloc),
    emit: Some(emit::emit),
    wake: Some(wake),
    hint: Some(hint::hint),
    get_extension: Some(get_extension),
    resource_get: Some(resource::resource_get),
    resource_value: Some(resource::resource_value),
    resource_release: Some(resource::resource_release),
};

/// The table that every plugin is given.
fn api() -> *const gm_host_api {
    &raw const API
}

#[expect(clippy::cast_possible_truncation, reason = "no struct of the ABI comes near 4 GiB")]
pub(super) const fn size_of_u32<T>() -> u32 {
    size_of::<T>() as u32
}

/// Why a service is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refusal {
    status: gm_status,
    message: Cow<'static, str>,
}

impl Refusal {
    fn new(status: gm_status, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, message: message.into() }
    }

    fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(GM_E_INVALID, message)
    }

    fn no_context() -> Self {
        Self::invalid("the context is not one of this host")
    }
}

/// Runs `body`; a panic of ours becomes `fallback`.
fn guarded<R>(fallback: R, body: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| {
        stats::HOST_PANICS.add_one();
        // Dropping a payload may panic in turn, and nothing catches here any more: its memory is given up.
        let _given_up = ManuallyDrop::new(payload);
        fallback
    })
}

/// Runs `body`, puts what it refuses into the plugin's error and answers with the status.
///
/// # Safety
/// An `err` that is neither null nor misaligned points at an error that its owner prepared.
unsafe fn answer(err: *mut gm_error, body: impl FnOnce() -> Result<(), Refusal>) -> gm_status {
    // What is refused stays where it is made: out of the guard comes one word.
    let mut refusal = None;
    let is_done = guarded(false, || match body() {
        Ok(()) => true,
        Err(refused) => {
            refusal = Some(refused);
            false
        }
    });
    if is_done {
        return GM_OK;
    }
    let panicked = || Refusal::new(GM_E_INTERNAL, "the host panicked; please report this");
    // SAFETY: passed on from the caller.
    unsafe { refuse(err, &refusal.unwrap_or_else(panicked)) }
}

/// Fills the plugin's error.
///
/// # Safety
/// As for [`answer`].
unsafe fn refuse(err: *mut gm_error, refusal: &Refusal) -> gm_status {
    match refusal.status {
        GM_E_THREAD => stats::CALLS_REFUSED_THREAD.add_one(),
        GM_E_STATE | GM_E_SHUTDOWN => stats::CALLS_REFUSED_STATE.add_one(),
        GM_E_INVALID | GM_E_UNSUPPORTED => stats::CALLS_REFUSED_ARGUMENT.add_one(),
        _ => {}
    }
    if err.is_aligned() {
        // SAFETY: null or prepared by the plugin.
        unsafe { ErrorSlot::fill_with_detail(err, refusal.status, &refusal.message, None) };
    }
    refusal.status
}

unsafe extern "C" fn ctx_retain(ctx: *mut gm_ctx) {
    // SAFETY: the plugin passes a context that it holds or borrows.
    if unsafe { HostContext::borrow(ctx) }.is_some() {
        // SAFETY: just seen to be one of our contexts, alive because the plugin holds or borrows it.
        unsafe { HostContext::retain(ctx.cast_const().cast()) };
    }
}

unsafe extern "C" fn ctx_release(ctx: *mut gm_ctx) {
    // SAFETY: the plugin passes a context of which it owns a reference.
    if unsafe { HostContext::borrow(ctx) }.is_some() {
        // SAFETY: just seen to be one of our contexts; the plugin gives its reference up. The last release drops
        // clocks and wakers of an embedder, which may panic.
        guarded((), || unsafe { HostContext::release(ctx.cast_const().cast()) });
    }
}

unsafe extern "C" fn is_cancelled(ctx: *mut gm_ctx) -> u32 {
    // SAFETY: the plugin passes a context that it holds or borrows.
    match unsafe { HostContext::borrow(ctx) } {
        Some(context) => u32::from(context.is_cancelled()),
        None => 1,
    }
}

unsafe extern "C" fn clock_ns(ctx: *mut gm_ctx, clock: u32) -> i64 {
    // SAFETY: the plugin passes a context that it holds or borrows.
    match unsafe { HostContext::borrow(ctx) } {
        Some(context) => guarded(GM_TIME_UNKNOWN, || context.clock_ns(clock)),
        None => GM_TIME_UNKNOWN,
    }
}

unsafe extern "C" fn wake(ctx: *mut gm_ctx) -> gm_status {
    let body = || {
        // SAFETY: the plugin passes a context that it holds or borrows.
        let context = unsafe { HostContext::borrow(ctx) }.ok_or_else(Refusal::no_context)?;
        context.node()?.wake();
        Ok(())
    };
    // SAFETY: null is allowed.
    unsafe { answer(ptr::null_mut(), body) }
}

unsafe extern "C" fn get_extension(_ctx: *mut gm_ctx, _id: gm_str) -> *const c_void {
    // Version 1.0 has none; null is the answer to every name that is not known.
    ptr::null()
}

unsafe extern "C" fn buffer_alloc(
    ctx: *mut gm_ctx,
    info: *const gm_alloc_info,
    out: *mut *mut gm_buffer,
    err: *mut gm_error,
) -> gm_status {
    let body = || {
        // SAFETY: the plugin passes a context that it holds or borrows.
        let context = unsafe { HostContext::borrow(ctx) }.ok_or_else(Refusal::no_context)?;
        context.node()?;
        if out.is_null() || !out.is_aligned() {
            return Err(Refusal::invalid("the place for the buffer is null or misaligned"));
        }
        // SAFETY: passed on from the plugin.
        let (len, align) = unsafe { read_alloc_info(info) }?;
        let buffer = pool::allocate(len, align)
            .ok_or_else(|| Refusal::new(GM_E_NOMEM, format!("there is no memory for {len} bytes")))?;
        // SAFETY: not null and aligned; the plugin gives a place for one pointer.
        unsafe { out.write(buffer.into_raw()) };
        Ok(())
    };
    // SAFETY: passed on from the plugin.
    unsafe { answer(err, body) }
}

/// Reads for what a buffer is wanted: its length and alignment.
///
/// # Safety
/// A pointer that is neither null nor misaligned points at an info that the plugin filled.
unsafe fn read_alloc_info(info: *const gm_alloc_info) -> Result<(usize, usize), Refusal> {
    if info.is_null() || !info.is_aligned() {
        return Err(Refusal::invalid("the alloc info is null or misaligned"));
    }
    // SAFETY: not null and aligned; the struct begins with its size.
    if unsafe { (*info).struct_size } < size_of_u32::<gm_alloc_info>() {
        return Err(Refusal::invalid("the alloc info is shorter than that of version 1.0"));
    }
    // SAFETY: the plugin filled as many bytes as our own struct has.
    let info = unsafe { info.read() };
    if info.align != 0 && (!info.align.is_power_of_two() || info.align > BUFFER_ALIGN_MAX) {
        let message = format!("alignment {} is not a power of two up to {BUFFER_ALIGN_MAX}", info.align);
        return Err(Refusal::invalid(message));
    }
    if info.len > BUFFER_LEN_MAX {
        return Err(Refusal::invalid(format!("a buffer of {} bytes is larger than a plane can be", info.len)));
    }
    let len = usize::try_from(info.len).map_err(|_| Refusal::invalid("the length does not fit this machine"))?;
    Ok((len, info.align as usize))
}
