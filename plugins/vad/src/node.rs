//! The node around detector and segmenter.

use graphmill_dsp::{Rates, Timeline, frames_to_ns, mono_at};
use graphmill_plugin_sdk::prelude::*;

use crate::detector::{FRAME_LEN, LAG_NS, SpeechDetector};
use crate::segmenter::{Judged, Rules, Segment, Segmenter};

/// The one rate that the model was trained for.
const RATE_HZ: u32 = 16_000;

/// Longest time that a param may name; a minute is far beyond any use.
const MS_MAX: u32 = 60_000;

/// Number of the output for segments.
const SEGMENTS: usize = 0;

/// Number of the output for frames.
const FRAMES: usize = 1;

/// Params of `vad.earshot`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EarshotParams {
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

impl Default for EarshotParams {
    fn default() -> Self {
        Self { threshold: 0.5, min_speech_ms: 200, min_silence_ms: 300, pad_ms: 0 }
    }
}

impl EarshotParams {
    /// Checks the params and turns them into rules.
    pub(crate) fn rules(&self) -> Result<Rules> {
        if !(0.0..=1.0).contains(&self.threshold) {
            return Err(Error::invalid(format!("`threshold` must be 0 to 1, not {}", self.threshold)));
        }
        let ns = |name: &str, ms: u32| match ms {
            0..=MS_MAX => Ok(i64::from(ms) * 1_000_000),
            _ => Err(Error::invalid(format!("`{name}` must be at most {MS_MAX}, not {ms}"))),
        };
        Ok(Rules {
            threshold: self.threshold,
            min_speech_ns: ns("min_speech_ms", self.min_speech_ms)?,
            min_silence_ns: ns("min_silence_ms", self.min_silence_ms)?,
            pad_ns: ns("pad_ms", self.pad_ms)?,
            lag_ns: LAG_NS,
        })
    }
}

/// Content of the event `speech.segment`, version 1.
#[derive(Debug, Serialize)]
struct SegmentContent {
    start_s: f64,
    end_s: f64,
    duration_s: f64,
    mean_probability: f64,
}

/// Content of the event `vad.frame`, version 1.
#[derive(Debug, Serialize)]
struct FrameContent {
    t_s: f64,
    probability: f64,
}

/// Finds speech in sound.
#[derive(Debug)]
pub(crate) struct Earshot {
    detector: SpeechDetector,
    outputs: Outputs,
}

/// What follows the model: time, segments and events.
#[derive(Debug)]
struct Outputs {
    timeline: Timeline,
    segmenter: Segmenter,
    frames: u64,
    segments: u64,
}

impl Node for Earshot {
    type Params = EarshotParams;

    fn kind() -> Kind {
        Kind::new("vad.earshot")
            .title("Voice activity")
            .description("Finds where somebody speaks, with the earshot model: a probability each 16 ms, and segments.")
            .input("in", "audio f32 16000 Hz mono")
            .output("segments", "event speech.segment/1")
            .optional_output("frames", "event vad.frame/1")
    }

    fn create(params: EarshotParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        let outputs = Outputs {
            timeline: Timeline::new(Rates { input_hz: RATE_HZ, output_hz: RATE_HZ }),
            segmenter: Segmenter::new(params.rules()?),
            frames: 0,
            segments: 0,
        };
        Ok(Self { detector: SpeechDetector::new(), outputs })
    }

    fn update(&mut self, params: EarshotParams, _cx: &mut Context<'_>) -> Result<()> {
        self.outputs.segmenter.set_rules(params.rules()?);
        Ok(())
    }
}

impl Processor for Earshot {
    fn process(&mut self, _pin: usize, packet: &mut Packet, cx: &mut Context<'_>) -> Result<()> {
        let (_, samples) = mono_at(packet, RATE_HZ)?;
        let Self { detector, outputs } = self;
        outputs.timeline.take(samples.len(), packet.pts_ns());
        detector.push(samples, |probability| outputs.judge(probability, cx))
    }

    fn flush(&mut self, _pin: usize, cx: &mut Context<'_>) -> Result<()> {
        self.detector.restart();
        match self.outputs.segmenter.finish() {
            Some(segment) => self.outputs.emit_segment(segment, cx),
            None => Ok(()),
        }
    }
}

impl Outputs {
    /// Takes the probability of the next frame.
    fn judge(&mut self, probability: f32, cx: &mut Context<'_>) -> Result<()> {
        // Without timestamps, time counts from the first sample.
        let counted_ns = frames_to_ns(self.timeline.frames_given(), RATE_HZ);
        let start_ns = self.timeline.give(FRAME_LEN).unwrap_or(counted_ns);
        let end_ns = start_ns.saturating_add(frames_to_ns(FRAME_LEN as u64, RATE_HZ));
        self.emit_frame(start_ns, probability, cx)?;
        match self.segmenter.push(Judged { start_ns, end_ns, probability }) {
            Some(segment) => self.emit_segment(segment, cx),
            None => Ok(()),
        }
    }

    fn emit_frame(&mut self, start_ns: i64, probability: f32, cx: &mut Context<'_>) -> Result<()> {
        let content = FrameContent { t_s: seconds(start_ns), probability: rounded(probability) };
        let mut packet = cx.event("vad.frame", 1, &content)?;
        packet.set_seq(self.frames);
        packet.set_pts_ns(Some(start_ns));
        packet.set_duration_ns(Some(frames_to_ns(FRAME_LEN as u64, RATE_HZ)));
        self.frames += 1;
        cx.emit(FRAMES, packet)
    }

    fn emit_segment(&mut self, segment: Segment, cx: &mut Context<'_>) -> Result<()> {
        let duration_ns = segment.end_ns - segment.start_ns;
        let content = SegmentContent {
            start_s: seconds(segment.start_ns),
            end_s: seconds(segment.end_ns),
            duration_s: seconds(duration_ns),
            mean_probability: rounded(segment.mean_probability),
        };
        let mut packet = cx.event("speech.segment", 1, &content)?;
        packet.set_seq(self.segments);
        packet.set_pts_ns(Some(segment.start_ns));
        packet.set_duration_ns(Some(duration_ns));
        self.segments += 1;
        cx.emit(SEGMENTS, packet)
    }
}

fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}

/// Three decimals are more than the model can tell apart.
fn rounded(probability: f32) -> f64 {
    (f64::from(probability) * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn params_out_of_range_are_refused_by_name() {
        let table = [
            (EarshotParams { threshold: 1.5, ..EarshotParams::default() }, "`threshold`"),
            (EarshotParams { threshold: f32::NAN, ..EarshotParams::default() }, "`threshold`"),
            (EarshotParams { min_speech_ms: 60_001, ..EarshotParams::default() }, "`min_speech_ms`"),
            (EarshotParams { min_silence_ms: u32::MAX, ..EarshotParams::default() }, "`min_silence_ms`"),
            (EarshotParams { pad_ms: 60_001, ..EarshotParams::default() }, "`pad_ms`"),
        ];
        for (params, name) in table {
            let message = params.rules().unwrap_err().to_string();
            assert!(message.contains(name), "{message}");
        }
        assert!(EarshotParams::default().rules().is_ok());
    }
}
