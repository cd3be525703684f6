//! Progress bars on standard error; nothing where nobody watches.

use crate::progress;
use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// A part of a whole that is known.
const BAR: &str = "{msg} {wide_bar} {decimal_bytes} of {decimal_total_bytes}, {decimal_bytes_per_sec}, {eta} left";
/// Something of unknown length.
const SPINNER: &str = "{spinner} {msg} {elapsed}";
/// Time between two pictures of a spinner.
const TICK: Duration = Duration::from_millis(100);

/// Makes bars where somebody watches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bars {
    is_on: bool,
}

/// One bar; it goes away when this is dropped.
#[derive(Debug)]
pub(crate) struct Bar(ProgressBar);

impl Bars {
    /// Bars on standard error if that is a terminal and `is_wanted`.
    pub(crate) fn new(is_wanted: bool) -> Self {
        Self { is_on: progress::is_watched(is_wanted) }
    }

    /// A bar for a number of bytes; 0 is a number that nobody knows.
    pub(crate) fn bytes(self, what: String, len: u64) -> Bar {
        match len {
            0 => self.bar(ProgressBar::no_length(), SPINNER, what),
            len => self.bar(ProgressBar::new(len), BAR, what),
        }
    }

    /// A sign of life for work of unknown length.
    pub(crate) fn work(self, what: String) -> Bar {
        let bar = self.bar(ProgressBar::no_length(), SPINNER, what);
        if self.is_on {
            bar.0.enable_steady_tick(TICK);
        }
        bar
    }

    fn bar(self, bar: ProgressBar, style: &str, what: String) -> Bar {
        if !self.is_on {
            return Bar(ProgressBar::hidden());
        }
        // Both templates are fine; the tests say so.
        bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(what);
        Bar(bar)
    }
}

impl Bar {
    /// So much more is done.
    pub(crate) fn add(&self, len: u64) {
        self.0.inc(len);
    }

    /// So much is done.
    pub(crate) fn set(&self, len: u64) {
        self.0.set_position(len);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_of_the_bars_are_understood() {
        for template in [BAR, SPINNER] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
