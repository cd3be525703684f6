//! `graphmill`: runs, checks and draws graphs, and looks into plugins.
//!
//! What people read goes to standard error; standard output belongs to what was asked for, to sinks of the graph and
//! to `--json`. Exit codes: 0 done, 1 the graph failed, 2 bad usage, file, plugin or param.
#![forbid(unsafe_code)]

mod arguments;
mod commands;

mod bench;

mod plugins;
mod probe;
mod source;

#[cfg(feature = "models")]
mod models;

mod validate;

mod control;
#[cfg(feature = "top")]
mod top;

mod describe;
mod drawing;
mod report;
mod schema;

mod console;
mod dead_letters;
mod failure;
mod latency;
mod logging;
mod metrics;
mod packets;
mod progress;
mod signals;
mod table;
mod units;

use arguments::{Arguments, Command};
use clap::Parser;
use console::Console;
use failure::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(usage) => return tell_usage(&usage),
    };
    let console = Console::new(&arguments.global);
    // A trial listens to everything itself.
    if !matches!(arguments.command, Command::Trial(_)) {
        logging::install(&arguments.global);
    }
    let outcome = run(&console, &arguments);
    outcome.unwrap_or_else(|failure| console.fail(&failure))
}

/// Help and the version are asked for, so they are no failure; a wrong word is.
fn tell_usage(usage: &clap::Error) -> ExitCode {
    // A reader that has left does not want to know.
    drop(usage.print());
    if usage.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS }
}

fn run(console: &Console, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let global = &arguments.global;
    match &arguments.command {
        Command::Run { file, keep } => commands::run::file(console, global, (file, keep)),
        Command::ReplayDeadLetters { letters, file, node } => {
            commands::replay::run(*console, global, (letters, file, node.as_deref()))
        }
        Command::Launch { words, keep } => commands::run::line(console, global, (words, keep)),
        Command::Control { socket, what } => commands::control::run(*console, (socket, what)),
        #[cfg(feature = "top")]
        Command::Top { socket, interval_ms } => commands::top::run(socket, *interval_ms),
        Command::Bench { subject, how } => commands::bench::run(*console, global, (subject, how)),
        Command::Check { file } => commands::check::run(console, global, file),
        Command::Kinds { kind, params } => commands::kinds::run(console, global, (kind.as_deref(), params.as_deref())),
        Command::Inspect { subject, timeout_s } => commands::inspect::run(console, global, subject, *timeout_s),
        Command::Validate(of) => commands::validate::run(console, of),
        Command::Graph { file, to, output } => commands::graph::run(console, global, (file, to, output.as_deref())),
        #[cfg(feature = "models")]
        Command::Models { store, what } => commands::models::run(*console, store, what),
        Command::Completions { shell } => commands::completions::run(console, *shell),
        Command::Trial(of) => Ok(validate::run_trial(of)),
        Command::ProbePlugin { library, timeout_ms } => Ok(probe::answer(library, *timeout_ms)),
    }
}
