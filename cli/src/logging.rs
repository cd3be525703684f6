//! What plugins and the runtime log, on standard error.

use crate::arguments::Global;
use crate::progress;
use std::io::{self, Write};
use tracing_subscriber::EnvFilter;

/// What a node reports of itself is in the report at the end; saying it twice helps nobody.
const REPORTED: &str = "graphmill::exec::worker=off";

/// Sends what is logged to standard error, above the progress line.
pub(crate) fn install(global: &Global) {
    let default = match (global.quiet, global.verbose) {
        (true, _) => &format!("error,{REPORTED}"),
        (_, 0) => &format!("warn,{REPORTED}"),
        (_, 1) => "info",
        (_, 2) => "debug",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Lines)
        .without_time()
        .with_ansi(anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never)
        .finish();
    // Fails only when there is one already, and nobody else sets one in this program.
    drop(tracing::subscriber::set_global_default(subscriber));
}

/// Writes whole lines so that they do not run into the progress line.
#[derive(Debug)]
struct Lines;

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        progress::above(|| io::stderr().lock().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
