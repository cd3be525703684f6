//! What a report looks like from outside, and what happened between two of them.

use serde::Deserialize;
use std::collections::BTreeMap;

/// The report of a session as its control socket gives it; what is not there is zero.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Report {
    pub(crate) session: String,
    pub(crate) outcome: String,
    pub(crate) elapsed_ns: u64,
    pub(crate) nodes: Vec<NodeFigures>,
    pub(crate) links: Vec<LinkFigures>,
    pub(crate) failures: Vec<Failed>,
    pub(crate) abandoned: Vec<String>,
    pub(crate) dead_letters: u64,
}

/// What a node did.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NodeFigures {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) worker: String,
    pub(crate) state: String,
    pub(crate) paused: bool,
    pub(crate) calls: u64,
    pub(crate) packets_in: u64,
    pub(crate) packets_out: u64,
    pub(crate) errors: u64,
    pub(crate) restarts: u64,
    pub(crate) last_error: Option<String>,
    pub(crate) call_time: Times,
    /// How long packets were on a link to it.
    pub(crate) queue_wait: Times,
    /// How long it waited for room on a link from it.
    pub(crate) send_wait: Times,
}

/// A distribution of durations.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Times {
    pub(crate) count: u64,
    pub(crate) sum_ns: u64,
    pub(crate) p50_ns: u64,
    pub(crate) p99_ns: u64,
    pub(crate) max_ns: u64,
}

/// What a link carried.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LinkFigures {
    pub(crate) link: String,
    pub(crate) capacity: u64,
    pub(crate) depth: u64,
    pub(crate) delivered: u64,
    pub(crate) high_water: u64,
    pub(crate) dropped: Vec<Lost>,
}

/// Packets lost for a reason.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Lost {
    pub(crate) reason: String,
    pub(crate) packets: u64,
}

/// A node that failed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Failed {
    pub(crate) node: String,
    pub(crate) message: String,
}

/// A node went from one state to another.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Change {
    pub(crate) at_ns: u64,
    pub(crate) node: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) reason: Option<String>,
}

/// A report with what happened since the one before, or since the start where there is none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Picture {
    pub(crate) report: Report,
    /// The time that rates are over.
    pub(crate) over_ns: u64,
    /// Whether that is the whole life of the session.
    pub(crate) is_over_all: bool,
    /// Packets that all links together delivered in a second.
    pub(crate) rate: f64,
    pub(crate) nodes: Vec<NodeRow>,
    pub(crate) links: Vec<LinkRow>,
}

/// A node, ready to be shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct NodeRow {
    pub(crate) figures: NodeFigures,
    pub(crate) in_rate: f64,
    pub(crate) out_rate: f64,
    pub(crate) call_rate: f64,
    /// Mean time of a call, if there was one.
    pub(crate) mean_ns: Option<u64>,
    /// The part of the time that was spent in calls, room on full links waited for included.
    pub(crate) busy: f64,
    /// How many packets wait on the fullest link to it, and how many could.
    pub(crate) queue: Option<(u64, u64)>,
    /// Packets lost on the links to it.
    pub(crate) drops: u64,
}

/// A link, ready to be shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct LinkRow {
    pub(crate) figures: LinkFigures,
    pub(crate) rate: f64,
}

impl LinkFigures {
    /// The node that it leads to: `denoise` of `mic.out -> denoise.in`.
    fn to(&self) -> &str {
        let end = self.link.rsplit(" -> ").next().unwrap_or_default();
        end.split_once('.').map_or(end, |(node, _)| node)
    }

    /// Whether it leads to or from a node.
    pub(crate) fn touches(&self, node: &str) -> bool {
        let is_of = |end: &str| end.split_once('.').map_or(end, |(node, _)| node) == node;
        self.link.split(" -> ").any(is_of)
    }

    pub(crate) fn lost(&self) -> u64 {
        self.dropped.iter().map(|lost| lost.packets).sum()
    }
}

impl Picture {
    /// What happened between two reports of a session.
    pub(crate) fn between(before: Option<&Report>, now: Report) -> Self {
        let before = before.filter(|before| before.elapsed_ns < now.elapsed_ns);
        let over_ns = now.elapsed_ns - before.map_or(0, |before| before.elapsed_ns);
        let nodes = now.nodes.iter().map(|node| {
            let before = before.and_then(|before| before.nodes.iter().find(|old| old.id == node.id));
            node_row(node, before, over_ns)
        });
        let links = now.links.iter().enumerate().map(|(at, link)| {
            let delivered = before.and_then(|before| before.links.get(at)).map_or(0, |old| old.delivered);
            LinkRow { rate: per_second(link.delivered.saturating_sub(delivered), over_ns), figures: link.clone() }
        });
        let (mut nodes, links): (Vec<_>, Vec<_>) = (nodes.collect(), links.collect());
        join(&mut nodes, &links);
        let rate = links.iter().map(|link| link.rate).sum();
        Self { over_ns, is_over_all: before.is_none(), rate, nodes, links, report: now }
    }

    /// Packets lost on all links.
    pub(crate) fn drops(&self) -> u64 {
        self.links.iter().map(|link| link.figures.lost()).sum()
    }
}

fn node_row(node: &NodeFigures, before: Option<&NodeFigures>, over_ns: u64) -> NodeRow {
    let since = |value: fn(&NodeFigures) -> u64| value(node).saturating_sub(before.map_or(0, value));
    let (count, sum_ns) = (since(|node| node.call_time.count), since(|node| node.call_time.sum_ns));
    NodeRow {
        in_rate: per_second(since(|node| node.packets_in), over_ns),
        out_rate: per_second(since(|node| node.packets_out), over_ns),
        call_rate: per_second(since(|node| node.calls), over_ns),
        mean_ns: sum_ns.checked_div(count),
        // A call is counted when it ends, so a long one can be more than the time between two reports.
        busy: (per_second(sum_ns, over_ns) / 1e9).min(1.0),
        figures: node.clone(),
        ..NodeRow::default()
    }
}

/// Gives each node the fullest of its links, and what they lost.
fn join(nodes: &mut [NodeRow], links: &[LinkRow]) {
    let mut by_id: BTreeMap<String, &mut NodeRow> =
        nodes.iter_mut().map(|node| (node.figures.id.clone(), node)).collect();
    for LinkRow { figures: link, .. } in links {
        let Some(node) = by_id.get_mut(link.to()) else { continue };
        node.drops += link.lost();
        // Compared without a division: a/b > c/d.
        let is_fuller = node.queue.is_none_or(|(depth, capacity)| {
            u128::from(link.depth) * u128::from(capacity) > u128::from(depth) * u128::from(link.capacity)
        });
        if is_fuller {
            node.queue = Some((link.depth, link.capacity));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown, sixteen are kept")]
fn per_second(count: u64, over_ns: u64) -> f64 {
    if over_ns == 0 { 0.0 } else { count as f64 * 1e9 / over_ns as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn report(elapsed_ns: u64, packets: u64) -> Report {
        serde_json::from_value(json!({
            "session": "s", "outcome": "running", "elapsed_ns": elapsed_ns, "more": "than is known here",
            "nodes": [
                { "id": "a", "packets_out": packets, "calls": packets },
                { "id": "b", "packets_in": packets, "calls": packets,
                  "call_time": { "count": packets, "sum_ns": packets * 1_000_000 } },
            ],
            "links": [
                { "link": "a.out -> b.left", "capacity": 64, "depth": 16, "delivered": packets,
                  "dropped": [{ "reason": "full", "packets": 3 }] },
                { "link": "a.out -> b.right", "capacity": 4, "depth": 2, "delivered": packets },
            ],
        }))
        .unwrap()
    }

    #[test]
    fn rates_are_those_of_the_time_between_two_reports() {
        let before = report(1_000_000_000, 100);
        let picture = Picture::between(Some(&before), report(3_000_000_000, 300));
        assert_eq!((picture.over_ns, picture.is_over_all), (2_000_000_000, false));
        let [a, b] = picture.nodes.as_slice() else { panic!("{picture:?}") };
        assert_eq!((a.out_rate, a.call_rate, b.in_rate), (100.0, 100.0, 100.0));
        assert_eq!((b.mean_ns, a.mean_ns), (Some(1_000_000), None));
        assert!((b.busy - 0.1).abs() < 1e-9, "{}", b.busy);
        assert_eq!(picture.rate, 200.0);
        assert_eq!(picture.drops(), 3);
    }

    #[test]
    fn first_report_gives_rates_since_the_start() {
        let picture = Picture::between(None, report(2_000_000_000, 100));
        assert!(picture.is_over_all);
        assert_eq!(picture.nodes[0].out_rate, 50.0);
        let empty = Picture::between(None, Report::default());
        assert_eq!((empty.rate, empty.over_ns), (0.0, 0));
    }

    #[test]
    fn node_shows_the_fullest_of_its_links_and_all_that_they_lost() {
        let picture = Picture::between(None, report(1, 1));
        assert_eq!((picture.nodes[1].queue, picture.nodes[1].drops), (Some((2, 4)), 3));
        assert_eq!((picture.nodes[0].queue, picture.nodes[0].drops), (None, 0));
    }
}
