//! The graph with the voice gate from end to end, on a recording whose pauses are known.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use serde_json::Value;
use std::fs;
use support::{Lab, repository};

/// How long the gate may be open around speech: what the graph says, and how far the detector may be off.
const AROUND_S: (f64, f64) = (0.1 + 0.1, 0.15 + 0.1);

/// Where somebody speaks in the recording, as it was made, in seconds.
fn truth() -> Vec<(f64, f64)> {
    let text = fs::read_to_string(repository().join("examples/media/speech.segments.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    let seconds = |segment: &Value, key: &str| segment[key].as_f64().unwrap();
    let segments = json["segments"].as_array().unwrap().iter();
    segments.map(|segment| (seconds(segment, "start_s"), seconds(segment, "end_s"))).collect()
}

/// Runs the graph, with its text changed, and gives the sound that it writes and its rate.
fn gated(change: (&str, &str)) -> (Vec<f64>, f64) {
    let lab = Lab::with_demo();
    let graph = fs::read_to_string(repository().join("examples/voice_gate.toml")).unwrap();
    assert!(graph.contains(change.0), "{}", change.0);
    lab.write("voice_gate.toml", &graph.replace(change.0, change.1));
    lab.run(["run", "voice_gate.toml"]).succeeds();
    let mut reader = hound::WavReader::open(lab.path("out/voice_gate.wav")).unwrap();
    let rate_hz = f64::from(reader.spec().sample_rate);
    (reader.samples::<i16>().map(|sample| f64::from(sample.unwrap()) / 32768.0).collect(), rate_hz)
}

/// The part of the sound between two times.
fn part(samples: &[f64], rate_hz: f64, (from_s, to_s): (f64, f64)) -> &[f64] {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds of a short recording")]
    let [from, to] = [from_s, to_s].map(|seconds| (seconds * rate_hz) as usize);
    &samples[from..to.min(samples.len())]
}

#[test]
fn gate_is_silent_in_the_pauses_and_lets_all_speech_through() {
    let (samples, rate_hz) = gated(("x", "x"));
    assert_eq!((samples.len(), rate_hz), (3 * 246_322, 48_000.0), "the sound is as long as it was");
    let truth = truth();
    let ends = truth.iter().map(|(_, end)| end + AROUND_S.1);
    let starts = truth.iter().skip(1).map(|(start, _)| start - AROUND_S.0);
    let pauses: Vec<_> = ends.zip(starts).filter(|(from, to)| to - from > 0.2).collect();
    assert!(pauses.len() >= 2, "the recording has pauses: {pauses:?}");
    for pause in pauses {
        let heard = part(&samples, rate_hz, pause).iter().filter(|sample| **sample != 0.0).count();
        assert_eq!(heard, 0, "something is heard in the pause {pause:?}");
    }
    for speech in truth {
        let quiet = part(&samples, rate_hz, speech).chunks(480).filter(|chunk| chunk.iter().all(|s| *s == 0.0)).count();
        assert_eq!(quiet, 0, "some of the speech {speech:?} is missing");
    }
}

#[test]
fn pauses_that_are_dropped_leave_the_speech_and_a_little_around_it() {
    let (samples, rate_hz) = gated(("lead_ms = 100,", "lead_ms = 100, pauses = \"drop\","));
    #[expect(clippy::cast_precision_loss, reason = "frames of a short recording")]
    let length_s = samples.len() as f64 / rate_hz;
    let speech_s: f64 = truth().iter().map(|(start, end)| end - start).sum();
    let most_s = speech_s + truth().len() as f64 * (AROUND_S.0 + AROUND_S.1);
    assert!(length_s > speech_s && length_s < most_s, "{length_s:.2} s of {speech_s:.2} s of speech");
}
