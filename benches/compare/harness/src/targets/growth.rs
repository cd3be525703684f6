//! How cost grows, out of the names of contests.

use super::figures::{Figures, value};
use crate::draw::{Axis, Height, Line, Panel, Plot, precise};
use crate::table::Table;

/// A panel and its lines.
struct Growth {
    title: &'static str,
    axis: Axis,
    height: Height,
    figure: &'static str,
    curves: &'static [Curve],
}

/// A line: contests whose names differ in one number.
struct Curve {
    title: &'static str,
    colour: (u8, u8, u8),
    bench: &'static str,
    /// The name of the contests with `#` for the number.
    contest: &'static str,
    way: &'static str,
}

const RED: (u8, u8, u8) = (0xd6, 0x27, 0x28);
const ORANGE: (u8, u8, u8) = (0xff, 0x7f, 0x0e);
const GREY: (u8, u8, u8) = (0x7f, 0x7f, 0x7f);
const BLUE: (u8, u8, u8) = (0x1f, 0x77, 0xb4);

const fn curve(title: &'static str, colour: (u8, u8, u8), [bench, contest, way]: [&'static str; 3]) -> Curve {
    Curve { title, colour, bench, contest, way }
}

const CHAIN_EACH: &str = "# nodes, a worker each, capacity 64";
const LINK: &str = "one link, # bytes, capacity 64";
const WRITTEN: &str = "one link, # bytes written, capacity 64";

const ALL: &[Growth] = &[
    Growth {
        title: "a chain",
        axis: Axis::Count("nodes, source and sink included"),
        height: Height::Time("time of a packet per node"),
        figure: "wall ns",
        curves: &[
            curve("one worker", RED, ["chain", "# nodes on one worker", "one worker"]),
            curve("bare queues", GREY, ["chain", "# nodes on one worker", "bare queues and calls"]),
            curve("a worker each", ORANGE, ["chain", CHAIN_EACH, "a worker each"]),
            curve("bare threads", BLUE, ["chain", CHAIN_EACH, "bare threads"]),
        ],
    },
    Growth {
        title: "a fan-out, a worker each",
        axis: Axis::Count("readers"),
        height: Height::Time("time of a packet that arrives"),
        figure: "wall ns",
        curves: &[
            curve("a worker each", ORANGE, ["fan_out", "fan-out to #, 0 bytes", "a worker each"]),
            curve("bare threads", BLUE, ["fan_out", "fan-out to #, 0 bytes", "bare threads"]),
        ],
    },
    Growth {
        title: "one link, by size of a packet that nobody touches",
        axis: Axis::Bytes,
        height: Height::Time("time of a packet"),
        figure: "wall ns",
        curves: &[
            curve("one worker", RED, ["link", LINK, "one worker"]),
            curve("a worker each", ORANGE, ["link", LINK, "a worker each"]),
            curve("bare threads", BLUE, ["link", LINK, "bare threads"]),
            curve("one copy of the bytes", GREY, ["link", LINK, "one copy of the bytes"]),
        ],
    },
    Growth {
        title: "one link, by size of a packet that the source writes",
        axis: Axis::Bytes,
        height: Height::Time("time of a packet"),
        figure: "wall ns",
        curves: &[
            curve("one worker", RED, ["link", WRITTEN, "one worker"]),
            curve("a worker each", ORANGE, ["link", WRITTEN, "a worker each"]),
            curve("bare threads", BLUE, ["link", WRITTEN, "bare threads"]),
            curve("one copy of the bytes", GREY, ["link", WRITTEN, "one copy of the bytes"]),
        ],
    },
    Growth {
        title: "memory of idle nodes",
        axis: Axis::Count("nodes"),
        height: Height::Memory("resident memory per node"),
        figure: "KiB each",
        curves: &[
            curve("session", ORANGE, ["idle_nodes", "# idle nodes", "session"]),
            curve("parked threads", BLUE, ["idle_nodes", "# idle nodes", "parked threads"]),
        ],
    },
    Growth {
        title: "start and stop of a session",
        axis: Axis::Count("nodes"),
        height: Height::Time("time per node"),
        figure: "wall ns",
        curves: &[
            curve("session", ORANGE, ["load_and_start", "start and stop # nodes", "session"]),
            curve("bare threads", BLUE, ["load_and_start", "start and stop # nodes", "bare threads"]),
        ],
    },
    Growth {
        title: "sessions at once",
        axis: Axis::Count("sessions of three nodes"),
        height: Height::Time("time of a packet per node"),
        figure: "wall ns",
        curves: &[
            curve("sessions", RED, ["sessions", "# sessions at once", "sessions"]),
            curve("bare threads", GREY, ["sessions", "# sessions at once", "bare threads"]),
        ],
    },
];

/// All curves.
pub(super) fn plot(figures: &[Figures]) -> Plot {
    let panel = |growth: &Growth| {
        let lines = growth.curves.iter().map(|curve| Line {
            title: curve.title,
            colour: curve.colour,
            is_ours: matches!(curve.colour, RED | ORANGE),
            points: curve.points(growth.figure, figures).map(|(at, of)| (growth.axis.place(precise(at)), of)).collect(),
        });
        let lines = lines.filter(|line| !line.points.is_empty()).collect();
        Panel { title: growth.title, axis: growth.axis, height: growth.height, lines }
    };
    Plot { title: "How cost grows", panels: ALL.iter().map(panel).collect() }
}

/// The same as tables.
pub(super) fn tables(figures: &[Figures]) -> String {
    ALL.iter().filter_map(|growth| growth.table(figures)).collect()
}

impl Growth {
    fn table(&self, figures: &[Figures]) -> Option<String> {
        let columns: Vec<Vec<(usize, f64)>> =
            self.curves.iter().map(|curve| curve.points(self.figure, figures).collect()).collect();
        let mut places: Vec<usize> = columns.iter().flatten().map(|(at, _)| *at).collect();
        places.sort_unstable();
        places.dedup();
        if places.is_empty() {
            return None;
        }
        let titles = [self.axis.label()].into_iter().chain(self.curves.iter().map(|curve| curve.title));
        let mut table = Table::new(&titles.collect::<Vec<_>>());
        for place in places {
            let cell = |column: &Vec<(usize, f64)>| {
                let found = column.iter().find(|(at, _)| *at == place);
                found.map_or_else(|| "-".to_owned(), |(_, of)| value(self.figure, *of))
            };
            table.row([place.to_string()].into_iter().chain(columns.iter().map(cell)));
        }
        Some(format!("### {}: {}\n\n{}", self.title, self.height.label(), table.finish()))
    }
}

impl Curve {
    /// The medians with the number in the name of their contest, smallest first.
    fn points(&self, figure: &str, figures: &[Figures]) -> impl Iterator<Item = (usize, f64)> {
        let is_of = |one: &&Figures| one.bench == self.bench && one.way == self.way && one.figure == figure;
        let point = |one: &Figures| Some((number(self.contest, &one.contest)?, one.spread()?.median));
        let mut points: Vec<(usize, f64)> = figures.iter().filter(is_of).filter_map(point).collect();
        points.sort_by_key(|(at, _)| *at);
        points.into_iter()
    }
}

/// The number that stands in a name where the pattern has `#`.
fn number(pattern: &str, name: &str) -> Option<usize> {
    let (before, after) = pattern.split_once('#')?;
    name.strip_prefix(before)?.strip_suffix(after)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::figures::tests::figures;
    use super::*;

    #[test]
    fn a_number_is_found_where_the_pattern_has_it() {
        assert_eq!(number("fan-out to #, 0 bytes", "fan-out to 64, 0 bytes"), Some(64));
        assert_eq!(number("fan-out to #, 0 bytes", "fan-out to 8, 1024 bytes"), None);
        assert_eq!(number("# nodes", "some nodes"), None);
    }

    #[test]
    fn points_are_medians_from_left_to_right() {
        let of = |nodes: &str, rounds: &[f64]| figures("chain", [nodes, "one worker", "wall ns"], rounds);
        let all = [of("16 nodes on one worker", &[5.0]), of("2 nodes on one worker", &[3.0, 1.0, 2.0])];
        let plot = plot(&all);
        assert_eq!(plot.panels[0].lines[0].points, [(1.0, 2.0), (4.0, 5.0)]);
        assert!(plot.panels[1..].iter().all(|panel| panel.lines.is_empty()));
        let text = tables(&all);
        assert!(text.starts_with("### a chain: time of a packet per node\n\n"), "{text}");
        assert!(text.contains("| 2 | 2.00 ns | - | - | - |\n| 16 | 5.00 ns | - | - | - |\n"), "{text}");
    }

    #[test]
    fn every_curve_is_of_a_bench_that_there_is() {
        let curves = ALL.iter().flat_map(|growth| growth.curves);
        assert!(curves.clone().all(|curve| super::super::BENCHES.contains(&curve.bench)));
        assert!(curves.clone().all(|curve| curve.contest.contains('#')));
    }
}
