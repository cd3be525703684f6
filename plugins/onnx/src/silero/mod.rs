//! `vad.silero`: voice activity with the Silero model, in place of `vad.earshot`.

mod detector;

use std::path::PathBuf;

use graphmill_dsp::{SpeechEvents, SpeechParams, mono_at};
use graphmill_plugin_sdk::prelude::*;

use crate::engine::{self, ModelSource};
use detector::{FRAME_LEN, LAG_NS, RATE_HZ, SpeechDetector};

/// Where the manifest of models has it.
const MODEL: (&str, &str) = ("silero-vad", "silero_vad.onnx");

/// Params of `vad.silero`: those of every voice activity kind, and the model.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SileroParams {
    /// Model file to use instead of the one that `graphmill models pull silero-vad` fetches.
    #[schemars(extend("x-env" = true, "format" = "path"))]
    path: Option<PathBuf>,
    /// Probability from which sound is taken for speech; it is given up 0.1 below.
    #[schemars(range(min = 0.0, max = 1.0))]
    threshold: f32,
    /// Speech shorter than this is taken for noise.
    #[schemars(range(max = 60_000))]
    min_speech_ms: u32,
    /// A pause shorter than this belongs to the speech around it.
    #[schemars(range(max = 60_000))]
    min_silence_ms: u32,
    /// Time added before and after each segment.
    #[schemars(range(max = 60_000))]
    pad_ms: u32,
}

impl Default for SileroParams {
    fn default() -> Self {
        let SpeechParams { threshold, min_speech_ms, min_silence_ms, pad_ms } = SpeechParams::default();
        Self { path: None, threshold, min_speech_ms, min_silence_ms, pad_ms }
    }
}

impl SileroParams {
    fn speech(&self) -> SpeechParams {
        let Self { path: _, threshold, min_speech_ms, min_silence_ms, pad_ms } = *self;
        SpeechParams { threshold, min_speech_ms, min_silence_ms, pad_ms }
    }
}

/// Finds speech in sound.
#[derive(Debug)]
pub(crate) struct Silero {
    path: Option<PathBuf>,
    detector: SpeechDetector,
    events: SpeechEvents,
}

impl Node for Silero {
    type Params = SileroParams;

    fn kind() -> Kind {
        SpeechEvents::pins(Kind::new("vad.silero"))
            .title("Voice activity (Silero)")
            .description("Finds where somebody speaks, with the Silero model: a probability each 32 ms, and segments.")
    }

    fn create(params: SileroParams, cx: &mut CreateContext<'_>) -> Result<Self> {
        let rules = params.speech().rules(LAG_NS)?;
        let source = match &params.path {
            Some(path) => ModelSource::from(path),
            None => ModelSource::stored(MODEL.0, MODEL.1)?,
        };
        let detector = SpeechDetector::new(engine::load(cx, source)?)?;
        Ok(Self { path: params.path, detector, events: SpeechEvents::new(RATE_HZ, FRAME_LEN, rules) })
    }

    fn update(&mut self, params: SileroParams, _cx: &mut Context<'_>) -> Result<()> {
        if params.path != self.path {
            return Err(Error::unsupported("`path` cannot change while the node runs; start another session"));
        }
        self.events.set_rules(params.speech().rules(LAG_NS)?);
        Ok(())
    }
}

impl Processor for Silero {
    fn process(&mut self, _pin: usize, packet: &mut Packet, cx: &mut Context<'_>) -> Result<()> {
        let (_, samples) = mono_at(packet, RATE_HZ)?;
        let Self { detector, events, .. } = self;
        events.take(samples.len(), packet.pts_ns());
        detector.push(samples, |probability| events.judge(probability, cx))
    }

    fn flush(&mut self, _pin: usize, cx: &mut Context<'_>) -> Result<()> {
        self.detector.restart();
        self.events.finish(cx)
    }
}
