//! Writes a WAV file that appears under its name only when it is complete.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SoundSpec, WavError};

/// The lengths in a WAV header have 32 bits; this leaves room for the header itself.
const DATA_LEN_MAX: u64 = u32::MAX as u64 - 1024;

/// How samples are stored in the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SampleKind {
    /// 16-bit integers; what does not fit is clipped and counted.
    #[default]
    I16,
    /// 32-bit floats, stored as they are.
    F32,
}

impl SampleKind {
    fn bytes(self) -> u64 {
        match self {
            Self::I16 => 2,
            Self::F32 => 4,
        }
    }
}

/// What a finished file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Written {
    /// Frames in the file.
    pub(crate) frames: u64,
    /// Samples that did not fit into the sample format.
    pub(crate) clipped: u64,
}

/// A WAV file while it is written, as `NAME.part` next to its final place.
pub(crate) struct WavFile {
    path: PathBuf,
    part: PathBuf,
    writer: hound::WavWriter<BufWriter<File>>,
    spec: SoundSpec,
    sample: SampleKind,
    written: Written,
}

impl fmt::Debug for WavFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WavFile")
            .field("path", &self.path)
            .field("spec", &self.spec)
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}

impl WavFile {
    /// Begins a file; the header is written at once.
    pub(crate) fn create(path: &Path, spec: SoundSpec, sample: SampleKind) -> Result<Self, WavError> {
        let part = part_path(path);
        let failed = |error: hound::Error| write_error(path, error);
        let channels = u16::try_from(spec.channels).map_err(|_| failed(hound::Error::Unsupported))?;
        let header = hound::WavSpec {
            channels,
            sample_rate: spec.rate_hz,
            bits_per_sample: if sample == SampleKind::I16 { 16 } else { 32 },
            sample_format: match sample {
                SampleKind::I16 => hound::SampleFormat::Int,
                SampleKind::F32 => hound::SampleFormat::Float,
            },
        };
        let writer = hound::WavWriter::create(&part, header).map_err(failed)?;
        let written = Written { frames: 0, clipped: 0 };
        Ok(Self { path: path.to_owned(), part, writer, spec, sample, written })
    }

    /// The format that the file was begun with.
    pub(crate) fn spec(&self) -> SoundSpec {
        self.spec
    }

    /// Adds interleaved samples, whole frames only.
    pub(crate) fn write(&mut self, samples: &[f32]) -> Result<(), WavError> {
        let channels = u64::from(self.spec.channels.max(1));
        let before = self.written.frames * channels;
        if (before + samples.len() as u64) * self.sample.bytes() > DATA_LEN_MAX {
            return Err(WavError::TooLong { path: self.path.clone(), frames: self.written.frames });
        }
        let outcome = match self.sample {
            SampleKind::I16 => self.write_i16(samples),
            SampleKind::F32 => samples.iter().try_for_each(|sample| self.writer.write_sample(*sample)),
        };
        outcome.map_err(|error| write_error(&self.path, error))?;
        self.written.frames += samples.len() as u64 / channels;
        Ok(())
    }

    fn write_i16(&mut self, samples: &[f32]) -> Result<(), hound::Error> {
        let len = u32::try_from(samples.len()).map_err(|_| hound::Error::TooWide)?;
        let mut writer = self.writer.get_i16_writer(len);
        for sample in samples {
            let (value, clipped) = to_i16(*sample);
            self.written.clipped += u64::from(clipped);
            writer.write_sample(value);
        }
        writer.flush()
    }

    /// Completes the header, brings the data to the disk and gives the file its name.
    pub(crate) fn finish(self) -> Result<Written, WavError> {
        let Self { path, part, writer, written, .. } = self;
        writer.finalize().map_err(|error| write_error(&path, error))?;
        File::open(&part)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(&part, &path))
            .map_err(|source| WavError::Write { path, source })?;
        Ok(written)
    }
}

/// Checks that a file can be made at `path`, and makes its folder.
pub(crate) fn prepare(path: &Path) -> Result<(), WavError> {
    let failed = |source: io::Error| WavError::Write { path: path.to_owned(), source };
    if path.is_dir() {
        return Err(WavError::NotAFile { path: path.to_owned(), found: "a directory" });
    }
    if path.file_name().is_none() {
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "the path names no file")));
    }
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => fs::create_dir_all(folder).map_err(failed),
        _ => Ok(()),
    }
}

/// The name that the file has until it is complete.
pub(crate) fn part_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".part");
    PathBuf::from(name)
}

/// Rounds to the nearest 16-bit value; says whether the sample had to be clipped.
fn to_i16(sample: f32) -> (i16, bool) {
    const HALF_RANGE: f32 = 32768.0;
    #[expect(clippy::cast_possible_truncation, reason = "float to int casts saturate; NaN gives 0")]
    let value = (sample * HALF_RANGE).round() as i16;
    // Exactly +1.0 is one step too high for 16 bits, but no information is lost: it is not counted.
    (value, !(-1.0..=1.0).contains(&sample))
}

fn write_error(path: &Path, error: hound::Error) -> WavError {
    let source = match error {
        hound::Error::IoError(source) => source,
        other => io::Error::other(other.to_string()),
    };
    WavError::Write { path: path.to_owned(), source }
}
