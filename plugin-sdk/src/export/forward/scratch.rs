//! One record while it is made: its texts, cut where the host would cut them, and its values.
//!
//! Every thread keeps one and uses it again, so a record allocates nothing once the thread wrote one as long.

use crate::export::site::Record;
use graphmill_abi::layout::*;
use std::cell::RefCell;
use std::fmt::{self, Write as _};
use tracing_core::Field;
use tracing_core::field::{FieldSet, Visit};

/// The name that `tracing` gives to the text of an event.
pub(super) const MESSAGE: &str = "message";

/// A text that ends where the host would end it. Writing more fails, so that nothing is formatted in vain.
#[derive(Debug, Default)]
pub(super) struct Text {
    text: String,
    is_cut: bool,
}

/// What one record is made of.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) message: Text,
    pub(super) spans: Text,
    /// The texts of all values.
    texts: Text,
    pending: Vec<Pending>,
    values: Vec<gm_log_value>,
    has_more_fields: bool,
}

/// A value whose text may still move.
#[derive(Debug, Clone, Copy)]
enum Pending {
    Absent,
    Number(u32, u64),
    /// Where its text begins and ends.
    Text(u32, [usize; 2]),
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Lends the thread's scratch, or a fresh one while it is in use or the thread is ending.
pub(super) fn with_scratch(body: impl FnOnce(&mut Scratch)) {
    let mut body = Some(body);
    let _gone = SCRATCH.try_with(|scratch| {
        // A record inside a record finds the scratch in use, and must find the body still there afterwards.
        let Ok(mut scratch) = scratch.try_borrow_mut() else { return };
        let Some(body) = body.take() else { return };
        scratch.clear();
        body(&mut scratch);
    });
    if let Some(body) = body {
        body(&mut Scratch::default());
    }
}

impl Text {
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    fn clear(&mut self) {
        self.text.clear();
        self.is_cut = false;
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = GM_LOG_TEXT_LEN_MAX.saturating_sub(self.text.len());
        if text.len() <= room {
            self.text.push_str(text);
            return Ok(());
        }
        self.text.push_str(text.get(..text.floor_char_boundary(room)).unwrap_or_default());
        self.is_cut = true;
        Err(fmt::Error)
    }
}

impl Scratch {
    fn clear(&mut self) {
        for text in [&mut self.message, &mut self.spans, &mut self.texts] {
            text.clear();
        }
        self.pending.clear();
        self.values.clear();
        self.has_more_fields = false;
    }

    /// Takes message and values of an event with these fields, which `record` shows.
    pub(super) fn take_fields(&mut self, fields: &FieldSet, record: impl FnOnce(&mut dyn Visit)) {
        let message_at = fields.iter().position(|field| field.name() == MESSAGE);
        let count = fields.len() - usize::from(message_at.is_some());
        self.has_more_fields = count > GM_LOG_FIELDS_MAX;
        self.pending.resize(count.min(GM_LOG_FIELDS_MAX), Pending::Absent);
        record(&mut Visitor { scratch: self, message_at });
        let Self { pending, values, texts, .. } = self;
        values.extend(pending.iter().map(|pending| pending.to_raw(&texts.text)));
    }

    /// What there is of the record.
    pub(super) fn record(&self) -> Record<'_> {
        Record {
            message: self.message.as_str(),
            spans: self.spans.as_str(),
            values: &self.values,
            is_cut: self.has_more_fields || [&self.message, &self.spans, &self.texts].iter().any(|text| text.is_cut),
            ..Record::EMPTY
        }
    }
}

impl Pending {
    /// The value as the host reads it, pointing into `texts`.
    fn to_raw(self, texts: &str) -> gm_log_value {
        let (kind, data) = match self {
            Self::Absent => (GM_LOG_VALUE_NONE, gm_log_data { u64_: 0 }),
            Self::Number(kind, bits) => (kind, gm_log_data { u64_: bits }),
            Self::Text(kind, [start, end]) => {
                (kind, gm_log_data { text: gm_str::new(texts.get(start..end).unwrap_or_default()) })
            }
        };
        gm_log_value { kind, reserved: 0, data }
    }
}

/// Sorts the fields of an event into a scratch.
struct Visitor<'a> {
    scratch: &'a mut Scratch,
    message_at: Option<usize>,
}

impl Visitor<'_> {
    fn is_message(&self, field: &Field) -> bool {
        self.message_at == Some(field.index())
    }

    fn put(&mut self, field: &Field, value: Pending) {
        let is_behind = self.message_at.is_some_and(|at| at < field.index());
        if let Some(place) = self.scratch.pending.get_mut(field.index() - usize::from(is_behind)) {
            *place = value;
        }
    }

    fn number(&mut self, field: &Field, (kind, bits): (u32, u64), text: fmt::Arguments<'_>) {
        if self.is_message(field) {
            self.write(field, GM_LOG_VALUE_SHOWN, text);
        } else {
            self.put(field, Pending::Number(kind, bits));
        }
    }

    fn write(&mut self, field: &Field, kind: u32, text: fmt::Arguments<'_>) {
        // A text that is cut, or whose owner fails, keeps what was written.
        if self.is_message(field) {
            let _written = self.scratch.message.write_fmt(text);
            return;
        }
        let start = self.scratch.texts.text.len();
        let _written = self.scratch.texts.write_fmt(text);
        let end = self.scratch.texts.text.len();
        self.put(field, Pending::Text(kind, [start, end]));
    }
}

impl Visit for Visitor<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.number(field, (GM_LOG_VALUE_F64, value.to_bits()), format_args!("{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, (GM_LOG_VALUE_I64, value.cast_unsigned()), format_args!("{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, (GM_LOG_VALUE_U64, value), format_args!("{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.number(field, (GM_LOG_VALUE_BOOL, u64::from(value)), format_args!("{value}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.write(field, GM_LOG_VALUE_TEXT, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.write(field, GM_LOG_VALUE_SHOWN, format_args!("{value:?}"));
    }
}
