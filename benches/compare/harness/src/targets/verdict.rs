//! Which targets are met.

use super::figures::{Figures, spread, value};
use super::goals::{GOALS, Goal, Limit, Place, RIVALS, Rival};
use crate::draw::time;
use crate::rows::Row;
use crate::spread::{Spread, three_digits};
use crate::table::Table;
use std::collections::BTreeSet;

/// A row for each target: what it says, what it came to, and whether that is enough.
pub(super) fn table(figures: &[Figures], peers: &[Row]) -> String {
    let mut table =
        Table::new(&["Target", "What", "Wanted", "Measured", "Baseline in turns", "Ratio", "State", "Command"]);
    GOALS.iter().for_each(|goal| table.row(goal_row(goal, figures)));
    RIVALS.iter().for_each(|rival| table.row(rival_row(rival, peers)));
    format!("{}{}", summary(figures, peers), table.finish())
}

/// How many targets are met, and which are not.
fn summary(figures: &[Figures], peers: &[Row]) -> String {
    let of_goals = GOALS.iter().map(|goal| (goal.id, is_met(goal, figures)));
    let of_rivals = RIVALS.iter().map(|rival| (rival.id, is_ahead(rival, peers)));
    let all: Vec<(&str, Option<bool>)> = of_goals.chain(of_rivals).collect();
    let met = all.iter().filter(|(_, is_met)| *is_met == Some(true)).count();
    let of = |state: Option<bool>| {
        let ids = all.iter().filter(|(_, is_met)| *is_met == state).map(|(id, _)| *id);
        let ids: Vec<&str> = ids.collect::<BTreeSet<_>>().into_iter().collect();
        if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }
    };
    let (missed, unknown) = (of(Some(false)), of(None));
    format!("{met} of {} figures reach their target; missed: {missed}; not measured: {unknown}.\n\n", all.len())
}

fn find<'a>(figures: &'a [Figures], place: &Place) -> Option<&'a Figures> {
    figures.iter().find(|one| {
        [&one.bench, &one.contest, &one.way, &one.figure].into_iter().eq([
            place.bench,
            place.contest,
            place.way,
            place.figure,
        ])
    })
}

/// The ratio of a goal to its baseline, round by round.
fn ratio(goal: &Goal, figures: &[Figures]) -> Option<Spread> {
    find(figures, &goal.ours)?.ratio(find(figures, &goal.baseline)?)
}

/// Whether a goal is reached; `None` where it was not measured.
fn is_met(goal: &Goal, figures: &[Figures]) -> Option<bool> {
    match goal.limit {
        Limit::Figure(most) => Some(find(figures, &goal.ours)?.spread()?.median <= most),
        Limit::Ratio(most) => Some(ratio(goal, figures)?.median <= most),
    }
}

fn goal_row(goal: &Goal, figures: &[Figures]) -> Vec<String> {
    let figure = goal.ours.figure;
    let measured = |place: &Place| find(figures, place).and_then(Figures::spread).map(|all| spread(figure, all));
    let wanted = match goal.limit {
        Limit::Figure(most) => format!("at most {}", value(figure, most)),
        Limit::Ratio(most) => format!("at most {}×", three_digits(most)),
    };
    let baseline = measured(&goal.baseline).map(|all| {
        let name = if goal.baseline.way == goal.ours.way { goal.baseline.contest } else { goal.baseline.way };
        format!("{name}: {all}")
    });
    vec![
        goal.id.to_owned(),
        goal.what.to_owned(),
        wanted,
        or_dash(measured(&goal.ours)),
        or_dash(baseline),
        or_dash(ratio(goal, figures).map(times)),
        state(is_met(goal, figures)),
        format!("`cargo bench -p graphmill-benches --bench {}`", goal.ours.bench),
    ]
}

/// Our row and that of a rival.
fn rows<'a>(rival: &Rival, peers: &'a [Row]) -> Option<(&'a Row, &'a Row)> {
    let mut of_case = peers.iter().filter(|row| row.place.work == rival.work);
    let theirs = of_case.clone().find(|row| row.peer.name == rival.peer)?;
    Some((of_case.find(|row| row.peer.is_ours())?, theirs))
}

/// Whether a rival is as much slower as it has to be.
fn is_ahead(rival: &Rival, peers: &[Row]) -> Option<bool> {
    Some(rows(rival, peers)?.1.ratio?.median >= rival.at_least)
}

fn rival_row(rival: &Rival, peers: &[Row]) -> Vec<String> {
    let found = rows(rival, peers);
    let cost = |row: &Row| format!("{} ({}–{})", time(row.cost.median), time(row.cost.min), time(row.cost.max));
    vec![
        rival.id.to_owned(),
        rival.what.to_owned(),
        format!(
            "{} at least {}×",
            crate::peers::find(rival.peer).map_or(rival.peer, |peer| peer.title),
            rival.at_least
        ),
        or_dash(found.map(|(ours, _)| cost(ours))),
        or_dash(found.map(|(_, theirs)| format!("{}: {}", theirs.peer.title, cost(theirs)))),
        or_dash(found.and_then(|(_, theirs)| theirs.ratio).map(times)),
        state(is_ahead(rival, peers)),
        "`cargo xtask targets`".to_owned(),
    ]
}

fn times(ratio: Spread) -> String {
    let [median, min, max] = [ratio.median, ratio.min, ratio.max].map(three_digits);
    format!("{median}× ({min}–{max})")
}

fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}

fn state(is_met: Option<bool>) -> String {
    match is_met {
        Some(true) => "met",
        Some(false) => "**missed**",
        None => "not measured",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::figures::tests::figures;
    use super::*;
    use crate::rows::{rows, tests::run};
    use compare_common::Work;

    /// Figures of every goal, each twice that of its baseline.
    fn all(ours: f64) -> Vec<Figures> {
        let of = |place: &Place, value: f64| figures(place.bench, [place.contest, place.way, place.figure], &[value]);
        GOALS.iter().flat_map(|goal| [of(&goal.ours, ours), of(&goal.baseline, 1.0)]).collect()
    }

    #[test]
    fn a_goal_is_met_up_to_its_limit_and_unknown_without_figures() {
        for goal in GOALS {
            let (enough, too_much) = match goal.limit {
                Limit::Figure(most) | Limit::Ratio(most) => (most, most + 0.01),
            };
            assert_eq!(is_met(goal, &all(enough)), Some(true), "{goal:?}");
            assert_eq!(is_met(goal, &all(too_much)), Some(false), "{goal:?}");
            assert_eq!(is_met(goal, &[]), None, "{goal:?}");
        }
    }

    #[test]
    fn the_table_says_what_is_missed_and_what_was_not_measured() {
        let runs = [(0, run("graphmill", Work::Inline, 1.0)), (0, run("gstreamer", Work::Inline, 7.0))];
        let text = table(&all(2.0), &rows(&runs));
        let summary =
            "5 of 18 figures reach their target; missed: P2, P3, P4, P5, P6, P8, P9; not measured: P1, P2, P3.";
        assert!(text.starts_with(summary), "{text}");
        let line = "| P3 | round trip of `instance.process` | at most 1.30× | 2.00 ns | bare channels: 1.00 ns | \
                    2.00× (2.00–2.00) | **missed** | `cargo bench -p graphmill-benches --bench process_latency` |";
        assert!(text.contains(line), "{text}");
        assert!(
            text.contains("| P1 | eight nodes on one thread | GStreamer at least 6× | 1.00 ms (1.00 ms–1.00 ms) |")
        );
        assert_eq!(text.matches("| not measured |").count(), 3, "{text}");
    }
}
