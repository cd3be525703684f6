//! The host as the SDK sees it: an imported table and a counted context.

use crate::error::{Error, Result};
use crate::export::site::{Place, Record, Site};
use crate::export::struct_size;
use graphmill_abi::layout::*;
use graphmill_abi::{Buffer, ErrorSlot, Packet};
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Longest message of the host that is kept.
const MESSAGE_LEN_MAX: usize = 4096;

/// The services of version 1.0, every one present.
#[derive(Debug, Clone, Copy)]
struct HostApi {
    ctx_retain: unsafe extern "C" fn(*mut gm_ctx),
    ctx_release: unsafe extern "C" fn(*mut gm_ctx),
    log_site: unsafe extern "C" fn(*mut gm_ctx, *const gm_log_site) -> *const gm_log_handle,
    log_enabled: unsafe extern "C" fn(*mut gm_ctx, u32) -> u32,
    log: unsafe extern "C" fn(*mut gm_ctx, *const gm_log_record),
    is_cancelled: unsafe extern "C" fn(*mut gm_ctx) -> u32,
    clock_ns: unsafe extern "C" fn(*mut gm_ctx, u32) -> i64,
    buffer_alloc:
        unsafe extern "C" fn(*mut gm_ctx, *const gm_alloc_info, *mut *mut gm_buffer, *mut gm_error) -> gm_status,
    emit: unsafe extern "C" fn(*mut gm_ctx, u32, u32, *mut gm_packet, *mut gm_error) -> gm_status,
    wake: unsafe extern "C" fn(*mut gm_ctx) -> gm_status,
    hint: unsafe extern "C" fn(*mut gm_ctx, u32, gm_str, gm_str, *mut gm_error) -> gm_status,
    resource_get:
        unsafe extern "C" fn(*mut gm_ctx, *const gm_resource_spec, *mut *mut gm_resource, *mut gm_error) -> gm_status,
    resource_value: unsafe extern "C" fn(*mut gm_resource) -> *mut c_void,
    resource_release: unsafe extern "C" fn(*mut gm_resource),
}

/// The table that was imported first. One process has one host, so this is nearly always the one asked for.
static IMPORTED: OnceLock<(AtomicPtr<gm_host_api>, HostApi)> = OnceLock::new();

impl HostApi {
    /// Imports the host's table: header, then as many bytes as both sides know.
    ///
    /// # Safety
    /// `raw` is null or points at a table that lives as long as the process.
    unsafe fn import(raw: *const gm_host_api) -> Result<&'static Self> {
        if raw.is_null() || !raw.is_aligned() {
            return Err(Error::invalid("the host passed no table of services"));
        }
        if let Some((known, api)) = IMPORTED.get()
            && ptr::eq(known.load(Ordering::Relaxed), raw)
        {
            return Ok(api);
        }
        // SAFETY: passed on from the caller.
        let api = unsafe { Self::copy(raw) }?;
        let (known, first) = IMPORTED.get_or_init(|| (AtomicPtr::new(raw.cast_mut()), api));
        if ptr::eq(known.load(Ordering::Relaxed), raw) { Ok(first) } else { Ok(Box::leak(Box::new(api))) }
    }

    /// Copies what both sides know of a table and checks that every service of 1.0 is there.
    ///
    /// # Safety
    /// `raw` is aligned and points at a table that begins with a header.
    unsafe fn copy(raw: *const gm_host_api) -> Result<Self> {
        // SAFETY: the header is the part that never changes.
        let header = unsafe { raw.cast::<gm_header>().read() };
        if header.magic != GM_MAGIC || header.abi_major != GM_ABI_MAJOR {
            return Err(version_error(header, "speaks another ABI"));
        }
        let len = (header.struct_size as usize).min(size_of::<gm_host_api>());
        let mut copy = MaybeUninit::<gm_host_api>::zeroed();
        // SAFETY: the host filled `struct_size` bytes, and no more than our own struct has are copied.
        unsafe { ptr::copy_nonoverlapping(raw.cast::<u8>(), copy.as_mut_ptr().cast(), len) };
        // SAFETY: zero is a valid value of every field: numbers and optional functions.
        let table = unsafe { copy.assume_init() };
        let missing = || version_error(header, "lacks services that this plugin needs");
        Ok(Self {
            ctx_retain: table.ctx_retain.ok_or_else(missing)?,
            ctx_release: table.ctx_release.ok_or_else(missing)?,
            log_site: table.log_site.ok_or_else(missing)?,
            log_enabled: table.log_enabled.ok_or_else(missing)?,
            log: table.log.ok_or_else(missing)?,
            is_cancelled: table.is_cancelled.ok_or_else(missing)?,
            clock_ns: table.clock_ns.ok_or_else(missing)?,
            buffer_alloc: table.buffer_alloc.ok_or_else(missing)?,
            emit: table.emit.ok_or_else(missing)?,
            wake: table.wake.ok_or_else(missing)?,
            hint: table.hint.ok_or_else(missing)?,
            resource_get: table.resource_get.ok_or_else(missing)?,
            resource_value: table.resource_value.ok_or_else(missing)?,
            resource_release: table.resource_release.ok_or_else(missing)?,
        })
    }
}

fn version_error(header: gm_header, what: &str) -> Error {
    let message = format!(
        "the host {what}: it offers ABI {}.{}, this plugin was built for {GM_ABI_MAJOR}.{GM_ABI_MINOR}",
        header.abi_major, header.abi_minor
    );
    Error::with_status(GM_E_VERSION, message)
}

/// A counted reference to a context of the host, usable on every thread.
#[derive(Debug)]
pub(crate) struct HostRef {
    api: &'static HostApi,
    /// The token of the host. An atomic because the ABI promises that every thread may pass it; it never changes.
    ctx: AtomicPtr<gm_ctx>,
}

impl HostRef {
    /// Keeps the context that the host passed.
    ///
    /// # Safety
    /// `host` is null or points at what the host passed to the entry or to `create`, during that call.
    pub(crate) unsafe fn retain(host: *const gm_host) -> Result<Self> {
        if host.is_null() || !host.is_aligned() {
            return Err(Error::invalid("the host passed no host"));
        }
        // SAFETY: not null and aligned; the host passed it for this call.
        let host = unsafe { host.read() };
        // SAFETY: the table lives as long as the process.
        let api = unsafe { HostApi::import(host.api) }?;
        // SAFETY: the context is alive during the call.
        unsafe { (api.ctx_retain)(host.ctx) };
        Ok(Self { api, ctx: AtomicPtr::new(host.ctx) })
    }

    fn ctx(&self) -> *mut gm_ctx {
        self.ctx.load(Ordering::Relaxed)
    }

    /// Hands a packet over; it is empty afterwards, or as it was when the host refuses it.
    pub(crate) fn emit(&self, pin: usize, flags: u32, packet: &mut Packet) -> Result<()> {
        let pin = u32::try_from(pin).map_err(Error::invalid)?;
        asked(|error| {
            // SAFETY: the context is alive, the packet ours and the error prepared.
            unsafe { (self.api.emit)(self.ctx(), pin, flags, packet.as_raw_mut(), error) }
        })?;
        // The host takes the buffers and leaves the rest of the header, which would still tell of a content.
        packet.clear();
        Ok(())
    }

    pub(crate) fn buffer(&self, len: usize) -> Result<Buffer> {
        let info = gm_alloc_info { struct_size: struct_size::<gm_alloc_info>(), align: 0, len: len as u64 };
        let mut raw = ptr::null_mut();
        asked(|error| {
            // SAFETY: the context is alive, and the places for result and error are ours.
            unsafe { (self.api.buffer_alloc)(self.ctx(), &info, &mut raw, error) }
        })?;
        // SAFETY: on success the host gives one reference to a live buffer.
        Ok(unsafe { Buffer::from_raw(raw) }?)
    }

    /// The host's site for a place that writes records: the same one for the same place.
    pub(crate) fn site(&self, place: &Place<'_>) -> Site {
        let fields: Vec<gm_str> = place.fields.iter().map(|name| gm_str::new(name)).collect();
        let raw = gm_log_site {
            struct_size: struct_size::<gm_log_site>(),
            level: place.level.to_raw(),
            target: gm_str::new(place.target),
            file: gm_str::new(place.file),
            line: place.line,
            n_fields: u32::try_from(fields.len()).unwrap_or(0),
            fields: fields.as_ptr(),
        };
        // SAFETY: the context is alive; the texts are borrowed for the call.
        let handle = unsafe { (self.api.log_site)(self.ctx(), &raw) };
        // SAFETY: what the host answers lives as long as the process.
        unsafe { Site::from_raw(handle) }
    }

    /// Whether a record of this place would be kept: a call only where the host cannot say so once and for all.
    #[inline]
    pub(crate) fn is_enabled(&self, site: Site) -> bool {
        match site.interest() {
            GM_LOG_NEVER => false,
            GM_LOG_ALWAYS => true,
            // SAFETY: the context is alive.
            _ => unsafe { (self.api.log_enabled)(self.ctx(), site.number()) == 1 },
        }
    }

    /// Hands a record over; the host copies what it keeps.
    pub(crate) fn log(&self, site: Site, record: &Record<'_>) {
        let raw = gm_log_record {
            struct_size: struct_size::<gm_log_record>(),
            flags: if record.is_cut { GM_LOG_CUT } else { 0 },
            site: site.number(),
            line: record.line,
            file: gm_str::new(record.file),
            target: gm_str::new(record.target),
            message: gm_str::new(record.message),
            spans: gm_str::new(record.spans),
            values: record.values.as_ptr(),
            n_values: u32::try_from(record.values.len()).unwrap_or(0),
            reserved: 0,
        };
        // SAFETY: the context is alive; the texts and values are borrowed for the call.
        unsafe { (self.api.log)(self.ctx(), &raw) };
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        // SAFETY: the context is alive.
        unsafe { (self.api.is_cancelled)(self.ctx()) == 1 }
    }

    pub(crate) fn now_ns(&self) -> i64 {
        // SAFETY: the context is alive.
        unsafe { (self.api.clock_ns)(self.ctx(), GM_CLOCK_MONOTONIC) }
    }

    pub(crate) fn session_ns(&self) -> i64 {
        // SAFETY: the context is alive.
        unsafe { (self.api.clock_ns)(self.ctx(), GM_CLOCK_SESSION) }
    }

    pub(crate) fn wake(&self) {
        // SAFETY: the context is alive. A host that has no use for it says so; there is nothing to do about that.
        let _status = unsafe { (self.api.wake)(self.ctx()) };
    }

    pub(crate) fn hint(&self, pin: usize, name: &str, content: &str) -> Result<()> {
        let pin = u32::try_from(pin).map_err(Error::invalid)?;
        asked(|error| {
            // SAFETY: the context is alive, the texts are borrowed for the call and the error is prepared.
            unsafe { (self.api.hint)(self.ctx(), pin, gm_str::new(name), gm_str::new(content), error) }
        })
    }

    /// Asks for a resource; the handle has to be released.
    ///
    /// # Safety
    /// The functions of the spec keep the contract of the ABI with its argument.
    pub(super) unsafe fn resource_get(&self, spec: &gm_resource_spec) -> Result<*mut gm_resource> {
        let mut raw = ptr::null_mut();
        asked(|error| {
            // SAFETY: the context is alive, the places for result and error are ours; the rest is passed on.
            unsafe { (self.api.resource_get)(self.ctx(), spec, &mut raw, error) }
        })?;
        Ok(raw)
    }

    /// The value of a resource, alive as long as its handle is held.
    ///
    /// # Safety
    /// The handle came from [`HostRef::resource_get`] and was not released.
    pub(super) unsafe fn resource_value(&self, raw: *mut gm_resource) -> *mut c_void {
        // SAFETY: passed on from the caller.
        unsafe { (self.api.resource_value)(raw) }
    }

    /// Gives a handle back.
    ///
    /// # Safety
    /// As for [`HostRef::resource_value`]; the handle is not used any more.
    pub(super) unsafe fn resource_release(&self, raw: *mut gm_resource) {
        // SAFETY: passed on from the caller.
        unsafe { (self.api.resource_release)(raw) };
    }
}

/// Asks the host for something, with a place for the reason why not.
#[inline]
fn asked(ask: impl FnOnce(*mut gm_error) -> gm_status) -> Result<()> {
    ErrorSlot::with(|error| match ask(error.as_raw()) {
        GM_OK => Ok(()),
        status => Err(host_error(status, error)),
    })
}

fn host_error(status: gm_status, error: &mut ErrorSlot) -> Error {
    match error.take_message(MESSAGE_LEN_MAX) {
        message if message.is_empty() => Error::with_status(status, format!("the host answered with status {status}")),
        message => Error::with_status(status, message),
    }
}

impl Clone for HostRef {
    fn clone(&self) -> Self {
        // SAFETY: the context is alive while `self` holds a reference.
        unsafe { (self.api.ctx_retain)(self.ctx()) };
        Self { api: self.api, ctx: AtomicPtr::new(self.ctx()) }
    }
}

impl Drop for HostRef {
    fn drop(&mut self) {
        // SAFETY: this reference is ours and given up here.
        unsafe { (self.api.ctx_release)(self.ctx()) };
    }
}
