//! Gives plugins what is loaded once, and takes their handles back on any thread.
//!
//! `make` is code of the plugin that asks, and runs on the thread that it asks from, without any lock. `destroy` runs
//! where nobody waits: a value is kept in a buffer whose release is left to the reaper.

use super::{HostContext, Refusal, answer, guarded, size_of_u32};
use crate::exec::NodeContext;
use crate::plugin::call::message_of;
use crate::plugin::text::read_str;
use crate::plugin::{reaper, stats};
use crate::resource::{
    Asker, Cache, Failure, KEY_LEN_MAX, Loaded, Request, Resource, ResourceError, ResourceKey, Resources, Scope,
    WAIT_TIMEOUT,
};
use graphmill_abi::layout::*;
use graphmill_abi::{Buffer, ErrorSlot};
use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Longest type tag in bytes.
const TAG_LEN_MAX: usize = 512;

/// Stands in every handle: a pointer to something else is noticed before it is believed.
const RESOURCE_MAGIC: u64 = 0x6d67_7265_7331_2e30;

/// Where the nodes of a plugin find what they load once.
///
/// It does not keep the cache alive: what is in there may hold a context, and would keep itself for ever.
#[derive(Debug, Clone)]
pub(in crate::plugin) struct Home {
    cache: Weak<Cache>,
    plugin: u64,
}

impl Home {
    /// The part of a cache that belongs to the plugin with this number.
    pub(in crate::plugin) fn new(resources: &Resources, plugin: u64) -> Self {
        Self { cache: Arc::downgrade(resources.cache()), plugin }
    }
}

impl Asker for NodeContext {
    fn is_cancelled(&self) -> bool {
        Self::is_cancelled(self)
    }
}

/// What stands behind a `gm_resource`.
struct Handle {
    magic: u64,
    held: HeldValue,
}

enum HeldValue {
    Private(Resource<PluginValue>),
    Shared(Resource<Buffer>),
}

/// A value of a plugin. Its keeper's last release has it destroyed.
struct PluginValue {
    /// An atomic because every thread may ask for it; it never changes.
    pointer: AtomicPtr<c_void>,
    _keeper: Buffer,
}

type MakeFn = unsafe extern "C" fn(*mut c_void, *mut *mut c_void, *mut u64, *mut gm_error) -> gm_status;
type DestroyFn = unsafe extern "C" fn(*mut c_void);

/// Destroys a value once.
struct Destroyer {
    pointer: AtomicPtr<c_void>,
    destroy: Option<DestroyFn>,
}

impl AsRef<[u8]> for Destroyer {
    fn as_ref(&self) -> &[u8] {
        &[]
    }
}

impl Drop for Destroyer {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy {
            // SAFETY: what `make` gave goes back to the plugin once, with its own function.
            unsafe { destroy(self.pointer.load(Ordering::Relaxed)) };
        }
    }
}

/// What a plugin asks for, copied and checked.
struct Wanted {
    key: String,
    tag: String,
    bytes: u64,
    wait: Duration,
    is_shared: bool,
    arg: *mut c_void,
    make: MakeFn,
    destroy: Option<DestroyFn>,
}

pub(super) unsafe extern "C" fn resource_get(
    ctx: *mut gm_ctx,
    spec: *const gm_resource_spec,
    out: *mut *mut gm_resource,
    err: *mut gm_error,
) -> gm_status {
    let body = || {
        // SAFETY: the plugin passes a context that it holds or borrows.
        let context = unsafe { HostContext::borrow(ctx) }.ok_or_else(Refusal::no_context)?;
        let node = context.node()?;
        if !context.is_owned_here() {
            return Err(Refusal::new(GM_E_THREAD, "only the thread that runs the node may ask for resources"));
        }
        if out.is_null() || !out.is_aligned() {
            return Err(Refusal::invalid("the place for the resource is null or misaligned"));
        }
        // SAFETY: passed on from the plugin.
        let wanted = unsafe { read_spec(spec) }?;
        let held = context.without_outputs(|| get(context, node, &wanted))?;
        let handle = Box::new(Handle { magic: RESOURCE_MAGIC, held });
        // SAFETY: not null and aligned; the plugin gives a place for one pointer.
        unsafe { out.write(Box::into_raw(handle).cast()) };
        Ok(())
    };
    // SAFETY: passed on from the plugin.
    unsafe { answer(err, body) }
}

fn get(context: &HostContext, node: &Arc<NodeContext>, wanted: &Wanted) -> Result<HeldValue, Refusal> {
    let home = context.home().ok_or_else(Refusal::no_context)?;
    let gone = || Refusal::new(GM_E_SHUTDOWN, "the runtime is gone, and its resources with it");
    let cache = home.cache.upgrade().ok_or_else(gone)?;
    let scope = if wanted.is_shared { Scope::Shared } else { Scope::Plugin(home.plugin) };
    let key = ResourceKey::new(&wanted.key).bytes(wanted.bytes).wait(wanted.wait);
    let request = Request::new(scope, key, &wanted.tag).of(Arc::clone(node) as Arc<dyn Asker>);
    let loads_itself = Cell::new(false);
    let load = || {
        loads_itself.set(true);
        make(wanted)
    };
    let found = cache.get(&request, load).and_then(|held| {
        Ok(if wanted.is_shared {
            HeldValue::Shared(Resource::of(held, &request)?)
        } else {
            HeldValue::Private(Resource::of(held, &request)?)
        })
    });
    found.map_err(|error| refuse_resource(&error, loads_itself.get()))
}

/// Has the plugin make the value.
fn make(wanted: &Wanted) -> Result<Loaded, Failure> {
    let (mut value, mut bytes) = (ptr::null_mut(), 0);
    let mut error = ErrorSlot::zeroed();
    let (made, size, fault) = (&raw mut value, &raw mut bytes, error.as_raw());
    // SAFETY: the plugin promises its own function with its own argument; the places live as long as the call.
    let status = unsafe { (wanted.make)(wanted.arg, made, size, fault) };
    if status == GM_OK && !value.is_null() {
        // SAFETY: what `make` stored belongs to us.
        return unsafe { keep(value, bytes, wanted) };
    }
    if !value.is_null() {
        stats::RESOURCES_LEAKED.add_one();
    }
    let reason = message_of(status, &mut error);
    let breach = |message: String| Failure { status: GM_E_INVALID, message };
    Err(match status {
        GM_OK => breach("`make` reports success and gives no value".to_owned()),
        status if status > 0 => breach(format!("`make` answers with the status {status}, which it may not")),
        _ if !value.is_null() => {
            breach(format!("`make` reports an error and gives a value all the same, which is left alone: {reason}"))
        }
        status if reason.is_empty() => Failure { status, message: "it gives no reason".to_owned() },
        status => Failure { status, message: reason },
    })
}

/// Takes a value of a plugin over.
///
/// # Safety
/// `value` is not null and is what the plugin's `make` gave: a reference to a live buffer when it is to be shared,
/// else whatever its `destroy` takes.
unsafe fn keep(value: *mut c_void, bytes: u64, wanted: &Wanted) -> Result<Loaded, Failure> {
    let unusable = |error: graphmill_abi::BufferError| {
        stats::RESOURCES_LEAKED.add_one();
        Failure { status: GM_E_INVALID, message: format!("what `make` gave cannot be kept: {error}") }
    };
    if wanted.is_shared {
        // SAFETY: passed on from the caller.
        let buffer = unsafe { Buffer::from_raw(value.cast()) }.map_err(unusable)?;
        let buffer = reaper::shielded(buffer).map_err(unusable)?;
        return Ok(Loaded { bytes: buffer.len() as u64, value: Arc::new(buffer) });
    }
    let destroyer = Destroyer { pointer: AtomicPtr::new(value), destroy: wanted.destroy };
    let keeper = reaper::shielded(Buffer::from_owner(destroyer)).map_err(unusable)?;
    Ok(Loaded { value: Arc::new(PluginValue { pointer: AtomicPtr::new(value), _keeper: keeper }), bytes })
}

pub(super) unsafe extern "C" fn resource_value(resource: *mut gm_resource) -> *mut c_void {
    // SAFETY: the plugin passes a handle that it holds.
    match unsafe { handle_of(resource) } {
        Some(Handle { held: HeldValue::Private(value), .. }) => value.pointer.load(Ordering::Relaxed),
        Some(Handle { held: HeldValue::Shared(buffer), .. }) => buffer.as_raw().cast(),
        None => ptr::null_mut(),
    }
}

pub(super) unsafe extern "C" fn resource_release(resource: *mut gm_resource) {
    // SAFETY: the plugin passes a handle that it holds.
    if unsafe { handle_of(resource) }.is_some() {
        // SAFETY: just seen to be one of our handles, which are boxes; the plugin gives it up.
        guarded((), || drop(unsafe { Box::from_raw(resource.cast::<Handle>()) }));
    }
}

/// The handle behind a pointer that a plugin passed.
///
/// # Safety
/// A pointer that is neither null nor misaligned points at a handle that lives for `'a`, or at readable memory.
unsafe fn handle_of<'a>(resource: *mut gm_resource) -> Option<&'a Handle> {
    let handle = resource.cast::<Handle>().cast_const();
    if handle.is_null() || !handle.is_aligned() {
        return None;
    }
    // SAFETY: not null and aligned; the caller promises readable memory.
    let magic = unsafe { (*handle).magic };
    // SAFETY: only our own handles begin like this, and the plugin holds it.
    (magic == RESOURCE_MAGIC).then(|| unsafe { &*handle })
}

/// Reads what is asked for.
///
/// # Safety
/// A pointer that is neither null nor misaligned points at a spec that the plugin filled, with texts that are its own
/// for the call and functions that keep the contract of their types.
unsafe fn read_spec(raw: *const gm_resource_spec) -> Result<Wanted, Refusal> {
    if raw.is_null() || !raw.is_aligned() {
        return Err(Refusal::invalid("the resource spec is null or misaligned"));
    }
    // SAFETY: not null and aligned; the struct begins with its size.
    if unsafe { (*raw).struct_size } < size_of_u32::<gm_resource_spec>() {
        return Err(Refusal::invalid("the resource spec is shorter than that of version 1.0"));
    }
    // SAFETY: the plugin filled as many bytes as our own struct has.
    let spec = unsafe { raw.read() };
    if spec.flags & !GM_RESOURCE_SHARED != 0 {
        return Err(Refusal::new(GM_E_UNSUPPORTED, format!("resource flags {:#x} are not known", spec.flags)));
    }
    let is_shared = spec.flags & GM_RESOURCE_SHARED != 0;
    if is_shared && spec.destroy.is_some() {
        return Err(Refusal::invalid("what plugins share is a buffer, which has its own release and no `destroy`"));
    }
    // SAFETY: passed on from the caller.
    let read = |text, max| unsafe { read_str(text, max) }.map_err(|fault| Refusal::invalid(fault.to_string()));
    let wait = match spec.wait_ms {
        0 => WAIT_TIMEOUT,
        ms => Duration::from_millis(ms.into()),
    };
    Ok(Wanted {
        key: read(spec.key, KEY_LEN_MAX)?.to_owned(),
        tag: read(spec.type_tag, TAG_LEN_MAX)?.to_owned(),
        bytes: spec.bytes,
        wait,
        is_shared,
        arg: spec.arg,
        make: spec.make.ok_or_else(|| Refusal::invalid("the resource spec has no `make`"))?,
        destroy: spec.destroy,
    })
}

fn refuse_resource(error: &ResourceError, loads_itself: bool) -> Refusal {
    let status = match error {
        // What the load of this very node ends with.
        ResourceError::Load { status, .. } if loads_itself && *status < 0 => *status,
        // A panic or the end of another node is only an error to this one.
        ResourceError::Load { status: GM_E_PANIC | GM_E_CANCELLED | GM_E_SHUTDOWN | 0.., .. }
        | ResourceError::Panicked { .. } => GM_E_INTERNAL,
        ResourceError::Load { status, .. } => *status,
        ResourceError::Timeout { .. } => GM_E_TIMEOUT,
        ResourceError::Cancelled { .. } => GM_E_CANCELLED,
        ResourceError::Reentrant { .. } => GM_E_STATE,
        ResourceError::OverBudget { .. } | ResourceError::TooMany { .. } => GM_E_NOMEM,
        ResourceError::Type { .. } | ResourceError::Key { .. } => GM_E_INVALID,
    };
    Refusal::new(status, error.to_string())
}
