//! The numbers of a session at one moment.

use crate::telemetry::histogram::Distribution;
use crate::telemetry::instruments::Instrument;
use std::sync::Arc;

/// The numbers of a session at one moment; those of different nodes may be some packets apart.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MetricsSnapshot {
    /// Name of the session.
    pub session: Arc<str>,
    /// Nanoseconds since the session began to run, until its end.
    pub elapsed_ns: u64,
    /// Whether every worker has ended, so that nothing changes any more.
    pub has_ended: bool,
    /// The instruments that have anything to tell, in the order of [`INSTRUMENTS`](super::INSTRUMENTS).
    pub series: Vec<Series>,
}

/// The numbers of one instrument.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Series {
    /// What is measured.
    pub instrument: &'static Instrument,
    /// A number for each combination of attributes.
    pub points: Vec<Point>,
}

/// A number, and what it belongs to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Point {
    /// The attributes of the instrument with their values, in its order.
    pub attributes: Vec<(&'static str, Arc<str>)>,
    /// The number.
    pub value: Value,
}

/// A number.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// A count.
    Count(u64),
    /// A time in nanoseconds; exporters give it in seconds.
    TimeNs(u64),
    /// A distribution of durations.
    Distribution(Box<Distribution>),
}

impl MetricsSnapshot {
    /// The numbers of an instrument by its name.
    pub fn series(&self, name: &str) -> Option<&Series> {
        self.series.iter().find(|series| series.instrument.name == name)
    }

    /// The sum of the counts of an instrument over all series that have these attributes.
    ///
    /// ```no_run
    /// # fn show(snapshot: &graphmill::telemetry::MetricsSnapshot) {
    /// let panics = snapshot.count("graphmill.node.calls", &[("node", "denoise"), ("outcome", "panic")]);
    /// # }
    /// ```
    pub fn count(&self, name: &str, attributes: &[(&str, &str)]) -> u64 {
        let points = self.series(name).into_iter().flat_map(|series| &series.points);
        points.filter(|point| point.has(attributes)).map(|point| point.value.count()).sum()
    }
}

impl Point {
    /// Whether the point has all of these attributes.
    pub fn has(&self, attributes: &[(&str, &str)]) -> bool {
        attributes.iter().all(|wanted| self.attributes.iter().any(|(key, value)| (*key, &**value) == *wanted))
    }
}

impl Value {
    /// The count, or how many durations a distribution has.
    pub fn count(&self) -> u64 {
        match self {
            Self::Count(count) | Self::TimeNs(count) => *count,
            Self::Distribution(distribution) => distribution.summary.count,
        }
    }
}

/// Nanoseconds as the seconds that exporters give.
#[cfg(any(feature = "metrics-json", feature = "prometheus", feature = "otlp", feature = "opentelemetry"))]
#[expect(clippy::cast_precision_loss, reason = "nanoseconds are exact for 104 days, and then to some of them")]
pub(crate) fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

/// Puts the points of a session together, instrument by instrument.
#[derive(Debug, Default)]
pub(crate) struct SnapshotBuilder(Vec<Series>);

impl SnapshotBuilder {
    /// Adds a point. The values of its attributes come in the order of the instrument.
    pub(crate) fn add(&mut self, instrument: &'static Instrument, values: &[&Arc<str>], value: Value) {
        debug_assert_eq!(instrument.attributes.len(), values.len(), "{}", instrument.name);
        let attributes = instrument.attributes.iter().copied().zip(values.iter().copied().cloned()).collect();
        let point = Point { attributes, value };
        match self.0.iter_mut().find(|series| std::ptr::eq(series.instrument, instrument)) {
            Some(series) => series.points.push(point),
            None => self.0.push(Series { instrument, points: vec![point] }),
        }
    }

    /// The series, in the order of the table.
    pub(crate) fn finish(mut self) -> Vec<Series> {
        let place = |series: &Series| {
            super::INSTRUMENTS.iter().position(|instrument| std::ptr::eq(*instrument, series.instrument))
        };
        self.0.sort_by_key(place);
        self.0
    }
}
