//! Picture files through a graph: their packets, and what becomes of a file that is none.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use graphmill::exec::RecvError;
use graphmill::{Graph, Outcome, Packet, Runtime, SessionReport};
use graphmill_plugin_sdk::abi::VideoHeader;
use graphmill_plugin_sdk::abi::layout::GM_PIXEL_RGB8;
use image::{Rgb, RgbImage};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Longer than any machine takes; a test that waits this long has failed.
const LONG: Duration = Duration::from_secs(60);

/// Two pictures of different size, and between them a file that is none.
fn make_files(folder: &Path) {
    RgbImage::from_pixel(4, 2, Rgb([1, 2, 3])).save(folder.join("a.png")).unwrap();
    fs::write(folder.join("b.png"), "no picture").unwrap();
    RgbImage::from_pixel(5, 3, Rgb([9, 8, 7])).save(folder.join("c.png")).unwrap();
}

/// What `image.source` gives with these params, and how its session ends.
fn run(params: Value) -> (Vec<Packet>, SessionReport) {
    let runtime = Runtime::new();
    runtime.plugins().link(graphmill_image::module()).unwrap();
    let graph = Graph::builder()
        .node("files", "image.source", params)
        .outlet("out", "video rgb8")
        .chain(["files", "out"])
        .build(runtime.plugins())
        .unwrap();
    let mut session = runtime.start(&graph).unwrap();
    let mut outlet = session.take_outlet("out").unwrap();
    let mut packets = Vec::new();
    let end = loop {
        match outlet.recv(LONG) {
            Ok(packet) => packets.push(packet),
            Err(end) => break end,
        }
    };
    assert!(!matches!(end, RecvError::Timeout), "{end:?}");
    (packets, session.wait_timeout(LONG).unwrap())
}

#[test]
fn pictures_of_a_pattern_come_in_order_with_their_file_and_a_bad_one_is_skipped_where_asked() {
    let folder = tempfile::tempdir().unwrap();
    make_files(folder.path());
    let (packets, report) = run(json!({ "path": folder.path().join("*.png"), "unreadable": "skip" }));
    assert_eq!(report.outcome, Outcome::Completed, "{report:#?}");
    let expected = [("a.png", 4, 2, [1, 2, 3]), ("c.png", 5, 3, [9, 8, 7])];
    assert_eq!(packets.len(), expected.len());
    for (seq, (packet, (name, width, height, color))) in packets.iter().zip(expected).enumerate() {
        assert_eq!(packet.video(), Some(VideoHeader { pixel: GM_PIXEL_RGB8, width, height }));
        assert_eq!(packet.seq(), seq as u64);
        assert!(packet.plane(0).unwrap().chunks(3).all(|pixel| pixel == color));
        let side: Value = serde_json::from_slice(packet.side().unwrap().as_slice()).unwrap();
        assert_eq!(side, json!({ "source": folder.path().join(name) }));
    }
}

#[test]
fn file_that_is_no_picture_ends_the_source_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    make_files(folder.path());
    let (packets, report) = run(json!({ "path": folder.path().join("*.png") }));
    assert_eq!(packets.len(), 1, "what came before is given");
    let [failure] = report.failures.as_slice() else { panic!("{report:#?}") };
    let message = format!("{}: {}", failure.node, failure.message);
    assert!(message.contains("files") && message.contains("b.png"), "{message}");
}

#[test]
fn session_does_not_start_without_files() {
    let runtime = Runtime::new();
    runtime.plugins().link(graphmill_image::module()).unwrap();
    let refused = |params: Value| {
        let built =
            Graph::builder().node("files", "image.source", params).outlet("out", "video").chain(["files", "out"]);
        match built.build(runtime.plugins()) {
            Ok(graph) => runtime.start(&graph).unwrap_err().to_string(),
            Err(error) => error.to_string(),
        }
    };
    let table = [
        (json!({ "path": "/nowhere/*.png" }), "no file matches `/nowhere/*.png`"),
        (json!({ "path": [] }), "no file matches"),
        (json!({ "path": "/dev/null", "pixels_max": 0 }), "pixels_max"),
        (json!({ "path": "a.png", "pixel": "cmyk" }), "pixel"),
        (json!({}), "path"),
    ];
    for (params, part) in table {
        let message = refused(params);
        assert!(message.contains(part), "{message}");
    }
}
