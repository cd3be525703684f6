//! The table of nodes: which columns there is room for, in which order the rows stand, and how they look.

use crate::top::look::{self, BAR, FAINT, STRONG, WRONG};
use crate::top::picture::{NodeRow, Times};
use crate::top::view::{Focus, View};
use crate::units;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use std::cmp::Ordering;

/// Widths between which ids of nodes are given room; longer ones are cut off.
const ID_WIDTH: std::ops::RangeInclusive<usize> = 8..=32;
/// Of a long id so much is worth more than any other column.
const ID_WIDTH_WANTED: usize = 13;
/// Narrowest column for the last error, which takes what is left.
const ERROR_WIDTH_MIN: usize = 20;
/// Width of the bar of a queue.
const QUEUE_WIDTH: usize = 8;

/// A column of the table, in the order from left to right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Node,
    State,
    In,
    Out,
    Calls,
    P50,
    P99,
    Busy,
    Queue,
    Drops,
    Restarts,
    Errors,
    LastError,
}

impl Column {
    const ALL: [Self; 13] = [
        Self::Node,
        Self::State,
        Self::In,
        Self::Out,
        Self::Calls,
        Self::P50,
        Self::P99,
        Self::Busy,
        Self::Queue,
        Self::Drops,
        Self::Restarts,
        Self::Errors,
        Self::LastError,
    ];
    /// Which columns get room first.
    const BY_WORTH: [Self; 11] = [
        Self::State,
        Self::In,
        Self::P99,
        Self::Queue,
        Self::Busy,
        Self::Drops,
        Self::Out,
        Self::P50,
        Self::Restarts,
        Self::Calls,
        Self::Errors,
    ];

    fn heading(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::State => "state",
            Self::In => "in/s",
            Self::Out => "out/s",
            Self::Calls => "calls/s",
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::Busy => "in call",
            Self::Queue => "queue",
            Self::Drops => "drops",
            Self::Restarts => "new",
            Self::Errors => "errors",
            Self::LastError => "last error",
        }
    }

    fn width(self) -> usize {
        match self {
            Self::Node => *ID_WIDTH.start(),
            Self::State => 10,
            Self::In | Self::Out | Self::Drops => 5,
            Self::Calls | Self::P50 | Self::P99 | Self::Busy => 7,
            Self::Queue => QUEUE_WIDTH,
            Self::Restarts => 4,
            Self::Errors => 6,
            Self::LastError => ERROR_WIDTH_MIN,
        }
    }

    fn is_text(self) -> bool {
        matches!(self, Self::Node | Self::State | Self::Queue | Self::LastError)
    }

    /// The column right of another one; none after the last.
    pub(crate) fn after(column: Option<Self>) -> Option<Self> {
        match column {
            None => Self::ALL.first().copied(),
            Some(column) => Self::ALL.iter().skip_while(|other| **other != column).nth(1).copied(),
        }
    }

    /// The column left of another one; none before the first.
    pub(crate) fn before(column: Option<Self>) -> Option<Self> {
        match column {
            None => Self::ALL.last().copied(),
            Some(column) => Self::ALL.iter().rev().skip_while(|other| **other != column).nth(1).copied(),
        }
    }

    /// Text from a to z, figures from large to small: what is of interest comes first.
    fn compare(self, a: &NodeRow, b: &NodeRow) -> Ordering {
        let fullness = |row: &NodeRow| row.queue.map_or(0, |(depth, capacity)| depth * 1000 / capacity.max(1));
        match self {
            Self::Node => a.figures.id.cmp(&b.figures.id),
            Self::State => a.figures.state.cmp(&b.figures.state),
            Self::LastError => b.figures.last_error.cmp(&a.figures.last_error),
            Self::In => b.in_rate.total_cmp(&a.in_rate),
            Self::Out => b.out_rate.total_cmp(&a.out_rate),
            Self::Calls => b.call_rate.total_cmp(&a.call_rate),
            Self::P50 => b.figures.call_time.p50_ns.cmp(&a.figures.call_time.p50_ns),
            Self::P99 => b.figures.call_time.p99_ns.cmp(&a.figures.call_time.p99_ns),
            Self::Busy => b.busy.total_cmp(&a.busy),
            Self::Queue => fullness(b).cmp(&fullness(a)),
            Self::Drops => b.drops.cmp(&a.drops),
            Self::Restarts => b.figures.restarts.cmp(&a.figures.restarts),
            Self::Errors => b.figures.errors.cmp(&a.figures.errors),
        }
    }
}

/// The nodes that the filter lets through, in the order that was asked for.
pub(crate) fn sorted(view: &View) -> Vec<&NodeRow> {
    let is_shown = |row: &&NodeRow| {
        let figures = &row.figures;
        [&figures.id, &figures.kind, &figures.worker].into_iter().any(|text| view.matches(text))
            || view.matches(state_of(row))
    };
    let mut rows: Vec<&NodeRow> = view.shown().picture.nodes.iter().filter(is_shown).collect();
    if let Some(column) = view.sort {
        rows.sort_by(|a, b| column.compare(a, b));
    }
    if view.is_reversed {
        rows.reverse();
    }
    rows
}

/// The heading, the rows around the selected one, and a line about that one.
pub(crate) fn draw(view: &View, (width, height): (usize, usize)) -> Vec<Line<'static>> {
    let rows = sorted(view);
    let columns = columns(&rows, width);
    let mut lines = vec![heading(view, &columns, width)];
    let selected = rows.iter().position(|row| view.selected.as_ref() == Some(&row.figures.id));
    let room = height.saturating_sub(2);
    // The selected row stays in sight.
    let first = selected.map_or(0, |at| at.saturating_sub(room.saturating_sub(1)));
    for (at, row) in rows.iter().enumerate().skip(first).take(room) {
        let line = line(row, &columns);
        let is_marked = selected == Some(at) && view.focus == Focus::Nodes;
        lines.push(if is_marked { marked(&line, width) } else { line });
    }
    let hidden = rows.len().saturating_sub(room);
    lines.push(about(selected.and_then(|at| rows.get(at)).copied(), (hidden, rows.len()), width));
    lines.truncate(height);
    lines
}

/// The selected row: one bar without colours, which would be patches on it.
fn marked(line: &Line<'_>, width: usize) -> Line<'static> {
    Line::styled(format!("{:<width$}", line.to_string()), BAR.add_modifier(Modifier::BOLD))
}

/// Columns with their widths, as many as there is room for.
fn columns(rows: &[&NodeRow], width: usize) -> Vec<(Column, usize)> {
    let longest = rows.iter().map(|row| row.figures.id.chars().count()).max().unwrap_or(0);
    let id = longest.clamp(*ID_WIDTH.start(), *ID_WIDTH.end());
    let mut left = width.saturating_sub(id.min(ID_WIDTH_WANTED));
    let mut chosen = vec![Column::Node];
    for column in Column::BY_WORTH {
        if let Some(rest) = left.checked_sub(column.width() + 1) {
            chosen.push(column);
            left = rest;
        } else {
            break;
        }
    }
    let id_more = left.min(id.saturating_sub(ID_WIDTH_WANTED));
    left -= id_more;
    let error = left.checked_sub(1).filter(|left| *left >= ERROR_WIDTH_MIN);
    let width_of = |column: Column| match column {
        Column::Node => Some((id.min(ID_WIDTH_WANTED) + id_more).min(width)),
        Column::LastError => error,
        column => chosen.contains(&column).then(|| column.width()),
    };
    Column::ALL.into_iter().filter_map(|column| Some((column, width_of(column)?))).collect()
}

fn heading(view: &View, columns: &[(Column, usize)], width: usize) -> Line<'static> {
    let mut spans = Vec::new();
    let mut used = 0;
    for (at, (column, column_width)) in columns.iter().enumerate() {
        let is_sorted = view.sort == Some(*column);
        let mark = if view.is_reversed { '▴' } else { '▾' };
        let text = if is_sorted { format!("{mark}{}", column.heading()) } else { column.heading().to_owned() };
        let gap = usize::from(at > 0);
        let text = placed(&look::cut(&text, *column_width), *column, *column_width);
        used += gap + column_width;
        let style = if is_sorted { BAR.add_modifier(Modifier::BOLD) } else { BAR };
        spans.push(Span::styled(format!("{}{text}", " ".repeat(gap)), style));
    }
    spans.push(Span::styled(" ".repeat(width.saturating_sub(used)), BAR));
    Line::from(spans)
}

fn line(row: &NodeRow, columns: &[(Column, usize)]) -> Line<'static> {
    let mut spans = Vec::new();
    for (at, (column, width)) in columns.iter().enumerate() {
        let (text, style) = cell(row, *column);
        let gap = if at > 0 { " " } else { "" };
        spans.push(Span::raw(gap));
        spans.push(Span::styled(placed(&look::cut(&text, *width), *column, *width), style));
    }
    Line::from(spans)
}

fn placed(text: &str, column: Column, width: usize) -> String {
    if column.is_text() { format!("{text:<width$}") } else { format!("{text:>width$}") }
}

/// What a node shows as its state: a source that rests is running, and that is not what one wants to know.
fn state_of(row: &NodeRow) -> &str {
    let NodeRow { figures, .. } = row;
    if figures.paused && matches!(figures.state.as_str(), "running" | "degraded") { "paused" } else { &figures.state }
}

fn cell(row: &NodeRow, column: Column) -> (String, Style) {
    let NodeRow { figures, .. } = row;
    let times = &figures.call_time;
    let measured = |ns: u64| if times.count == 0 { "-".to_owned() } else { units::duration(ns) };
    let alarming = |count: u64| (look::count(count), if count > 0 { WRONG } else { FAINT });
    let plain = |text: String| (text, Style::new());
    match column {
        Column::Node => (figures.id.clone(), STRONG),
        Column::State => (state_of(row).to_owned(), look::of_state(state_of(row))),
        Column::In => plain(look::short(row.in_rate)),
        Column::Out => plain(look::short(row.out_rate)),
        Column::Calls => plain(look::short(row.call_rate)),
        Column::P50 => plain(measured(times.p50_ns)),
        Column::P99 => plain(measured(times.p99_ns)),
        Column::Busy => plain(format!("{:.1} %", row.busy * 100.0)),
        Column::Queue => match row.queue {
            Some((depth, capacity)) => (look::bar(depth, capacity, QUEUE_WIDTH), look::of_queue(depth, capacity)),
            None => ("-".to_owned(), FAINT),
        },
        Column::Drops => alarming(row.drops),
        Column::Restarts => alarming(figures.restarts),
        Column::Errors => alarming(figures.errors),
        Column::LastError => (figures.last_error.clone().unwrap_or_default(), WRONG),
    }
}

/// More of the selected node than its row has room for; without one, what is not in sight.
fn about(row: Option<&NodeRow>, (hidden, all): (usize, usize), width: usize) -> Line<'static> {
    let Some(NodeRow { figures, mean_ns, queue, .. }) = row else {
        let text = if hidden > 0 { format!("{hidden} of {all} nodes are further below") } else { String::new() };
        return Line::styled(look::cut(&text, width), FAINT);
    };
    let worker = match figures.worker.as_str() {
        "" => "no worker".to_owned(),
        worker => format!("worker {}", worker.strip_prefix("worker ").unwrap_or(worker)),
    };
    let mean = mean_ns.map(|ns| format!("mean call {}", units::duration(ns)));
    let max = (figures.call_time.count > 0).then(|| format!("longest {}", units::duration(figures.call_time.max_ns)));
    let queue = queue.map(|(depth, capacity)| format!("queue {depth} of {capacity}"));
    let wait =
        |what: &str, times: &Times| (times.count > 0).then(|| format!("{what} p99 {}", units::duration(times.p99_ns)));
    let waits = [wait("queue wait", &figures.queue_wait), wait("send wait", &figures.send_wait)];
    let error = figures.last_error.as_ref().map(|error| format!("last error: {error}"));
    let facts = [Some(figures.kind.clone()), Some(worker), error, mean, max, queue];
    let text = facts.into_iter().chain(waits).flatten().collect::<Vec<_>>().join(", ");
    Line::styled(look::cut(&format!("{}: {text}", figures.id), width), look::WANTED)
}
