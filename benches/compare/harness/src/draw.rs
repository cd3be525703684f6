//! Plots as SVG: what something costs against something else, a line for each who does it.

use crate::Outcome;
use crate::peers::Peer;
use crate::rows::Row;
use crate::spread::three_digits;
use compare_common::Work;
use plotters::prelude::*;
use std::path::Path;

/// Panels side by side before the next row begins.
const COLUMNS: usize = 3;
/// Size of a plot in pixels: the width of all its panels, and the height of a row.
const SIZE: (u32, u32) = (1080, 460);
const FONT: &str = "sans-serif";

/// Panels under one title.
#[derive(Debug)]
pub(crate) struct Plot {
    pub(crate) title: &'static str,
    pub(crate) panels: Vec<Panel>,
}

/// One chart.
#[derive(Debug)]
pub(crate) struct Panel {
    pub(crate) title: &'static str,
    pub(crate) axis: Axis,
    pub(crate) height: Height,
    pub(crate) lines: Vec<Line>,
}

/// What is to the right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Axis {
    /// A number of something.
    Count(&'static str),
    Bytes,
    Quantile,
}

/// What is upwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Height {
    /// Nanoseconds of something.
    Time(&'static str),
    /// Kibibytes of something.
    Memory(&'static str),
}

/// The points of one who does the work: place on the axis, height.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) title: &'static str,
    pub(crate) colour: (u8, u8, u8),
    /// Whether it is drawn thicker than the others.
    pub(crate) is_ours: bool,
    pub(crate) points: Vec<(f64, f64)>,
}

impl Height {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Time(label) | Self::Memory(label) => label,
        }
    }

    fn mark(self, value: f64) -> String {
        match self {
            Self::Time(_) => time(value),
            Self::Memory(_) => format!("{} KiB", three_digits(value)),
        }
    }
}

impl Axis {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Count(label) => label,
            Self::Bytes => "bytes of a packet",
            Self::Quantile => "part of the packets",
        }
    }

    /// Where a value stands: every doubling, or every further nine, takes the same room.
    pub(crate) fn place(self, value: f64) -> f64 {
        match self {
            Self::Count(_) => value.log2(),
            // No bytes at all stand to the left of a kibibyte.
            Self::Bytes => value.max(256.0).log2(),
            Self::Quantile => -(1.0 - value).log10(),
        }
    }

    /// What stands below a place.
    fn mark(self, place: f64) -> String {
        match self {
            Self::Count(_) => format!("{:.0}", place.exp2()),
            Self::Bytes if place <= 8.0 => "0".into(),
            Self::Bytes if place < 20.0 => format!("{:.0} KiB", (place - 10.0).exp2()),
            Self::Bytes => format!("{:.0} MiB", (place - 20.0).exp2()),
            Self::Quantile => match 100.0 - 100.0 / 10f64.powf(place) {
                part if part < 99.0 => format!("{part:.0} %"),
                part if part < 99.85 => format!("{part:.1} %"),
                part => format!("{part:.2} %"),
            },
        }
    }
}

/// How many nodes a chain has.
const DEPTH: Axis = Axis::Count("nodes between source and sink");
const OF_PACKET: Height = Height::Time("time of a packet");

/// How packets that are timed one by one are spread.
pub(crate) fn latency(rows: &[Row]) -> Plot {
    let panel = |title, work| Panel {
        title,
        axis: Axis::Quantile,
        height: OF_PACKET,
        lines: lines(rows.iter().filter(|row| row.place.work == work), |row| {
            let quantiles = row.tail.iter().flat_map(|tail| tail.quantiles.iter());
            quantiles.map(|(quantile, ns)| (Axis::Quantile.place(*quantile), *ns)).collect()
        }),
    };
    Plot {
        title: "Application, one node on a thread of its own, application: time of a packet",
        panels: vec![panel("the next one at once", Work::RoundTrip), panel("one each millisecond", Work::Paced)],
    }
}

/// What a packet costs against the length of the chain.
pub(crate) fn chain(rows: &[Row], bytes: usize) -> Plot {
    let panel = |title, work| Panel {
        title,
        axis: DEPTH,
        height: OF_PACKET,
        lines: lines(rows.iter().filter(|row| row.place.work == work && row.place.bytes == bytes), |row| {
            vec![(DEPTH.place(precise(row.place.depth)), row.cost.median)]
        }),
    };
    Plot {
        title: "Time of a packet through a chain",
        panels: vec![panel("all on one thread", Work::Inline), panel("a thread for each", Work::Threads)],
    }
}

/// What a packet costs against its size.
pub(crate) fn payload(rows: &[Row], other_than: usize) -> Plot {
    let rows = rows
        .iter()
        .filter(|row| row.place.work == Work::Threads && row.place.depth == 1 && row.place.bytes != other_than);
    let lines = lines(rows, |row| vec![(Axis::Bytes.place(precise(row.place.bytes)), row.cost.median)]);
    let title = "source, one node and sink, a thread for each";
    let panel = Panel { title, axis: Axis::Bytes, height: OF_PACKET, lines };
    Plot { title: "Time of a packet that nobody reads or writes, against its size", panels: vec![panel] }
}

#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
pub(crate) fn precise(figure: usize) -> f64 {
    figure as f64
}

/// The points of all rows, by peer.
fn lines<'a>(rows: impl Iterator<Item = &'a Row>, points: impl Fn(&Row) -> Vec<(f64, f64)>) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for row in rows {
        let Peer { title, colour, .. } = *row.peer;
        match lines.iter_mut().find(|line| line.title == title) {
            Some(line) => line.points.extend(points(row)),
            None => lines.push(Line { title, colour, is_ours: row.peer.is_ours(), points: points(row) }),
        }
    }
    for line in &mut lines {
        line.points.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    lines
}

impl Plot {
    /// Draws it into a file; nothing when there is nothing to draw.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn write(&self, file: &Path) -> Outcome {
        let fault = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        let panels: Vec<&Panel> = self.panels.iter().filter(|panel| !panel.lines.is_empty()).collect();
        if panels.is_empty() {
            return Ok(());
        }
        let rows = panels.len().div_ceil(COLUMNS);
        let size = (SIZE.0, SIZE.1 * u32::try_from(rows).unwrap_or(1));
        let root = SVGBackend::new(file, size).into_drawing_area();
        root.fill(&WHITE).map_err(|error| fault(&error))?;
        let below = root.titled(self.title, (FONT, 20)).map_err(|error| fault(&error))?;
        for (panel, area) in panels.iter().zip(below.split_evenly((rows, panels.len().min(COLUMNS)))) {
            panel.draw(&area).map_err(|error| fault(&error))?;
        }
        root.present().map_err(|error| fault(&error))
    }
}

impl Panel {
    fn draw(&self, area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>) -> Outcome {
        let fault = |error: DrawingAreaErrorKind<std::io::Error>| error.to_string();
        let ([left, right], [low, high]) = self.bounds();
        let mut chart = ChartBuilder::on(area)
            .caption(self.title, (FONT, 16))
            .margin(12)
            .x_label_area_size(42)
            .y_label_area_size(64)
            .build_cartesian_2d(left..right, (low..high).log_scale())
            .map_err(fault)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE.mix(0.0))
            .x_labels(marks(right - left))
            .x_desc(self.axis.label())
            .y_desc(self.height.label())
            .x_label_formatter(&|place| self.axis.mark(*place))
            .y_label_formatter(&|value| self.height.mark(*value))
            .draw()
            .map_err(fault)?;
        for line in &self.lines {
            let (red, green, blue) = line.colour;
            let colour = RGBColor(red, green, blue);
            let style = colour.stroke_width(if line.is_ours { 3 } else { 2 });
            let series = LineSeries::new(line.points.iter().copied(), style).point_size(3);
            let drawn = chart.draw_series(series).map_err(fault)?;
            drawn.label(line.title).legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.8))
            .label_font((FONT, 13))
            .draw()
            .map_err(fault)
    }

    /// How much higher than the lines the chart is, for the names of the lines to stand above them.
    fn headroom(&self) -> f64 {
        // A name takes about a 19th of the height.
        let names = precise(self.lines.len() + 1) / 19.0;
        names / (1.0 - names).max(0.1)
    }

    /// From where to where the axes go.
    fn bounds(&self) -> ([f64; 2], [f64; 2]) {
        let points = || self.lines.iter().flat_map(|line| line.points.iter());
        let around = |values: &mut dyn Iterator<Item = f64>| {
            values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| [low.min(value), high.max(value)])
        };
        let [left, right] = around(&mut points().map(|point| point.0));
        let [low, high] = around(&mut points().map(|point| point.1.max(1.0)));
        let high = high * (high / low).max(2.0).powf(self.headroom());
        ([left.floor(), (right - 1e-6).ceil().max(left.floor() + 1.0)], [low / 1.5, high])
    }
}

/// How many marks an axis of this length has: one at each whole place, or at each second one of many.
fn marks(length: f64) -> usize {
    const MANY: usize = 10;
    let places = (0_usize..=64).take_while(|place| precise(*place) <= length).count();
    if places > MANY { places.div_ceil(2) } else { places }
}

/// A time in the unit that suits it.
pub(crate) fn time(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{} ns", three_digits(ns)),
        ns if ns < 1e6 => format!("{} µs", three_digits(ns / 1e3)),
        ns => format!("{} ms", three_digits(ns / 1e6)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows;
    use crate::rows::tests::run;
    use std::fs;

    #[test]
    fn marks_are_those_of_the_values() {
        let marks = |axis: Axis, values: &[f64]| values.iter().map(|v| axis.mark(axis.place(*v))).collect::<Vec<_>>();
        assert_eq!(marks(DEPTH, &[1.0, 8.0, 64.0]), ["1", "8", "64"]);
        assert_eq!(marks(Axis::Bytes, &[0.0, 4096.0, 1048576.0]), ["0", "4 KiB", "1 MiB"]);
        assert_eq!(marks(Axis::Quantile, &[0.5, 0.9, 0.99, 0.999]), ["50 %", "90 %", "99.0 %", "99.90 %"]);
        assert_eq!([12.0, 1_500.0, 2e7].map(time), ["12.0 ns", "1.50 µs", "20.0 ms"]);
    }

    #[test]
    fn an_axis_has_a_mark_at_whole_places() {
        assert_eq!([3.0, 4.0, 6.0, 16.0].map(super::marks), [4, 5, 7, 9]);
    }

    #[test]
    fn a_plot_has_a_line_and_a_name_for_each_peer() {
        let mut runs = Vec::new();
        for (at, depth) in [1, 8, 4].into_iter().enumerate() {
            for (peer, seconds) in [("graphmill", 1.0), ("gstreamer", 3.0)] {
                let seconds = seconds * (at + 1) as f64;
                runs.push((0, compare_common::Run { depth, ..run(peer, Work::Inline, seconds) }));
            }
        }
        let plot = chain(&rows::rows(&runs), 64);
        let places: Vec<f64> = plot.panels[0].lines[0].points.iter().map(|point| point.0).collect();
        assert_eq!(places, [0.0, 2.0, 3.0], "points go from left to right");
        let file = std::env::temp_dir().join(format!("compare-{}.svg", std::process::id()));
        plot.write(&file).unwrap();
        let svg = fs::read_to_string(&file).unwrap();
        fs::remove_file(&file).unwrap();
        assert!(svg.contains("<svg") && svg.contains("GStreamer") && svg.contains("all on one thread"));
        assert!(!svg.contains("a thread for each"), "a panel without lines is not drawn");
        assert!(svg.matches("<polyline").count() >= 2, "{svg}");
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        let file = std::env::temp_dir().join(format!("compare-none-{}.svg", std::process::id()));
        latency(&[]).write(&file).unwrap();
        assert!(!file.exists());
    }
}
