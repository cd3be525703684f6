//! The table of links.

use crate::top::look::{self, BAR, FAINT, WANTED, WRONG};
use crate::top::picture::LinkRow;
use crate::top::view::{Focus, View};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// Width of the bar of a link.
const BAR_WIDTH: usize = 10;
/// Widths of the columns after the name: packets a second, how many wait, the most that waited.
const RATE_WIDTH: usize = 7;
const DEPTH_WIDTH: usize = 9;
const MOST_WIDTH: usize = 5;
/// What is left for the losses at least; longer names of links are cut off.
const LOST_WIDTH_MIN: usize = 12;
/// Every column after the first has a space before it.
const FIXED_WIDTH: usize = BAR_WIDTH + RATE_WIDTH + DEPTH_WIDTH + MOST_WIDTH + LOST_WIDTH_MIN + 5;
const NAME_WIDTH_MIN: usize = 12;

/// The links that the filter lets through, those of the selected node first.
pub(crate) fn matching(view: &View) -> Vec<&LinkRow> {
    let matching = view.shown().picture.links.iter().filter(|link| view.matches(&link.figures.link));
    let (mut first, rest): (Vec<_>, Vec<_>) = matching.partition(|link| is_of_selected(view, link));
    first.extend(rest);
    first
}

fn is_of_selected(view: &View, link: &LinkRow) -> bool {
    view.selected.as_ref().is_some_and(|node| link.figures.touches(node))
}

/// The heading and as many links as there is room for.
pub(crate) fn draw(view: &View, (width, height): (usize, usize)) -> Vec<Line<'static>> {
    let links = matching(view);
    let longest = links.iter().map(|link| link.figures.link.chars().count()).max().unwrap_or(0);
    let name = longest.clamp(NAME_WIDTH_MIN, width.saturating_sub(FIXED_WIDTH).max(NAME_WIDTH_MIN));
    let room = height.saturating_sub(1);
    let first = view.first_link.min(links.len().saturating_sub(room));
    let mut lines = vec![heading(view, (first, room.min(links.len()), links.len()), (name, width))];
    lines.extend(links.into_iter().skip(first).take(room).map(|link| {
        let style = if is_of_selected(view, link) { WANTED } else { Style::new() };
        line(link, style, (name, width))
    }));
    lines.truncate(height);
    lines
}

fn heading(view: &View, (first, shown, all): (usize, usize, usize), (name, width): (usize, usize)) -> Line<'static> {
    let mark = if view.focus == Focus::Links { "▸link" } else { "link" };
    let some = if shown < all { format!("{mark} ({}-{} of {all})", first + 1, first + shown) } else { mark.to_owned() };
    let some = look::cut(&some, name);
    let text = format!(
        "{some:<name$} {:>RATE_WIDTH$} {:<BAR_WIDTH$} {:>DEPTH_WIDTH$} {:>MOST_WIDTH$} lost",
        "/s", "depth", "", "most"
    );
    Line::styled(format!("{:<width$}", look::cut(&text, width)), BAR)
}

fn line(row: &LinkRow, name_style: Style, (name, width): (usize, usize)) -> Line<'static> {
    let LinkRow { figures, rate } = row;
    let (depth, capacity) = (figures.depth, figures.capacity);
    let lost: Vec<_> =
        figures.dropped.iter().map(|lost| format!("{} {}", look::count(lost.packets), lost.reason)).collect();
    let (lost, style) = if lost.is_empty() { ("0".to_owned(), FAINT) } else { (lost.join(", "), WRONG) };
    let left = width.saturating_sub(name + FIXED_WIDTH - LOST_WIDTH_MIN);
    Line::from(vec![
        Span::styled(format!("{:<name$}", look::cut(&figures.link, name)), name_style),
        Span::raw(format!(" {:>RATE_WIDTH$} ", look::short(*rate))),
        Span::styled(look::bar(depth, capacity, BAR_WIDTH), look::of_queue(depth, capacity)),
        Span::raw(format!(" {:>DEPTH_WIDTH$}", format!("{depth}/{capacity}"))),
        Span::raw(format!(" {:>MOST_WIDTH$} ", look::count(figures.high_water))),
        Span::styled(look::cut(&lost, left), style),
    ])
}
