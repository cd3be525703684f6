//! Numbers as people read them: three digits that mean something, and a unit.

/// A duration with its unit: `0 ns`, `1.23 µs`, `45.6 ms`, `789 s`.
pub(crate) fn duration(ns: u64) -> String {
    let units = [("ns", 1.0), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)];
    let value = to_float(ns);
    // A unit is left where three digits would show a thousand of it.
    let unit = units.into_iter().find(|(_, size)| value / size < 999.5).unwrap_or(("s", 1e9));
    match unit {
        ("ns", _) => format!("{ns} ns"),
        (name, size) => format!("{} {name}", three_digits(value / size)),
    }
}

/// A size with its unit, a thousand of one being one of the next: `1 byte`, `1.5 kB`, `28.0 MB`.
#[cfg(feature = "models")]
pub(crate) fn bytes(len: u64) -> String {
    let units = [("kB", 1e3), ("MB", 1e6), ("GB", 1e9)];
    let value = to_float(len);
    let unit = units.into_iter().find(|(_, size)| value / size < 999.95).unwrap_or(("GB", 1e9));
    if len < 1000 { count(len, "byte") } else { format!("{:.1} {}", value / unit.1, unit.0) }
}

/// A stretch of a stream, for a line that changes in place: `12.3 s`, `4:05.6`.
pub(crate) fn position(ns: u64) -> String {
    let tenths = ns / 100_000_000;
    match (tenths / 600, tenths % 600) {
        (0, tenths) => format!("{}.{} s", tenths / 10, tenths % 10),
        (minutes, tenths) => format!("{minutes}:{:02}.{}", tenths / 10, tenths % 10),
    }
}

/// How much faster than real time, or nothing where that means nothing.
pub(crate) fn speed(position_ns: u64, elapsed_ns: u64) -> Option<String> {
    let is_meaningful = position_ns > 0 && elapsed_ns > 0;
    is_meaningful.then(|| format!("{}x real time", three_digits(to_float(position_ns) / to_float(elapsed_ns))))
}

/// A part of a whole: `12.3 %`.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 { "-".into() } else { format!("{:.1} %", 100.0 * to_float(part) / to_float(whole)) }
}

/// A count with its noun in the right number.
pub(crate) fn count(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn three_digits(value: f64) -> String {
    match value {
        ..9.995 => format!("{value:.2}"),
        ..99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown, sixteen are kept")]
fn to_float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits_and_the_unit_that_fits() {
        let table = [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (1_234, "1.23 µs"),
            (9_994, "9.99 µs"),
            (9_996, "10.0 µs"),
            (99_960, "100 µs"),
            (999_400, "999 µs"),
            (999_600, "1.00 ms"),
            (45_678_900, "45.7 ms"),
            (1_500_000_000, "1.50 s"),
            (12_345_000_000_000, "12345 s"),
        ];
        for (ns, expected) in table {
            assert_eq!(duration(ns), expected);
        }
    }

    #[test]
    #[cfg(feature = "models")]
    fn sizes_have_one_digit_after_the_point_and_the_unit_that_fits() {
        let table = [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1_500, "1.5 kB"),
            (999_960, "1.0 MB"),
            (20_243_286, "20.2 MB"),
            (5_000_000_000_000, "5000.0 GB"),
        ];
        for (len, expected) in table {
            assert_eq!(bytes(len), expected);
        }
    }

    #[test]
    fn positions_are_short_and_grow_minutes() {
        let table = [(0, "0.0 s"), (12_340_000_000, "12.3 s"), (59_990_000_000, "59.9 s"), (245_600_000_000, "4:05.6")];
        for (ns, expected) in table {
            assert_eq!(position(ns), expected);
        }
    }

    #[test]
    fn shares_and_speeds_without_a_whole_say_nothing() {
        assert_eq!((percent(1, 8), percent(1, 0)), ("12.5 %".into(), "-".into()));
        assert_eq!(speed(10_000, 250), Some("40.0x real time".into()));
        assert_eq!((speed(0, 1), speed(1, 0)), (None, None));
        assert_eq!((count(1, "node"), count(0, "node")), ("1 node".into(), "0 nodes".into()));
    }
}
