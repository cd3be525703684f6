//! Who took the process down: names the node whose call it was, then lets things take their course.
//!
//! A crash inside a plugin cannot be contained in this process, but it can be attributed. Where the embedder asks for
//! it, every thread keeps a small record of the call that it is in, which costs a few stores per call; a signal
//! handler reads the record of the crashing thread and writes one line to standard error:
//!
//! ```text
//! graphmill: node `tts` (stt.moonshine in /opt/models/libstt.so) crashed in process: SIGSEGV
//! ```
//!
//! Then the dispositions that were there before come back and the signal is delivered again, so that core dumps, exit
//! signals and handlers of the embedder are what they were. Calling `exit` from inside a plugin is told the same way
//! and ends with a status that is not success.
//!
//! The handler allocates nothing, takes no lock and calls only what POSIX lists as safe in a handler. It knows of
//! calls, not of threads that a plugin started: a crash there goes its way without a line, and so does `_exit`.

mod line;
mod record;

#[cfg(target_os = "linux")]
mod signals;
#[cfg(target_os = "linux")]
mod stack;

// Processes that die and system calls about signals: nothing that Miri could follow.
#[cfg(test)]
#[cfg(all(target_os = "linux", not(miri)))]
mod tests;

use super::origin::Origin;
use crate::exec::Operation;
use record::Culprit;
use std::io;
use std::path::Path;

/// Status with which a process ends when a plugin calls `exit`: `EX_SOFTWARE` of sysexits.
const EXIT_STATUS: i32 = 70;

/// Has crashes inside a call into a plugin named on standard error, for the rest of the process.
///
/// Changes the dispositions of SIGABRT, SIGSEGV, SIGBUS, SIGILL and SIGFPE and adds an exit handler; the dispositions
/// that it finds are those that a signal is handed on to. Call it before the first plugin is loaded, since instances
/// that exist already are not told of, and after whatever else installs handlers: whoever comes later decides whether
/// this one is still asked. A second call does nothing.
///
/// A plugin that calls `exit` is named as well, and the process ends with status 70 instead of a success.
///
/// # Errors
/// The system refuses a handler; none is left installed then. On systems other than Linux it is not supported.
pub fn install_crash_attribution() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    return signals::install();
    #[cfg(not(target_os = "linux"))]
    return Err(io::ErrorKind::Unsupported.into());
}

/// Readies the calling thread for the handler: an overflow of its stack leaves no room on that stack to tell of it.
///
/// Does nothing where the thread has an alternate stack that is large enough, as those of the standard library have.
///
/// # Errors
/// The system has no memory for a stack. Crashes of this thread are attributed all the same, but for overflows.
fn prepare_thread() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    return stack::prepare_thread();
    #[cfg(not(target_os = "linux"))]
    return Ok(());
}

fn is_installed() -> bool {
    #[cfg(target_os = "linux")]
    return signals::is_installed();
    #[cfg(not(target_os = "linux"))]
    return false;
}

/// To whom a crash is laid during calls into a plugin: to nobody unless attribution was installed before.
#[derive(Debug)]
pub(super) struct Attribution(Option<Culprit>);

impl Attribution {
    /// For the calls into one instance, all of them on this thread.
    pub(super) fn of_node(node: &str, kind: &str, plugin_file: Option<&Path>) -> Self {
        Self::of(|| Culprit::of_node(node, kind, plugin_file))
    }

    /// For loading a plugin, on this thread.
    pub(super) fn of_load(origin: &Origin) -> Self {
        Self::of(|| Culprit::of_load(origin))
    }

    fn of(culprit: impl FnOnce() -> Culprit) -> Self {
        if !is_installed() {
            return Self(None);
        }
        if let Err(error) = prepare_thread() {
            tracing::warn!("an overflow of the stack of this thread would not be attributed: {error}");
        }
        Self(Some(culprit()))
    }

    /// Runs `body`, one call into the instance.
    pub(super) fn during<R>(&self, operation: Operation, body: impl FnOnce() -> R) -> R {
        match &self.0 {
            Some(culprit) => culprit.during(operation, body),
            None => body(),
        }
    }

    /// Runs `body`, which opens or enters the plugin.
    pub(super) fn during_load<R>(&self, body: impl FnOnce() -> R) -> R {
        match &self.0 {
            Some(culprit) => culprit.during_load(body),
            None => body(),
        }
    }
}
