//! Takes records from plugins: copies, checks and bounds them, and counts what was lost on the way.

mod read;

use self::read::{read_record, read_site, with_record, with_site};
use super::{HostContext, guarded};
use crate::telemetry::log_bridge::{self, Level, Loss, Site, SiteHead};
use graphmill_abi::layout::*;
use std::mem::offset_of;
use std::ptr;

// The plugin looks at the head of a site through the struct of the ABI.
const _: () = assert!(size_of::<SiteHead>() == size_of::<gm_log_handle>());
const _: () = assert!(align_of::<SiteHead>() == align_of::<gm_log_handle>());
const _: () = assert!(SiteHead::INTEREST_OFFSET == offset_of!(gm_log_handle, interest));

pub(super) unsafe extern "C" fn log_site(ctx: *mut gm_ctx, site: *const gm_log_site) -> *const gm_log_handle {
    let head = guarded(SiteHead::DEAD, || {
        // SAFETY: the plugin passes a context that it holds or borrows.
        let context = unsafe { HostContext::borrow(ctx) };
        // SAFETY: passed on from the plugin.
        let site = unsafe { read_site(site) };
        let found = match (context, site) {
            // SAFETY: the texts of a site are the plugin's for the call.
            (Some(context), Some((level, site))) => unsafe { find(context, level, &site) },
            _ => {
                log_bridge::count(Loss::Unreadable);
                None
            }
        };
        found.map_or(SiteHead::DEAD, Site::head)
    });
    ptr::from_ref(head).cast()
}

/// The site of a place; the target of one that names none is the speaker's.
///
/// # Safety
/// Every text that is not null points at as many bytes as it says, and the fields at as many texts as the site says,
/// unchanged during the call.
unsafe fn find(context: &HostContext, level: Level, site: &gm_log_site) -> Option<&'static Site> {
    context.with_speaker(|speaker, _| {
        // SAFETY: passed on from the caller.
        unsafe { with_site(level, site, speaker.target(), log_bridge::find_or_make) }
    })
}

pub(super) unsafe extern "C" fn log_enabled(ctx: *mut gm_ctx, site: u32) -> u32 {
    guarded(0, || {
        // SAFETY: the plugin passes a context that it holds or borrows.
        let context = unsafe { HostContext::borrow(ctx) };
        let (Some(context), Some(site)) = (context, log_bridge::numbered(site)) else { return 0 };
        context.with_speaker(|speaker, _| u32::from(speaker.is_enabled(site)))
    })
}

pub(super) unsafe extern "C" fn log(ctx: *mut gm_ctx, record: *const gm_log_record) {
    guarded((), || {
        // SAFETY: the plugin passes a context that it holds or borrows.
        let context = unsafe { HostContext::borrow(ctx) };
        // SAFETY: passed on from the plugin.
        let record = unsafe { read_record(record) };
        let site = record.and_then(|record| log_bridge::numbered(record.site));
        let (Some(context), Some(record), Some(site)) = (context, record, site) else {
            log_bridge::count(Loss::Unreadable);
            return;
        };
        if site.is_off() {
            return;
        }
        context.with_speaker(|speaker, moment| {
            let write = |record: &log_bridge::Record<'_>| speaker.write(site, moment.said(), record);
            // SAFETY: the texts and values of a record are the plugin's for the call.
            unsafe { with_record(&record, write) };
        });
    });
}
