//! One line on the terminal that says how far a run has come; nothing where nobody watches.

use crate::units;
use graphmill::exec::SessionReport;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::OnceLock;

/// The line of this process, for whoever else writes to the terminal.
static LINE: OnceLock<ProgressBar> = OnceLock::new();

/// How often the line changes per second.
const REFRESHES_PER_S: u8 = 10;

/// The line, while a session runs.
#[derive(Debug)]
pub(crate) struct Progress {
    line: ProgressBar,
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
        // The library draws nothing where standard error is no terminal.
        let target =
            if is_wanted { ProgressDrawTarget::stderr_with_hz(REFRESHES_PER_S) } else { ProgressDrawTarget::hidden() };
        let line = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner:.blue} {wide_msg}") {
            line.set_style(style);
        }
        drop(LINE.set(line.clone()));
        Self { line }
    }

    /// Shows new figures.
    pub(crate) fn show(&self, figures: Figures) {
        self.line.set_message(figures.text());
        self.line.tick();
    }

    /// Takes the line away.
    pub(crate) fn finish(&self) {
        self.line.finish_and_clear();
    }
}

/// Writes something to the terminal with the line out of the way.
pub(crate) fn above<T>(write: impl FnOnce() -> T) -> T {
    match LINE.get() {
        Some(line) => line.suspend(write),
        None => write(),
    }
}

impl Figures {
    /// The figures of a report; `sinks` are the nodes that nothing comes after.
    pub(crate) fn of(report: &SessionReport, sinks: &[String]) -> Self {
        let position = |node: &&graphmill::exec::NodeReport| sinks.contains(&node.id);
        Self {
            position_ns: report.nodes.iter().filter(position).filter_map(|node| node.position_ns).max(),
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
