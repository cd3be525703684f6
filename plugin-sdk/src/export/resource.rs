//! Handles to what is loaded once, and the functions that load and free it for the host.

use crate::error::{Error, Result};
use crate::export::guard::{contain, text_of};
use crate::export::host::HostRef;
use crate::export::struct_size;
use crate::resource::ResourceKey;
use graphmill_abi::layout::*;
use graphmill_abi::{Buffer, ErrorSlot};
use std::any::{Any, TypeId, type_name};
use std::ffi::c_void;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

/// The type tag of what plugins share.
const SHARED_TAG: &str = "buffer";

/// A value as the host keeps it: two types can have one name, so its type stands before it.
#[repr(C)]
struct Stored<T> {
    id: TypeId,
    value: T,
}

/// Something that was loaded once, shared by all who hold it, on any thread.
///
/// Cloning gives a further handle. The host keeps the value for as long as there is one, also after the instance
/// is gone, and drops it on a thread of its own when it is neither held nor kept any more.
pub struct Resource<T> {
    handle: Arc<Handle>,
    /// Alive as long as the handle. An atomic because every thread may look at it; it never changes.
    stored: AtomicPtr<Stored<T>>,
    // Threads share a `T` through this, and any of them may be the last.
    _value: PhantomData<Arc<T>>,
}

/// Bytes that were loaded once and that every plugin finds under their key. Cloning gives a further handle.
///
/// The buffer can be put into packets without copying; a packet that is still under way keeps the bytes alive after
/// the last handle is gone.
#[derive(Debug, Clone)]
pub struct SharedBuffer {
    buffer: Buffer,
    _handle: Arc<Handle>,
}

/// What the host gave, given back once.
#[derive(Debug)]
struct Handle {
    host: HostRef,
    raw: AtomicPtr<gm_resource>,
}

impl Handle {
    fn value(&self) -> *mut c_void {
        // SAFETY: the handle is released in drop only.
        unsafe { self.host.resource_value(self.raw.load(Ordering::Relaxed)) }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: this is the only place where it is released.
        unsafe { self.host.resource_release(self.raw.load(Ordering::Relaxed)) };
    }
}

/// A load on its way through the host, on the stack of whoever asks.
struct Job<F> {
    load: Option<F>,
    /// What the load panicked with. It goes on where the host has returned.
    panic: Option<Box<dyn Any + Send>>,
}

/// Asks the host, which may call `make` with the job.
///
/// # Safety
/// `make` reads a `Job<F>`, and stores what `destroy` takes.
unsafe fn ask<F>(host: &HostRef, spec: gm_resource_spec, load: F) -> Result<Arc<Handle>> {
    let mut job = Job { load: Some(load), panic: None };
    let raw_job = &raw mut job;
    let spec = gm_resource_spec { arg: raw_job.cast(), ..spec };
    // SAFETY: passed on from the caller; the job lives as long as the call.
    let found = unsafe { host.resource_get(&spec) };
    if let Some(payload) = job.panic.take() {
        resume_unwind(payload);
    }
    Ok(Arc::new(Handle { host: host.clone(), raw: AtomicPtr::new(found?) }))
}

/// A spec without functions.
fn spec_of(key: &ResourceKey<'_>, type_tag: &str) -> gm_resource_spec {
    gm_resource_spec {
        struct_size: struct_size::<gm_resource_spec>(),
        flags: 0,
        key: gm_str::new(key.name()),
        type_tag: gm_str::new(type_tag),
        bytes: key.expected_bytes(),
        wait_ms: key.wait_ms(),
        reserved: 0,
        arg: std::ptr::null_mut(),
        make: None,
        destroy: None,
    }
}

/// A value and what it takes in memory, 0 where that is not better known than before the load.
type Sized<T> = (T, u64);

/// Runs the load of a job and stores what `keep` makes of the value, and its bytes.
///
/// # Safety
/// `arg` points at a `Job<F>` that nobody else uses, `out` and `bytes` at places for a pointer and a number, and `err`
/// is null or prepared.
unsafe fn run<T, F: FnOnce() -> Result<Sized<T>>>(
    arg: *mut c_void,
    (out, bytes): (*mut *mut c_void, *mut u64),
    err: *mut gm_error,
    keep: impl FnOnce(T) -> *mut c_void,
) -> gm_status {
    // SAFETY: passed on from the caller.
    let job = unsafe { &mut *arg.cast::<Job<F>>() };
    let Some(load) = job.load.take() else { return GM_E_STATE };
    let (status, message) = match catch_unwind(AssertUnwindSafe(load)) {
        Ok(Ok((value, size))) => {
            // SAFETY: passed on from the caller.
            unsafe { bytes.write(size) };
            // SAFETY: as above.
            unsafe { out.write(keep(value)) };
            return GM_OK;
        }
        Ok(Err(error)) => (error.status(), error.message().to_string()),
        Err(payload) => {
            let message = format!("panic: {}", text_of(&*payload));
            job.panic = Some(payload);
            (GM_E_PANIC, message)
        }
    };
    // SAFETY: passed on from the caller.
    unsafe { ErrorSlot::fill_with_detail(err, status, &message, None) };
    status
}

unsafe extern "C" fn make<T, F>(
    arg: *mut c_void,
    out: *mut *mut c_void,
    bytes: *mut u64,
    err: *mut gm_error,
) -> gm_status
where
    T: Send + Sync + 'static,
    F: FnOnce() -> Result<Sized<T>>,
{
    let keep = |value| Box::into_raw(Box::new(Stored { id: TypeId::of::<T>(), value })).cast();
    // SAFETY: the host calls with the argument of the spec, which is a job of this type.
    unsafe { run::<T, F>(arg, (out, bytes), err, keep) }
}

unsafe extern "C" fn make_shared<F>(
    arg: *mut c_void,
    out: *mut *mut c_void,
    bytes: *mut u64,
    err: *mut gm_error,
) -> gm_status
where
    F: FnOnce() -> Result<Sized<Buffer>>,
{
    // SAFETY: as in `make`.
    unsafe { run::<Buffer, F>(arg, (out, bytes), err, |buffer| buffer.into_raw().cast()) }
}

unsafe extern "C" fn destroy<T>(value: *mut c_void) {
    contain("the drop of a resource", || {
        // SAFETY: the host gives back what `make::<T, _>` gave, once.
        drop(unsafe { Box::from_raw(value.cast::<Stored<T>>()) });
    });
}

impl<T: Send + Sync + 'static> Resource<T> {
    pub(crate) fn get(host: &HostRef, key: ResourceKey<'_>, load: impl FnOnce() -> Result<T>) -> Result<Self> {
        Self::get_sized(host, key, || Ok((load()?, 0)))
    }

    pub(crate) fn get_sized<F>(host: &HostRef, key: ResourceKey<'_>, load: F) -> Result<Self>
    where
        F: FnOnce() -> Result<Sized<T>>,
    {
        let spec = spec_of(&key, type_name::<T>());
        let bytes = spec.bytes.max(size_of::<Stored<T>>() as u64);
        let spec = gm_resource_spec { bytes, make: Some(make::<T, F>), destroy: Some(destroy::<T>), ..spec };
        // SAFETY: both functions are for a job of this load.
        let handle = unsafe { ask(host, spec, load) }?;
        let stored = handle.value();
        // SAFETY: only this plugin finds its own resources, and all of them begin with their type.
        if unsafe { stored.cast::<TypeId>().read() } != TypeId::of::<T>() {
            let name = type_name::<T>();
            return Err(Error::invalid(format!("`{}` is of another type that is named `{name}` too", key.name())));
        }
        Ok(Self { handle, stored: AtomicPtr::new(stored.cast()), _value: PhantomData })
    }
}

impl<T> Deref for Resource<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the value is of this type, which was compared, and lives as long as the handle; nobody changes it.
        unsafe { &(*self.stored.load(Ordering::Relaxed)).value }
    }
}

impl<T> Clone for Resource<T> {
    fn clone(&self) -> Self {
        let stored = AtomicPtr::new(self.stored.load(Ordering::Relaxed));
        Self { handle: Arc::clone(&self.handle), stored, _value: PhantomData }
    }
}

impl<T: fmt::Debug> fmt::Debug for Resource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl SharedBuffer {
    pub(crate) fn get(host: &HostRef, key: ResourceKey<'_>, load: impl FnOnce() -> Result<Buffer>) -> Result<Self> {
        // Its length is what it takes, and the host sees that.
        Self::load(host, key, || Ok((load()?, 0)))
    }

    fn load<F>(host: &HostRef, key: ResourceKey<'_>, load: F) -> Result<Self>
    where
        F: FnOnce() -> Result<Sized<Buffer>>,
    {
        let spec = spec_of(&key, SHARED_TAG);
        let spec = gm_resource_spec { flags: GM_RESOURCE_SHARED, make: Some(make_shared::<F>), ..spec };
        // SAFETY: the function is for a job of this load; a buffer frees itself.
        let handle = unsafe { ask(host, spec, load) }?;
        // SAFETY: the host keeps a live buffer for as long as the handle; it is looked at only.
        let kept = unsafe { borrow(handle.value().cast()) };
        Ok(Self { buffer: kept?, _handle: handle })
    }
}

/// A further reference to a buffer of the host.
///
/// # Safety
/// `raw` is a live buffer whose functions the host has checked.
unsafe fn borrow(raw: *mut gm_buffer) -> Result<Buffer> {
    // SAFETY: passed on from the caller. The reference is not ours, so it must not be released.
    let borrowed = std::mem::ManuallyDrop::new(unsafe { Buffer::from_raw(raw) }?);
    Ok((*borrowed).clone())
}

impl Deref for SharedBuffer {
    type Target = Buffer;

    fn deref(&self) -> &Buffer {
        &self.buffer
    }
}
