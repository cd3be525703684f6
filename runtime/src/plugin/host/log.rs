//! Takes records from plugins: copies, checks and bounds them, and counts what was lost on the way.

use super::{HostContext, guarded, size_of_u32};
use crate::plugin::text::read_lossy;
use crate::telemetry::log_bridge::{self, Level, Loss, Record};
use graphmill_abi::layout::*;
use std::borrow::Cow;

/// Longest message that is kept.
const MESSAGE_LEN_MAX: usize = 8 * 1024;
/// Longest text of fields that is kept.
const FIELDS_LEN_MAX: usize = 8 * 1024;
/// Longest target or file name that is kept.
const NAME_LEN_MAX: usize = 512;

pub(super) unsafe extern "C" fn log_enabled(ctx: *mut gm_ctx, level: u32, _target: gm_str) -> u32 {
    // SAFETY: the plugin passes a context that it holds or borrows.
    let is_known = unsafe { HostContext::borrow(ctx) }.is_some();
    match level_of(level) {
        Some(level) if is_known => guarded(0, || u32::from(log_bridge::enabled(level))),
        _ => 0,
    }
}

pub(super) unsafe extern "C" fn log(ctx: *mut gm_ctx, record: *const gm_log_record) {
    guarded((), || {
        // SAFETY: the plugin passes a context that it holds or borrows.
        let context = unsafe { HostContext::borrow(ctx) };
        // SAFETY: passed on from the plugin.
        let record = unsafe { read_record(record) };
        match (context, record) {
            // SAFETY: the texts of a record are the plugin's for the call.
            (Some(context), Some((level, record))) if log_bridge::enabled(level) => unsafe {
                write(context, level, &record);
            },
            (Some(_), Some(_)) => (),
            _ => log_bridge::count(Loss::Unreadable),
        }
    });
}

/// Passes a record on.
///
/// # Safety
/// Every text that is not null points at as many bytes as it says, unchanged during the call.
unsafe fn write(context: &HostContext, level: Level, raw: &gm_log_record) {
    // SAFETY: passed on from the caller.
    let read = |text, max| unsafe { read_text(text, max) };
    let record = Record {
        level,
        target: &read(raw.target, NAME_LEN_MAX),
        message: &read(raw.message, MESSAGE_LEN_MAX),
        file: &read(raw.file, NAME_LEN_MAX),
        line: raw.line,
        fields: &read(raw.fields_json, FIELDS_LEN_MAX),
    };
    context.with_speaker(|speaker| log_bridge::write(speaker, &record));
}

fn level_of(raw: u32) -> Option<Level> {
    match raw {
        GM_LOG_TRACE => Some(Level::Trace),
        GM_LOG_DEBUG => Some(Level::Debug),
        GM_LOG_INFO => Some(Level::Info),
        GM_LOG_WARN => Some(Level::Warn),
        GM_LOG_ERROR => Some(Level::Error),
        _ => None,
    }
}

/// Copies a record; `None` when it cannot be read or its level is not known.
///
/// # Safety
/// A pointer that is neither null nor misaligned points at a record that the plugin filled.
unsafe fn read_record(raw: *const gm_log_record) -> Option<(Level, gm_log_record)> {
    if raw.is_null() || !raw.is_aligned() {
        return None;
    }
    // SAFETY: not null and aligned; the struct begins with its size.
    if unsafe { (*raw).struct_size } < size_of_u32::<gm_log_record>() {
        return None;
    }
    // SAFETY: the plugin filled as many bytes as our own struct has.
    let record = unsafe { raw.read() };
    Some((level_of(record.level)?, record))
}

/// Reads one text of a record; what is lost of it is counted.
///
/// # Safety
/// A text that is not null points at as many bytes as it says, unchanged during the call.
unsafe fn read_text<'a>(raw: gm_str, max: usize) -> Cow<'a, str> {
    // SAFETY: passed on from the caller.
    let Ok(text) = (unsafe { read_lossy(raw, max) }) else {
        log_bridge::count(Loss::Unreadable);
        return Cow::Borrowed("");
    };
    if text.is_cut {
        log_bridge::count(Loss::Cut);
    }
    if text.is_replaced() {
        log_bridge::count(Loss::Replaced);
    }
    text.text
}
