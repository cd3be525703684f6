//! Length, alignment and effect of the denoiser, measured on the demo recording.
#![expect(clippy::cast_possible_truncation, reason = "test signals are computed in f64 and stay small")]

use super::*;
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};
use std::path::PathBuf;

const RATE: usize = 48_000;

fn media(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/media").join(name)
}

/// Reads a 16 kHz recording and brings it to 48 kHz.
fn recording(name: &str) -> Vec<f32> {
    let mut reader = hound::WavReader::open(media(name)).unwrap();
    assert_eq!((reader.spec().sample_rate, reader.spec().channels), (16_000, 1));
    let slow: Vec<f32> = reader.samples::<i16>().map(|sample| f32::from(sample.unwrap()) / 32768.0).collect();
    let mut resampler = Fft::<f32>::new(16_000, RATE, 512, 1, FixedSync::Both).unwrap();
    let input = InterleavedSlice::new(&slow, 1, slow.len()).unwrap();
    resampler.process_all(&input, slow.len(), None).unwrap().take_data()
}

/// From one sample to another, at 48 kHz.
type Span = (usize, usize);

/// The sentences and the pauses of the recording.
fn spans() -> (Vec<Span>, Vec<Span>) {
    let text = std::fs::read_to_string(media("speech.segments.json")).unwrap();
    let truth: serde_json::Value = serde_json::from_str(&text).unwrap();
    let at = |value: &serde_json::Value| (value.as_f64().unwrap() * RATE as f64) as usize;
    let speech: Vec<_> = truth["segments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|segment| (at(&segment["start_s"]), at(&segment["end_s"])))
        .collect();
    let ends = speech.iter().map(|span| span.1);
    let starts = std::iter::once(0).chain(ends);
    let frames = truth["frames"].as_u64().unwrap() as usize * 3;
    let pauses = starts.zip(speech.iter().map(|span| span.0).chain([frames])).collect();
    (speech, pauses)
}

fn power_db(samples: &[f32], spans: &[Span], margin: usize) -> f64 {
    let inner = spans.iter().flat_map(|(start, end)| &samples[start + margin..end - margin]);
    let (sum, count) = inner.fold((0.0, 0usize), |(sum, count), sample| (sum + f64::from(*sample).powi(2), count + 1));
    10.0 * (sum / count as f64).log10()
}

fn correlation(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn noise_in_the_pauses_falls_by_far_more_than_ten_decibels() {
    let noisy = recording("noisy.wav");
    let cleaned = clean(&noisy, 1.0);
    let (speech, pauses) = spans();
    // The model needs a moment to follow, so 150 ms next to speech are left out.
    let margin = RATE * 15 / 100;
    let before = power_db(&noisy, &pauses, margin);
    let after = power_db(&cleaned, &pauses, margin);
    println!("pauses: {before:.1} dB before, {after:.1} dB after");
    assert!(before - after > 15.0, "{before:.1} dB before, {after:.1} dB after");
    let loss = power_db(&noisy, &speech, 0) - power_db(&cleaned, &speech, 0);
    println!("speech: {loss:.1} dB less power, noise included");
    assert!(loss < 3.0, "speech lost {loss:.1} dB");
}

#[test]
fn the_cleaned_sound_is_closer_to_the_clean_recording() {
    let clean_speech = recording("speech.wav");
    let noisy = recording("noisy.wav");
    let cleaned = clean(&noisy, 1.0);
    let before = correlation(&clean_speech, &noisy);
    let after = correlation(&clean_speech, &cleaned);
    println!("correlation with the clean recording: {before:.4} before, {after:.4} after");
    assert!(after > before, "{before:.4} before, {after:.4} after");
}

#[test]
fn the_output_lines_up_with_the_input() {
    let noisy = &recording("noisy.wav")[..4 * RATE];
    let cleaned = clean(noisy, 1.0);
    let reach = 1000;
    let middle = &noisy[reach..noisy.len() - reach];
    let best = (0..=2 * reach)
        .map(|shift| (shift, correlation(middle, &cleaned[shift..shift + middle.len()])))
        .max_by(|a, b| a.1.total_cmp(&b.1));
    let (shift, _) = best.unwrap();
    // A frame of delay would show as 480; the model's own high-pass filter turns the phase by a sample.
    assert!(shift.abs_diff(reach) <= 2, "shifted by {} samples", shift as i64 - reach as i64);
}

#[test]
fn the_output_is_as_long_as_the_input() {
    for len in [0, 1, 479, 480, 481, 960, 1439, 1440, 5000] {
        assert_eq!(clean(&vec![0.1; len], 1.0).len(), len, "{len} samples");
    }
}

#[test]
fn with_mix_zero_the_sound_comes_back_unchanged() {
    let noisy = &recording("noisy.wav")[..RATE + 123];
    assert_eq!(clean(noisy, 0.0), noisy);
}

#[test]
fn the_cut_into_packets_does_not_change_a_single_sample() {
    let noisy = &recording("noisy.wav")[..RATE / 2];
    let whole = clean(noisy, 1.0);
    for packet_len in [1, 100, 480, 777] {
        let mut denoiser = Denoiser::new(1.0);
        let mut out = Vec::new();
        let mut keep = |frame: &[f32]| {
            out.extend_from_slice(frame);
            Ok::<(), Infallible>(())
        };
        for packet in noisy.chunks(packet_len) {
            let Ok(()) = denoiser.push(packet, &mut keep);
        }
        let Ok(()) = denoiser.finish(&mut keep);
        assert_eq!(out, whole, "packets of {packet_len}");
    }
}

#[test]
fn samples_that_are_not_numbers_do_no_lasting_harm() {
    let mut samples = vec![0.0; 4800];
    samples[100] = f32::NAN;
    samples[200] = f32::INFINITY;
    assert!(clean(&samples, 1.0).iter().all(|sample| sample.is_finite()));
    assert!(clean(&samples, 0.5).iter().all(|sample| sample.is_finite()));
}

#[test]
fn samples_of_any_size_do_no_lasting_harm() {
    // Every power of two that a float can hold, with both signs.
    let mut samples: Vec<f32> = (0..9600_u32).map(|n| f32::from_bits((n % 255) << 23 | (n % 2) << 31)).collect();
    samples.extend(vec![0.0; 4800]);
    assert!(clean(&samples, 1.0).iter().all(|sample| sample.is_finite()));
}
