//! A record that is too long, in a process of its own: what was lost is told once a minute.
#![cfg(feature = "dylib")]

mod support;

use graphmill::Plugins;
use graphmill::plugin::host_stats;
use support::bench::{create, process};
use support::cdylib;
use support::records::Records;

#[test]
fn nx_f_ten_mebibytes_are_cut_at_a_character_and_counted() {
    let (records, plugins) = (Records::of_process("info"), Plugins::new());
    plugins.load(cdylib("graphmill-fixture-probe")).unwrap();
    let mut node = create(&plugins, "probe.chatter", r#"{"say": [{"long": 10485760}]}"#).unwrap();
    process(&mut *node).unwrap();
    let lines = records.take();
    let (told, kept): (Vec<_>, Vec<_>) =
        lines.iter().partition(|line| line.contains("records of plugins were damaged or dropped"));
    assert_eq!((told.len(), kept.len()), (1, 1), "somebody is told");
    let places = kept[0].matches('ä').count();
    assert_eq!(places, 3 * 4096 - 5, "message, field and path of spans, less what names the span");
    assert_eq!(host_stats().log_texts_cut, 1);
}
