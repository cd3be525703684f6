//! Where the time of packets went, as a table.

use crate::failure::STRONG;
use crate::table::{Align, Cell, Table};
use crate::units;
use graphmill::telemetry::{LatencyReport, Quantiles};

/// The ledger: first from end to end, then every stage in the order of the graph, then who owns the p99.
pub(crate) fn render(latency: &LatencyReport) -> String {
    let packets = units::count(latency.followed, "packet");
    let of = if latency.every == 1 { String::new() } else { format!(", one of {}", latency.every) };
    let mut text = format!("{STRONG}latency{STRONG:#} of {packets}{of}");
    if latency.lost > 0 {
        text.push_str(&format!("; {} not followed to the end", units::count(latency.lost, "packet")));
    }
    text.push_str("\n\n");
    text.push_str(&stages(latency));
    if let Some(owner) = &latency.p99_owner {
        let share = percent(owner.share);
        let what = match owner.part {
            "wait" => format!("waiting on {}", owner.place),
            "service" => format!("in `{}`", owner.place),
            _ => format!("while `{}` waited for room", owner.place),
        };
        text.push_str(&format!("\nThe slowest 1 % spent {share} of their time {what}.\n"));
    }
    text
}

fn stages(latency: &LatencyReport) -> String {
    let right = ["p50", "p90", "p99", "max", "of slowest"].map(|name| (name, Align::Right));
    let [a, b, c, d, e] = right;
    let mut table = Table::new([("where", Align::Left), ("time", Align::Left), a, b, c, d, e]);
    for end in &latency.ends {
        row(&mut table, [&format!("to {}", end.sink), "end to end"], end.total, None);
    }
    for link in &latency.links {
        row(&mut table, [&link.link, "wait"], link.wait, Some(link.p99_share));
    }
    for node in &latency.nodes {
        row(&mut table, [&node.node, "service"], node.service, Some(node.p99_share));
        if node.transfer.p99_ns > 0 {
            row(&mut table, [&node.node, "transfer"], node.transfer, None);
        }
    }
    table.render()
}

fn row(table: &mut Table, [place, time]: [&str; 2], times: Quantiles, share: Option<f64>) {
    let [p50, p90, p99, max] = [times.p50_ns, times.p90_ns, times.p99_ns, times.max_ns].map(units::duration);
    let share = share.map_or_else(String::new, percent);
    let cells: [Cell; 7] = [place.into(), time.into(), p50.into(), p90.into(), p99.into(), max.into(), share.into()];
    table.row(cells);
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use graphmill::exec::SessionReport;
    use graphmill::graph::NodeSpec;
    use graphmill::{Graph, Runtime};
    use serde_json::json;
    use std::num::NonZeroU64;

    fn report() -> SessionReport {
        let runtime = Runtime::new();
        runtime.plugins().link(graphmill_fixture_flow::module()).expect("a sound fixture");
        let graph = Graph::builder()
            .node("count", "flow.count", json!({ "packets": 20 }))
            .node_with("check", NodeSpec::new("flow.check"))
            .link("count", "check")
            .build(runtime.plugins())
            .expect("a sound graph");
        let mut options = runtime.session_options();
        options.follow_every = NonZeroU64::new(2);
        runtime.start_with(&graph, options).expect("it starts").wait()
    }

    #[test]
    fn table_has_the_whole_and_every_part_and_names_the_owner() {
        let text = render(&report().latency.expect("packets were followed"));
        let text = anstream::adapter::strip_str(&text).to_string();
        assert!(text.starts_with("latency of 10 packets, one of 2\n\nwhere "), "{text}");
        for line in ["to check ", "count.out -> check.in ", "count ", "check "] {
            assert!(text.lines().any(|found| found.starts_with(line)), "{line} in {text}");
        }
        assert!(text.contains("\nThe slowest 1 % spent "), "{text}");
    }
}
