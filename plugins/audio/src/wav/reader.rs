//! Decodes a sound file piece by piece into interleaved `f32`.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as DecodeError;
use symphonia::core::formats::probe::{Hint, Probe};
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;
use symphonia::default::formats;

use super::riff::{CHANNELS_MAX, CheckedFile, RATE_MAX_HZ, Scan};
use super::{SoundSpec, WavError};

/// An open sound file, read from start to end.
///
/// Integer samples become `f32` in -1 to 1 (divided by half their range, so the conversion is exact up
/// to 24 bits). Float samples keep their value, even beyond ±1; one that is not a number becomes 0.
pub(crate) struct WavReader {
    path: PathBuf,
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track_id: u32,
    spec: SoundSpec,
    frames_total: Option<u64>,
    shortfall: Option<Shortfall>,
    pending: Vec<f32>,
    frames_read: u64,
}

#[derive(Debug, Clone, Copy)]
struct Shortfall {
    file_len: u64,
    missing_len: u64,
}

impl fmt::Debug for WavReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WavReader")
            .field("path", &self.path)
            .field("spec", &self.spec)
            .field("frames_read", &self.frames_read)
            .finish_non_exhaustive()
    }
}

impl WavReader {
    /// Opens the file and reads its header.
    pub(crate) fn open(path: &Path) -> Result<Self, WavError> {
        let (source, content, shortfall) = open_checked(path)?;
        let unsupported = |reason: String| WavError::Unsupported { path: path.to_owned(), reason };
        let stream = MediaSourceStream::new(Box::new(source), Default::default());
        let format = decoders(content)
            .probe(&hint(path), stream, FormatOptions::default(), MetadataOptions::default())
            .map_err(|error| unsupported(explain(&error)))?;
        let track =
            format.default_track(TrackType::Audio).ok_or_else(|| unsupported("it holds no sound track".to_owned()))?;
        let params = track
            .codec_params
            .as_ref()
            .and_then(|params| params.audio())
            .ok_or_else(|| unsupported("its sample format is unknown".to_owned()))?;
        let spec = sound_spec(params).map_err(unsupported)?;
        let decoder = symphonia::default::get_codecs()
            .make_audio_decoder(params, &AudioDecoderOptions::default())
            .map_err(|error| unsupported(explain(&error)))?;
        let (track_id, frames_total) = (track.id, track.num_frames);
        Ok(Self {
            path: path.to_owned(),
            format,
            decoder,
            track_id,
            spec,
            frames_total,
            shortfall,
            pending: Vec::new(),
            frames_read: 0,
        })
    }

    /// Frame rate and channels.
    pub(crate) fn spec(&self) -> SoundSpec {
        self.spec
    }

    /// Frames that can be read from the start, where the file says so.
    pub(crate) fn frames_total(&self) -> Option<u64> {
        self.frames_total
    }

    /// Reads up to `frames` frames; fewer only at the end, none after it.
    ///
    /// # Errors
    /// `Truncated` after the last whole frame of a file that is cut short, `Damaged` where the samples
    /// cannot be decoded. Frames before that point have been delivered by earlier calls.
    pub(crate) fn read(&mut self, frames: usize, sink: &mut Vec<f32>) -> Result<usize, WavError> {
        let channels = self.spec.channels as usize;
        let wanted = frames.saturating_mul(channels);
        let mut failure = None;
        while self.pending.len() < wanted && failure.is_none() {
            match self.decode_more() {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => failure = Some(error),
            }
        }
        let taken = wanted.min(self.pending.len()) / channels;
        sink.clear();
        sink.extend(self.pending.drain(..taken * channels));
        self.frames_read += taken as u64;
        match (taken, failure) {
            (0, Some(error)) => Err(self.fault(&error)),
            (0, None) => self.check_end().map(|()| 0),
            (taken, _) => Ok(taken),
        }
    }

    /// Decodes the next piece into `pending`; false at the end.
    fn decode_more(&mut self) -> Result<bool, DecodeError> {
        let Some(packet) = self.format.next_packet()? else {
            return Ok(false);
        };
        if packet.track_id != self.track_id {
            return Ok(true);
        }
        let decoded = self.decoder.decode(&packet)?;
        append(&mut self.pending, &decoded, self.spec)?;
        Ok(true)
    }

    fn check_end(&self) -> Result<(), WavError> {
        let Some(Shortfall { file_len, missing_len }) = self.shortfall else {
            return Ok(());
        };
        Err(WavError::Truncated { path: self.path.clone(), file_len, missing_len, frames: self.frames_read })
    }

    fn fault(&self, error: &DecodeError) -> WavError {
        WavError::Damaged { path: self.path.clone(), frames: self.frames_read, reason: explain(error) }
    }
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// Samples behind a header that was checked.
    Wave,
    /// No WAV file.
    Other,
}

/// What may decode a file. A decoder looks for its own beginning anywhere in a file, so the one for WAV files only gets
/// those whose header was checked, because it multiplies what it finds there.
fn decoders(content: Content) -> Probe {
    let mut decoders = Probe::default();
    match content {
        Content::Wave => decoders.register_format::<formats::WavReader<'_>>(),
        #[cfg(feature = "compressed")]
        Content::Other => {
            decoders.register_format::<formats::FlacReader<'_>>();
            decoders.register_format::<formats::MpaReader<'_>>();
            decoders.register_format::<formats::OggReader<'_>>();
        }
        #[cfg(not(feature = "compressed"))]
        Content::Other => {}
    }
    decoders
}

/// Opens a regular file and compares the lengths in its header with its size.
fn open_checked(path: &Path) -> Result<(CheckedFile, Content, Option<Shortfall>), WavError> {
    let refused = |source: io::Error| WavError::Open { path: path.to_owned(), source };
    // Asked before the file is opened: opening a FIFO would wait for its writer.
    let metadata = fs::metadata(path).map_err(refused)?;
    if !metadata.is_file() {
        let found = if metadata.is_dir() { "a directory" } else { "a device, pipe or socket" };
        return Err(WavError::NotAFile { path: path.to_owned(), found });
    }
    let file_len = metadata.len();
    let mut file = File::open(path).map_err(refused)?;
    let data = match Scan::read(&mut file, file_len).map_err(refused)? {
        Scan::Wave(data) => Some(data),
        Scan::Other => None,
        Scan::Bad(reason) => return Err(WavError::Unsupported { path: path.to_owned(), reason: reason.to_owned() }),
    };
    let shortfall = data
        .map(|data| data.missing_len())
        .filter(|missing_len| *missing_len > 0)
        .map(|missing_len| Shortfall { file_len, missing_len });
    let source = CheckedFile::new(file, file_len, data).map_err(refused)?;
    Ok((source, if data.is_some() { Content::Wave } else { Content::Other }, shortfall))
}

fn hint(path: &Path) -> Hint {
    let mut hint = Hint::new();
    if let Some(extension) = path.extension().and_then(|extension| extension.to_str()) {
        hint.with_extension(extension);
    }
    hint
}

fn sound_spec(params: &AudioCodecParameters) -> Result<SoundSpec, String> {
    let rate_hz = params.sample_rate.unwrap_or(0);
    let channels = params.channels.as_ref().map_or(0, |channels| channels.count());
    if rate_hz == 0 || rate_hz > RATE_MAX_HZ {
        return Err(format!("its header gives a frame rate of {rate_hz} Hz"));
    }
    match u32::try_from(channels) {
        Ok(count @ 1..=CHANNELS_MAX) => Ok(SoundSpec { rate_hz, channels: count }),
        _ => Err(format!("its header gives {channels} channels")),
    }
}

/// Adds decoded samples as interleaved `f32`, without samples that are not numbers.
fn append(pending: &mut Vec<f32>, decoded: &GenericAudioBufferRef<'_>, spec: SoundSpec) -> Result<(), DecodeError> {
    let now = decoded.spec();
    if now.rate() != spec.rate_hz || now.channels().count() != spec.channels as usize {
        return Err(DecodeError::DecodeError("frame rate or channels change within the file"));
    }
    let start = pending.len();
    pending.resize(start + decoded.samples_interleaved(), 0.0);
    let fresh = pending.get_mut(start..).unwrap_or_default();
    decoded.copy_to_slice_interleaved(&mut *fresh);
    for sample in fresh.iter_mut().filter(|sample| !sample.is_finite()) {
        *sample = 0.0;
    }
    Ok(())
}

/// The decoder's reason, without the words that its own display puts in front.
fn explain(error: &DecodeError) -> String {
    match error {
        DecodeError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => "it ends too early".to_owned(),
        DecodeError::DecodeError(reason) | DecodeError::Unsupported(reason) => (*reason).to_owned(),
        other => other.to_string(),
    }
}
