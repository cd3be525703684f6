//! `run` and `launch`: a graph from its start to its report.

use crate::arguments::{Global, Keep};
use crate::console::Console;
use crate::control::{Control, Socket};
use crate::dead_letters;
use crate::failure::Failure;
use crate::latency;
use crate::metrics::Prepared;
use crate::progress::{Figures, Progress};
use crate::report;
use crate::signals::Requests;
use crate::source::Loaded;
use graphmill::Session;
use graphmill::exec::SessionReport;
use graphmill::graph::{NodeRole, SourcedSpec};
use graphmill::plugin::install_crash_attribution;
use signal_hook::low_level;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// How often the progress is shown and signals are looked for.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Runs a graph file.
pub(crate) fn file(console: &Console, global: &Global, (file, keep): (&Path, &Keep)) -> Result<ExitCode, Failure> {
    attribute_crashes();
    run(*console, &Loaded::from_file(*console, global, file)?, keep)
}

/// Runs a launch line.
pub(crate) fn line(console: &Console, global: &Global, (words, keep): (&[String], &Keep)) -> Result<ExitCode, Failure> {
    attribute_crashes();
    run(*console, &Loaded::from_line(*console, global, &words.join(" "))?, keep)
}

/// Has the node named that takes the program down; a graph runs without that as well.
pub(super) fn attribute_crashes() {
    if let Err(error) = install_crash_attribution() {
        tracing::warn!("a crash of a plugin would not be attributed: {error}");
    }
}

fn run(console: Console, loaded: &Loaded, keep: &Keep) -> Result<ExitCode, Failure> {
    let requests = Requests::listen(console)?;
    let metrics = Prepared::new(&keep.metrics)?;
    let socket = keep.control.as_deref().map(Socket::open).transpose()?;
    let mut options = loaded.runtime.session_options();
    options.name = loaded.session_name();
    options.follow_every = keep.latency;
    let session = loaded.runtime.start_with(&loaded.graph, options);
    let session = session.map_err(|error| Failure::start(error, &loaded.spec))?;
    close_ends(console, loaded, &session);
    let sinks = loaded.sinks();
    let dead = session.dead_letter_box();
    let metrics = metrics.start(console, &session)?;
    let control = socket.map(|socket| serve(socket, loaded, &session)).transpose()?;
    let progress = Progress::new(is_watched(console, loaded));
    let report = watch(session, &requests, |now| progress.show(|| Figures::of(&now.report(), &sinks)));
    if let Some(control) = control {
        control.finish(&report);
    }
    progress.finish();
    metrics.finish(console);
    // The report is worth more than the letters, so it is told even when they cannot be saved.
    tell(console, loaded, &report, &sinks)?;
    if let Some(path) = &keep.dead_letters {
        dead_letters::save(console, path, &dead)?;
    }
    let is_stuck = !report.stragglers.is_empty() || !report.abandoned.is_empty();
    Ok(end(report::is_good(report.outcome), is_stuck))
}

/// Lets other programs ask and steer the session; they see the same tables as is told here at the end.
fn serve(socket: Socket, loaded: &Loaded, session: &Session) -> Result<Control, Failure> {
    let (sinks, spec) = (loaded.sinks(), loaded.spec.clone());
    Control::serve(socket, session.handle(), Box::new(move |now, width| tables(now, (&sinks, &spec), width)))
}

/// Everything that people want to know of a report.
fn tables(report: &SessionReport, graph: (&[String], &SourcedSpec), width: Option<usize>) -> String {
    let mut text = report::render(report, graph, width);
    if let Some(latency) = &report.latency {
        text.push_str(&format!("\n\n{}", latency::render(latency)));
    }
    text
}

/// What the program ends with; a thread that did not end could also keep that end from coming.
pub(super) fn end(is_good: bool, is_stuck: bool) -> ExitCode {
    if is_stuck {
        low_level::exit(i32::from(!is_good));
    }
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Waits for the end of the session; lets it finish when that is asked for.
fn watch(mut session: Session, requests: &Requests, mut show: impl FnMut(&Session)) -> SessionReport {
    loop {
        if let Some(report) = session.wait_timeout(LOOK_INTERVAL) {
            return report;
        }
        if requests.is_drain_wanted() {
            return session.stop();
        }
        show(&session);
    }
}

/// Nobody here pushes packets in or takes them out, so these ends are closed; that is worth a word.
fn close_ends(console: Console, loaded: &Loaded, session: &Session) {
    for (id, role) in loaded.ends() {
        match role {
            NodeRole::Inlet => {
                drop(session.take_inlet(id));
                console.note(&format!("note: inlet `{id}` stays empty: only an application can push packets in"));
            }
            _ => {
                drop(session.take_outlet(id));
                console.note(&format!("note: what reaches outlet `{id}` is dropped: only an application can take it"));
            }
        }
    }
}

/// The line is left out where a node writes to the same terminal: the two would run into each other.
fn is_watched(console: Console, loaded: &Loaded) -> bool {
    !console.is_quiet() && !shares_terminal(loaded)
}

fn shares_terminal(loaded: &Loaded) -> bool {
    io::stdout().is_terminal() && loaded.writes_to_stdout()
}

/// Tells what came of it: everything to people, JSON to programs, and failures to both.
fn tell(console: Console, loaded: &Loaded, report: &SessionReport, sinks: &[String]) -> Result<(), Failure> {
    if !console.is_quiet() && !console.is_json() {
        // Lines of sinks and the report meet on one screen.
        if shares_terminal(loaded) {
            console.tell("");
        }
        let width = terminal_size::terminal_size_of(io::stderr()).map(|(width, _)| usize::from(width.0));
        console.tell(&tables(report, (sinks, &loaded.spec), width));
        return Ok(());
    }
    if let Some(failures) = report::failures(report, &loaded.spec) {
        console.tell(&failures);
    }
    if console.is_json() {
        console.json(&serde_json::to_value(report).unwrap_or_default())?;
    }
    Ok(())
}
