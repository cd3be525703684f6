//! How figures compare with those of an earlier measurement.

use super::figures::{Figures, VERSION, number};
use crate::failure::{ERROR, Failure};
use crate::table::{Align, Cell, Table};
use serde::Serialize;
use std::fs;
use std::path::Path;

/// Longest file of figures that is read.
const FILE_LEN_MAX: u64 = 16 << 20;

/// One figure then and now.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Change {
    pub(crate) figure: String,
    pub(crate) baseline: f64,
    pub(crate) now: f64,
    /// How much worse it is, in percent of the baseline; below 0 it is better.
    pub(crate) worse_percent: f64,
    /// Whether that is more than is allowed.
    pub(crate) is_regression: bool,
}

/// Reads the figures of an earlier measurement: the last line of the file, as `bench --json` writes it.
///
/// # Errors
/// The file cannot be read, or its last line is no such figures.
pub(crate) fn read(path: &Path) -> Result<Figures, Failure> {
    let cannot = |what: &str| Failure::new(format!("cannot read figures from {}: {what}", path.display()));
    let len = fs::metadata(path).map_err(|error| cannot(&error.to_string()))?.len();
    if len > FILE_LEN_MAX {
        return Err(cannot("it is longer than any file of figures"));
    }
    let text = fs::read_to_string(path).map_err(|error| cannot(&error.to_string()))?;
    let line = text.trim_end().lines().last().unwrap_or_default();
    let figures: Figures = serde_json::from_str(line)
        .map_err(|error| cannot(&error.to_string()).note("help: write it with `graphmill bench FILE --json > OUT`"))?;
    if figures.bench != VERSION {
        return Err(cannot(&format!("they have version {}, this program reads {VERSION}", figures.bench)));
    }
    Ok(figures)
}

/// What has changed. Times count by their medians: the tails of a few runs on a shared machine say little.
pub(crate) fn changes(baseline: &Figures, now: &Figures, max_regress: f64) -> Vec<Change> {
    let mut changes = vec![
        // More is better, so the time for a packet is compared.
        change("packets per second", [baseline.packets_per_s.median, now.packets_per_s.median], true, max_regress),
        change(
            "cpu ns per packet",
            [baseline.cpu_ns_per_packet.median, now.cpu_ns_per_packet.median],
            false,
            max_regress,
        ),
        change(
            "allocations per packet",
            [baseline.allocations_per_packet.median, now.allocations_per_packet.median],
            false,
            max_regress,
        ),
    ];
    for then in &baseline.end_to_end {
        if let Some(now) = now.end_to_end.iter().find(|now| now.of == then.of) {
            let name = format!("p50 ns to {}", then.of);
            changes.push(change(&name, [then.p50_ns, now.p50_ns].map(to_float), false, max_regress));
        }
    }
    changes
}

fn change(figure: &str, [baseline, now]: [f64; 2], is_more_better: bool, max_regress: f64) -> Change {
    let ratio = match (baseline > 0.0, now > 0.0, is_more_better) {
        (true, true, true) => baseline / now,
        (true, _, false) => now / baseline,
        (false, true, false) | (true, false, true) => f64::INFINITY,
        _ => 1.0,
    };
    let worse_percent = (ratio - 1.0) * 100.0;
    Change { figure: figure.to_owned(), baseline, now, worse_percent, is_regression: worse_percent > max_regress }
}

/// The changes as a table.
pub(crate) fn render(changes: &[Change]) -> String {
    let [a, b, c] = ["baseline", "now", "worse by"].map(|name| (name, Align::Right));
    let mut table = Table::new([("compared", Align::Left), a, b, c]);
    for change in changes {
        let worse = Cell::from(format!("{:+.1} %", change.worse_percent));
        let worse = if change.is_regression { worse.styled(ERROR) } else { worse };
        let [baseline, now] = [change.baseline, change.now].map(|value| Cell::from(number(value)));
        table.row([change.figure.as_str().into(), baseline, now, worse]);
    }
    table.render().trim_end().to_owned()
}

#[expect(clippy::cast_precision_loss, reason = "a ratio of times")]
fn to_float(ns: u64) -> f64 {
    ns as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worse_is_less_throughput_and_more_of_everything_else() {
        let table = [
            ([100.0, 50.0], true, 100.0, true),
            ([100.0, 200.0], true, -50.0, false),
            ([100.0, 109.0], false, 9.0, false),
            ([100.0, 111.0], false, 11.0, true),
            ([0.0, 0.0], false, 0.0, false),
            ([0.0, 1.0], false, f64::INFINITY, true),
            ([1.0, 0.0], true, f64::INFINITY, true),
        ];
        for (values, is_more_better, worse, is_regression) in table {
            let change = change("x", values, is_more_better, 10.0);
            assert!((change.worse_percent - worse).abs() < 1e-9 || change.worse_percent == worse, "{change:?}");
            assert_eq!(change.is_regression, is_regression, "{change:?}");
        }
    }
}
