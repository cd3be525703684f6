//! Subscribers that keep the events of plugins as text: one for the whole process, and ones for a thread.
//!
//! A loaded library writes records on threads of its own, which a subscriber of one thread would not see.
#![allow(dead_code, reason = "every test binary uses a part of it")]

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, OnceLock};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

static RECORDS: OnceLock<Records> = OnceLock::new();

/// Keeps the records of plugins down to level info from now on.
pub(crate) fn keep() {
    RECORDS.get_or_init(|| {
        let records = Records::default();
        tracing::dispatcher::set_global_default(records.dispatch(Level::INFO))
            .expect("no other subscriber in this process");
        records
    });
}

/// The records with `text` in them.
pub(crate) fn with(text: &str) -> Vec<String> {
    let Some(records) = RECORDS.get() else { return Vec::new() };
    records.0.lock().unwrap().iter().filter(|record| record.contains(text)).cloned().collect()
}

/// What arrived, one line per event: level, message, the fields in their order, those of its spans, then target, file
/// and line of the place.
#[derive(Debug, Clone, Default)]
pub(crate) struct Records(Arc<Mutex<Vec<String>>>);

impl Records {
    /// What happens in the whole process from now on and passes this filter.
    pub(crate) fn of_process(filter: &str) -> Self {
        let records = Self::default();
        let subscriber = tracing_subscriber::registry().with(EnvFilter::new(filter)).with(records.layer());
        tracing::subscriber::set_global_default(subscriber).expect("no other subscriber in this process");
        records
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// A dispatcher that keeps events down to `level`.
    pub(crate) fn dispatch(&self, level: Level) -> Dispatch {
        Dispatch::new(tracing_subscriber::registry().with(Keeper { records: self.clone(), level }))
    }

    /// A layer that keeps every event that it gets.
    pub(crate) fn layer(&self) -> Keeper {
        Keeper { records: self.clone(), level: Level::TRACE }
    }
}

#[derive(Debug)]
pub(crate) struct Keeper {
    records: Records,
    level: Level,
}

/// What the runtime says of itself is of no interest here.
fn is_of_a_plugin(metadata: &Metadata<'_>) -> bool {
    let own = ["graphmill::plugin", "graphmill::folded", "graphmill::node"];
    !metadata.target().starts_with("graphmill::") || own.contains(&metadata.target())
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Keeper {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() <= self.level && is_of_a_plugin(metadata)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut line = Line::default();
        attributes.record(&mut line);
        context.span(id).expect("a new span is there").extensions_mut().insert(line);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        let metadata = event.metadata();
        let mut text = format!("{} {}{}", metadata.level(), line.message, line.fields);
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            let extensions = span.extensions();
            let fields = extensions.get::<Line>().map(|line| line.fields.as_str()).unwrap_or_default();
            write!(text, " in {}:{fields}", span.name()).unwrap();
        }
        write!(text, " from {}", metadata.target()).unwrap();
        if let (Some(file), Some(line)) = (metadata.file(), metadata.line()) {
            write!(text, " {file}:{line}").unwrap();
        }
        self.records.0.lock().unwrap().push(text);
    }
}

#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            write!(self.fields, " {}={value:?}", field.name()).unwrap();
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        write!(self.fields, " {}={value}i64", field.name()).unwrap();
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        write!(self.fields, " {}={value}u64", field.name()).unwrap();
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        write!(self.fields, " {}={value}f64", field.name()).unwrap();
    }
}
