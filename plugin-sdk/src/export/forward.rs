//! Sends the `tracing` and `log` events of a loaded library to the host.
//!
//! A library that is loaded from a file has its own copy of `tracing` and of the panic machinery, which nobody
//! listens to; here they get a listener. A statically linked plugin shares the application's and needs none.

use crate::export::guard;
use crate::export::host::HostRef;
use crate::logger::{Level, Record};
use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::sync::OnceLock;
use tracing_core::field::{Field, Visit};
use tracing_core::span;
use tracing_core::subscriber::Interest;
use tracing_core::{Event, Metadata, Subscriber};

static HOST: OnceLock<HostRef> = OnceLock::new();

/// Installs the listeners; the first host stays.
pub(super) fn install(host: HostRef) {
    if HOST.set(host).is_err() {
        return;
    }
    std::panic::set_hook(Box::new(guard::hook));
    // A plugin that installed its own listeners before keeps them: that is its author's choice.
    let _kept = tracing_core::dispatcher::set_global_default(tracing_core::Dispatch::new(Forward));
    if log::set_logger(&Forward).is_ok() {
        log::set_max_level(log::LevelFilter::Trace);
    }
}

struct Forward;

/// Text of one record, reused from record to record.
#[derive(Default)]
struct Scratch {
    message: String,
    fields: String,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Lends the thread's scratch, or a fresh one while it is in use or the thread is ending.
fn with_scratch(body: impl FnOnce(&mut Scratch)) {
    let mut body = Some(body);
    let _gone = SCRATCH.try_with(|scratch| {
        // A record inside a record finds the scratch in use, and must find the body still there afterwards.
        let Ok(mut scratch) = scratch.try_borrow_mut() else { return };
        let Some(body) = body.take() else { return };
        scratch.message.clear();
        scratch.fields.clear();
        body(&mut scratch);
    });
    if let Some(body) = body {
        body(&mut Scratch::default());
    }
}

impl Visit for Scratch {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            self.field(field.name(), |out| json_string(out, format_args!("{value}")));
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.field(field.name(), |out| write!(out, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.field(field.name(), |out| write!(out, "{value}"));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.field(field.name(), |out| write!(out, "{value}"));
        } else {
            self.field(field.name(), |out| write!(out, "\"{value}\""));
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.field(field.name(), |out| write!(out, "{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // Writing to a string cannot fail; a failing Debug leaves what it wrote.
            let _written = write!(self.message, "{value:?}");
        } else {
            self.field(field.name(), |out| json_string(out, format_args!("{value:?}")));
        }
    }
}

impl Scratch {
    fn field(&mut self, name: &str, value: impl FnOnce(&mut String) -> fmt::Result) {
        self.fields.push(if self.fields.is_empty() { '{' } else { ',' });
        let _written = json_string(&mut self.fields, format_args!("{name}"));
        self.fields.push(':');
        let _written = value(&mut self.fields);
    }

    fn close(&mut self) {
        if !self.fields.is_empty() {
            self.fields.push('}');
        }
    }
}

/// Writes formatted text as a JSON string without an intermediate allocation.
fn json_string(out: &mut String, text: fmt::Arguments<'_>) -> fmt::Result {
    struct Escape<'a>(&'a mut String);
    impl fmt::Write for Escape<'_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            for c in text.chars() {
                match c {
                    '"' => self.0.push_str("\\\""),
                    '\\' => self.0.push_str("\\\\"),
                    '\n' => self.0.push_str("\\n"),
                    c if c < ' ' => write!(self.0, "\\u{:04x}", u32::from(c))?,
                    c => self.0.push(c),
                }
            }
            Ok(())
        }
    }
    out.push('"');
    let written = Escape(out).write_fmt(text);
    out.push('"');
    written
}

impl Subscriber for Forward {
    fn register_callsite(&self, _metadata: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
            && HOST
                .get()
                .is_some_and(|host| host.log_enabled(Level::from(*metadata.level()).to_raw(), metadata.target()))
    }

    fn event(&self, event: &Event<'_>) {
        let Some(host) = HOST.get() else { return };
        let metadata = event.metadata();
        with_scratch(|scratch| {
            event.record(scratch);
            scratch.close();
            host.log(&Record {
                level: Level::from(*metadata.level()).to_raw(),
                target: metadata.target(),
                message: &scratch.message,
                file: metadata.file().unwrap_or_default(),
                line: metadata.line().unwrap_or_default(),
                fields: &scratch.fields,
            });
        });
    }

    fn new_span(&self, _span: &span::Attributes<'_>) -> span::Id {
        // Spans are disabled by `enabled`; a span that is forced all the same gets a number that means nothing.
        span::Id::from_u64(1)
    }

    fn record(&self, _span: &span::Id, _values: &span::Record<'_>) {}

    fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}

    fn enter(&self, _span: &span::Id) {}

    fn exit(&self, _span: &span::Id) {}
}

impl log::Log for Forward {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        HOST.get().is_some_and(|host| host.log_enabled(Level::from(metadata.level()).to_raw(), metadata.target()))
    }

    fn log(&self, record: &log::Record<'_>) {
        let Some(host) = HOST.get() else { return };
        if !log::Log::enabled(self, record.metadata()) {
            return;
        }
        with_scratch(|scratch| {
            let _written = scratch.message.write_fmt(*record.args());
            host.log(&Record {
                level: Level::from(record.level()).to_raw(),
                target: record.target(),
                message: &scratch.message,
                file: record.file().unwrap_or_default(),
                line: record.line().unwrap_or_default(),
                fields: "",
            });
        });
    }

    fn flush(&self) {}
}
