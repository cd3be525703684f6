//! What the rows say, as tables: in short with ratios alone, in full with everything.

use crate::draw::time;
use crate::peers::{self, Peer};
use crate::rows::{Place, Row};
use crate::spread::{Spread, three_digits};
use crate::table::Table;
use compare_common::{CAPACITY, Work};

/// Every work with what it is.
pub(crate) const TITLES: &[(Work, &str)] = &[
    (Work::Inline, "Source, nodes and sink on one thread"),
    (Work::Threads, "Source, nodes and sink with a thread for each"),
    (Work::Caterpillar, "Caterpillar: a chain with a sink at each node, on one thread"),
    (Work::Call, "Request to a node on a thread of its own, and its reply"),
    (Work::RoundTrip, "Application, node on a thread of its own, application; the next packet at once"),
    (Work::Paced, "The same with a packet each millisecond"),
];

impl Place {
    /// The place of a case.
    pub(crate) fn of_case(case: &compare_common::Case) -> Self {
        Self { work: case.work, depth: case.depth, bytes: case.bytes }
    }
}

/// A place in words.
pub(crate) fn name(place: Place) -> String {
    let Place { work, depth, bytes } = place;
    match work {
        Work::Inline | Work::Threads => format!("{work} x {depth}, {}", size(bytes)),
        _ => work.to_string(),
    }
}

fn size(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

/// What the columns of a short table are made of.
struct Figures {
    ours: fn(&Row) -> Option<f64>,
    ratio: fn(&Row) -> Option<Spread>,
}

/// Tables of ratios: a row for each case and a column for each peer.
pub(crate) fn in_short(rows: &[Row]) -> String {
    let time_of = Figures { ours: |row| Some(row.cost.median), ratio: |row| row.ratio };
    let processor = Figures { ours: |row| row.cpu_ns.map(|cpu| cpu.median), ratio: |row| row.cpu_ratio };
    format!(
        "## In short\n\nTime of a packet with Graphmill, and how many times as long it takes with the others; below 1 \
         they are faster.\nWhere each packet is timed (call, round-trip, paced) it is the median of the packets. Every \
         call into a plugin of\nGraphmill is counted, timed and watched by a deadline. Queues between threads have \
         {CAPACITY} places.\n\n{}\
         Processor time of a packet, all threads together; on a machine that is not quiet it says more than the time \
         above.\n\n{}",
        short_table(rows, &time_of),
        short_table(rows, &processor)
    )
}

/// A row for each case and a column for each peer, with ratios.
fn short_table(rows: &[Row], figures: &Figures) -> String {
    let all = peers::ALL.iter().filter(|peer| rows.iter().any(|row| row.peer == *peer));
    let others: Vec<&Peer> = all.filter(|peer| !peer.is_ours()).collect();
    let columns = ["Case", "Graphmill"].into_iter().chain(others.iter().map(|peer| peer.title));
    let mut table = Table::new(&columns.collect::<Vec<_>>());
    let mut places: Vec<Place> = Vec::new();
    for row in rows {
        if !places.contains(&row.place) {
            places.push(row.place);
        }
    }
    for place in places {
        let of = |peer: &Peer| rows.iter().find(|row| row.place == place && row.peer == peer);
        let ours = peers::ALL.iter().find(|peer| peer.is_ours()).and_then(of).and_then(figures.ours);
        let theirs = others.iter().map(|peer| of(peer).and_then(figures.ratio).map_or_else(|| "-".into(), ratio));
        table.row([name(place), ours.map_or_else(|| "-".into(), time)].into_iter().chain(theirs));
    }
    table.finish()
}

fn ratio(spread: Spread) -> String {
    let Spread { min, median, max } = spread;
    format!("**{}×** ({}–{})", three_digits(median), three_digits(min), three_digits(max))
}

/// Everything that was measured of one work.
pub(crate) fn in_full(rows: &[Row], work: Work, title: &str) -> String {
    let rows: Vec<&Row> = rows.iter().filter(|row| row.place.work == work).collect();
    if rows.is_empty() {
        return String::new();
    }
    let columns: &[&str] = if work.is_latency() {
        &[
            "Peer",
            "p50",
            "p90",
            "p99",
            "p99.9",
            "max",
            "p50 / ours",
            "p99 / ours",
            "CPU",
            "CPU / ours",
            "threads",
            "MiB",
        ]
    } else {
        &["Peer", "nodes", "size", "packets", "ns", "/ ours", "CPU ns", "CPU / ours", "threads", "MiB"]
    };
    let mut table = Table::new(columns);
    for row in rows {
        table.row(if work.is_latency() { timed(row) } else { moved(row) });
    }
    format!("### {title}\n\n{}", table.finish())
}

fn moved(row: &Row) -> Vec<String> {
    let Place { depth, bytes, .. } = row.place;
    let mut cells = vec![row.peer.title.to_owned(), depth.to_string(), size(bytes), three_digits_of(row.packets)];
    cells.extend([row.cost.to_string(), row.ratio.map_or_else(|| "-".into(), ratio)]);
    cells.push(median(row.cpu_ns, three_digits));
    cells.push(row.cpu_ratio.map_or_else(|| "-".into(), ratio));
    cells.extend(footprint(row));
    cells
}

#[expect(clippy::cast_precision_loss, reason = "packets are far below 2^52")]
fn three_digits_of(packets: u64) -> String {
    three_digits(packets as f64).trim_end_matches(".00").to_owned()
}

fn timed(row: &Row) -> Vec<String> {
    let mut cells = vec![row.peer.title.to_owned(), time(row.cost.median)];
    let Some(tail) = &row.tail else { return cells };
    cells.extend([tail.p90, tail.p99, tail.p999, tail.max].map(|spread| time(spread.median)));
    cells.extend([row.ratio, tail.p99_ratio].map(|spread| spread.map_or_else(|| "-".into(), ratio)));
    cells.push(median(row.cpu_ns, time));
    cells.push(row.cpu_ratio.map_or_else(|| "-".into(), ratio));
    cells.extend(footprint(row));
    cells
}

fn footprint(row: &Row) -> [String; 2] {
    [median(row.threads, |threads| format!("{threads:.0}")), median(row.rss_mib, |mib| format!("{mib:.0}"))]
}

fn median(spread: Option<Spread>, text: impl Fn(f64) -> String) -> String {
    spread.map_or_else(|| "-".into(), |spread| text(spread.median))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows;
    use crate::rows::tests::run;

    #[test]
    fn the_short_tables_have_a_ratio_for_each_peer() {
        let runs = [
            (0, run("graphmill", Work::Inline, 1.0)),
            (0, run("gstreamer", Work::Inline, 3.0)),
            (0, run("graphmill", Work::Call, 1.0)),
            (0, run("tokio", Work::Call, 5.0)),
        ];
        let text = in_short(&rows::rows(&runs));
        assert!(text.contains("| Case | Graphmill | tokio hand-shake | GStreamer |\n"), "{text}");
        assert!(text.contains("| inline x 8, 64 bytes | 1.00 ms | - | **3.00×** (3.00–3.00) |\n"), "{text}");
        let line = "| call | 1.00 ms | **5.00×** (5.00–5.00) | - |\n";
        assert_eq!(text.matches(line).count(), 2, "once as time and once as processor time: {text}");
    }

    #[test]
    fn the_full_table_has_the_slow_packets_too() {
        let runs = [(0, run("graphmill", Work::Call, 1.0)), (0, run("tokio", Work::Call, 5.0))];
        let text = in_full(&rows::rows(&runs), Work::Call, "Call");
        assert!(text.contains("| tokio hand-shake | 5.00 ms | 10.0 ms | 20.0 ms | 40.0 ms | 80.0 ms |"), "{text}");
        assert_eq!(in_full(&rows::rows(&runs), Work::Inline, "Inline"), "", "no table without rows");
    }

    #[test]
    fn a_place_is_named_by_what_tells_it_apart() {
        let place = |work, bytes| name(Place { work, depth: 2, bytes });
        assert_eq!(place(Work::Threads, 16 << 20), "threads x 2, 16 MiB");
        assert_eq!([place(Work::Inline, 4096), place(Work::Paced, 64)], ["inline x 2, 4 KiB", "paced"]);
    }
}
