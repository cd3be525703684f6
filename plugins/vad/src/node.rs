//! The node around the detector.

use graphmill_dsp::{SpeechEvents, SpeechParams, mono_at};
use graphmill_plugin_sdk::prelude::*;

use crate::detector::{FRAME_LEN, LAG_NS, SpeechDetector};

/// The one rate that the model was trained for.
pub(crate) const RATE_HZ: u32 = 16_000;

/// Finds speech in sound.
#[derive(Debug)]
pub(crate) struct Earshot {
    detector: SpeechDetector,
    events: SpeechEvents,
}

impl Node for Earshot {
    type Params = SpeechParams;

    fn kind() -> Kind {
        SpeechEvents::pins(Kind::new("vad.earshot"))
            .title("Voice activity")
            .description("Finds where somebody speaks, with the earshot model: a probability each 16 ms, and segments.")
    }

    fn create(params: SpeechParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        let events = SpeechEvents::new(RATE_HZ, FRAME_LEN, params.rules(LAG_NS)?);
        Ok(Self { detector: SpeechDetector::new(), events })
    }

    fn update(&mut self, params: SpeechParams, _cx: &mut Context<'_>) -> Result<()> {
        self.events.set_rules(params.rules(LAG_NS)?);
        Ok(())
    }
}

impl Processor for Earshot {
    fn process(&mut self, _pin: usize, packet: &mut Packet, cx: &mut Context<'_>) -> Result<()> {
        let (_, samples) = mono_at(packet, RATE_HZ)?;
        let Self { detector, events } = self;
        events.take(samples.len(), packet.pts_ns());
        detector.push(samples, |probability| events.judge(probability, cx))
    }

    fn flush(&mut self, _pin: usize, cx: &mut Context<'_>) -> Result<()> {
        self.detector.restart();
        self.events.finish(cx)
    }
}
