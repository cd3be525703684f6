//! The node: keeps sound until a segment of speech is known, then makes text of it.

use std::collections::VecDeque;
use std::path::PathBuf;

use graphmill_dsp::{frames_to_ns, mono_at};
use graphmill_plugin_sdk::prelude::*;

use super::recording::{RATE_HZ, Recording, Span, pieces};
use super::speech::{Files, Speech};

/// Number of the input for sound.
const SOUND: usize = 0;

/// Number of the output for texts.
const TEXT: usize = 0;
/// Number of the output for texts that are not finished.
const PARTIAL: usize = 1;

/// Segments that may wait for their sound to arrive.
const WAITING_MAX: usize = 256;

/// Params of `stt.moonshine`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MoonshineParams {
    /// Model of the manifest; `graphmill models pull NAME` fetches it.
    model: String,
    /// Folder with `encoder_model.onnx`, `decoder_model_merged.onnx` and `tokenizer.json` to use instead.
    #[schemars(extend("x-env" = true, "format" = "path"))]
    path: Option<PathBuf>,
    /// Sound that is added before and after each segment, never what an earlier text was made of.
    #[schemars(range(max = 5_000))]
    pad_ms: u32,
    /// Longer speech is cut where it is quietest, and becomes several texts.
    #[schemars(range(min = 1, max = 60))]
    utterance_s_max: u32,
    /// Sound that is kept until the segment that it belongs to is known.
    #[schemars(range(min = 1, max = 3_600))]
    history_s: u32,
}

impl Default for MoonshineParams {
    fn default() -> Self {
        Self { model: "moonshine-tiny".to_owned(), path: None, pad_ms: 200, utterance_s_max: 20, history_s: 120 }
    }
}

impl MoonshineParams {
    fn check(&self) -> Result<()> {
        let table = [
            ("pad_ms", self.pad_ms, 0..=5_000),
            ("utterance_s_max", self.utterance_s_max, 1..=60),
            ("history_s", self.history_s, 1..=3_600),
        ];
        for (name, value, range) in table {
            if !range.contains(&value) {
                let (min, max) = (range.start(), range.end());
                return Err(Error::invalid(format!("`{name}` must be {min} to {max}, not {value}")));
            }
        }
        Ok(())
    }
}

/// The part of `speech.segment` version 1 that this node needs.
#[derive(Debug, Deserialize)]
struct Segment {
    start_s: f64,
    end_s: f64,
}

/// Content of `speech.text` and `speech.partial`, version 1.
#[derive(Debug, Serialize)]
struct Content<'a> {
    text: &'a str,
    start_s: f64,
    end_s: f64,
}

/// Makes text of speech.
#[derive(Debug)]
pub(crate) struct Moonshine {
    speech: Speech,
    pad_ns: i64,
    utterance_len_max: usize,
    recording: Recording,
    waiting: VecDeque<Span>,
    /// End of the sound that texts were made of.
    done_ns: i64,
    has_ended: bool,
    out: Numbers,
}

/// How many packets left each output.
#[derive(Debug, Default)]
struct Numbers {
    texts: u64,
    partials: u64,
}

impl Node for Moonshine {
    type Params = MoonshineParams;

    fn kind() -> Kind {
        Kind::new("stt.moonshine")
            .title("Speech to text")
            .description("Makes text of each segment of speech, with a Moonshine model; words leave as they are found.")
            .input("in", "audio f32 16000 Hz mono")
            .input("segments", "event speech.segment/1")
            .output("text", "event speech.text/1")
            .optional_output("partial", "event speech.partial/1")
    }

    fn create(params: MoonshineParams, cx: &mut CreateContext<'_>) -> Result<Self> {
        params.check()?;
        let files = match &params.path {
            Some(folder) => Files::in_folder(folder),
            None => Files::stored(&params.model)?,
        };
        let samples = |seconds: u32| (seconds * RATE_HZ) as usize;
        Ok(Self {
            speech: Speech::load(cx, &files)?,
            pad_ns: i64::from(params.pad_ms) * 1_000_000,
            utterance_len_max: samples(params.utterance_s_max),
            recording: Recording::new(samples(params.history_s)),
            waiting: VecDeque::new(),
            done_ns: i64::MIN,
            has_ended: false,
            out: Numbers::default(),
        })
    }
}

impl Processor for Moonshine {
    fn process(&mut self, pin: usize, packet: &mut Packet, cx: &mut Context<'_>) -> Result<()> {
        if pin == SOUND {
            let (_, samples) = mono_at(packet, RATE_HZ)?;
            self.recording.push(samples, packet.pts_ns());
        } else {
            self.wait_for(packet)?;
        }
        self.transcribe_what_is_there(cx)
    }

    fn flush(&mut self, pin: usize, cx: &mut Context<'_>) -> Result<()> {
        self.has_ended |= pin == SOUND;
        self.transcribe_what_is_there(cx)
    }
}

impl Moonshine {
    /// Notes a segment of speech.
    fn wait_for(&mut self, packet: &Packet) -> Result<()> {
        let event = packet.event().ok_or_else(|| Error::invalid("expected an event, got another kind of packet"))?;
        let segment: Segment = serde_json::from_str(event.json)?;
        if self.waiting.len() >= WAITING_MAX {
            return Err(Error::invalid(format!(
                "{WAITING_MAX} segments wait for sound that does not come; link the sound that they were found in"
            )));
        }
        self.waiting.push_back(Span { start_ns: nanoseconds(segment.start_s), end_ns: nanoseconds(segment.end_s) });
        Ok(())
    }

    /// Makes text of the segments whose sound is there.
    fn transcribe_what_is_there(&mut self, cx: &mut Context<'_>) -> Result<()> {
        while let Some(segment) = self.waiting.front().copied() {
            let start_ns = segment.start_ns.saturating_sub(self.pad_ns).max(self.done_ns);
            let end_ns = segment.end_ns.saturating_add(self.pad_ns);
            if self.recording.end_ns() < end_ns && !self.has_ended {
                return Ok(());
            }
            self.waiting.pop_front();
            let (sound, found_ns) = self.recording.cut(Span { start_ns, end_ns });
            if found_ns > segment.start_ns && !sound.is_empty() {
                tracing::warn!(
                    missing_ms = found_ns.saturating_sub(segment.start_ns) / 1_000_000,
                    "the sound of a segment begins too late; raise `history_s`"
                );
            }
            self.recording.forget_before(end_ns);
            self.done_ns = end_ns;
            self.transcribe(&sound, found_ns, cx)?;
        }
        Ok(())
    }

    fn transcribe(&mut self, sound: &[f32], start_ns: i64, cx: &mut Context<'_>) -> Result<()> {
        for piece in pieces(sound, self.utterance_len_max) {
            let at = |index: usize| start_ns.saturating_add(frames_to_ns(index as u64, RATE_HZ));
            let span = Span { start_ns: at(piece.start), end_ns: at(piece.end) };
            let sound = sound.get(piece).unwrap_or_default();
            if sound.is_empty() {
                continue;
            }
            let Self { speech, out, .. } = self;
            let text = speech.transcribe(sound, |words| {
                if cx.is_cancelled() {
                    return Err(Error::new("the session stops; the text was not finished"));
                }
                let mut packet = event(("speech.partial", out.partials), words, span, cx)?;
                // Where nobody takes it in time, the next one says more.
                out.partials += u64::from(cx.try_emit(PARTIAL, &mut packet)?);
                Ok(())
            })?;
            if !text.is_empty() {
                let packet = event(("speech.text", out.texts), &text, span, cx)?;
                out.texts += 1;
                cx.emit(TEXT, packet)?;
            }
        }
        Ok(())
    }
}

/// An event with its name and number.
fn event((name, seq): (&str, u64), text: &str, span: Span, cx: &mut Context<'_>) -> Result<Packet> {
    let content = Content { text, start_s: seconds(span.start_ns), end_s: seconds(span.end_ns) };
    let mut packet = cx.event(name, 1, &content)?;
    packet.set_seq(seq);
    packet.set_pts_ns(Some(span.start_ns));
    packet.set_duration_ns(Some(span.end_ns - span.start_ns));
    Ok(packet)
}

fn seconds(ns: i64) -> f64 {
    // Milliseconds are what subtitles show, and more than speech has edges for.
    (ns as f64 / 1e6).round() / 1e3
}

fn nanoseconds(seconds: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a cast saturates, and no time is beyond 292 years")]
    let ns = (seconds * 1e9).round() as i64;
    ns
}
