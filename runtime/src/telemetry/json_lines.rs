//! Metrics as lines of JSON: one line for each snapshot, to read with `jq` or to plot.

use crate::telemetry::exporter::{Exporter, every, unix_ns};
use crate::telemetry::histogram::BOUNDS_NS;
use crate::telemetry::observer::Observer;
use crate::telemetry::snapshot::{MetricsSnapshot, Point, Series, Value, seconds};
use serde_json::{Map, json};
use std::io::{self, Write};
use std::time::Duration;

/// Writes the numbers of a session as a line of JSON, once an interval and once when the exporter is stopped.
///
/// Writing happens on a thread of its own and may block. After an error it ends, and a warning says so.
///
/// # Errors
/// The system has no thread left.
pub fn export_json_lines(
    observer: Observer,
    mut out: impl Write + Send + 'static,
    interval: Duration,
) -> io::Result<Exporter> {
    Exporter::spawn("metrics-json", move |stopped| {
        every(interval, stopped, || {
            let line = line(&observer.metrics(), unix_ns());
            let written = out.write_all(line.as_bytes()).and_then(|()| out.flush());
            if let Err(error) = &written {
                tracing::warn!("metrics are no longer written as JSON: {error}");
            }
            written.is_ok()
        });
    })
}

fn line(snapshot: &MetricsSnapshot, time_unix_ns: u64) -> String {
    let line = json!({
        "time_unix_ns": time_unix_ns,
        "session": &*snapshot.session,
        "elapsed_s": seconds(snapshot.elapsed_ns),
        "has_ended": snapshot.has_ended,
        "metrics": snapshot.series.iter().map(series).collect::<Vec<_>>(),
    });
    format!("{line}\n")
}

fn series(series: &Series) -> serde_json::Value {
    let instrument = series.instrument;
    json!({
        "name": instrument.name,
        "kind": instrument.kind.name(),
        "unit": instrument.unit,
        "points": series.points.iter().map(point).collect::<Vec<_>>(),
    })
}

fn point(point: &Point) -> serde_json::Value {
    let attributes: Map<_, _> =
        point.attributes.iter().map(|(key, value)| ((*key).to_owned(), json!(&**value))).collect();
    match &point.value {
        Value::Count(count) => json!({ "attributes": attributes, "value": count }),
        Value::TimeNs(ns) => json!({ "attributes": attributes, "value": seconds(*ns) }),
        Value::Distribution(distribution) => {
            let summary = &distribution.summary;
            // Only buckets with something in them: a line stays readable.
            let bounds = BOUNDS_NS.iter().map(|bound_ns| Some(seconds(*bound_ns))).chain([None]);
            let buckets = bounds.zip(&distribution.buckets).filter(|(_, count)| **count > 0);
            json!({
                "attributes": attributes,
                "count": summary.count,
                "sum": seconds(summary.sum_ns),
                "p50": seconds(summary.p50_ns),
                "p90": seconds(summary.p90_ns),
                "p99": seconds(summary.p99_ns),
                "max": seconds(summary.max_ns),
                "buckets": buckets.map(|(below, count)| json!({ "below": below, "count": count })).collect::<Vec<_>>(),
            })
        }
    }
}
