//! What a session did, as tables.

use crate::failure::{ERROR, STRONG, WARNING, render_node_failure};
use crate::progress::Figures;
use crate::table::{Align, Cell, Table};
use crate::units;
use graphmill::exec::{LinkReport, NodeReport, NodeState, Outcome, SessionReport};
use graphmill::graph::SourcedSpec;

const GOOD: anstyle::Style = anstyle::AnsiColor::Green.on_default().bold();

/// The whole report: what came of it, the nodes, the links, then everything that went wrong. The tables have a line
/// for each node and link; those that would be longer than `width` leave out what is worth least.
pub(crate) fn render(report: &SessionReport, (sinks, spec): (&[String], &SourcedSpec), width: Option<usize>) -> String {
    let width = width.unwrap_or(usize::MAX);
    let mut text = headline(report, sinks);
    text.push_str("\n\n");
    text.push_str(&nodes(report, width));
    if !report.links.is_empty() {
        text.push('\n');
        text.push_str(&links(&report.links, width));
    }
    for note in notes(report) {
        text.push_str(&format!("\n{WARNING}note{WARNING:#}: {note}"));
    }
    text = text.trim_end().to_owned();
    if let Some(failures) = failures(report, spec) {
        text.push_str("\n\n");
        text.push_str(&failures);
    }
    text
}

/// What made nodes fail, if anything did.
pub(crate) fn failures(report: &SessionReport, spec: &SourcedSpec) -> Option<String> {
    let failures: Vec<_> = report.failures.iter().map(|failure| render_node_failure(failure, spec)).collect();
    (!failures.is_empty()).then(|| failures.join("\n\n"))
}

/// One line: what came of it, how long it took, how much it was.
fn headline(report: &SessionReport, sinks: &[String]) -> String {
    let (style, outcome) = match report.outcome {
        Outcome::Completed => (GOOD, "completed"),
        Outcome::Stopped => (GOOD, "stopped and finished"),
        Outcome::Aborted => (ERROR, "stopped, with work left undone,"),
        Outcome::Failed => (ERROR, "failed"),
        Outcome::Running => (WARNING, "still running"),
        _ => (WARNING, "ended"),
    };
    let figures = Figures::of(report, sinks);
    let name = &report.session;
    format!(
        "{STRONG}{name}{STRONG:#}: {style}{outcome}{style:#} in {}; {}",
        units::duration(report.elapsed_ns),
        figures.text()
    )
}

fn nodes(report: &SessionReport, width: usize) -> String {
    let left = [("node", Align::Left), ("kind", Align::Left), ("worker", Align::Left), ("state", Align::Left)];
    let right = ["calls", "in", "out", "errors", "p50", "p99", "max", "in call"].map(|name| (name, Align::Right));
    let [a, b, c, d] = left;
    let [e, f, g, h, i, j, k, l] = right;
    let mut table = Table::new([a, b, c, d, e, f, g, h, i, j, k, l]);
    for node in &report.nodes {
        table.row(row(node, report.elapsed_ns));
    }
    let shares = report.nodes.iter().any(|node| !matches!(worker(node), "own" | "-"));
    let table = if shares { table } else { table.without("worker") };
    table.fitted(width, &["max", "calls", "worker", "kind", "p50"]).render()
}

fn row(node: &NodeReport, elapsed_ns: u64) -> [Cell; 12] {
    let time = &node.call_time;
    let measured = |ns: u64| if time.count == 0 { "-".into() } else { Cell::from(units::duration(ns)) };
    let state = Cell::from(node.state.name());
    [
        node.id.as_str().into(),
        node.kind.as_str().into(),
        worker(node).into(),
        if matches!(node.state, NodeState::Failed | NodeState::Hung | NodeState::Tripped) {
            state.styled(ERROR)
        } else {
            state
        },
        node.calls.to_string().into(),
        node.packets_in.to_string().into(),
        node.packets_out.to_string().into(),
        alarming(node.errors.to_string(), node.errors),
        measured(time.p50_ns),
        measured(time.p99_ns),
        measured(time.max_ns),
        if time.count == 0 { "-".into() } else { units::percent(time.sum_ns, elapsed_ns).into() },
    ]
}

/// A number that should be 0.
fn alarming(text: String, count: u64) -> Cell {
    let cell = Cell::from(text);
    if count > 0 { cell.styled(ERROR) } else { cell }
}

/// The worker that a node shares, or that it has one of its own.
fn worker(node: &NodeReport) -> &str {
    match node.worker.as_str() {
        "" => "-",
        worker if worker == node.id => "own",
        worker => worker.strip_prefix("worker ").unwrap_or(worker),
    }
}

fn links(links: &[LinkReport], width: usize) -> String {
    let columns =
        [("link", Align::Left), ("delivered", Align::Right), ("high water", Align::Right), ("dropped", Align::Left)];
    let mut table = Table::new(columns);
    for link in links {
        let reasons: Vec<_> = link.dropped.iter().map(|lost| format!("{} {}", lost.packets, lost.reason)).collect();
        let dropped = if reasons.is_empty() { "0".to_owned() } else { reasons.join(", ") };
        table.row([
            link.link.as_str().into(),
            link.delivered.to_string().into(),
            format!("{} of {}", link.high_water, link.capacity).into(),
            alarming(dropped, link.dropped_total()),
        ]);
    }
    table.wrapped_at(width).fitted(width, &[]).render()
}

/// What is worth knowing and has no column.
fn notes(report: &SessionReport) -> Vec<String> {
    let mut notes = Vec::new();
    for node in &report.nodes {
        let id = &node.id;
        // An error that made the node fail is told as its failure.
        let is_told =
            |error: &&String| report.failures.iter().any(|failure| failure.node == *id && failure.message == **error);
        if let Some(error) = node.last_error.as_ref().filter(|error| node.errors > 1 || !is_told(error)) {
            notes.push(format!("`{id}` had {}, the last: {error}", units::count(node.errors, "error")));
        }
        if node.restarts > 0 {
            notes.push(format!("`{id}` got a new instance {}", units::count(node.restarts, "time")));
        }
        if node.lost_in_flight > 0 {
            let packets = units::count(node.lost_in_flight, "packet");
            notes.push(format!("`{id}` lost {packets} in flight when its instance failed"));
        }
        if node.bypassed > 0 {
            notes.push(format!("{} passed `{id}` by after it tripped", units::count(node.bypassed, "packet")));
        }
        if node.lost_in_cycle > 0 {
            let packets = units::count(node.lost_in_cycle, "packet");
            notes.push(format!("{packets} of `{id}` did not come back around a cycle"));
        }
        if node.late_outputs > 0 {
            let packets = units::count(node.late_outputs, "packet");
            notes.push(format!("`{id}` gave {packets} after its call was given up; dropped"));
        }
        if node.log_records_suppressed > 0 {
            let records = units::count(node.log_records_suppressed, "log record");
            notes.push(format!("{records} of `{id}` were dropped: it wrote too many in a second"));
        }
        if node.late_ticks > 0 {
            notes.push(format!(
                "`{id}` had {} that came a whole interval late or more",
                units::count(node.late_ticks, "tick")
            ));
        }
        if node.packets_unlinked > 0 {
            let packets = units::count(node.packets_unlinked, "packet");
            notes.push(format!("`{id}` gave {packets} to an output that nothing is linked to"));
        }
    }
    for failure in &report.tripped {
        notes.push(format!("the session went on without `{}`: {failure}", failure.node));
    }
    for worker in &report.abandoned {
        notes.push(format!("the thread of worker `{worker}` did not return from a plugin and was abandoned"));
    }
    for worker in &report.stragglers {
        notes.push(format!("worker `{worker}` did not end in time and was left behind"));
    }
    notes
}

/// Whether the session did what it was asked for.
pub(crate) fn is_good(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Completed | Outcome::Stopped)
}
