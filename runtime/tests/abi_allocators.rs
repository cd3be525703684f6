//! Host and plugin each with an allocator that knows its own blocks: a block freed on the wrong side ends the process.
#![cfg(feature = "dylib")]

#[path = "../../plugins/fixtures/probe/src/allocator.rs"]
mod allocator;
mod support;

use graphmill::exec::Factories as _;
use graphmill::{Buffer, Packet, Plugins};
use std::sync::Arc;
use support::bench::{Kept, context};
use support::{cdylib, wait_for};

/// Stands in front of every block of this program; the plugin has another.
const MARK: u64 = 0x686f_7374_5f30_3031;

/// Bytes of this program that the plugin keeps and gives back.
#[derive(Debug, Clone)]
struct Ours(Arc<Vec<u8>>);

impl AsRef<[u8]> for Ours {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[test]
fn f27_buffers_are_freed_by_the_allocator_that_made_them_and_none_is_left() {
    const ROUNDS: usize = 20_000;
    let plugins = Plugins::new();
    plugins.load(cdylib("graphmill-fixture-probe")).unwrap();
    let ours = Ours(Arc::new((0..=255).collect()));
    let mut node = plugins.factory("probe.buffers").unwrap().create(&context("probe.buffers"), "{}").unwrap();
    for round in 0..ROUNDS {
        let bytes = if round % 2 == 0 { Buffer::from_owner(ours.clone()) } else { Buffer::copy_from_slice(&ours.0) };
        let mut packet = Packet::from_bytes("application/octet-stream", bytes).unwrap();
        let mut kept = Kept::default();
        node.process(0, &mut packet, &mut kept).unwrap();
        assert_eq!(kept.0.len(), 2);
        assert!(kept.0.iter().all(|packet| packet.plane(0) == Some(&ours.0[..])));
    }
    drop(node);
    // The plugin gave every reference back; those that went through the reaper may still be on their way.
    wait_for("the last release of the host's bytes", || Arc::strong_count(&ours.0) == 1);
    assert_eq!(graphmill::plugin::host_stats().buffers_leaked, 0);
}
