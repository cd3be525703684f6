//! Keeps the errors that are logged: where a call cannot answer, that is all that is heard of a panic.

use std::fmt::{Debug, Write as _};
use std::sync::{Mutex, PoisonError};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// Most errors that are kept: a plugin that logs more than that says the same again.
const ERRORS_MAX: usize = 1_000;

static ERRORS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Listens to everything that is logged from now on, so that nothing is saved by nobody being there.
pub(crate) fn install() {
    // Fails only when there is one already, and nobody else sets one in this process.
    drop(tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Listener)));
}

/// How many errors were logged.
pub(crate) fn errors() -> usize {
    ERRORS.lock().unwrap_or_else(PoisonError::into_inner).len()
}

/// The errors that were logged after the first few.
pub(crate) fn errors_since(count: usize) -> Vec<String> {
    let errors = ERRORS.lock().unwrap_or_else(PoisonError::into_inner);
    errors.get(count..).unwrap_or_default().to_vec()
}

#[derive(Debug)]
struct Listener;

impl<S: Subscriber> Layer<S> for Listener {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        if *event.metadata().level() == Level::ERROR {
            let mut errors = ERRORS.lock().unwrap_or_else(PoisonError::into_inner);
            if errors.len() < ERRORS_MAX {
                errors.push(text.0);
            }
        }
    }
}

/// The message and the fields in a line.
#[derive(Debug, Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?} "),
            name => write!(self.0, "{name}={value:?} "),
        };
    }
}
