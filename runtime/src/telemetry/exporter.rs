//! The thread of an exporter: it takes snapshots beside the session and never holds it up.

use crate::exec::sys;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::io;
use std::time::Duration;

/// A thread that exports the numbers of a session. Dropping it ends the export, without waiting for that.
#[derive(Debug)]
pub struct Exporter {
    /// Dropped to end the thread.
    stop: Sender<()>,
    ended: Receiver<()>,
}

impl Exporter {
    /// Starts the thread; `body` ends when the other side of its receiver is gone.
    pub(super) fn spawn(name: &str, body: impl FnOnce(&Receiver<()>) + Send + 'static) -> io::Result<Self> {
        let (stop, stopped) = bounded(0);
        let (end, ended) = bounded(0);
        sys::spawn(name, move || {
            // Lives as long as the body, whatever happens in it.
            let _ended_when_dropped: Sender<()> = end;
            body(&stopped);
        })?;
        Ok(Self { stop, ended })
    }

    /// Exports a last time and waits for the end of the thread, at most for `timeout`.
    ///
    /// `false` when the receiver has stalled it for longer. The thread is then left alone: it ends when its own wait
    /// does, or with the process.
    pub fn stop(self, timeout: Duration) -> bool {
        self.stop_with(timeout, || {})
    }

    /// Like [`Exporter::stop`] for a thread that has to be woken after the end was told.
    pub(super) fn stop_with(self, timeout: Duration, wake: impl FnOnce()) -> bool {
        let Self { stop, ended } = self;
        drop(stop);
        wake();
        ended.recv_timeout(timeout) == Err(RecvTimeoutError::Disconnected)
    }
}

/// Calls `export` once an interval and once at the end; it ends early when `export` says that it cannot go on.
#[cfg(any(feature = "metrics-json", feature = "otlp"))]
pub(super) fn every(interval: Duration, stopped: &Receiver<()>, mut export: impl FnMut() -> bool) {
    let mut goes_on = true;
    while goes_on && stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
        goes_on = export();
    }
    if goes_on {
        export();
    }
}

/// Nanoseconds of the wall clock, which receivers want; nothing of a session depends on it.
#[cfg(any(feature = "metrics-json", feature = "otlp"))]
pub(super) fn unix_ns() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
