//! The child's part: one trial, told line by line on standard output.

use super::bench::{Bench, Setting, Teller};
use super::finding::Line;
use super::listener;
use super::trials::load::Library;
use super::trials::{Run, TRIALS};
use crate::arguments::TrialOf;
use signal_hook::low_level;
use std::process::ExitCode;
use std::time::Duration;

/// Runs a trial and ends the process.
pub(crate) fn run(of: &TrialOf) -> ExitCode {
    listener::install();
    let teller = Teller::default();
    if let Some(trial) = TRIALS.iter().find(|trial| trial.name == of.trial) {
        let rule = trial.rules.first().copied().unwrap_or_default();
        let timeout = Duration::from_millis(of.timeout_ms);
        let library = Library { path: &of.library, teller: &teller, timeout };
        match trial.run {
            Run::Library(run) => run(&library),
            Run::Kind(run) => {
                let kind = of.kind.as_deref().unwrap_or_default();
                let params = of.params.as_deref();
                let setting = Setting { kind, params, seed: of.seed, scratch: &of.scratch, rule };
                if let Some(plugins) = library.load()
                    && let Some(bench) = Bench::new(Teller::default(), &plugins, &setting)
                {
                    run(&bench);
                }
            }
        }
    }
    teller.say(&Line::Done);
    // No exit handlers: a library that hangs may hang them too.
    low_level::exit(0);
    #[expect(unreachable_code, reason = "the compiler does not know that the line above never returns")]
    ExitCode::SUCCESS
}
