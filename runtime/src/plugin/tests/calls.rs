//! Calls into an instance and what their answers mean.

use super::bench::{Bench, Kept, create, plugins};
use crate::exec::{EmitError, Factories, FaultClass, NextTick, Wait};
use crate::graph::{Kinds, Role};
use crate::plugin::Origin;
use graphmill_abi::{AudioHeader, Buffer, Packet};
use std::sync::Arc;

#[test]
fn linked_plugin_offers_its_kinds_and_is_the_same_when_linked_again() {
    let (plugins, plugin) = plugins();
    let again = plugins.link(super::sample::module()).unwrap();
    assert!(Arc::ptr_eq(&plugin, &again));
    assert_eq!(plugins.plugins().len(), 1);
    assert_eq!(*plugin.origin(), Origin::Linked("graphmill"));
    let ids: Vec<String> = plugins.kinds().iter().map(|kind| kind.id.clone()).collect();
    assert_eq!(ids, ["sample.adder", "sample.count", "sample.gain", "sample.loader", "sample.scripted"]);
    assert_eq!(plugins.kind("sample.count").unwrap().role, Role::Source);
    assert!(plugins.kind("sample.nothing").is_none());
    assert!(plugins.factory("sample.nothing").is_none());
}

#[test]
fn gain_works_in_place_and_emits_the_very_buffer() {
    let (_bench, mut gain) = create("sample.gain", r#"{"factor": 2.0}"#).unwrap();
    let mut packet = Packet::from_audio(AudioHeader::f32(48_000, 1, 4), Buffer::zeroed(16)).unwrap();
    packet.samples_mut::<f32>().unwrap().copy_from_slice(&[1.0, -2.0, 3.0, 0.5]);
    packet.set_seq(9);
    let bytes = packet.plane(0).unwrap().as_ptr();
    let mut kept = Kept::default();
    gain.start().unwrap();
    gain.process(0, &mut packet, &mut kept).unwrap();
    let [(0, Wait::ForRoom, out)] = kept.packets.as_slice() else { panic!("one packet on output 0: {kept:?}") };
    assert_eq!(out.samples::<f32>().unwrap(), [2.0, -4.0, 6.0, 1.0]);
    assert_eq!((out.plane(0).unwrap().as_ptr(), out.seq()), (bytes, 9));
    gain.update(r#"{"factor": 0.5}"#).unwrap();
    let mut packet = kept.packets.pop().unwrap().2;
    gain.process(0, &mut packet, &mut kept).unwrap();
    assert_eq!(kept.packets[0].2.samples::<f32>().unwrap(), [1.0, -2.0, 3.0, 0.5]);
    gain.flush(0, &mut kept).unwrap();
    gain.stop().unwrap();
}

#[test]
fn refused_emit_leaves_the_packet_with_the_plugin_and_says_why() {
    let cases = [
        (EmitError::Cancelled, FaultClass::Cancelled, "the session is stopping"),
        (
            EmitError::Full { link: "a -> b".into() },
            FaultClass::Error,
            "link a -> b is full and its `when_full` is `fail`",
        ),
        (EmitError::Format { message: "not text".into() }, FaultClass::Error, "not text"),
        (
            EmitError::NoSuchPin { pin: 0, count: 0 },
            FaultClass::Error,
            "there is no output with number 0; the kind has 0",
        ),
    ];
    for (refuse, class, message) in cases {
        let (_bench, mut node) = create("sample.scripted", r#"{"act": "emit_owned"}"#).unwrap();
        let mut kept = Kept { refuse: Some(refuse), ..Kept::default() };
        let fault = node.process(0, &mut Packet::from_text("x").unwrap(), &mut kept).unwrap_err();
        assert_eq!((fault.class, fault.message.as_str()), (class, message));
    }
}

#[test]
fn memory_that_a_plugin_lends_leaves_it_behind_a_shield_of_the_host() {
    let (_bench, mut node) = create("sample.scripted", r#"{"act": "emit_owned"}"#).unwrap();
    let mut kept = Kept::default();
    node.process(0, &mut Packet::from_text("x").unwrap(), &mut kept).unwrap();
    let packet = &kept.packets[0].2;
    assert_eq!(packet.plane(0), Some(&[1, 2, 3][..]));
    assert!(packet.plane_buffer(0).unwrap().release_is_nonblocking(), "dropping it runs no code of the plugin");
}

#[test]
fn full_link_gives_the_packet_back_when_the_node_may_not_wait() {
    let (_bench, mut node) = create("sample.scripted", r#"{"act": "try_emit"}"#).unwrap();
    let mut kept = Kept { refuse: Some(EmitError::WouldBlock), ..Kept::default() };
    let mut packet = Packet::from_text("stays").unwrap();
    node.process(0, &mut packet, &mut kept).unwrap();
    assert_eq!(packet.as_text(), Some("stays"));
    kept.refuse = None;
    node.process(0, &mut packet, &mut kept).unwrap();
    assert_eq!(kept.packets[0].2.as_text(), Some("stays"));
    assert_eq!(kept.packets[0].1, Wait::Never);
}

#[test]
fn panic_of_the_links_is_told_to_the_plugin_and_does_not_cross_it() {
    let before = crate::plugin::host_stats().host_panics;
    let (_bench, mut node) = create("sample.scripted", r#"{"act": "emit_owned"}"#).unwrap();
    let mut kept = Kept { panics: true, ..Kept::default() };
    let fault = node.process(0, &mut Packet::from_text("x").unwrap(), &mut kept).unwrap_err();
    assert_eq!((fault.class, fault.message.as_str()), (FaultClass::Error, "the host panicked; please report this"));
    assert!(crate::plugin::host_stats().host_panics > before);
    kept.panics = false;
    node.process(0, &mut Packet::from_text("x").unwrap(), &mut kept).unwrap();
    assert_eq!(kept.packets.len(), 1);
}

#[test]
fn error_of_create_carries_the_sentence_of_the_plugin_and_closes_the_context() {
    let bench = Bench::new("sample.scripted");
    let fault = bench.create(r#"{"act": "fail_create"}"#).err().unwrap();
    assert_eq!((fault.class, fault.message.as_str()), (FaultClass::Error, "no such model; fetch it first"));
    assert!(bench.context.is_closed());
    let fault = Bench::new("sample.gain").create(r#"{"factor": "loud"}"#).err().unwrap();
    assert!(fault.message.starts_with("params: invalid type: string \"loud\", expected f32"), "{fault}");
    let fault = Bench::new("sample.scripted").create(r#"{"act": "panic_create"}"#).err().unwrap();
    assert_eq!(fault.class, FaultClass::Panic);
    assert!(fault.message.starts_with("on purpose"), "{fault}");
}

#[test]
fn panic_poisons_the_instance_and_an_error_does_not() {
    let (_bench, mut node) = create("sample.scripted", r#"{"act": "fail"}"#).unwrap();
    let mut kept = Kept::default();
    for _ in 0..2 {
        let fault = node.process(0, &mut Packet::from_text("x").unwrap(), &mut kept).unwrap_err();
        assert_eq!((fault.class, fault.message.as_str()), (FaultClass::Error, "packet is too old"));
    }
    let (bench, mut node) = create("sample.scripted", r#"{"act": "panic"}"#).unwrap();
    let fault = node.process(0, &mut Packet::from_text("x").unwrap(), &mut kept).unwrap_err();
    assert_eq!(fault.class, FaultClass::Panic);
    let fault = node.flush(0, &mut kept).unwrap_err();
    assert_eq!(fault.message, "`flush` is not called: the instance can only be destroyed after a panic");
    drop(node);
    assert!(bench.context.is_closed());
}

#[test]
fn source_says_when_it_wants_the_next_tick() {
    let (bench, mut source) = create("sample.count", r#"{"until": 4}"#).unwrap();
    bench.clock.advance_ns(100);
    let mut kept = Kept::default();
    let ticks: Vec<NextTick> = (0..4).map(|_| source.tick(100, &mut kept).unwrap()).collect();
    assert_eq!(ticks, [NextTick::At(105), NextTick::OnWake, NextTick::Now, NextTick::Ended]);
    let texts: Vec<_> = kept.packets.iter().map(|(_, _, packet)| packet.as_text().unwrap()).collect();
    assert_eq!(texts, ["0", "1", "2", "3"]);
    let fault = source.process(0, &mut Packet::default(), &mut kept).unwrap_err();
    assert_eq!(fault.message, "a kind of this role has no `process`");
}

#[test]
fn emit_outside_a_data_call_or_thread_is_refused() {
    let (_bench, mut node) = create("sample.scripted", r#"{"act": "emit_in_update"}"#).unwrap();
    let fault = node.start().unwrap_err();
    assert_eq!(fault.message, "a node may emit inside tick, process and flush only");
    let (_bench, mut node) = create("sample.scripted", r#"{"act": "emit_from_another_thread"}"#).unwrap();
    let mut kept = Kept::default();
    let fault = node.process(0, &mut Packet::from_text("x").unwrap(), &mut kept).unwrap_err();
    assert_eq!(fault.message, "only the thread that runs the node may emit");
    assert!(kept.packets.is_empty());
}
