//! Detector and segmenter together, on the demo recording with its known pauses.

use std::convert::Infallible;
use std::path::PathBuf;

use graphmill_dsp::{Judged, Segment, Segmenter, SpeechParams, frames_to_ns};
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};

use crate::detector::{FRAME_LEN, LAG_NS, SpeechDetector};
use crate::node::RATE_HZ;

/// How far a boundary may lie from the truth.
const TOLERANCE_S: f64 = 0.1;

fn media(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/media").join(name)
}

fn recording(name: &str) -> Vec<f32> {
    let mut reader = hound::WavReader::open(media(name)).unwrap();
    assert_eq!((reader.spec().sample_rate, reader.spec().channels), (RATE_HZ, 1));
    reader.samples::<i16>().map(|sample| f32::from(sample.unwrap()) / 32768.0).collect()
}

fn resample(samples: &[f32], from_hz: usize, to_hz: usize) -> Vec<f32> {
    let mut resampler = Fft::<f32>::new(from_hz, to_hz, 512, 1, FixedSync::Both).unwrap();
    let input = InterleavedSlice::new(samples, 1, samples.len()).unwrap();
    resampler.process_all(&input, samples.len(), None).unwrap().take_data()
}

fn segments(samples: &[f32]) -> Vec<Segment> {
    let mut detector = SpeechDetector::new();
    let mut segmenter = Segmenter::new(SpeechParams::default().rules(LAG_NS).unwrap());
    let mut found = Vec::new();
    let mut frame = 0;
    let Ok(()) = detector.push(samples, |probability| {
        let (start_ns, end_ns) = (frames_to_ns(frame, RATE_HZ), frames_to_ns(frame + FRAME_LEN as u64, RATE_HZ));
        frame += FRAME_LEN as u64;
        found.extend(segmenter.push(Judged { start_ns, end_ns, probability }));
        Ok::<(), Infallible>(())
    });
    found.extend(segmenter.finish());
    found
}

fn truth() -> Vec<(f64, f64)> {
    let text = std::fs::read_to_string(media("speech.segments.json")).unwrap();
    let truth: serde_json::Value = serde_json::from_str(&text).unwrap();
    let seconds = |value: &serde_json::Value| value.as_f64().unwrap();
    truth["segments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|span| (seconds(&span["start_s"]), seconds(&span["end_s"])))
        .collect()
}

fn check(name: &str, samples: &[f32]) {
    let found: Vec<(f64, f64)> =
        segments(samples).iter().map(|segment| (segment.start_ns as f64 / 1e9, segment.end_ns as f64 / 1e9)).collect();
    let truth = truth();
    for (found, expected) in found.iter().zip(&truth) {
        println!(
            "{name}: {found:.3?}, truth {expected:.3?}, off by {:+.0} and {:+.0} ms",
            (found.0 - expected.0) * 1e3,
            (found.1 - expected.1) * 1e3
        );
    }
    assert_eq!(found.len(), truth.len(), "{name}: found {found:?}, truth {truth:?}");
    for (found, expected) in found.iter().zip(&truth) {
        let off = (found.0 - expected.0).abs().max((found.1 - expected.1).abs());
        assert!(off <= TOLERANCE_S, "{name}: found {found:?}, truth {expected:?}");
    }
}

#[test]
fn segments_of_the_clean_recording_agree_with_its_known_pauses() {
    check("clean", &recording("speech.wav"));
}

#[test]
fn segments_of_the_denoised_recording_agree_with_its_known_pauses() {
    let fast = resample(&recording("noisy.wav"), 16_000, 48_000);
    let cleaned = graphmill_rnnoise::clean(&fast, 1.0);
    check("denoised", &resample(&cleaned, 48_000, 16_000));
}

#[test]
fn noise_and_silence_hold_no_speech() {
    assert_eq!(segments(&vec![0.0; 32_000]), []);
    let mut state = 1u32;
    let noise: Vec<f32> = (0..32_000)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (f32::from(u16::try_from(state >> 16).unwrap()) / 65_535.0 - 0.5) * 0.02
        })
        .collect();
    assert_eq!(segments(&noise), []);
}
