//! Reads what a plugin says of its places and records: copies every struct before it looks at it, bounds every text.

use crate::plugin::host::size_of_u32;
use crate::plugin::text::read_lossy;
use crate::telemetry::log_bridge::{self, Described, FIELDS_MAX, FieldValue, Level, Loss, Record};
use graphmill_abi::layout::*;
use std::borrow::Cow;

/// Longest target or file name that is kept.
const NAME_LEN_MAX: usize = 512;
/// Longest name of a field that is kept.
const FIELD_NAME_LEN_MAX: usize = 64;

const _: () = assert!(GM_LOG_FIELDS_MAX == FIELDS_MAX);

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

/// Copies the description of a place; `None` when it cannot be read or its level is not known.
///
/// # Safety
/// A pointer that is neither null nor misaligned points at a site that the plugin filled.
pub(super) unsafe fn read_site(raw: *const gm_log_site) -> Option<(Level, gm_log_site)> {
    // SAFETY: passed on from the caller.
    let site = unsafe { read_sized(raw) }?;
    Some((level_of(site.level)?, site))
}

/// Copies a record; `None` when it cannot be read.
///
/// # Safety
/// A pointer that is neither null nor misaligned points at a record that the plugin filled.
pub(super) unsafe fn read_record(raw: *const gm_log_record) -> Option<gm_log_record> {
    // SAFETY: passed on from the caller.
    unsafe { read_sized(raw) }
}

/// Copies a struct that begins with its size, if it is as long as that of version 1.0.
///
/// # Safety
/// A pointer that is neither null nor misaligned points at as many bytes as the number says that stands there, and
/// every content of these bytes is a value of `T`.
unsafe fn read_sized<T>(raw: *const T) -> Option<T> {
    if raw.is_null() || !raw.is_aligned() {
        return None;
    }
    // SAFETY: not null and aligned; the struct begins with its size.
    if unsafe { raw.cast::<u32>().read() } < size_of_u32::<T>() {
        return None;
    }
    // SAFETY: the plugin filled as many bytes as our own struct has.
    Some(unsafe { raw.read() })
}

/// Lends a place as the log bridge wants it; one without a target gets `target`.
///
/// # Safety
/// Every text that is not null points at as many bytes as it says, and the fields at as many texts as the site says,
/// unchanged during the call.
pub(super) unsafe fn with_site<R>(
    level: Level,
    raw: &gm_log_site,
    target: &str,
    body: impl FnOnce(&Described<'_>) -> R,
) -> R {
    // SAFETY: passed on from the caller.
    let names = unsafe { read_array::<gm_str>(raw.fields, raw.n_fields) };
    // SAFETY: passed on from the caller.
    let names: Vec<Cow<'_, str>> = names.map(|name| unsafe { read_text(name, FIELD_NAME_LEN_MAX) }).collect();
    let fields: Vec<&str> = names.iter().map(|name| &**name).collect();
    // SAFETY: passed on from the caller.
    let own = unsafe { read_text(raw.target, NAME_LEN_MAX) };
    // SAFETY: passed on from the caller.
    let file = unsafe { read_text(raw.file, NAME_LEN_MAX) };
    let target = if own.is_empty() { target } else { &own };
    body(&Described { level, target, file: &file, line: raw.line, fields: &fields })
}

/// Lends a record as the log bridge wants it. Allocates nothing unless bytes of a text have to be replaced.
///
/// # Safety
/// Every text that is not null points at as many bytes as it says, and the values at as many as the record says,
/// unchanged during the call.
pub(super) unsafe fn with_record(raw: &gm_log_record, body: impl FnOnce(&Record<'_>)) {
    if raw.flags & GM_LOG_CUT != 0 {
        log_bridge::count(Loss::Cut);
    }
    // SAFETY: passed on from the caller.
    let read = |text, max| unsafe { read_text(text, max) };
    // SAFETY: passed on from the caller.
    let raws = unsafe { read_array::<gm_log_value>(raw.values, raw.n_values) };
    let mut len_max = GM_LOG_TEXT_LEN_MAX;
    let mut texts = [const { Cow::Borrowed("") }; FIELDS_MAX];
    let mut values = [const { FieldValue::Absent }; FIELDS_MAX];
    let mut count = 0;
    for ((value, text), raw) in values.iter_mut().zip(&mut texts).zip(raws) {
        // SAFETY: the text is as its owner says.
        *value = unsafe { read_value(&raw, text, &mut len_max) };
        count += 1;
    }
    let record = Record {
        message: &read(raw.message, GM_LOG_TEXT_LEN_MAX),
        spans: &read(raw.spans, GM_LOG_TEXT_LEN_MAX),
        file: &read(raw.file, NAME_LEN_MAX),
        line: raw.line,
        target: &read(raw.target, NAME_LEN_MAX),
        values: values.get(..count).unwrap_or_default(),
    };
    body(&record);
}

/// Reads a value; a text of it is kept in `kept` and taken off what is left of `len_max`.
///
/// # Safety
/// What belongs to the kind of value is filled, and a text that is not null points at as many bytes as it says,
/// unchanged for `'a`.
unsafe fn read_value<'k, 'a: 'k>(
    raw: &gm_log_value,
    kept: &'k mut Cow<'a, str>,
    len_max: &mut usize,
) -> FieldValue<'k> {
    match raw.kind {
        GM_LOG_VALUE_NONE => FieldValue::Absent,
        // SAFETY: passed on from the caller.
        GM_LOG_VALUE_I64 => FieldValue::Signed(unsafe { raw.data.i64_ }),
        // SAFETY: passed on from the caller.
        GM_LOG_VALUE_U64 => FieldValue::Unsigned(unsafe { raw.data.u64_ }),
        // SAFETY: passed on from the caller.
        GM_LOG_VALUE_F64 => FieldValue::Float(unsafe { raw.data.f64_ }),
        // SAFETY: passed on from the caller.
        GM_LOG_VALUE_BOOL => FieldValue::Bool(unsafe { raw.data.u64_ } != 0),
        GM_LOG_VALUE_TEXT | GM_LOG_VALUE_SHOWN => {
            // SAFETY: passed on from the caller.
            let text = unsafe { raw.data.text };
            // SAFETY: passed on from the caller.
            *kept = unsafe { read_text(text, *len_max) };
            *len_max -= kept.len().min(*len_max);
            if raw.kind == GM_LOG_VALUE_TEXT { FieldValue::Text(kept) } else { FieldValue::shown(kept) }
        }
        _ => {
            log_bridge::count(Loss::Unreadable);
            FieldValue::Absent
        }
    }
}

/// Copies the items of an array one by one: at most as many as a record can have fields, none where it cannot be read.
///
/// # Safety
/// A pointer that is neither null nor misaligned points at `len` items, unchanged for `'a`.
unsafe fn read_array<'a, T: Copy + 'a>(items: *const T, len: u32) -> impl Iterator<Item = T> + 'a {
    let is_readable = !items.is_null() && items.is_aligned();
    if !is_readable && len > 0 {
        log_bridge::count(Loss::Unreadable);
    }
    let kept = if is_readable { (len as usize).min(FIELDS_MAX) } else { 0 };
    if is_readable && len as usize > kept {
        log_bridge::count(Loss::Cut);
    }
    (0..kept).map(move |at| {
        // SAFETY: the caller promises that many items, so this is one of them.
        let item = unsafe { items.add(at) };
        // SAFETY: not null and aligned.
        unsafe { item.read() }
    })
}

/// Reads one text; what is lost of it is counted.
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
