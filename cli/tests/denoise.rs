//! The demo's graph from end to end: real plugins, a real recording, the whole program.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::Value;
use std::fs;
use std::path::Path;
use support::{Lab, repository};

/// How far a segment may lie from the truth.
const TOLERANCE_S: f64 = 0.1;
/// How much quieter the noise has to be.
const REDUCTION_DB_MIN: f64 = 10.0;

/// Where somebody speaks in the recording, as it was made.
fn truth() -> Vec<(f64, f64)> {
    let text = fs::read_to_string(repository().join("examples/media/speech.segments.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    let seconds = |segment: &Value, key: &str| segment[key].as_f64().unwrap();
    let segments = json["segments"].as_array().unwrap().iter();
    segments.map(|segment| (seconds(segment, "start_s"), seconds(segment, "end_s"))).collect()
}

/// A line such as `speech    1.008 s to    3.568 s  (2.560 s, 88 %)`.
fn segment(line: &str) -> (f64, f64) {
    let words: Vec<_> = line.split_whitespace().collect();
    assert_eq!((words[0], words[3]), ("speech", "to"), "{line}");
    (words[1].parse().unwrap(), words[4].parse().unwrap())
}

/// Mean power in the pauses, in decibels.
fn noise_db(path: &Path) -> f64 {
    let mut reader = hound::WavReader::open(path).unwrap();
    let rate_hz = f64::from(reader.spec().sample_rate);
    let samples: Vec<f64> = reader.samples::<i16>().map(|sample| f64::from(sample.unwrap()) / 32768.0).collect();
    let is_pause = |seconds: f64| truth().iter().all(|(start, end)| seconds < start - 0.1 || seconds > end + 0.1);
    let truth_checked = samples.chunks((rate_hz / 100.0) as usize).enumerate();
    let noise: Vec<f64> =
        truth_checked.filter(|(at, _)| is_pause(*at as f64 / 100.0)).flat_map(|(_, part)| part.to_vec()).collect();
    assert!(noise.len() as f64 > 2.0 * rate_hz, "the recording has pauses");
    10.0 * (noise.iter().map(|sample| sample * sample).sum::<f64>() / noise.len() as f64).log10()
}

#[test]
fn demo_finds_the_speech_and_cleans_the_sound() {
    let lab = Lab::with_demo();
    let shown = lab.run(["run", "denoise.toml"]).succeeds();

    let found: Vec<_> = shown.out.lines().map(segment).collect();
    assert_eq!(found.len(), truth().len(), "{}", shown.out);
    for (found, truth) in found.iter().zip(truth()) {
        let error = f64::max((found.0 - truth.0).abs(), (found.1 - truth.1).abs());
        assert!(error <= TOLERANCE_S, "{found:?} against {truth:?}");
    }

    let (before, after) = (noise_db(&lab.path("media/noisy.wav")), noise_db(&lab.path("out/denoised.wav")));
    assert!(before - after >= REDUCTION_DB_MIN, "{before:.1} dB before, {after:.1} dB after");
    let cleaned = hound::WavReader::open(lab.path("out/denoised.wav")).unwrap();
    assert_eq!((cleaned.spec().sample_rate, cleaned.duration()), (48_000, 3 * 246_322));
}

#[test]
fn report_has_a_line_for_every_node_and_link_and_nothing_for_terminals() {
    let lab = Lab::with_demo();
    let shown = lab.run(["run", "denoise.toml"]).succeeds();
    assert!(!shown.err.contains(['\r', '\u{1b}']) && !shown.out.contains(['\r', '\u{1b}']), "{shown:?}");
    assert!(shown.err.starts_with("denoise: completed in "), "{}", shown.err);
    let columns = ["node", "kind", "state", "calls", "in", "out", "errors", "p50", "p99", "max", "in", "call"];
    assert!(shown.err.lines().any(|line| line.split_whitespace().eq(columns)), "{}", shown.err);
    let rows = ["noisy    wav.source      stopped", "voice    vad.earshot     stopped"];
    for row in rows {
        assert!(shown.err.lines().any(|line| line.starts_with(row)), "{row}: {}", shown.err);
    }
    let link = shown.err.lines().find(|line| line.starts_with("voice.segments -> show.in")).unwrap();
    assert_eq!(link.split_whitespace().collect::<Vec<_>>()[3..], ["4", "1", "of", "64", "0"], "{link}");
}

#[test]
fn report_as_json_adds_up_and_leaves_standard_error_empty() {
    let lab = Lab::with_demo();
    let shown = lab.run(["run", "--json", "denoise.toml"]).succeeds();
    assert_eq!(shown.err, "");
    assert_eq!(shown.out.lines().count(), truth().len() + 1, "the sink's lines come first: {}", shown.out);
    let report = shown.json();
    assert_eq!((&report["session"], &report["outcome"]), (&"denoise".into(), &"completed".into()));
    let node = |id: &str| report["nodes"].as_array().unwrap().iter().find(|node| node["id"] == id).unwrap().clone();
    let link =
        |name: &str| report["links"].as_array().unwrap().iter().find(|link| link["link"] == name).unwrap().clone();
    // 246,322 frames in packets of 480; 10 ms packets of the same time after it.
    assert_eq!(node("noisy")["packets_out"], 514);
    assert_eq!(link("noisy.out -> to_48k.in")["delivered"], 514);
    assert_eq!(node("cleaned")["packets_in"], link("denoise.out -> cleaned.in")["delivered"]);
    assert_eq!(node("show")["packets_in"], 4);
    assert!(report["links"].as_array().unwrap().iter().all(|link| link["dropped"] == serde_json::json!([])));
    assert!(report["nodes"].as_array().unwrap().iter().all(|node| node["errors"] == 0 && node["state"] == "stopped"));
}

#[test]
fn quiet_run_says_nothing_but_what_sinks_say() {
    let lab = Lab::with_demo();
    let shown = lab.run(["-q", "run", "denoise.toml"]).succeeds();
    assert_eq!((shown.err.as_str(), shown.out.lines().count()), ("", truth().len()));
}

/// The demo with a node in its middle that does not return from its 300th packet, and what the node says about that.
fn demo_with_a_hung_node(policy: &str) -> support::Shown {
    let lab = Lab::with_demo();
    let demo = fs::read_to_string(lab.path("denoise.toml")).unwrap();
    let spliced = demo.replace("noisy -> to_48k -> denoise", "noisy -> to_48k -> bad -> denoise");
    assert_ne!(spliced, demo, "the node is in the graph");
    let bad = format!(
        "\n[nodes.bad]\nkind = \"faulty.pass\"\nparams = {{ mode = \"spin\", at = 300 }}\n\
         deadlines = {{ process_ms = 200 }}\npolicy = {policy}\n"
    );
    lab.write("faulty.toml", &(spliced + &bad));
    let faulty = support::plugin("graphmill-fixture-faulty");
    lab.run(["--plugins", faulty.to_str().unwrap(), "run", "faulty.toml"])
}

#[test]
fn hung_node_in_the_demo_costs_one_packet_and_is_named() {
    let shown = demo_with_a_hung_node("{ restart = { backoff_first_ms = 1 } }").succeeds();
    assert_eq!(shown.out.lines().map(segment).count(), truth().len(), "{}", shown.err);
    assert!(shown.err.contains("`bad` got a new instance 1 time"), "{}", shown.err);
    assert!(shown.err.contains("`bad` lost 1 packet in flight"), "{}", shown.err);
    assert!(shown.err.contains("raise `deadlines.process_ms`"), "{}", shown.err);
}

#[test]
fn hung_node_that_may_not_be_replaced_ends_the_demo_with_its_name() {
    let shown = demo_with_a_hung_node("{ restart = { max = 0 } }");
    assert_eq!(shown.code, Some(1), "{}", shown.err);
    assert!(shown.err.contains("node `bad` (faulty.pass in "), "{}", shown.err);
    assert!(shown.err.contains("failed in process: no return after"), "{}", shown.err);
}

#[test]
fn hung_node_that_is_isolated_does_not_fail_the_demo() {
    let shown = demo_with_a_hung_node("{ restart = { max = 0 }, on_trip = \"isolate\" }").succeeds();
    assert!(shown.err.contains("the session went on without `bad`"), "{}", shown.err);
}
