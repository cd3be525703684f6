//! WAV files in and out: `wav.source` and `wav.sink`.

mod error;
mod reader;
mod riff;
mod sink;
mod source;
mod writer;

#[cfg(test)]
mod tests;

use std::fmt;

pub(crate) use error::WavError;
pub(crate) use sink::WavSink;
pub(crate) use source::WavSource;

/// Reads a whole sound file, piece by piece.
///
/// # Errors
/// What is wrong with the file; the pieces before that have been given.
#[cfg(feature = "fuzzing")]
pub fn read_all(path: &std::path::Path, piece: &mut dyn FnMut(&[f32])) -> Result<(), String> {
    let mut reader = reader::WavReader::open(path).map_err(|error| error.to_string())?;
    let mut samples = Vec::new();
    while reader.read(480, &mut samples).map_err(|error| error.to_string())? > 0 {
        piece(&samples);
    }
    Ok(())
}

/// Frame rate and channel count of a stream of sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SoundSpec {
    /// Frames per second.
    pub(crate) rate_hz: u32,
    /// Interleaved samples per frame.
    pub(crate) channels: u32,
}

impl fmt::Display for SoundSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.channels {
            1 => write!(f, "{} Hz mono", self.rate_hz),
            2 => write!(f, "{} Hz stereo", self.rate_hz),
            channels => write!(f, "{} Hz {channels} ch", self.rate_hz),
        }
    }
}
