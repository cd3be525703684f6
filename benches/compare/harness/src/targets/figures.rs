//! What the benches say of themselves.

use crate::Outcome;
use crate::draw::time;
use crate::spread::{Spread, three_digits};
use serde::Deserialize;

/// What one way to do the work came to, in every round.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Figures {
    pub(super) bench: String,
    /// What several ways did in turns.
    pub(super) contest: String,
    pub(super) way: String,
    /// What was measured, with its unit.
    pub(super) figure: String,
    pub(super) rounds: Vec<f64>,
}

/// Reads a line for each.
///
/// # Errors
/// A line is no such figures; the message has its number.
pub(super) fn read(text: &str) -> Outcome<Vec<Figures>> {
    let lines = (1..).zip(text.lines());
    lines.map(|(at, line)| serde_json::from_str(line).map_err(|error| format!("figures, line {at}: {error}"))).collect()
}

/// Every figure of every round.
///
/// # Errors
/// A table that cannot be made.
pub(super) fn csv(all: &[Figures]) -> Outcome<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["bench", "contest", "way", "figure", "round", "value"]).map_err(|error| error.to_string())?;
    for Figures { bench, contest, way, figure, rounds } in all {
        for (round, value) in rounds.iter().enumerate() {
            let numbers = [round.to_string(), value.to_string()];
            let record = [bench, contest, way, figure, &numbers[0], &numbers[1]];
            writer.write_record(record).map_err(|error| error.to_string())?;
        }
    }
    writer.into_inner().map_err(|error| error.to_string())
}

impl Figures {
    pub(super) fn spread(&self) -> Option<Spread> {
        Spread::of(self.rounds.iter().copied())
    }

    /// This one as a multiple of another, round by round.
    pub(super) fn ratio(&self, baseline: &Self) -> Option<Spread> {
        Spread::of(self.rounds.iter().zip(&baseline.rounds).map(|(ours, theirs)| ours / theirs))
    }
}

/// A value of a figure with its unit.
pub(super) fn value(figure: &str, value: f64) -> String {
    match figure.split_whitespace().find(|word| matches!(*word, "ns" | "µs" | "KiB" | "%")) {
        Some("ns") => time(value),
        Some("µs") => time(value * 1e3),
        Some(unit) => format!("{} {unit}", three_digits(value)),
        None if value == 0.0 => "0".into(),
        None if value < 1e-3 => format!("{value:.5}"),
        None => three_digits(value),
    }
}

/// A spread of a figure with its unit.
pub(super) fn spread(figure: &str, Spread { min, median, max }: Spread) -> String {
    let [median, min, max] = [median, min, max].map(|part| value(figure, part));
    if min == max { median } else { format!("{median} ({min}–{max})") }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn figures(bench: &str, [contest, way, figure]: [&str; 3], rounds: &[f64]) -> Figures {
        let [bench, contest, way, figure] = [bench, contest, way, figure].map(str::to_owned);
        Figures { bench, contest, way, figure, rounds: rounds.to_vec() }
    }

    #[test]
    fn lines_are_read_and_written_as_a_table() {
        let line = r#"{"bench":"chain","contest":"8 nodes","way":"bare","figure":"wall ns","rounds":[1.5,2.0]}"#;
        let all = read(&format!("{line}\n{line}")).unwrap();
        assert_eq!(all, vec![figures("chain", ["8 nodes", "bare", "wall ns"], &[1.5, 2.0]); 2]);
        let csv = String::from_utf8(csv(&all[..1]).unwrap()).unwrap();
        assert_eq!(
            csv.lines().skip(1).collect::<Vec<_>>(),
            ["chain,8 nodes,bare,wall ns,0,1.5", "chain,8 nodes,bare,wall ns,1,2"]
        );
        assert!(read("{}").unwrap_err().starts_with("figures, line 1: "));
    }

    #[test]
    fn a_value_has_its_unit() {
        let values =
            [("wall ns", 1500.0), ("start µs each", 2.0), ("KiB each", 45.25), ("cpu %", 0.5), ("allocations", 0.0)];
        let values = values.map(|(figure, of)| value(figure, of));
        assert_eq!(values, ["1.50 µs", "2.00 µs", "45.2 KiB", "0.50 %", "0"]);
        let wide = Spread { min: 1.0, median: 2.0, max: 3.0 };
        assert_eq!(spread("cpu %", wide), "2.00 % (1.00 %–3.00 %)");
        assert_eq!(spread("allocations", Spread { min: 0.0, median: 0.0, max: 0.0 }), "0");
    }
}
