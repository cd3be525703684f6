//! The first ctrl-c lets the graph finish, the second one ends the program.

use crate::console::Console;
use crate::failure::Failure;
use crate::progress;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// What was asked for from outside.
#[derive(Debug, Default, Clone)]
pub(crate) struct Requests {
    drain: Arc<AtomicBool>,
}

impl Requests {
    /// Listens to SIGINT and SIGTERM from now on, on a thread of its own.
    ///
    /// # Errors
    /// The system has no thread, or refuses the handlers.
    pub(crate) fn listen(console: Console) -> Result<Self, Failure> {
        let refused = |error| Failure::new(format!("cannot listen to ctrl-c: {error}"));
        let requests = Self::default();
        let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(refused)?;
        let heard = requests.clone();
        let listen = move || signals.forever().for_each(|signal| heard.hear(console, signal));
        thread::Builder::new().name("signals".into()).spawn(listen).map_err(refused)?;
        Ok(requests)
    }

    /// Whether the graph shall finish, as soon as it runs.
    pub(crate) fn is_drain_wanted(&self) -> bool {
        self.drain.load(Ordering::Acquire)
    }

    fn hear(&self, console: Console, signal: i32) {
        if !self.drain.swap(true, Ordering::AcqRel) {
            let text = "stopping: what is under way is finished first; once more ends at once";
            progress::above(|| console.note(text));
            return;
        }
        progress::above(|| console.note("ended at once: files that were being written are not complete"));
        // Neither destructors nor exit handlers: some may belong to the very plugin that hangs.
        low_level::exit(128 + signal);
    }
}
