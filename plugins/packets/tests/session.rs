//! Saved packets leave the source as they went into the file.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use graphmill::exec::RecvError;
use graphmill::exec::supervise::{DeadLetter, Reason, write_dead_letters};
use graphmill::{Graph, Outcome, Packet, Runtime};
use graphmill_plugin_sdk::abi::layout::{GM_DTYPE_FLOAT, GM_PIXEL_NV12};
use graphmill_plugin_sdk::abi::{AudioHeader, Buffer, MAX_PLANES, TensorHeader, VideoHeader};
use serde_json::json;
use std::fs::File;
use std::time::Duration;

/// Longer than any machine takes; a test that waits this long has failed.
const LONG: Duration = Duration::from_secs(60);

/// A packet of every sort, with everything set that a packet can have.
fn packets() -> Vec<Packet> {
    let bytes = |len: u8| Buffer::copy_from_slice(&(0..len).collect::<Vec<_>>());
    let planes = [(bytes(16), 8), (bytes(8), 8)];
    let video = VideoHeader { pixel: GM_PIXEL_NV12, width: 4, height: 2 };
    let shape = TensorHeader::dense(GM_DTYPE_FLOAT, 32, &[1, 3, 2]).unwrap();
    let event = Packet::from_event("speech.segment", 3, Buffer::copy_from_slice(b"{}")).unwrap();
    let with_side = (event.header().unwrap(), event.plane_buffer(0), Some(Buffer::copy_from_slice(b"[1]")));
    let mut packets = vec![
        Packet::from_audio(AudioHeader::f32(48_000, 2, 4), bytes(32)).unwrap(),
        Packet::from_video(video, planes).unwrap(),
        Packet::from_tensor(shape, bytes(24)).unwrap(),
        Packet::from_text("gr\u{fc}n").unwrap(),
        Packet::from_parts(&with_side.0, with_side.1, with_side.2).unwrap(),
        Packet::from_bytes("image/png", bytes(0)).unwrap(),
    ];
    for (packet, seq) in packets.iter_mut().zip([9, 2, u64::MAX, 4, 4, 0]) {
        packet.set_seq(seq);
        packet.set_stream_id(seq / 3);
        packet.set_pts_ns(Some(7_000_000_000 - i64::try_from(seq % 100).unwrap()));
        packet.set_duration_ns(Some(1));
        packet.set_discontinuity();
    }
    packets
}

fn letter(packet: Packet) -> DeadLetter {
    let reason = Reason { operation: "process".into(), message: "it panicked".into() };
    let [node, kind, pin] = ["a", "b", "in"].map(String::from);
    let header = packet.header().unwrap();
    DeadLetter { node, kind, pin, reason, attempts: 1, at_ns: 0, header, packet: Some(packet) }
}

/// A packet as text, bytes included.
fn show(packet: &Packet) -> String {
    let planes: Vec<_> = (0..MAX_PLANES).map(|index| packet.plane(index)).collect();
    format!("{:?} {planes:?} {:?}", packet.header(), packet.side().map(|side| side.to_vec()))
}

#[test]
fn packets_of_every_sort_are_given_as_they_were_and_then_the_stream_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("saved.letters");
    let letters: Vec<_> = packets().into_iter().map(letter).collect();
    write_dead_letters(&letters, &mut File::create(&path).unwrap()).unwrap();
    let runtime = Runtime::new();
    runtime.plugins().link(graphmill_packets::module()).unwrap();
    let graph = Graph::builder()
        .node("again", "packets.source", json!({ "path": path }))
        .outlet("out", "any")
        .chain(["again", "out"])
        .build(runtime.plugins())
        .unwrap();
    let mut session = runtime.start(&graph).unwrap();
    let mut outlet = session.take_outlet("out").unwrap();
    for wanted in packets() {
        assert_eq!(show(&outlet.recv(LONG).unwrap()), show(&wanted));
    }
    assert!(matches!(outlet.recv(LONG), Err(RecvError::Ended)), "nothing comes after the last");
    assert_eq!(session.wait_timeout(LONG).unwrap().outcome, Outcome::Completed);
}
