//! Warnings of the runtime while a test does something on its own thread.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// Does something, and says what was warned about on this thread meanwhile.
pub(crate) fn of_this_thread<T>(body: impl FnOnce() -> T) -> (T, Vec<String>) {
    let kept: Arc<Mutex<Vec<String>>> = Arc::default();
    let subscriber = tracing_subscriber::registry().with(Keeper(kept.clone()));
    let result = tracing::subscriber::with_default(subscriber, body);
    let warnings = kept.lock().unwrap().clone();
    (result, warnings)
}

struct Keeper(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Keeper {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() == Level::WARN {
            let mut line = Line::default();
            event.record(&mut line);
            self.0.lock().unwrap().push(line.0);
        }
    }
}

#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing into a string does not fail.
        let _written = write!(self.0, "{}={value:?} ", field.name());
    }
}
