//! Measures a graph by running it to its end.

use super::figures::{Figures, Times};
use super::gauge::{Cost, Gauge};
use crate::arguments::Measuring;
use crate::console::Console;
use crate::failure::Failure;
use crate::report;
use crate::source::Loaded;
use graphmill::Session;
use graphmill::exec::{NodeReport, Outcome, SessionReport};
use std::num::NonZeroU64;
use std::time::Duration;

/// Runs the graph as often as is wanted.
///
/// # Errors
/// It cannot be started, a run fails, or no packet comes to a sink.
pub(crate) fn measure(console: Console, loaded: &Loaded, how: &Measuring) -> Result<Figures, Failure> {
    for _ in 0..how.warm_up {
        run(console, loaded, (how, None))?;
    }
    let mut runs = Vec::new();
    let mut nodes = Vec::new();
    for _ in 0..how.runs {
        let (cost, report) = run(console, loaded, (how, None))?;
        runs.push((cost, packets(loaded, &report)?));
        nodes = report.nodes.iter().filter(|node| node.call_time.count > 0).map(call_times).collect();
    }
    let (_, followed) = run(console, loaded, (how, Some(how.latency)))?;
    let ends = followed.latency.iter().flat_map(|latency| &latency.ends);
    let end_to_end = ends.map(|end| Times::of_quantiles(&end.sink, &end.total)).collect();
    Ok(Figures::of_runs(loaded.session_name(), &runs, end_to_end, nodes))
}

fn call_times(node: &NodeReport) -> Times {
    Times::of_summary(&node.id, &node.call_time)
}

/// One run: what it cost from its start on, without making the instances.
fn run(
    console: Console,
    loaded: &Loaded,
    (how, follow_every): (&Measuring, Option<NonZeroU64>),
) -> Result<(Cost, SessionReport), Failure> {
    let mut options = loaded.runtime.session_options();
    options.name = loaded.session_name();
    options.follow_every = follow_every;
    let session = loaded.runtime.start_with(&loaded.graph, options);
    let session = session.map_err(|error| Failure::start(error, &loaded.spec))?;
    let gauge = Gauge::begin();
    for (id, _) in loaded.ends() {
        drop((session.take_inlet(id), session.take_outlet(id)));
    }
    let report = end(session, how.seconds);
    let cost = gauge.cost();
    if report::is_good(report.outcome) && report.abandoned.is_empty() {
        return Ok((cost, report));
    }
    if let Some(failures) = report::failures(&report, &loaded.spec) {
        console.tell(&failures);
    }
    Err(Failure::Session("the graph failed, so there is nothing to measure".to_owned()))
}

/// Waits for the end, or brings it.
fn end(mut session: Session, seconds: Option<u64>) -> SessionReport {
    match seconds.map(Duration::from_secs) {
        None => session.wait(),
        Some(limit) => session.wait_timeout(limit).unwrap_or_else(|| session.stop()),
    }
}

/// Packets that came to the sinks.
fn packets(loaded: &Loaded, report: &SessionReport) -> Result<u64, Failure> {
    let sinks = loaded.sinks();
    let count = report.nodes.iter().filter(|node| sinks.contains(&node.id)).map(|node| node.packets_in).sum();
    match (count, report.outcome) {
        (0, Outcome::Completed | Outcome::Stopped) => {
            Err(Failure::Session("no packet came to a sink, so there is nothing to measure".to_owned()))
        }
        (count, _) => Ok(count),
    }
}
