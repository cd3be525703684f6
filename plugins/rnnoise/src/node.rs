//! The node around the denoiser.

use graphmill_dsp::{AudioOut, Rates, mono_at};
use graphmill_plugin_sdk::prelude::*;

use crate::denoiser::Denoiser;

/// The one rate that the model was trained for.
const RATE_HZ: u32 = 48_000;

/// Params of `rnnoise`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RnnoiseParams {
    /// Share of cleaned sound in the output: 1 is all, 0 gives the input back.
    #[serde(default = "default_mix")]
    #[schemars(range(min = 0.0, max = 1.0))]
    mix: f32,
}

fn default_mix() -> f32 {
    1.0
}

impl RnnoiseParams {
    fn checked_mix(&self) -> Result<f32> {
        match self.mix {
            mix @ 0.0..=1.0 => Ok(mix),
            mix => Err(Error::invalid(format!("`mix` must be 0 to 1, not {mix}"))),
        }
    }
}

/// Suppresses noise around speech.
#[derive(Debug)]
pub(crate) struct Rnnoise {
    denoiser: Denoiser,
    out: AudioOut,
}

impl Node for Rnnoise {
    type Params = RnnoiseParams;

    fn kind() -> Kind {
        Kind::new("rnnoise")
            .title("Noise suppression")
            .description("Suppresses noise around speech with the RNNoise model; the output lines up with the input.")
            .input("in", "audio f32 48000 Hz mono")
            .output("out", "audio f32 48000 Hz mono")
    }

    fn create(params: RnnoiseParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        let rates = Rates { input_hz: RATE_HZ, output_hz: RATE_HZ };
        Ok(Self { denoiser: Denoiser::new(params.checked_mix()?), out: AudioOut::new(0, rates, 1) })
    }

    fn update(&mut self, params: RnnoiseParams, _cx: &mut Context<'_>) -> Result<()> {
        self.denoiser.set_wet(params.checked_mix()?);
        Ok(())
    }
}

impl Processor for Rnnoise {
    fn process(&mut self, _pin: usize, packet: &mut Packet, cx: &mut Context<'_>) -> Result<()> {
        let (header, samples) = mono_at(packet, RATE_HZ)?;
        let Self { denoiser, out } = self;
        out.take(packet, header.frames);
        denoiser.push(samples, |cleaned| out.give(cleaned, cx))
    }

    fn flush(&mut self, _pin: usize, cx: &mut Context<'_>) -> Result<()> {
        let Self { denoiser, out } = self;
        denoiser.finish(|cleaned| out.give(cleaned, cx))
    }
}
