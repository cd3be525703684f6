//! More targets than there is room for, in a process of its own: the test uses up what all plugins of a process share.
#![cfg(feature = "dylib")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use graphmill::Plugins;
use graphmill::plugin::host_stats;
use std::fs;
use support::bench::{create, process};
use support::cdylib;
use support::records::Records;

/// Memory of this process that is in use.
fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn f5b_million_targets_leave_memory_alone_and_fold_into_one() {
    let (records, plugins) = (Records::of_process("info"), Plugins::new());
    plugins.load(cdylib("graphmill-fixture-probe")).unwrap();
    let speak = |say: &str| {
        process(&mut *create(&plugins, "probe.chatter", &format!(r#"{{"say": {say}}}"#)).unwrap()).unwrap();
    };
    // More than there is room for.
    speak(r#"[{"targets": 10000}]"#);
    let heard = records.take();
    let is_folded = |line: &String| line.contains("target=\"made_up::4") && line.contains("from graphmill::folded");
    assert!(heard.iter().any(is_folded), "{:?}", heard.last());
    let before = resident_kib();
    speak(r#"[{"targets": 1000000}]"#);
    drop(records.take());
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < 4096, "{grown} KiB more");
    assert!(host_stats().log_sites_folded >= 1_000_000);
    assert!(host_stats().log_records_suppressed > 0, "and most of them came too soon");
}
