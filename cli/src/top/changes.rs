//! The last changes of state, the newest at the bottom.

use crate::top::look::{self, BAR, FAINT, STRONG};
use crate::top::picture::Change;
use crate::top::view::View;
use crate::units;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// The heading and as many changes as there is room for.
pub(crate) fn draw(view: &View, (width, height): (usize, usize)) -> Vec<Line<'static>> {
    let matching: Vec<&Change> = view.shown().changes.iter().filter(|change| view.matches(&change.node)).collect();
    let missed = if view.missed > 0 { format!(", {} came too fast", view.missed) } else { String::new() };
    let heading = format!("{:<width$}", look::cut(&format!("changes of state{missed}"), width));
    let newest = matching.len().saturating_sub(height.saturating_sub(1));
    let mut lines = vec![Line::styled(heading, BAR)];
    lines.extend(matching.into_iter().skip(newest).map(|change| line(change, width)));
    lines.truncate(height);
    lines
}

fn line(change: &Change, width: usize) -> Line<'static> {
    let Change { at_ns, node, from, to, reason } = change;
    let at = format!("{:>9}  ", units::position(*at_ns));
    let from = format!("  {from} → ");
    let used = at.chars().count() + node.chars().count() + from.chars().count() + to.chars().count();
    let reason =
        reason.as_ref().map(|reason| format!("  {}", reason.replace(char::is_control, " "))).unwrap_or_default();
    Line::from(vec![
        Span::styled(at, FAINT),
        Span::styled(node.clone(), STRONG),
        Span::raw(from),
        Span::styled(to.clone(), look::of_state(to)),
        Span::styled(look::cut(&reason, width.saturating_sub(used)), Style::new()),
    ])
}
