//! One line on the terminal that says how far a run has come; nothing where nobody watches.
//!
//! The cursor stays behind the text, so that whatever the terminal echoes lands on this line and goes away with it.

use crate::units;
use graphmill::exec::{NodeReport, SessionReport};
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The line of this process; everything that is written to standard error goes above it.
static LINE: Mutex<Line> = Mutex::new(Line { text: None });

/// Takes a line of the terminal away and puts the cursor at its start.
const CLEAR: &str = "\r\u{1b}[2K";
/// Width that is assumed where the terminal does not tell its own.
const WIDTH: u16 = 80;

#[derive(Debug)]
struct Line {
    /// What stands on the terminal now.
    text: Option<String>,
}

/// The line, while a session runs.
#[derive(Debug)]
pub(crate) struct Progress {
    is_on: bool,
}

/// What is said of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Figures {
    /// How far the stream has come at the end of the graph.
    pub(crate) position_ns: Option<u64>,
    pub(crate) elapsed_ns: u64,
    pub(crate) packets: u64,
    pub(crate) dropped: u64,
}

impl Progress {
    /// A line on standard error if that is a terminal and `is_wanted`.
    pub(crate) fn new(is_wanted: bool) -> Self {
        Self { is_on: is_watched(is_wanted) }
    }

    /// Shows new figures; they are only made where somebody watches.
    pub(crate) fn show(&self, figures: impl FnOnce() -> Figures) {
        if self.is_on {
            let text = figures().text();
            lock().show(text);
        }
    }

    /// Takes the line away.
    pub(crate) fn finish(&self) {
        let mut line = lock();
        line.clear();
        line.text = None;
    }
}

/// Whether somebody wants to see how far things are, and standard error is a terminal that can show it.
pub(crate) fn is_watched(is_wanted: bool) -> bool {
    let is_dumb = std::env::var_os("TERM").is_none_or(|name| name == "dumb");
    is_wanted && !is_dumb && io::stderr().is_terminal()
}

/// Writes something to the terminal with the line out of the way.
pub(crate) fn above<T>(write: impl FnOnce() -> T) -> T {
    let mut line = lock();
    line.clear();
    let outcome = write();
    if let Some(text) = line.text.take() {
        line.show(text);
    }
    outcome
}

fn lock() -> MutexGuard<'static, Line> {
    LINE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Line {
    fn show(&mut self, text: String) {
        let width = terminal_size::terminal_size_of(io::stderr()).map_or(WIDTH, |(width, _)| width.0);
        // One column stays free: a cursor behind the last one would be on the next line.
        let shown: String = text.chars().take(usize::from(width.saturating_sub(1))).collect();
        write(&format!("{CLEAR}{shown}"));
        self.text = Some(text);
    }

    fn clear(&self) {
        if self.text.is_some() {
            write(CLEAR);
        }
    }
}

/// A terminal that is gone is no reason to stop.
fn write(text: &str) {
    let mut err = io::stderr().lock();
    drop(err.write_all(text.as_bytes()).and_then(|()| err.flush()));
}

impl Figures {
    /// The figures of a report; `sinks` are the nodes that nothing comes after.
    pub(crate) fn of(report: &SessionReport, sinks: &[String]) -> Self {
        let is_sink = |node: &&NodeReport| sinks.contains(&node.id);
        Self {
            position_ns: report.nodes.iter().filter(is_sink).filter_map(|node| node.position_ns).max(),
            elapsed_ns: report.elapsed_ns,
            packets: report.links.iter().map(|link| link.delivered).sum(),
            dropped: report.dropped(),
        }
    }

    /// The figures in one line.
    pub(crate) fn text(self) -> String {
        let position = self.position_ns.map(|ns| format!("{} of the stream", units::position(ns)));
        let speed = self.position_ns.and_then(|ns| units::speed(ns, self.elapsed_ns));
        let packets = Some(units::count(self.packets, "packet"));
        let dropped = Some(format!("{} dropped", self.dropped));
        [position, speed, packets, dropped].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_say_only_what_is_known() {
        let known = Figures { position_ns: Some(12_300_000_000), elapsed_ns: 300_000_000, packets: 1540, dropped: 2 };
        assert_eq!(known.text(), "12.3 s of the stream, 41.0x real time, 1540 packets, 2 dropped");
        let unknown = Figures { position_ns: None, packets: 1, ..known };
        assert_eq!(unknown.text(), "1 packet, 2 dropped");
    }
}
