//! Reader and writer against each other and against files that are cut short, odd or hostile.
#![expect(clippy::cast_possible_truncation, reason = "test signals are computed in f64 and stay small")]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use graphmill_plugin_sdk::prelude::*;

use super::reader::WavReader;
use super::sink::WavSinkParams;
use super::source::WavSourceParams;
use super::writer::{SampleKind, WavFile, Written, part_path, prepare};
use super::{SoundSpec, WavError};

const MONO: SoundSpec = SoundSpec { rate_hz: 16_000, channels: 1 };

/// Reads a whole file in packets of 100 frames; the samples before an error are kept.
fn read_all(path: &Path) -> (Vec<f32>, Result<SoundSpec, WavError>) {
    let mut all = Vec::new();
    let mut reader = match WavReader::open(path) {
        Ok(reader) => reader,
        Err(error) => return (all, Err(error)),
    };
    let mut packet = Vec::new();
    loop {
        match reader.read(100, &mut packet) {
            Ok(0) => return (all, Ok(reader.spec())),
            Ok(frames) => {
                assert_eq!(packet.len(), frames * reader.spec().channels as usize);
                all.extend_from_slice(&packet);
            }
            Err(error) => return (all, Err(error)),
        }
    }
}

fn ramp(samples: usize) -> Vec<f32> {
    (0..samples).map(|n| ((n * 37) % 2001) as f32 / 1000.0 - 1.0).collect()
}

fn write(path: &Path, spec: SoundSpec, sample: SampleKind, samples: &[f32]) -> Written {
    let mut file = WavFile::create(path, spec, sample).unwrap();
    for packet in samples.chunks(spec.channels as usize * 77) {
        file.write(packet).unwrap();
    }
    file.finish().unwrap()
}

/// Writes integers or floats of any width with hound, as other programs do.
fn write_with_hound(path: &Path, bits: u16, channels: u16, values: &[f64]) {
    let sample_format = if bits == 0 { hound::SampleFormat::Float } else { hound::SampleFormat::Int };
    let bits_per_sample = if bits == 0 { 32 } else { bits };
    let spec = hound::WavSpec { channels, sample_rate: 44_100, bits_per_sample, sample_format };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for value in values {
        match bits {
            0 => writer.write_sample(*value as f32).unwrap(),
            _ => writer.write_sample((value * 2f64.powi(i32::from(bits) - 1)) as i32).unwrap(),
        }
    }
    writer.finalize().unwrap();
}

#[test]
fn samples_of_every_width_come_out_as_floats_between_minus_one_and_one() {
    let folder = tempfile::tempdir().unwrap();
    let values: Vec<f64> = (0..2000).map(|n| f64::from(n % 256 - 128) / 128.0).collect();
    for bits in [8, 16, 24, 32, 0] {
        for channels in [1, 2, 4] {
            let path = folder.path().join(format!("{bits}-{channels}.wav"));
            write_with_hound(&path, bits, channels, &values);
            let (samples, outcome) = read_all(&path);
            let spec = outcome.unwrap();
            assert_eq!(spec, SoundSpec { rate_hz: 44_100, channels: u32::from(channels) }, "{bits} bits");
            let expected: Vec<f32> = values.iter().map(|value| *value as f32).collect();
            assert_eq!(samples, expected, "{bits} bits, {channels} channels");
        }
    }
}

#[test]
fn what_the_sink_writes_the_source_reads_back() {
    let folder = tempfile::tempdir().unwrap();
    let samples = ramp(6_000);
    for channels in [1, 2, 6] {
        let spec = SoundSpec { rate_hz: 48_000, channels };
        for (kind, step) in [(SampleKind::F32, 0.0), (SampleKind::I16, 1.0 / 32768.0)] {
            let path = folder.path().join(format!("{channels}-{kind:?}.wav"));
            let written = write(&path, spec, kind, &samples);
            assert_eq!(written, Written { frames: 6_000 / u64::from(channels), clipped: 0 });
            let (read, outcome) = read_all(&path);
            assert_eq!(outcome.unwrap(), spec);
            assert_eq!(read.len(), samples.len());
            let worst = read.iter().zip(&samples).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst <= step, "{channels} channels, {kind:?}: off by {worst}");
        }
    }
}

#[test]
fn samples_beyond_full_scale_are_clipped_and_counted_in_integers_only() {
    let folder = tempfile::tempdir().unwrap();
    let samples = [0.0, 1.0, -1.0, 1.5, -1.5, f32::NAN, f32::INFINITY];
    let path = folder.path().join("clipped.wav");
    assert_eq!(write(&path, MONO, SampleKind::I16, &samples).clipped, 4);
    let top = 32767.0 / 32768.0;
    assert_eq!(read_all(&path).0, [0.0, top, -1.0, top, -1.0, 0.0, top]);
    assert_eq!(write(&path, MONO, SampleKind::F32, &samples).clipped, 0);
    // Headroom survives in floats; what is not a finite number is silenced by the reader.
    assert_eq!(read_all(&path).0, [0.0, 1.0, -1.0, 1.5, -1.5, 0.0, 0.0]);
}

#[test]
fn a_file_has_its_name_only_when_it_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/deep/out.wav");
    prepare(&path).unwrap();
    fs::write(&path, "the file before").unwrap();
    let mut file = WavFile::create(&path, MONO, SampleKind::I16).unwrap();
    file.write(&ramp(1000)).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"the file before");
    assert!(part_path(&path).is_file());
    file.finish().unwrap();
    assert_eq!(read_all(&path).0.len(), 1000);
    assert!(!part_path(&path).exists());
}

#[test]
fn a_place_that_cannot_take_a_file_is_refused_before_the_graph_runs() {
    let folder = tempfile::tempdir().unwrap();
    let message = prepare(folder.path()).unwrap_err().to_string();
    assert!(message.contains("is a directory"), "{message}");
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let message = prepare(&file.join("out.wav")).unwrap_err().to_string();
    assert!(message.starts_with("cannot write"), "{message}");
}

fn demo_file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/media/speech.wav")
}

#[test]
fn a_file_cut_anywhere_gives_its_whole_frames_and_then_a_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.wav");
    let whole = fs::read(demo_file()).unwrap();
    let (samples, outcome) = read_all(&demo_file());
    outcome.unwrap();
    let header = 44;
    let cuts = (0..200).chain((200..whole.len()).step_by(9_973)).chain([whole.len() - 1]);
    for len in cuts {
        fs::write(&path, &whole[..len]).unwrap();
        let (read, outcome) = read_all(&path);
        let frames = len.saturating_sub(header) / 2;
        assert_eq!(read, samples[..frames], "cut at {len}");
        let message = outcome.unwrap_err().to_string();
        assert!(message.contains("cut.wav"), "cut at {len}: {message}");
        if len >= header {
            let place = format!("ends at byte {len}, {} bytes early, after frame {frames};", whole.len() - len);
            assert!(message.contains(&place), "cut at {len}: {message}");
        }
    }
}

#[test]
fn a_header_without_a_length_lets_the_file_play_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("streamed.wav");
    let whole = fs::read(demo_file()).unwrap();
    for placeholder in [u32::MAX, 0x7FFF_FFFF, 0] {
        let mut bytes = whole[..44 + 5_001 * 2].to_vec();
        bytes[4..8].copy_from_slice(&placeholder.to_le_bytes());
        bytes[40..44].copy_from_slice(&placeholder.to_le_bytes());
        fs::write(&path, &bytes).unwrap();
        let (read, outcome) = read_all(&path);
        outcome.unwrap();
        assert_eq!(read.len(), 5_001, "placeholder {placeholder:#x}");
    }
}

/// A small file whose header also has the chunks that other programs write.
fn with_more_chunks(whole: &[u8]) -> Vec<u8> {
    let mut bytes = whole[..36].to_vec();
    bytes.extend_from_slice(b"fact\x04\0\0\0\xe8\x03\0\0");
    bytes.extend_from_slice(b"LIST\x1a\0\0\0INFOISFT\x0e\0\0\0Lavf59.27.100\0");
    bytes.extend_from_slice(&whole[36..2_044]);
    bytes
}

#[test]
fn hostile_bytes_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostile.wav");
    let whole = fs::read(demo_file()).unwrap();
    let files = [whole[..2_044].to_vec(), with_more_chunks(&whole)];
    let seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut state = seed;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    for round in 0..6_000 {
        let mut bytes = files[round % 2].clone();
        for _ in 0..=random(4) {
            let place = random(100);
            bytes[place] = [0, 0xFF, 0x7F, 0x80, 1, random(256) as u8][random(6)];
        }
        fs::write(&path, &bytes).unwrap();
        let outcome = catch_unwind(AssertUnwindSafe(|| read_all(&path)));
        let (samples, _) = outcome.unwrap_or_else(|_| panic!("round {round} of seed {seed:#x}: {:?}", &bytes[..100]));
        assert!(samples.iter().all(|sample| sample.is_finite()), "round {round} of seed {seed:#x}");
    }
}

#[test]
fn what_is_not_a_sound_file_is_refused_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.wav");
    fs::write(&text, "these are notes, not sound\n".repeat(100)).unwrap();
    let empty = folder.path().join("empty.wav");
    fs::write(&empty, "").unwrap();
    let behind = folder.path().join("behind.wav");
    fs::write(&behind, [b"notes ".as_slice(), &fs::read(demo_file()).unwrap()].concat()).unwrap();
    let table = [
        (folder.path().to_owned(), "is a directory, not a file"),
        (folder.path().join("missing.wav"), "No such file"),
        (PathBuf::from("/dev/zero"), "a device, pipe or socket"),
        (text, "convert it to PCM or float WAV"),
        (empty, "convert it to PCM or float WAV"),
        (behind, "convert it to PCM or float WAV"),
    ];
    for (path, words) in table {
        let message = WavReader::open(&path).unwrap_err().to_string();
        assert!(message.contains(words) && message.contains(path.to_str().unwrap()), "{message}");
    }
}

#[test]
fn the_length_of_the_file_is_known_before_it_is_read() {
    let reader = WavReader::open(&demo_file()).unwrap();
    assert_eq!((reader.spec(), reader.frames_total()), (MONO, Some(246_322)));
}

fn schema<P: JsonSchema>() -> String {
    schemars::schema_for!(P).to_value().to_string()
}

#[test]
fn paths_are_marked_so_that_the_host_resolves_them_and_expands_variables() {
    for schema in [schema::<WavSourceParams>(), schema::<WavSinkParams>()] {
        assert!(schema.contains(r#""x-env":true"#), "{schema}");
        assert!(schema.contains(r#""format":"path""#), "{schema}");
        assert!(schema.contains(r#""additionalProperties":false"#), "{schema}");
        assert!(schema.contains(r#""required":["path"]"#), "{schema}");
    }
}
