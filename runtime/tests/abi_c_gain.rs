//! A plugin in plain C, built against the committed header, does what one in Rust does.
#![cfg(feature = "dylib")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use graphmill::exec::{FaultClass, Instance, RecvError};
use graphmill::graph::Kinds as _;
use graphmill::{AudioHeader, Buffer, Graph, Outcome, Packet, Plugins, Runtime};
use serde_json::json;
use std::any::Any;
use std::path::PathBuf;
use std::thread;
use support::bench::{Kept, create};
use support::{LONG, Lab, repository};

fn library(lab: &Lab) -> PathBuf {
    let source = repository().join("plugins/fixtures/c_gain/c_gain.c");
    lab.cc(&source, "libc_gain.so", &[])
}

fn c_gain(lab: &Lab) -> Plugins {
    let plugins = Plugins::new();
    plugins.load(library(lab)).unwrap();
    plugins
}

fn audio(samples: &[f32]) -> Packet {
    let frames = u32::try_from(samples.len()).unwrap();
    let mut packet =
        Packet::from_audio(AudioHeader::f32(48_000, 1, frames), Buffer::zeroed(samples.len() * 4)).unwrap();
    packet.samples_mut::<f32>().unwrap().copy_from_slice(samples);
    packet
}

fn run(node: &mut dyn Instance, mut packet: Packet) -> Packet {
    let mut kept = Kept::default();
    node.process(0, &mut packet, &mut kept).unwrap();
    assert_eq!((kept.0.len(), packet.plane(0)), (1, None), "taken by nulling");
    kept.0.pop().unwrap()
}

#[test]
fn c_plugin_multiplies_in_place_when_the_bytes_are_its_own() {
    let lab = Lab::new();
    let plugins = c_gain(&lab);
    let mut node = create(&plugins, "c.gain", r#"{"factor": 0.5}"#).unwrap();
    let packet = audio(&[1.0, -2.0, 4.0]);
    let place = packet.plane(0).unwrap().as_ptr();
    let out = run(&mut *node, packet);
    assert_eq!(out.samples::<f32>().unwrap(), [0.5, -1.0, 2.0]);
    assert_eq!(out.plane(0).unwrap().as_ptr(), place);
    node.update(r#"{"factor": 2}"#).unwrap();
    assert_eq!(run(&mut *node, out).samples::<f32>().unwrap(), [1.0, -2.0, 4.0]);
}

#[test]
fn c_plugin_copies_to_a_pooled_buffer_when_somebody_else_holds_the_bytes() {
    let lab = Lab::new();
    let plugins = c_gain(&lab);
    let mut node = create(&plugins, "c.gain", r#"{"factor": 3}"#).unwrap();
    let packet = audio(&[1.0, 2.0]);
    let held = packet.clone();
    let out = run(&mut *node, packet);
    assert_eq!(out.samples::<f32>().unwrap(), [3.0, 6.0]);
    assert_eq!(held.samples::<f32>().unwrap(), [1.0, 2.0]);
    assert_ne!(out.plane(0).unwrap().as_ptr(), held.plane(0).unwrap().as_ptr());
}

#[test]
fn c_plugin_says_what_it_does_not_accept() {
    let lab = Lab::new();
    let plugins = c_gain(&lab);
    let fault = create(&plugins, "c.gain", r#"{"factor": "loud"}"#).err().unwrap();
    assert_eq!((fault.class, fault.message.as_str()), (FaultClass::Error, "`factor` is not a number"));
    let mut node = create(&plugins, "c.gain", r#"{"factor": 1}"#).unwrap();
    let fault = node.process(0, &mut Packet::from_text("x").unwrap(), &mut Kept::default()).unwrap_err();
    assert_eq!(fault.message, "packet is not audio of f32 samples");
}

#[test]
fn f20_what_came_from_a_plugin_can_be_dropped_in_any_order() {
    /// All orders of four things.
    fn orders() -> impl Iterator<Item = [usize; 4]> {
        let all = (0..256).map(|code| [code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6]);
        all.filter(|order| (0..4).all(|thing| order.contains(&thing)))
    }
    assert_eq!(orders().count(), 24);
    for order in orders() {
        let lab = Lab::new();
        let plugins = c_gain(&lab);
        let kind = plugins.kind("c.gain").unwrap();
        let mut node = create(&plugins, "c.gain", r#"{"factor": 2}"#).unwrap();
        // The bytes are held elsewhere, so those of the output come from the plugin's pool.
        let packet = audio(&[1.0]);
        let held = packet.clone();
        let out = run(&mut *node, packet);
        drop(lab);
        let mut things: [Option<Box<dyn Any>>; 4] =
            [Some(Box::new(plugins)), Some(Box::new(kind)), Some(Box::new(node)), Some(Box::new(out))];
        for (index, thing) in order.into_iter().enumerate() {
            drop(things[thing].take());
            let left = &order[index + 1..];
            if let Some(Some(out)) = left.contains(&3).then(|| things[3].as_ref()) {
                assert_eq!(out.downcast_ref::<Packet>().unwrap().samples::<f32>().unwrap(), [2.0], "{order:?}");
            }
            if let Some(Some(node)) = left.contains(&2).then(|| things[2].as_mut()) {
                let node = node.downcast_mut::<Box<dyn Instance>>().unwrap();
                assert_eq!(run(&mut **node, held.clone()).samples::<f32>().unwrap(), [2.0], "{order:?}");
            }
        }
    }
}

/// What a sound file gives: frames of 10 ms, numbered, each with its time.
fn recording(packets: u64) -> impl Iterator<Item = Packet> {
    const FRAMES: u16 = 480;
    (0..packets).map(|seq| {
        let samples: Vec<f32> = (0..FRAMES).map(|at| seq as f32 + f32::from(at) / 1024.0).collect();
        let mut packet = audio(&samples);
        packet.set_seq(seq);
        packet.set_pts_ns(Some(i64::try_from(seq).unwrap() * 10_000_000));
        packet
    })
}

#[test]
fn c_plugin_multiplies_a_recording_in_a_running_graph_and_keeps_its_order() {
    const PACKETS: u64 = 1_000;
    let lab = Lab::new();
    let runtime = Runtime::new();
    runtime.plugins().load(library(&lab)).unwrap();
    let graph = Graph::builder()
        .inlet("in", "audio f32 48000 Hz mono")
        .node("gain", "c.gain", json!({ "factor": 0.5 }))
        .outlet("out", "audio f32")
        .chain(["in", "gain", "out"])
        .build(runtime.plugins())
        .unwrap();
    let mut session = runtime.start(&graph).unwrap();
    let (mut inlet, mut outlet) = (session.take_inlet("in").unwrap(), session.take_outlet("out").unwrap());
    let sender = thread::spawn(move || recording(PACKETS).for_each(|packet| inlet.send(packet, LONG).unwrap()));
    for sent in recording(PACKETS) {
        let packet = outlet.recv(LONG).unwrap();
        assert_eq!((packet.seq(), packet.pts_ns(), packet.audio()), (sent.seq(), sent.pts_ns(), sent.audio()));
        // Halving is exact.
        let halved: Vec<f32> = sent.samples::<f32>().unwrap().iter().map(|sample| sample * 0.5).collect();
        assert_eq!(packet.samples::<f32>().unwrap(), halved, "packet {}", sent.seq());
    }
    assert_eq!(outlet.recv(LONG).unwrap_err(), RecvError::Ended);
    sender.join().unwrap();
    drop(outlet);
    let report = session.wait_timeout(LONG).unwrap();
    assert_eq!((report.outcome, report.errors(), report.dropped()), (Outcome::Completed, 0, 0), "{report:#?}");
    let gain = report.node("gain").unwrap();
    assert_eq!((gain.packets_in, gain.packets_out), (PACKETS, PACKETS));
}
