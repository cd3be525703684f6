//! `audio.resample`: another frame rate, another number of channels, packets of one length.

mod channels;
mod core;
mod stream;

use graphmill_dsp::interleaved;
use graphmill_plugin_sdk::prelude::*;

use self::core::ResampleError;
use self::stream::{Stream, Target};
use crate::frames;

/// Rates that sound cards and files use lie well inside.
const RATES_HZ: std::ops::RangeInclusive<u32> = 1_000..=768_000;

/// Channels that the node can make; more exist only in files for cinemas.
const CHANNELS_MAX: u32 = 32;

/// Params of `audio.resample`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResampleParams {
    /// Frames per second of the output.
    #[schemars(range(min = 1000, max = 768_000))]
    rate_hz: u32,
    /// Channels of the output; as many as the input has if left out. To or from mono only.
    #[schemars(range(min = 1, max = 32))]
    channels: Option<u32>,
    /// Frames per output packet; 10 ms if left out. The last packet may be shorter.
    #[schemars(range(min = 1, max = 65_536))]
    frames: Option<u32>,
}

/// Resamples one stream of sound.
#[derive(Debug)]
pub(crate) struct Resample {
    target: Target,
    stream: Option<Stream>,
}

impl Node for Resample {
    type Params = ResampleParams;

    fn kind() -> Kind {
        Kind::new("audio.resample")
            .title("Resample")
            .description("Changes the frame rate and the number of channels; the output lines up with the input.")
            .input("in", "audio f32 interleaved")
            .output("out", "audio f32 {rate_hz} Hz {channels} ch interleaved")
    }

    fn create(params: ResampleParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        let ResampleParams { rate_hz, channels, frames } = params;
        if !RATES_HZ.contains(&rate_hz) {
            return Err(Error::invalid(format!("`rate_hz` must be 1000 to 768000, not {rate_hz}")));
        }
        if channels.is_some_and(|channels| channels == 0 || channels > CHANNELS_MAX) {
            return Err(Error::invalid(format!("`channels` must be 1 to {CHANNELS_MAX}")));
        }
        let frames = frames::checked(frames.unwrap_or(rate_hz / 100))?;
        Ok(Self { target: Target { rate_hz, channels, frames }, stream: None })
    }
}

impl Processor for Resample {
    fn process(&mut self, _pin: usize, packet: &mut Packet, cx: &mut Context<'_>) -> Result<()> {
        let (header, samples) = interleaved(packet)?;
        if self.stream.as_ref().is_some_and(|stream| !stream.accepts(&header)) {
            self.end_stream(cx)?;
        }
        if self.target.is_reached_by(&header) {
            return cx.emit(0, packet);
        }
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => self.stream.insert(Stream::new(&header, self.target)?),
        };
        stream.push(packet, samples, cx)
    }

    fn flush(&mut self, _pin: usize, cx: &mut Context<'_>) -> Result<()> {
        self.end_stream(cx)
    }
}

impl Resample {
    fn end_stream(&mut self, cx: &mut Context<'_>) -> Result<()> {
        self.stream.take().map_or(Ok(()), |mut stream| stream.finish(cx))
    }
}

impl From<ResampleError> for Error {
    fn from(error: ResampleError) -> Self {
        match error {
            ResampleError::Rates { .. } => Self::unsupported(error),
            ResampleError::Inner(_) => Self::new(error),
        }
    }
}
