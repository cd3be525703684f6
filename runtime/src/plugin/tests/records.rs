//! A subscriber that keeps the events of plugins as text.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::{Dispatch, Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// What arrived, one line per event: level, message, then the fields in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct Records(Arc<Mutex<Vec<String>>>);

impl Records {
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// A dispatcher that keeps events down to `level`.
    pub(super) fn dispatch(&self, level: Level) -> Dispatch {
        Dispatch::new(tracing_subscriber::registry().with(Keeper { records: self.clone(), level }))
    }
}

struct Keeper {
    records: Records,
    level: Level,
}

impl<S: Subscriber> Layer<S> for Keeper {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() <= self.level && metadata.target() == crate::telemetry::log_bridge::TARGET
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        let text = format!("{} {}{}", event.metadata().level(), line.message, line.fields);
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
}
