//! A subscriber for the whole process that keeps the events of plugins as text.
//!
//! A loaded library writes records on threads of its own, which a subscriber of one thread would not see.

use std::fmt::{Debug, Write as _};
use std::sync::{Mutex, OnceLock};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

static RECORDS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Keeps the records of plugins down to level info from now on.
pub(crate) fn keep() {
    static KEPT: OnceLock<()> = OnceLock::new();
    KEPT.get_or_init(|| {
        let subscriber = tracing_subscriber::registry().with(Keeper);
        tracing::subscriber::set_global_default(subscriber).expect("no other subscriber in this process");
    });
}

/// The records with `text` in them: level, message, then the fields in their order.
pub(crate) fn with(text: &str) -> Vec<String> {
    RECORDS.lock().unwrap().iter().filter(|record| record.contains(text)).cloned().collect()
}

struct Keeper;

impl<S: Subscriber> Layer<S> for Keeper {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() <= Level::INFO && metadata.target() == "graphmill::plugin"
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        let text = format!("{} {}{}", event.metadata().level(), line.message, line.fields);
        RECORDS.lock().unwrap().push(text);
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
}
