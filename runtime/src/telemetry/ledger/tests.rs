//! Packets on their way, with times that the test makes up.

use super::*;

fn names() -> LedgerNames {
    let list = |words: &[&str]| words.iter().map(ToString::to_string).collect();
    LedgerNames { nodes: list(&["mic", "model", "file"]), links: list(&["mic -> model", "model -> file"]) }
}

/// Sends one packet from mic over model to file; all times are relative to `at_ns`.
fn travel(ledger: &Ledger, at_ns: u64, [room, wait, work, wait_again, write]: [u64; 5]) {
    let mut now_ns = at_ns;
    let hop = ledger.emitted(0, None, now_ns);
    now_ns += room;
    ledger.sent(hop, now_ns);
    now_ns += wait;
    let (taken, waited) = ledger.taken(HopId::in_word(hop.word()).unwrap(), 0, now_ns);
    assert_eq!(waited, Some(wait));
    now_ns += work;
    let hop = ledger.emitted(1, Some(taken), now_ns);
    ledger.sent(hop, now_ns);
    now_ns += wait_again;
    let (taken, _) = ledger.taken(hop, 1, now_ns);
    ledger.finished(taken, 2, now_ns + write);
}

#[test]
fn parts_of_a_journey_add_up_to_the_whole() {
    let ledger = Ledger::new(1);
    travel(&ledger, 1_000, [5, 100, 40, 7, 3]);
    let report = ledger.report(&names());
    assert_eq!((report.followed, report.lost), (1, 0));
    let only = |times: Quantiles| {
        assert_eq!([times.p50_ns, times.p90_ns, times.p99_ns], [times.max_ns; 3]);
        times.max_ns
    };
    assert_eq!((report.ends[0].sink.as_str(), only(report.ends[0].total)), ("file", 155));
    let nodes: Vec<_> = report.nodes.iter().map(|n| (n.node.as_str(), only(n.service), only(n.transfer))).collect();
    assert_eq!(nodes, [("mic", 0, 5), ("model", 40, 0), ("file", 3, 0)]);
    let links: Vec<_> = report.links.iter().map(|l| (l.link.as_str(), only(l.wait))).collect();
    assert_eq!(links, [("mic -> model", 100), ("model -> file", 7)]);
    let shares: f64 = report.nodes.iter().map(|n| n.p99_share).chain(report.links.iter().map(|l| l.p99_share)).sum();
    assert!((shares - 1.0).abs() < 1e-9);
}

#[test]
fn owner_of_the_p99_is_where_the_slowest_packets_wait_and_not_where_most_time_goes() {
    let ledger = Ledger::new(1);
    for at in 0..98 {
        travel(&ledger, at * 10_000, [0, 10, 1_000, 10, 10]);
    }
    travel(&ledger, 990_000, [0, 10, 1_000, 9_000, 10]);
    travel(&ledger, 1_000_000, [0, 10, 1_000, 8_000, 10]);
    let report = ledger.report(&names());
    let owner = report.p99_owner.unwrap();
    assert_eq!((owner.place.as_str(), owner.part), ("model -> file", "wait"));
    assert!((owner.share - 17_000.0 / 19_040.0).abs() < 1e-9, "{}", owner.share);
    assert_eq!((report.ends[0].total.p50_ns, report.ends[0].total.p99_ns), (1_030, 9_020));
}

#[test]
fn one_packet_of_as_many_as_asked_for_is_followed() {
    let ledger = Ledger::new(10);
    assert_eq!((0..100).filter(|_| ledger.follows_next()).count(), 10);
}

#[test]
fn packet_whose_hops_are_forgotten_is_counted_and_the_newest_journeys_are_kept() {
    let ledger = Ledger::new(1);
    let old = ledger.emitted(0, None, 0);
    for at in 0..10_000 {
        travel(&ledger, at, [0, 1, 1, 1, 1]);
    }
    let (taken, waited) = ledger.taken(old, 0, 5);
    assert_eq!(waited, None);
    ledger.finished(taken, 2, 6);
    let report = ledger.report(&names());
    assert_eq!((report.followed, report.lost), (10_000, 1));
    let book = ledger.book();
    assert_eq!((book.hops.len(), book.journeys.len()), (HOPS_MAX, JOURNEYS_MAX));
}

#[test]
fn word_without_a_hop_is_told_from_one_with_a_hop() {
    assert_eq!(HopId::in_word(123), None);
    assert_eq!(HopId::in_word(HopId(123).word()), Some(HopId(123)));
}
