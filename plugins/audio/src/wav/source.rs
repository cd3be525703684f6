//! `wav.source`: a sound file as a stream of packets.

use std::path::PathBuf;

use graphmill_dsp::{AudioOut, Rates, frames_to_ns};
use graphmill_plugin_sdk::prelude::*;

use super::reader::WavReader;
use crate::frames;

/// How fast the file is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Pace {
    /// As fast as the graph takes it.
    #[default]
    Asap,
    /// As fast as it would be heard.
    Realtime,
}

/// Params of `wav.source`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WavSourceParams {
    /// Sound file to read; a relative path starts at the folder of the graph file.
    #[schemars(extend("x-env" = true, "format" = "path"))]
    path: PathBuf,
    /// `asap` reads as fast as the graph takes it, `realtime` as fast as it would be heard.
    #[serde(default)]
    pace: Pace,
    /// Frames per packet; the last packet may be shorter.
    #[serde(default = "default_frames")]
    #[schemars(range(min = 1, max = 65536))]
    frames: u32,
}

fn default_frames() -> u32 {
    480
}

/// Reads a sound file from start to end.
#[derive(Debug)]
pub(crate) struct WavSource {
    reader: WavReader,
    frames: usize,
    pace: Pace,
    samples: Vec<f32>,
    out: AudioOut,
    /// When the first frame was due, on the host's clock.
    started_ns: Option<i64>,
}

impl Node for WavSource {
    type Params = WavSourceParams;

    fn kind() -> Kind {
        Kind::new("wav.source")
            .title("Sound file")
            .description("Reads a WAV file (8, 16, 24 or 32 bit integers, floats) and gives out f32 sound.")
            .output("out", "audio f32 interleaved")
    }

    fn create(params: WavSourceParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        let frames = frames::checked(params.frames)? as usize;
        let reader = WavReader::open(&params.path)?;
        let spec = reader.spec();
        let frames_total = reader.frames_total();
        tracing::info!(
            path = %params.path.display(),
            format = %spec,
            frames = frames_total,
            seconds = frames_total.map(|frames| frames as f64 / f64::from(spec.rate_hz)),
            "sound file opened"
        );
        let rates = Rates { input_hz: spec.rate_hz, output_hz: spec.rate_hz };
        let mut out = AudioOut::new(0, rates, spec.channels);
        out.start_at(0);
        let samples = Vec::with_capacity(frames * spec.channels as usize);
        Ok(Self { reader, frames, pace: params.pace, samples, out, started_ns: None })
    }
}

impl Source for WavSource {
    fn tick(&mut self, cx: &mut Context<'_>) -> Result<Tick> {
        let started_ns = *self.started_ns.get_or_insert_with(|| cx.now_ns());
        if self.reader.read(self.frames, &mut self.samples)? == 0 {
            return Ok(Tick::End);
        }
        self.out.give(&self.samples, cx)?;
        let played_ns = frames_to_ns(self.out.frames_given(), self.reader.spec().rate_hz);
        Ok(match self.pace {
            Pace::Asap => Tick::Again,
            Pace::Realtime => Tick::At(started_ns.saturating_add(played_ns)),
        })
    }
}
