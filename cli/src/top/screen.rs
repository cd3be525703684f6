//! The whole screen: two lines about the session, three lists, one line about the keys.

use crate::top::layout::{self, Lines};
use crate::top::look::{self, FAINT, STRONG, WANTED, WRONG};
use crate::top::view::{Standing, View};
use crate::top::{changes, links, nodes};
use crate::units;
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph, Widget as _};

/// Lines above and below the lists.
const HEADER: u16 = 2;
const FOOTER: u16 = 1;
/// Below this there is nothing that could be read.
const WIDTH_MIN: u16 = 30;
const HEIGHT_MIN: u16 = 6;
/// Changes that are worth a line each where lists are long.
const CHANGES_WANTED: usize = 8;

const KEYS: &str = "? keys  q quit  ←→ sort  / filter  space freeze  ↑↓ select  p pause source";

const HELP: &[&str] = &[
    "",
    "  ↑ ↓  j k       select a node, or move through the links",
    "  tab            go from the nodes to the links and back",
    "  ← →            sort by the column left or right",
    "  r              turn the order round",
    "  g              back to the order of the graph",
    "  /              show only what contains a text; esc takes it away",
    "  space          hold this picture; the session goes on",
    "  p              pause the selected source, or let it go on",
    "  esc            take away what was chosen, then leave",
    "  q  ctrl-c      leave; the session goes on",
    "",
    "  in/s out/s     packets a second since the last look",
    "  p50 p99        times of calls since the session began,",
    "  in call        part of the time spent in calls; both with",
    "                 waiting for room on a full link",
    "  queue          how full the fullest link to the node is",
    "  drops          packets lost on the links to the node",
    "  new            instances made anew after a failure",
    "",
];

/// Draws the view.
pub(crate) fn draw(frame: &mut Frame<'_>, view: &View) {
    render(view, frame.area(), frame.buffer_mut());
}

fn render(view: &View, area: Rect, buffer: &mut Buffer) {
    if area.width < WIDTH_MIN || area.height < HEIGHT_MIN {
        Paragraph::new("too small a terminal").render(area, buffer);
        return;
    }
    let width = usize::from(area.width);
    let picture = &view.shown().picture;
    let lines = |len: usize| u16::try_from(len).unwrap_or(u16::MAX);
    let wanted = Lines {
        nodes: lines(nodes::sorted(view).len() + 2),
        links: if picture.links.is_empty() { 0 } else { lines(links::matching(view).len() + 1) },
        changes: lines(view.shown().changes.len().clamp(1, CHANGES_WANTED) + 1),
    };
    let Lines { nodes, links, changes } = layout::divide(area.height - HEADER - FOOTER, wanted);
    let size = |height: u16| (width, usize::from(height));
    let mut screen = header(view, width);
    screen.extend(nodes::draw(view, size(nodes)));
    screen.extend(links::draw(view, size(links)));
    screen.extend(changes::draw(view, size(changes)));
    screen.truncate(usize::from(area.height - FOOTER));
    Paragraph::new(screen).render(area, buffer);
    let bottom = Rect { y: area.bottom() - FOOTER, height: FOOTER, ..area };
    Paragraph::new(footer(view, width)).render(bottom, buffer);
    if view.is_help {
        help(area, buffer);
    }
    if !view.has_colours {
        for cell in &mut buffer.content {
            cell.set_fg(Color::Reset).set_bg(Color::Reset);
        }
    }
}

/// Who it is and how it stands; what the figures are over.
fn header(view: &View, width: usize) -> Vec<Line<'static>> {
    let picture = &view.shown().picture;
    let report = &picture.report;
    if report.session.is_empty() {
        return vec![Line::from("waiting for the first report"), Line::default()];
    }
    let (outcome, style) = match &view.standing {
        Standing::Lost(_) => ("lost", WRONG),
        _ => (report.outcome.as_str(), look::of_outcome(&report.outcome)),
    };
    let alarm = |count: u64| if count > 0 { WRONG } else { FAINT };
    let (drops, abandoned) = (picture.drops(), report.abandoned.len() as u64);
    let first = vec![
        Span::styled(look::cut(&report.session, width / 2), STRONG),
        Span::raw("  "),
        Span::styled(outcome.to_owned(), style),
        Span::raw(if view.standing == Standing::Alive { " for " } else { " after " }),
        Span::raw(units::position(report.elapsed_ns)),
        Span::raw(format!("  {} packets/s  ", look::short(picture.rate))),
        Span::styled(format!("{} dropped", look::count(drops)), alarm(drops)),
        Span::styled(format!("  {abandoned} abandoned"), alarm(abandoned)),
    ];
    vec![Line::from(first), second(view, width)]
}

fn second(view: &View, width: usize) -> Line<'static> {
    let picture = &view.shown().picture;
    if let Standing::Lost(why) = &view.standing {
        return Line::styled(look::cut(why, width), WRONG);
    }
    if let (Standing::Ended, Some(failure)) = (&view.standing, picture.report.failures.first()) {
        let text = format!("`{}` failed: {}", failure.node, failure.message.replace(char::is_control, " "));
        return Line::styled(look::cut(&text, width), WRONG);
    }
    let over = if picture.is_over_all { "the whole run".to_owned() } else { units::duration(picture.over_ns) };
    let mut spans = vec![Span::styled(format!("rates over {over}, times since the start"), FAINT)];
    if picture.report.dead_letters > 0 {
        spans.push(Span::styled(format!("  {}", units::count(picture.report.dead_letters, "dead letter")), WRONG));
    }
    if view.is_frozen() {
        spans.push(Span::styled("  frozen", WANTED.add_modifier(Modifier::BOLD)));
    }
    if !view.filter.is_empty() && !view.is_typing {
        spans.push(Span::styled(format!("  only `{}`", view.filter), WANTED.add_modifier(Modifier::BOLD)));
    }
    Line::from(spans)
}

fn footer(view: &View, width: usize) -> Line<'static> {
    if view.is_typing {
        let text = format!("show only what contains: {}▏  enter keeps it, esc takes it away", view.filter);
        return Line::styled(look::cut(&text, width), WANTED);
    }
    if let Some(notice) = &view.notice {
        return Line::styled(look::cut(&notice.replace(char::is_control, " "), width), WRONG);
    }
    let keys = if view.standing == Standing::Alive { KEYS } else { "the session has ended; q leaves  ? keys" };
    Line::styled(look::cut(keys, width), FAINT)
}

fn help(area: Rect, buffer: &mut Buffer) {
    let width = HELP.iter().map(|line| line.chars().count()).max().unwrap_or(0) + 2;
    let width = u16::try_from(width).unwrap_or(u16::MAX).min(area.width);
    let height = u16::try_from(HELP.len()).unwrap_or(u16::MAX).min(area.height);
    let place = Rect { x: (area.width - width) / 2, y: (area.height - height) / 2, width, height };
    Clear.render(place, buffer);
    let lines: Vec<_> = HELP
        .iter()
        .map(|line| Line::styled(format!("{line:<width$}", width = usize::from(width)), look::BAR))
        .collect();
    Paragraph::new(lines).render(place, buffer);
}

#[cfg(test)]
mod tests;
