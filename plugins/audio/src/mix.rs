//! `audio.mix`: adds two to four streams of one format.

#[path = "mix/core.rs"]
mod core;

use graphmill_dsp::{AudioOut, Rates, interleaved};
use graphmill_plugin_sdk::prelude::*;

use self::core::{INPUTS_MAX, MixError, Mixer};
use crate::wav::SoundSpec;

/// Names of the inputs, in the order of their numbers.
const NAMES: [&str; INPUTS_MAX] = ["a", "b", "c", "d"];

/// Longest packet of the output, in frames, when much becomes ready at once.
const FRAMES_MAX: usize = 4_800;

/// Params of `audio.mix`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MixParams {
    /// A factor for each input that is linked, in the order `a`, `b`, `c`, `d`: two to four.
    #[serde(default = "default_gains")]
    #[schemars(length(min = 2, max = 4))]
    gains: Vec<f32>,
}

fn default_gains() -> Vec<f32> {
    vec![1.0; 2]
}

/// Sums its inputs frame by frame.
#[derive(Debug)]
pub(crate) struct Mix {
    inputs: usize,
    mixer: Mixer,
    stream: Option<(SoundSpec, AudioOut)>,
}

impl Node for Mix {
    type Params = MixParams;

    fn kind() -> Kind {
        Kind::new("audio.mix")
            .title("Mix")
            .description("Adds two to four streams frame by frame; one that has ended counts as silence.")
            .input("a", "audio f32 interleaved")
            .input("b", "audio f32 interleaved")
            .optional_input("c", "audio f32 interleaved")
            .optional_input("d", "audio f32 interleaved")
            .output("out", "audio f32 interleaved")
    }

    fn create(params: MixParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        let gains = params.gains;
        if gains.len() < 2 || gains.len() > INPUTS_MAX || !gains.iter().all(|gain| gain.is_finite()) {
            return Err(Error::invalid("`gains` must be a list of two to four numbers, one for each linked input"));
        }
        let mut given = gains.iter();
        let inputs = NAMES.map(|name| match given.next() {
            Some(gain) => (name, *gain, true),
            None => (name, 0.0, false),
        });
        Ok(Self { inputs: gains.len(), mixer: Mixer::new(inputs), stream: None })
    }
}

impl Processor for Mix {
    fn process(&mut self, pin: usize, packet: &mut Packet, cx: &mut Context<'_>) -> Result<()> {
        if pin >= self.inputs {
            let name = NAMES.get(pin).copied().unwrap_or("?");
            return Err(Error::invalid(format!("input `{name}` is linked but has no entry in `gains`; add one")));
        }
        let (header, samples) = interleaved(packet)?;
        let spec = SoundSpec { rate_hz: header.rate_hz, channels: header.channels };
        let (first, out) = self.stream.get_or_insert_with(|| {
            let rates = Rates { input_hz: spec.rate_hz, output_hz: spec.rate_hz };
            (spec, AudioOut::new(0, rates, spec.channels))
        });
        if *first != spec {
            let name = NAMES.get(pin).copied().unwrap_or("?");
            return Err(Error::invalid(format!(
                "input `{name}` is {spec}, but the mix began with {first}; put `audio.resample` in front of it"
            )));
        }
        // The first input sets the time of the sum.
        if pin == 0 {
            out.take(packet, header.frames);
        }
        self.mixer.push(pin, samples)?;
        self.emit_ready(cx)
    }

    fn flush(&mut self, pin: usize, cx: &mut Context<'_>) -> Result<()> {
        self.mixer.end(pin);
        self.emit_ready(cx)
    }
}

impl Mix {
    fn emit_ready(&mut self, cx: &mut Context<'_>) -> Result<()> {
        let Some((spec, out)) = &mut self.stream else { return Ok(()) };
        let mut frames = self.mixer.ready_len() / spec.channels as usize;
        while frames > 0 {
            let taken = frames.min(FRAMES_MAX);
            out.give_with(taken, cx, |sum| self.mixer.mix_into(sum))?;
            frames -= taken;
        }
        Ok(())
    }
}

impl From<MixError> for Error {
    fn from(error: MixError) -> Self {
        Self::invalid(error)
    }
}
