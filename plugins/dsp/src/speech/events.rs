//! The outputs of a voice activity kind: a frame event for every judgement, a segment event for every stretch of speech.

use graphmill_plugin_sdk::{Context, Kind, Result};
use serde::Serialize;

use super::{Judged, Rules, Segment, Segmenter};
use crate::time::frames_to_ns;
use crate::timeline::{Rates, Timeline};

/// Number of the output for segments.
const SEGMENTS: usize = 0;

/// Number of the output for frames.
const FRAMES: usize = 1;

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

/// What follows the model: time, segments and events.
#[derive(Debug)]
pub struct SpeechEvents {
    timeline: Timeline,
    segmenter: Segmenter,
    rate_hz: u32,
    frame_len: usize,
    frames: u64,
    segments: u64,
}

impl SpeechEvents {
    /// For a model that judges frames of `frame_len` samples at the rate `rate_hz`.
    pub fn new(rate_hz: u32, frame_len: usize, rules: Rules) -> Self {
        Self {
            timeline: Timeline::new(Rates { input_hz: rate_hz, output_hz: rate_hz }),
            segmenter: Segmenter::new(rules),
            rate_hz,
            frame_len,
            frames: 0,
            segments: 0,
        }
    }

    /// Adds the pins of a voice activity kind for 16 kHz: sound in, segments and frames out.
    pub fn pins(kind: Kind) -> Kind {
        kind.input("in", "audio f32 16000 Hz mono")
            .output("segments", "event speech.segment/1")
            .optional_output("frames", "event vad.frame/1")
    }

    /// Changes the rules from the next frame on.
    pub fn set_rules(&mut self, rules: Rules) {
        self.segmenter.set_rules(rules);
    }

    /// Notes a packet of sound, before its frames are judged.
    pub fn take(&mut self, samples: usize, pts_ns: Option<i64>) {
        self.timeline.take(samples, pts_ns);
    }

    /// Takes the probability of the next frame; emits what that brings about.
    ///
    /// # Errors
    /// As for [`Context::emit`].
    pub fn judge(&mut self, probability: f32, cx: &mut Context<'_>) -> Result<()> {
        // Without timestamps, time counts from the first sample.
        let counted_ns = frames_to_ns(self.timeline.frames_given(), self.rate_hz);
        let start_ns = self.timeline.give(self.frame_len).unwrap_or(counted_ns);
        let end_ns = start_ns.saturating_add(frames_to_ns(self.frame_len as u64, self.rate_hz));
        self.emit_frame(start_ns, probability, cx)?;
        match self.segmenter.push(Judged { start_ns, end_ns, probability }) {
            Some(segment) => self.emit_segment(segment, cx),
            None => Ok(()),
        }
    }

    /// Ends the stream; emits the segment that was still open.
    ///
    /// # Errors
    /// As for [`Context::emit`].
    pub fn finish(&mut self, cx: &mut Context<'_>) -> Result<()> {
        match self.segmenter.finish() {
            Some(segment) => self.emit_segment(segment, cx),
            None => Ok(()),
        }
    }

    fn emit_frame(&mut self, start_ns: i64, probability: f32, cx: &mut Context<'_>) -> Result<()> {
        let content = FrameContent { t_s: seconds(start_ns), probability: rounded(probability) };
        let mut packet = cx.event("vad.frame", 1, &content)?;
        packet.set_seq(self.frames);
        packet.set_pts_ns(Some(start_ns));
        packet.set_duration_ns(Some(frames_to_ns(self.frame_len as u64, self.rate_hz)));
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

/// Three decimals are more than a model can tell apart.
fn rounded(probability: f32) -> f64 {
    (f64::from(probability) * 1e3).round() / 1e3
}
