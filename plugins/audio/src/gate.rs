//! `audio.gate`: lets sound through while somebody speaks.

#[path = "gate/core.rs"]
mod core;

use graphmill_dsp::{frames_to_ns, interleaved};
use graphmill_plugin_sdk::prelude::*;
use std::collections::VecDeque;

use self::core::{Gate, Place, Rules};

/// Number of the input for sound.
const SOUND: usize = 0;

/// Longest time that a param may name; a minute is far beyond any use.
const MS_MAX: u32 = 60_000;

/// Samples that may wait for their judgement, 64 MiB: minutes of sound, so somebody else has stopped.
const WAITING_MAX: usize = 16 * 1024 * 1024;

/// What becomes of sound while nobody speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Pauses {
    /// It becomes silence, so that the time of the rest stays as it was.
    #[default]
    Silence,
    /// Packets without any speech are left out.
    Drop,
}

/// Params of `audio.gate`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct GateParams {
    /// Probability from which sound is speech.
    #[schemars(range(min = 0.0, max = 1.0))]
    threshold: f32,
    /// Time by which the gate opens before speech; the sound comes out so much later.
    #[schemars(range(max = 60_000))]
    lead_ms: u32,
    /// Time for which it stays open after speech.
    #[schemars(range(max = 60_000))]
    hold_ms: u32,
    /// Time that opening and closing take.
    #[schemars(range(max = 60_000))]
    fade_ms: u32,
    /// `silence` keeps the pauses, `drop` leaves them out.
    pauses: Pauses,
}

impl Default for GateParams {
    fn default() -> Self {
        Self { threshold: 0.5, lead_ms: 100, hold_ms: 300, fade_ms: 10, pauses: Pauses::Silence }
    }
}

impl GateParams {
    /// Checks the params and turns them into rules.
    fn rules(&self) -> Result<Rules> {
        if !(0.0..=1.0).contains(&self.threshold) {
            return Err(Error::invalid(format!("`threshold` must be 0 to 1, not {}", self.threshold)));
        }
        let ns = |name: &str, ms: u32| match ms {
            0..=MS_MAX => Ok(i64::from(ms) * 1_000_000),
            _ => Err(Error::invalid(format!("`{name}` must be at most {MS_MAX}, not {ms}"))),
        };
        Ok(Rules {
            threshold: self.threshold,
            lead_ns: ns("lead_ms", self.lead_ms)?,
            hold_ns: ns("hold_ms", self.hold_ms)?,
            fade_ns: ns("fade_ms", self.fade_ms)?,
        })
    }
}

/// Content of the event `vad.frame`, version 1, as far as it is needed.
#[derive(Debug, Deserialize)]
struct FrameContent {
    probability: f32,
}

/// Sound that waits until it is known whether somebody speaks in it.
#[derive(Debug)]
struct Waiting {
    packet: Packet,
    place: Place,
    end_ns: i64,
    samples: usize,
}

/// Opens and closes by the events of a voice activity detector.
#[derive(Debug)]
pub(crate) struct AudioGate {
    gate: Gate,
    pauses: Pauses,
    waiting: VecDeque<Waiting>,
    waiting_samples: usize,
    /// Frames taken so far, which is the time of sound without timestamps.
    frames: u64,
}

impl Node for AudioGate {
    type Params = GateParams;

    fn kind() -> Kind {
        Kind::new("audio.gate")
            .title("Voice gate")
            .description("Lets sound through while a voice activity detector hears somebody speak.")
            .input("in", "audio f32 interleaved")
            .input("speech", "event vad.frame/1")
            .output("out", "audio f32 interleaved")
            .capability("in_place")
    }

    fn create(params: GateParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        let gate = Gate::new(params.rules()?);
        Ok(Self { gate, pauses: params.pauses, waiting: VecDeque::new(), waiting_samples: 0, frames: 0 })
    }

    fn update(&mut self, params: GateParams, _cx: &mut Context<'_>) -> Result<()> {
        self.gate.set_rules(params.rules()?);
        self.pauses = params.pauses;
        Ok(())
    }
}

impl Processor for AudioGate {
    fn process(&mut self, pin: usize, packet: &mut Packet, cx: &mut Context<'_>) -> Result<()> {
        if pin == SOUND {
            self.take_sound(packet)?
        } else {
            self.take_judgement(packet)?
        }
        self.emit_known(cx)
    }

    fn flush(&mut self, pin: usize, cx: &mut Context<'_>) -> Result<()> {
        if pin != SOUND {
            self.gate.finish();
        }
        self.emit_known(cx)
    }
}

impl AudioGate {
    fn take_sound(&mut self, packet: &mut Packet) -> Result<()> {
        let (header, samples) = interleaved(packet)?;
        let samples = samples.len();
        if self.waiting_samples.saturating_add(samples) > WAITING_MAX {
            let message =
                "the judgements of `speech` are far behind the sound; link it to a detector of the same sound";
            return Err(Error::invalid(message));
        }
        // Without timestamps, time counts from the first sample.
        let start_ns = packet.pts_ns().unwrap_or_else(|| frames_to_ns(self.frames, header.rate_hz));
        let end_ns = start_ns.saturating_add(frames_to_ns(u64::from(header.frames), header.rate_hz));
        let place = Place { start_ns, rate_hz: header.rate_hz, channels: header.channels as usize };
        self.frames += u64::from(header.frames);
        self.waiting_samples += samples;
        self.waiting.push_back(Waiting { packet: packet.take(), place, end_ns, samples });
        Ok(())
    }

    fn take_judgement(&mut self, packet: &Packet) -> Result<()> {
        let event = packet.event().filter(|event| (event.name, event.version) == ("vad.frame", 1));
        let (Some(event), Some(start_ns), Some(duration_ns)) = (event, packet.pts_ns(), packet.duration_ns()) else {
            return Err(Error::invalid("expected events `vad.frame` with a time and a duration on `speech`"));
        };
        let FrameContent { probability } = serde_json::from_str(event.json)
            .map_err(|error| Error::invalid(format!("the event `vad.frame` on `speech` cannot be read: {error}")))?;
        self.gate.judge(start_ns, start_ns.saturating_add(duration_ns), probability);
        Ok(())
    }

    fn emit_known(&mut self, cx: &mut Context<'_>) -> Result<()> {
        while self.waiting.front().is_some_and(|first| self.gate.is_known(first.end_ns)) {
            let Some(Waiting { mut packet, place, end_ns, samples }) = self.waiting.pop_front() else { break };
            self.waiting_samples = self.waiting_samples.saturating_sub(samples);
            if self.pauses == Pauses::Drop && self.gate.is_closed(place.start_ns, end_ns) {
                continue;
            }
            self.gate.apply(cx.samples_mut::<f32>(&mut packet)?, place);
            cx.emit(0, packet)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn params_out_of_range_are_refused_by_name() {
        let table = [
            (GateParams { threshold: 1.5, ..GateParams::default() }, "`threshold`"),
            (GateParams { threshold: f32::NAN, ..GateParams::default() }, "`threshold`"),
            (GateParams { lead_ms: 60_001, ..GateParams::default() }, "`lead_ms`"),
            (GateParams { hold_ms: u32::MAX, ..GateParams::default() }, "`hold_ms`"),
            (GateParams { fade_ms: 60_001, ..GateParams::default() }, "`fade_ms`"),
        ];
        for (params, name) in table {
            let message = params.rules().unwrap_err().to_string();
            assert!(message.contains(name), "{message}");
        }
        assert!(GateParams::default().rules().is_ok());
    }
}
