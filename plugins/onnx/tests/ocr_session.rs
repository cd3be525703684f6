//! Finding and reading lines in a graph, with models of a few bytes: what is dark is text, and every line says "ab".
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "support/onnx_file.rs"]
mod onnx_file;

use graphmill::exec::RecvError;
use graphmill::{Graph, Packet, Runtime, SessionReport};
use graphmill_plugin_sdk::Buffer;
use graphmill_plugin_sdk::abi::VideoHeader;
use graphmill_plugin_sdk::abi::layout::GM_PIXEL_GRAY8;
use onnx_file::{FLOAT, INT64, OnnxFile};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longer than any machine takes; a test that waits this long has failed.
const LONG: Duration = Duration::from_secs(60);
const WIDTH: usize = 192;
const HEIGHT: usize = 96;

fn write(folder: &Path, name: &str, model: &OnnxFile) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, model.bytes()).unwrap();
    path
}

/// Answers 1 for black and -1 for white.
fn finder() -> OnnxFile {
    OnnxFile::default()
        .input("x", FLOAT, &[None, Some(3), None, None])
        .output("y", FLOAT, &[None, Some(1), None, None])
        .weights("w", &[1, 3], &[-1.0 / 3.0; 3])
        // Turned around, the colors are the second to last dimension.
        .operator("Transpose", &["x"], &["turned"])
        .operator("MatMul", &["w", "turned"], &["grey"])
        .operator("Transpose", &["grey"], &["y"])
}

/// Reads "ab" in every picture, the second letter with a probability of a half.
fn reader() -> OnnxFile {
    let steps = [[0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.5, 0.0]].concat();
    OnnxFile::default()
        .input("x", FLOAT, &[None, Some(3), None, None])
        .output("y", FLOAT, &[Some(1), Some(3), Some(4)])
        .weights("w", &[1, 3, 4], &steps)
        .operator("Identity", &["w"], &["y"])
}

/// A white page with black bars `(left, top, width, height)`.
fn page(bars: &[(usize, usize, usize, usize)]) -> Packet {
    let mut bytes = vec![255; WIDTH * HEIGHT];
    for (left, top, width, height) in bars {
        (*top..top + height).for_each(|y| bytes[y * WIDTH + left..][..*width].fill(0));
    }
    let header = VideoHeader { pixel: GM_PIXEL_GRAY8, width: 192, height: 96 };
    let mut packet = Packet::from_video(header, [(Buffer::copy_from_slice(&bytes), 192)]).unwrap();
    packet.set_side(Some(Buffer::copy_from_slice(br#"{"source":"a.png"}"#)));
    packet
}

/// Sends pages through a node of this kind; gives what comes out of the pin, and the report.
fn run(kind: &str, params: &Value, pin: &str, pages: Vec<Packet>) -> Result<(Vec<Packet>, SessionReport), String> {
    let runtime = Runtime::new();
    runtime.plugins().link(graphmill_onnx::module()).unwrap();
    let graph = Graph::builder()
        .inlet("in", "any")
        .node("node", kind, params.clone())
        .outlet("out", "any")
        .link("in", "node")
        .link(format!("node.{pin}"), "out")
        .build(runtime.plugins())
        .map_err(|error| error.to_string())?;
    let mut session = runtime.start(&graph).map_err(|error| error.to_string())?;
    let (mut inlet, mut outlet) = (session.take_inlet("in").unwrap(), session.take_outlet("out").unwrap());
    let sender = std::thread::spawn(move || pages.into_iter().for_each(|page| inlet.send(page, LONG).unwrap()));
    let mut packets = Vec::new();
    let end = loop {
        match outlet.recv(LONG) {
            Ok(packet) => packets.push(packet),
            Err(end) => break end,
        }
    };
    sender.join().unwrap();
    assert!(matches!(end, RecvError::Ended), "{end:?}");
    Ok((packets, session.wait_timeout(LONG).unwrap()))
}

fn side(packet: &Packet) -> Value {
    serde_json::from_slice(packet.side().unwrap().as_slice()).unwrap()
}

fn event(packet: &Packet) -> Value {
    serde_json::from_str(packet.event().unwrap().json).unwrap()
}

/// How far a box of the side data or of an event reaches: left, top, right, bottom.
fn reach(corners: &Value) -> [f64; 4] {
    let corner = |at: usize| [corners[at][0].as_f64().unwrap(), corners[at][1].as_f64().unwrap()];
    [corner(0)[0], corner(0)[1], corner(2)[0], corner(2)[1]]
}

#[test]
fn lines_are_found_cut_out_and_told_with_their_places() {
    let folder = tempfile::tempdir().unwrap();
    let params = json!({ "path": write(folder.path(), "det.onnx", &finder()), "side_min": 32 });
    let pages = || vec![page(&[(20, 60, 60, 12), (20, 16, 100, 12)]), page(&[]), page(&[(150, 20, 12, 60)])];
    let (lines, report) = run("ocr.detect", &params, "lines", pages()).unwrap();
    assert_eq!(report.nodes.iter().map(|node| node.errors).sum::<u64>(), 0, "{report:#?}");
    let told: Vec<_> = lines.iter().map(side).collect();
    let numbers: Vec<_> = told.iter().map(|side| json!([side["page"], side["line"], side["lines"]])).collect();
    assert_eq!(numbers, [json!([0, 0, 2]), json!([0, 1, 2]), json!([2, 0, 1])]);
    assert!(told.iter().all(|side| side["source"] == "a.png" && side["box_score"] == 1.0), "{told:?}");
    // Bars are as large as their model says, and grown: by 1.6 times area through circumference.
    for (side, (left, top, width, height)) in
        told.iter().zip([(20.0, 16.0, 100.0, 12.0), (20.0, 60.0, 60.0, 12.0), (150.0, 20.0, 12.0, 60.0)])
    {
        let by: f64 = 1.6 * width * height / (2.0 * (width + height));
        let expected = [left - by, top - by, left + width + by, top + height + by];
        let found = reach(&side["box"]);
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.2), "{found:?}, not {expected:?}");
    }
    let sizes: Vec<_> =
        lines.iter().map(|line| line.video().unwrap()).map(|video| (video.width, video.height)).collect();
    assert_eq!(sizes, [(117, 29), (76, 28), (76, 28)], "what runs downwards is laid on its side");
    for (line, size) in lines.iter().zip(sizes) {
        let pixels = line.plane(0).unwrap();
        let middle = (size.0 * (size.1 / 2) + size.0 / 2) as usize * 3;
        assert_eq!((pixels[0], pixels[middle]), (255, 0), "ink is in the middle, paper in the corner");
    }
    let (boxes, _) = run("ocr.detect", &params, "boxes", pages()).unwrap();
    let boxes: Vec<_> = boxes.iter().map(event).collect();
    let counts: Vec<_> = boxes.iter().map(|event| event["boxes"].as_array().unwrap().len()).collect();
    assert_eq!(counts, [2, 0, 1], "every page is told, also one without text");
    assert_eq!((&boxes[0]["width"], &boxes[0]["source"]), (&json!(192), &json!("a.png")));
    assert_eq!(boxes[0]["boxes"][0]["box"], told[0]["box"]);
}

#[test]
fn lines_are_read_into_events_that_carry_the_side_data() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "rec.onnx", &reader().metadata("character", "a\nb"));
    let (events, _) = run("ocr.recognise", &json!({ "path": path }), "lines", vec![page(&[])]).unwrap();
    assert_eq!(events[0].event_name(), Some(("ocr.line", 1)));
    assert_eq!(event(&events[0]), json!({ "source": "a.png", "text": "ab", "score": 0.75 }));
    let strict = json!({ "path": path, "score_min": 0.8 });
    let (events, report) = run("ocr.recognise", &strict, "lines", vec![page(&[])]).unwrap();
    assert_eq!((events.len(), report.nodes.iter().map(|node| node.errors).sum::<u64>()), (0, 0));
}

#[test]
fn models_that_do_not_fit_are_refused_before_the_graph_runs() {
    let folder = tempfile::tempdir().unwrap();
    let two = reader().input("more", INT64, &[None]).metadata("character", "a\nb");
    let colors = finder().output("grey", FLOAT, &[None, None, None, None]);
    let table = [
        ("ocr.recognise", write(folder.path(), "mute.onnx", &reader()), "has no list of letters (`character`"),
        ("ocr.recognise", write(folder.path(), "two.onnx", &two), "has 2 inputs and 1 outputs"),
        ("ocr.detect", write(folder.path(), "colors.onnx", &colors), "has 1 inputs and 2 outputs"),
        ("ocr.detect", folder.path().join("absent.onnx"), "absent.onnx"),
    ];
    for (kind, path, part) in table {
        let message = run(kind, &json!({ "path": path }), "lines", Vec::new()).unwrap_err();
        assert!(message.contains(part), "{message}");
    }
    let message = run("ocr.detect", &json!({ "model": "no-such" }), "lines", Vec::new()).unwrap_err();
    assert!(message.contains("there is no model `no-such`"), "{message}");
    let message = run("ocr.detect", &json!({ "model": "silero-vad" }), "lines", Vec::new()).unwrap_err();
    assert!(message.contains("`silero-vad` has no file with `_det_` in its name"), "{message}");
}

#[test]
fn model_that_answers_something_else_costs_the_picture_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let flat = write(folder.path(), "flat.onnx", &reader());
    let wrong = write(folder.path(), "wrong.onnx", &reader().metadata("character", "a\nb\nc\nd"));
    let table = [
        ("ocr.detect", &flat, "does not answer with probabilities f32 [1,1,height,width]"),
        ("ocr.recognise", &wrong, "answers with 4 classes, but its list of letters has 4"),
    ];
    for (kind, path, part) in table {
        let params = json!({ "path": path });
        let (lines, report) = run(kind, &params, "lines", vec![page(&[]), page(&[])]).unwrap();
        assert_eq!(lines.len(), 0);
        let node = report.nodes.iter().find(|node| node.id == "node").unwrap();
        let message = node.last_error.as_deref().unwrap();
        assert!(node.errors == 2 && message.contains(part), "{report:#?}");
    }
}
