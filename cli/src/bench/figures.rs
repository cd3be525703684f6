//! The figures of a measurement, as people and programs read them.

use super::gauge::Cost;
use crate::failure::STRONG;
use crate::table::{Align, Cell, Table};
use crate::units;
use graphmill::telemetry::{Quantiles, Summary};
use serde::{Deserialize, Serialize};

/// Version of the JSON.
pub(crate) const VERSION: u32 = 1;

/// Everything that was measured. What a comparison needs can be read back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Figures {
    /// Version of this JSON.
    pub(crate) bench: u32,
    /// Name of the graph, or the kind.
    pub(crate) subject: String,
    /// Runs that counted.
    pub(crate) runs: u64,
    /// Packets that came to the end in each run.
    pub(crate) packets: Spread,
    pub(crate) packets_per_s: Spread,
    /// Processor time of all threads.
    pub(crate) cpu_ns_per_packet: Spread,
    /// Allocations of the host, those for the end of a run among them.
    pub(crate) allocations_per_packet: Spread,
    pub(crate) allocated_bytes_per_packet: Spread,
    /// From the source to each sink, or from a request to its answer.
    pub(crate) end_to_end: Vec<Times>,
    /// Times of single calls in the last run that counted, waiting for room included.
    pub(crate) nodes: Vec<Times>,
}

/// The middle of some runs, and how far they lie apart.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

/// A distribution of times, and what it is of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Times {
    pub(crate) of: String,
    pub(crate) p50_ns: u64,
    pub(crate) p90_ns: u64,
    pub(crate) p99_ns: u64,
    pub(crate) p999_ns: u64,
    pub(crate) max_ns: u64,
}

impl Spread {
    /// Of some values; all zero for none.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |at: usize| values.get(at).copied().unwrap_or_default();
        let (low, high) = (at(values.len().saturating_sub(1) / 2), at(values.len() / 2));
        Self { median: f64::midpoint(low, high), min: at(0), max: at(values.len().saturating_sub(1)) }
    }
}

impl Times {
    /// Of quantiles.
    pub(crate) fn of_quantiles(of: &str, times: &Quantiles) -> Self {
        let Quantiles { p50_ns, p90_ns, p99_ns, p999_ns, max_ns, .. } = *times;
        Self { of: of.to_owned(), p50_ns, p90_ns, p99_ns, p999_ns, max_ns }
    }

    /// Of what a node has measured.
    pub(crate) fn of_summary(of: &str, times: &Summary) -> Self {
        let Summary { p50_ns, p90_ns, p99_ns, p999_ns, max_ns, .. } = *times;
        Self { of: of.to_owned(), p50_ns, p90_ns, p99_ns, p999_ns, max_ns }
    }
}

impl Figures {
    /// The figures of some runs: what each cost, and how many packets came to its end.
    pub(crate) fn of_runs(subject: String, runs: &[(Cost, u64)], end_to_end: Vec<Times>, nodes: Vec<Times>) -> Self {
        let per_packet = |what: fn(&Cost) -> u64| {
            Spread::of(runs.iter().map(|(cost, packets)| to_float(what(cost)) / to_float(*packets)))
        };
        let rate = |(cost, packets): &(Cost, u64)| to_float(*packets) * 1e9 / to_float(cost.elapsed_ns.max(1));
        Self {
            bench: VERSION,
            subject,
            runs: runs.len() as u64,
            packets: Spread::of(runs.iter().map(|(_, packets)| to_float(*packets))),
            packets_per_s: Spread::of(runs.iter().map(rate)),
            cpu_ns_per_packet: per_packet(|cost| cost.cpu_ns),
            allocations_per_packet: per_packet(|cost| cost.allocations),
            allocated_bytes_per_packet: per_packet(|cost| cost.allocated_bytes),
            end_to_end,
            nodes,
        }
    }

    /// The figures as tables.
    pub(crate) fn render(&self) -> String {
        let packets = format!("{:.0} packets each", self.packets.median);
        let mut text = format!("{STRONG}{}{STRONG:#}: {}, {packets}\n\n", self.subject, units::count(self.runs, "run"));
        let [a, b, c] = ["median", "min", "max"].map(|name| (name, Align::Right));
        let mut table = Table::new([("per run", Align::Left), a, b, c]);
        let mut row = |name: &str, spread: Spread| {
            let [a, b, c] = [spread.median, spread.min, spread.max].map(|value| Cell::from(number(value)));
            table.row([name.into(), a, b, c]);
        };
        row("packets per second", self.packets_per_s);
        row("cpu ns per packet", self.cpu_ns_per_packet);
        row("allocations per packet", self.allocations_per_packet);
        row("bytes allocated per packet", self.allocated_bytes_per_packet);
        text.push_str(&table.render());
        text.push('\n');
        text.push_str(&self.times());
        text.trim_end().to_owned()
    }

    fn times(&self) -> String {
        let [a, b, c, d, e] = ["p50", "p90", "p99", "p99.9", "max"].map(|name| (name, Align::Right));
        let mut table = Table::new([("time", Align::Left), ("of", Align::Left), a, b, c, d, e]);
        let kinds = [("end to end", &self.end_to_end), ("call", &self.nodes)];
        for (name, times) in kinds.into_iter().flat_map(|(name, all)| all.iter().map(move |times| (name, times))) {
            let of = times.of.as_str();
            let [a, b, c, d, e] = [times.p50_ns, times.p90_ns, times.p99_ns, times.p999_ns, times.max_ns]
                .map(|ns| Cell::from(units::duration(ns)));
            table.row([name.into(), of.into(), a, b, c, d, e]);
        }
        table.render()
    }
}

/// A number with as many places as mean something.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        ..0.000_05 => "0".to_owned(),
        ..0.995 => format!("{value:.4}"),
        ..99.95 => format!("{value:.2}"),
        _ => format!("{value:.0}"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few digits are shown, sixteen are kept")]
fn to_float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_is_the_middle_and_the_ends() {
        let spread = Spread::of([3.0, 1.0, 2.0]);
        assert_eq!([spread.median, spread.min, spread.max], [2.0, 1.0, 3.0]);
        assert_eq!(Spread::of([1.0, 2.0, 3.0, 10.0]).median, 2.5);
        assert_eq!(Spread::of([]).median, 0.0);
    }

    #[test]
    fn figures_of_a_packet_are_the_cost_of_a_run_by_its_packets() {
        let cost = |times: u64| Cost {
            elapsed_ns: 1_000_000 * times,
            cpu_ns: 500_000 * times,
            allocations: 100 * times,
            allocated_bytes: 6_400 * times,
        };
        let figures = Figures::of_runs("x".to_owned(), &[(cost(1), 1_000), (cost(3), 1_000)], Vec::new(), Vec::new());
        assert_eq!((figures.packets_per_s.max, figures.cpu_ns_per_packet.min), (1e6, 500.0));
        assert_eq!((figures.allocations_per_packet.median, figures.allocated_bytes_per_packet.max), (0.2, 19.2));
    }

    #[test]
    fn numbers_have_the_places_that_mean_something() {
        for (value, text) in [(0.0, "0"), (0.0123, "0.0123"), (1.234, "1.23"), (99.96, "100"), (123_456.7, "123457")] {
            assert_eq!(number(value), text);
        }
    }
}
