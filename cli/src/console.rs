//! The two streams of the program: what was asked for, and what people read.

use crate::arguments::{Color, Global};
use crate::failure::Failure;
use anstream::ColorChoice;
use serde_json::Value;
use std::io::{self, Write};
use std::process::ExitCode;

/// Where and how to write. Styles are always written, and taken out where nobody wants them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Console {
    is_quiet: bool,
    is_json: bool,
}

impl Console {
    /// As the arguments say; also sets the colours of this process.
    pub(crate) fn new(global: &Global) -> Self {
        match global.color {
            // What the terminal and the environment say counts.
            Color::Auto => {}
            Color::Always => ColorChoice::Always.write_global(),
            Color::Never => ColorChoice::Never.write_global(),
        }
        Self { is_quiet: global.quiet, is_json: global.json }
    }

    /// Whether only errors are to be told.
    pub(crate) fn is_quiet(self) -> bool {
        self.is_quiet
    }

    /// Whether the result is wanted as JSON.
    pub(crate) fn is_json(self) -> bool {
        self.is_json
    }

    /// Writes a part of the result to standard output.
    ///
    /// # Errors
    /// The reader has left, or the disk is full.
    pub(crate) fn result(self, text: &str) -> Result<(), Failure> {
        let mut out = anstream::stdout().lock();
        out.write_all(text.as_bytes())
            .and_then(|()| out.flush())
            .map_err(|error| Failure::output("standard output", &error))
    }

    /// Writes the result as one line of JSON to standard output.
    ///
    /// # Errors
    /// As for [`Console::result`].
    pub(crate) fn json(self, value: &Value) -> Result<(), Failure> {
        self.result(&format!("{value}\n"))
    }

    /// Tells people something that they can do without.
    pub(crate) fn note(self, text: &str) {
        if !self.is_quiet {
            self.tell(text);
        }
    }

    /// Tells people something. Where nobody listens any more it is lost.
    pub(crate) fn tell(self, text: &str) {
        let mut err = anstream::stderr().lock();
        drop(writeln!(err, "{text}").or_else(|_: io::Error| err.flush()));
    }

    /// Tells why the command failed, and gives the exit code for it.
    pub(crate) fn fail(self, failure: &Failure) -> ExitCode {
        if let Some(text) = failure.render() {
            self.tell(&text);
        }
        match failure.to_json().filter(|_| self.is_json).map(|json| self.json(&json)) {
            None | Some(Ok(())) => {}
            Some(Err(lost)) => drop(lost.render().map(|text| self.tell(&text))),
        }
        failure.exit_code()
    }
}
