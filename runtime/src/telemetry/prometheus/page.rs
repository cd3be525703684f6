//! The text format of Prometheus, version 0.0.4, with names after the rules that OpenTelemetry has for it.

use crate::telemetry::histogram::{BOUNDS_NS, Distribution};
use crate::telemetry::instruments::{Instrument, InstrumentKind};
use crate::telemetry::snapshot::{MetricsSnapshot, Point, Series, Value, seconds};
use std::fmt::Write as _;

/// The page that a scraper gets.
pub fn prometheus_page(snapshot: &MetricsSnapshot) -> String {
    let mut page = String::new();
    for series in &snapshot.series {
        // Writing into a string does not fail.
        let _written = write_series(&mut page, series);
    }
    page
}

/// The name of an instrument here: dots become underscores, the unit and `_total` are put behind it.
pub(super) fn name(instrument: &Instrument) -> String {
    let unit = match instrument.unit {
        "s" => "_seconds",
        "By" => "_bytes",
        // What is counted is no unit.
        _ => "",
    };
    let total = if instrument.kind == InstrumentKind::Counter { "_total" } else { "" };
    format!("{}{unit}{total}", instrument.name.replace('.', "_"))
}

fn write_series(page: &mut String, series: &Series) -> std::fmt::Result {
    let instrument = series.instrument;
    let name = name(instrument);
    writeln!(page, "# HELP {name} {}", instrument.description)?;
    writeln!(page, "# TYPE {name} {}", instrument.kind.name())?;
    for point in &series.points {
        let labels = labels(point);
        match &point.value {
            Value::Count(count) => sample(page, [&name, "", &labels], count)?,
            Value::TimeNs(ns) => sample(page, [&name, "", &labels], seconds(*ns))?,
            Value::Distribution(distribution) => write_distribution(page, &name, &labels, distribution)?,
        }
    }
    Ok(())
}

/// Here a bucket holds everything up to its bound, those below it included.
fn write_distribution(page: &mut String, name: &str, labels: &str, distribution: &Distribution) -> std::fmt::Result {
    let mut below = 0;
    let bounds = BOUNDS_NS.iter().map(|bound_ns| seconds(*bound_ns).to_string()).chain(["+Inf".to_owned()]);
    let comma = if labels.is_empty() { "" } else { "," };
    for (bound, count) in bounds.zip(&distribution.buckets) {
        below += count;
        sample(page, [name, "_bucket", &format!("{labels}{comma}le=\"{bound}\"")], below)?;
    }
    sample(page, [name, "_sum", labels], seconds(distribution.summary.sum_ns))?;
    sample(page, [name, "_count", labels], distribution.summary.count)
}

fn sample(page: &mut String, [name, suffix, labels]: [&str; 3], value: impl std::fmt::Display) -> std::fmt::Result {
    if labels.is_empty() {
        writeln!(page, "{name}{suffix} {value}")
    } else {
        writeln!(page, "{name}{suffix}{{{labels}}} {value}")
    }
}

fn labels(point: &Point) -> String {
    let labels = point.attributes.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value)));
    labels.collect::<Vec<_>>().join(",")
}

/// What would end a value early is written with a backslash before it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
