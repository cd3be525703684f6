//! Length, alignment and quality of the resampler, measured on sines and a sweep.
#![expect(clippy::cast_possible_truncation, reason = "test signals are computed in f64 and stay small")]

use super::*;
use std::f64::consts::TAU;

fn resample(rates: Rates, channels: usize, samples: &[f32], packet_len: usize) -> Vec<f32> {
    let mut resampler = Resampler::new(rates, channels).unwrap();
    let mut out = Vec::new();
    let mut keep = |ready: &[f32]| {
        out.extend_from_slice(ready);
        Ok::<(), ResampleError>(())
    };
    for packet in samples.chunks(packet_len * channels) {
        resampler.push(packet, &mut keep).unwrap();
    }
    resampler.finish(&mut keep).unwrap();
    out
}

fn rates(input_hz: u32, output_hz: u32) -> Rates {
    Rates { input_hz, output_hz }
}

/// A signal that can be computed at any moment, so that the ideal resampling is known.
fn sampled(rate_hz: u32, frames: usize, signal: impl Fn(f64) -> f64) -> Vec<f32> {
    (0..frames).map(|n| signal(n as f64 / f64::from(rate_hz)) as f32).collect()
}

/// Signal-to-error ratio in dB, away from the ends where the filter sees the edge of the signal.
fn snr_db(ideal: &[f32], actual: &[f32], edge: usize) -> f64 {
    assert_eq!(ideal.len(), actual.len());
    let range = edge..ideal.len() - edge;
    let pairs = || ideal[range.clone()].iter().zip(&actual[range.clone()]);
    let signal: f64 = pairs().map(|(a, _)| f64::from(*a).powi(2)).sum();
    let error: f64 = pairs().map(|(a, b)| f64::from(a - b).powi(2)).sum();
    10.0 * (signal / error).log10()
}

const PAIRS: [(u32, u32); 8] = [
    (16_000, 48_000),
    (48_000, 16_000),
    (44_100, 48_000),
    (48_000, 44_100),
    (8_000, 48_000),
    (22_050, 16_000),
    (11_025, 48_000),
    (96_000, 44_100),
];

#[test]
fn the_output_lasts_exactly_as_long_as_the_input() {
    for (from, to) in PAIRS {
        for frames in [1, 2, 159, 160, 1000, 4801, 16_384] {
            let out = resample(rates(from, to), 1, &vec![0.5; frames], 333);
            let expected = rescale_frames(frames as u64, from, to);
            assert_eq!(out.len() as u64, expected, "{from} to {to}, {frames} frames");
        }
    }
}

#[test]
fn a_sine_comes_out_aligned_and_clean() {
    for (from, to) in PAIRS {
        let slower = f64::from(from.min(to));
        for hz in [100.0, 997.0, slower * 0.4] {
            let signal = |t: f64| 0.5 * (TAU * hz * t + 0.3).sin();
            let input = sampled(from, from as usize / 2, signal);
            let out = resample(rates(from, to), 1, &input, 480);
            let ideal = sampled(to, out.len(), signal);
            let snr = snr_db(&ideal, &out, to as usize / 20);
            assert!(snr > 90.0, "{from} to {to}, {hz} Hz: {snr:.1} dB");
        }
    }
}

#[test]
fn a_sweep_comes_out_aligned_and_clean() {
    for (from, to) in PAIRS {
        let end_hz = f64::from(from.min(to)) * 0.42;
        let signal = |t: f64| 0.5 * (TAU * (50.0 * t + (end_hz - 50.0) * t * t / 2.0)).sin();
        let input = sampled(from, from as usize, signal);
        let out = resample(rates(from, to), 1, &input, 441);
        let ideal = sampled(to, out.len(), signal);
        let snr = snr_db(&ideal, &out, to as usize / 20);
        assert!(snr > 80.0, "{from} to {to}: {snr:.1} dB");
    }
}

#[test]
fn what_the_slower_rate_cannot_hold_is_filtered_out() {
    let tone = sampled(48_000, 48_000, |t| 0.5 * (TAU * 9_000.0 * t).sin());
    let out = resample(rates(48_000, 16_000), 1, &tone, 480);
    let inner = &out[800..out.len() - 800];
    let peak = inner.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    assert!(peak < 0.5e-4, "alias of 9 kHz at 16 kHz: {peak}");
}

#[test]
fn the_cut_into_packets_does_not_change_a_single_sample() {
    let input = sampled(16_000, 5_000, |t| (TAU * 440.0 * t).sin());
    let whole = resample(rates(16_000, 48_000), 1, &input, 5_000);
    for packet_len in [1, 7, 160, 256, 1000] {
        let cut = resample(rates(16_000, 48_000), 1, &input, packet_len);
        assert_eq!(cut, whole, "packets of {packet_len}");
    }
}

#[test]
fn channels_do_not_touch_each_other() {
    let tone = sampled(44_100, 10_000, |t| (TAU * 440.0 * t).sin());
    let stereo: Vec<f32> = tone.iter().flat_map(|sample| [*sample, 0.0]).collect();
    let mono = resample(rates(44_100, 48_000), 1, &tone, 441);
    let out = resample(rates(44_100, 48_000), 2, &stereo, 441);
    let left: Vec<f32> = out.iter().copied().step_by(2).collect();
    assert_eq!(left, mono);
    assert!(out.iter().skip(1).step_by(2).all(|sample| *sample == 0.0));
}

#[test]
fn after_the_end_the_resampler_starts_anew() {
    let input = sampled(16_000, 1_000, |t| (TAU * 440.0 * t).sin());
    let mut resampler = Resampler::new(rates(16_000, 48_000), 1).unwrap();
    let mut runs = [Vec::new(), Vec::new()];
    for run in &mut runs {
        let mut keep = |ready: &[f32]| {
            run.extend_from_slice(ready);
            Ok::<(), ResampleError>(())
        };
        resampler.push(&input, &mut keep).unwrap();
        resampler.finish(&mut keep).unwrap();
    }
    assert_eq!(runs[0].len(), 3_000);
    assert_eq!(runs[0], runs[1]);
}

#[test]
fn rates_without_a_common_factor_are_refused_with_their_block_length() {
    let error = Resampler::new(rates(44_101, 48_000), 1).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("44101 Hz to 48000 Hz"), "{message}");
    assert!(message.contains("96000 frames"), "{message}");
    for (from, to) in [(0, 48_000), (48_000, 0), (0, 0)] {
        assert!(Resampler::new(rates(from, to), 1).is_err(), "{from} to {to}");
    }
}

#[test]
fn no_input_gives_no_output() {
    assert!(resample(rates(16_000, 48_000), 1, &[], 160).is_empty());
}

#[test]
fn samples_that_are_no_numbers_or_have_no_bounds_do_no_lasting_harm() {
    for (from, to) in PAIRS {
        let mut samples = sampled(from, 48_000, |t| 0.5 * (TAU * 440.0 * t).sin());
        for (place, wild) in [(10, f32::NAN), (20, f32::INFINITY), (30, f32::MAX), (40, f32::MIN)] {
            samples[place] = wild;
        }
        let out = resample(rates(from, to), 1, &samples, 480);
        assert!(out.iter().all(|sample| sample.is_finite()), "{from} to {to}");
        let after = &out[out.len() * 3 / 4..out.len() - 4_800.min(out.len() / 8)];
        assert!(after.iter().all(|sample| sample.abs() < 0.6), "{from} to {to}: the stream goes on as it was");
    }
}
