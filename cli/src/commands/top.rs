//! `top`: a running session on the whole terminal.

use crate::failure::Failure;
use crate::top;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Watches the session behind a socket.
pub(crate) fn run(socket: &Path, interval_ms: u64) -> Result<ExitCode, Failure> {
    top::watch(socket, Duration::from_millis(interval_ms))
}
