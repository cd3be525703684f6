//! How single figures look: short numbers, bars, colours of states.

pub(crate) use crate::table::cut;
use ratatui::style::{Color, Modifier, Style};

/// Headings and bars of the screen.
pub(crate) const BAR: Style = Style::new().add_modifier(Modifier::REVERSED);
/// What stands out.
pub(crate) const STRONG: Style = Style::new().add_modifier(Modifier::BOLD);
/// What matters less.
pub(crate) const FAINT: Style = Style::new().add_modifier(Modifier::DIM);
/// What is wrong.
pub(crate) const WRONG: Style = Style::new().fg(Color::LightRed).add_modifier(Modifier::BOLD);
/// What may become wrong.
pub(crate) const DOUBTFUL: Style = Style::new().fg(Color::Yellow);
/// What is as it should be.
pub(crate) const GOOD: Style = Style::new().fg(Color::Green);
/// What somebody asked for.
pub(crate) const WANTED: Style = Style::new().fg(Color::LightBlue);

/// Parts of a character, by eighths.
const EIGHTHS: [char; 8] = ['·', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// How a state looks.
pub(crate) fn of_state(state: &str) -> Style {
    match state {
        "running" => GOOD,
        "degraded" | "restarting" => DOUBTFUL,
        "hung" | "tripped" | "failed" => WRONG,
        "paused" => WANTED,
        "stopped" => FAINT,
        _ => Style::new(),
    }
}

/// How the end of a session looks.
pub(crate) fn of_outcome(outcome: &str) -> Style {
    match outcome {
        "running" | "completed" | "stopped" => GOOD.add_modifier(Modifier::BOLD),
        _ => WRONG,
    }
}

/// A number with at most three digits and a letter for thousands, millions or more: `0`, `0.25`, `42.0`, `1.23k`.
pub(crate) fn short(value: f64) -> String {
    let sizes = [("", 1.0), ("k", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12)];
    let (letter, size) = sizes.into_iter().find(|(_, size)| value / size < 999.5).unwrap_or(("T", 1e12));
    match (value / size, letter) {
        (0.0, _) => "0".to_owned(),
        (value, letter) if value < 9.995 => format!("{value:.2}{letter}"),
        (value, letter) if value < 99.95 => format!("{value:.1}{letter}"),
        (value, letter) => format!("{value:.0}{letter}"),
    }
}

/// A count, exact as long as it is short.
pub(crate) fn count(value: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown, sixteen are kept")]
    if value < 10_000 { value.to_string() } else { short(value as f64) }
}

/// How full something is, as a bar of `width` characters. What is not empty shows at least a sliver.
pub(crate) fn bar(depth: u64, capacity: u64, width: usize) -> String {
    let whole = width as u64 * 8;
    let filled = (depth.min(capacity) * whole).checked_div(capacity).unwrap_or(0).max(u64::from(depth > 0));
    let char = |at: u64| match filled.saturating_sub(at * 8) {
        8.. => '█',
        eighths => usize::try_from(eighths).ok().and_then(|at| EIGHTHS.get(at)).copied().unwrap_or('·'),
    };
    (0..width as u64).map(char).collect()
}

/// How a queue of this fullness looks: one that is full holds somebody back, or loses packets.
pub(crate) fn of_queue(depth: u64, capacity: u64) -> Style {
    match (depth * 10).checked_div(capacity) {
        Some(9..) => Style::new().fg(Color::LightRed),
        Some(5..) => DOUBTFUL,
        _ if depth == 0 => FAINT,
        _ => GOOD,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_say_no_more_than_they_know() {
        let table = [
            (0.0, "0"),
            (0.25, "0.25"),
            (9.996, "10.0"),
            (42.0, "42.0"),
            (999.4, "999"),
            (999.6, "1.00k"),
            (1_234_567.0, "1.23M"),
            (5e15, "5000T"),
        ];
        for (value, expected) in table {
            assert_eq!(short(value), expected);
        }
        assert_eq!((count(9_999).as_str(), count(10_000).as_str()), ("9999", "10.0k"));
    }

    #[test]
    fn bars_show_a_sliver_of_what_is_not_empty_and_are_full_only_when_it_is() {
        let table = [(0, 64, "····"), (1, 64, "▏···"), (32, 64, "██··"), (63, 64, "███▉"), (64, 64, "████")];
        for (depth, capacity, expected) in table {
            assert_eq!(bar(depth, capacity, 4), expected, "{depth} of {capacity}");
        }
        assert_eq!(bar(1, 1_000_000, 4), "▏···");
        assert_eq!(bar(0, 0, 4), "····");
    }
}
