//! Headings on the terminal, and how long each section took.

use crate::command::Outcome;
use std::time::{Duration, Instant};

/// Sections that were done, with their times.
#[derive(Debug, Default)]
pub(crate) struct Sections {
    done: Vec<(&'static str, Duration)>,
}

impl Sections {
    /// Prints a heading, runs the section, and notes its time.
    ///
    /// # Errors
    /// What the section ends with.
    pub(crate) fn run(&mut self, name: &'static str, section: impl FnOnce() -> Outcome) -> Outcome {
        println!("\n== {name}");
        let begun = Instant::now();
        let outcome = section();
        self.done.push((name, begun.elapsed()));
        outcome.map_err(|failure| format!("{name}: {failure}"))
    }

    /// Prints what was done and how long it took.
    pub(crate) fn print(&self) {
        let width = self.done.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        println!("\n== passed");
        for (name, time) in &self.done {
            println!("  {name:width$}  {:7.1} s", time.as_secs_f64());
        }
    }
}
