//! The log functions of the host as a plugin in C calls them.

use super::bench::Bench;
use crate::plugin::host::HostContext;
use graphmill_abi::layout::*;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The log functions as a plugin in C sees them.
pub(super) struct Raw {
    pub(super) host: gm_host,
    pub(super) context: Arc<HostContext>,
}

fn raw(context: Arc<HostContext>) -> Raw {
    Raw { host: HostContext::as_host(&context), context }
}

pub(super) fn of_plugin() -> Raw {
    raw(HostContext::for_module("libsample.so".to_owned()))
}

pub(super) fn of_node(bench: &Bench) -> Raw {
    raw(HostContext::for_node(Arc::clone(&bench.context), bench.home()))
}

/// What a plugin sees of a site.
#[derive(Debug, Clone, Copy)]
pub(super) struct Handle(pub(super) *const gm_log_handle);

impl Handle {
    pub(super) fn number(self) -> u32 {
        // SAFETY: a handle lives as long as the process; its number never changes.
        unsafe { (*self.0).number }
    }

    pub(super) fn interest(self) -> u32 {
        // SAFETY: as above; the host changes the interest as an atomic.
        let interest = unsafe { &raw const (*self.0).interest };
        // SAFETY: as above.
        unsafe { AtomicU32::from_ptr(interest.cast_mut()) }.load(Ordering::Relaxed)
    }
}

impl Raw {
    pub(super) fn api(&self) -> &'static gm_host_api {
        // SAFETY: the table of the host lives as long as the process.
        unsafe { &*self.host.api }
    }

    pub(super) fn site(&self, site: *const gm_log_site) -> Handle {
        // SAFETY: the pointer is null, misaligned or right, as the host has to expect.
        Handle(unsafe { self.api().log_site.unwrap()(self.host.ctx, site) })
    }

    pub(super) fn log(&self, record: *const gm_log_record) {
        // SAFETY: as above.
        unsafe { self.api().log.unwrap()(self.host.ctx, record) };
    }

    pub(super) fn is_enabled(&self, site: Handle) -> bool {
        // SAFETY: the host has to expect every number.
        unsafe { self.api().log_enabled.unwrap()(self.host.ctx, site.number()) == 1 }
    }

    /// What the SDK does for a record.
    pub(super) fn say(&self, level: u32, target: &str, message: &str) {
        let site = self.site(&place(level, target));
        let is_wanted = match site.interest() {
            GM_LOG_NEVER => false,
            GM_LOG_ALWAYS => true,
            _ => self.is_enabled(site),
        };
        if is_wanted {
            self.log(&record(site, message));
        }
    }
}

pub(super) fn place(level: u32, target: &str) -> gm_log_site {
    gm_log_site {
        struct_size: u32::try_from(size_of::<gm_log_site>()).unwrap(),
        level,
        target: gm_str::new(target),
        file: gm_str::EMPTY,
        line: 0,
        n_fields: 0,
        fields: ptr::null(),
    }
}

pub(super) fn record(site: Handle, message: &str) -> gm_log_record {
    gm_log_record {
        struct_size: u32::try_from(size_of::<gm_log_record>()).unwrap(),
        flags: 0,
        site: site.number(),
        line: 0,
        file: gm_str::EMPTY,
        target: gm_str::EMPTY,
        message: gm_str::new(message),
        spans: gm_str::EMPTY,
        values: ptr::null(),
        n_values: 0,
        reserved: 0,
    }
}
