//! `audio.split`: every channel as a mono stream of its own.

use graphmill_dsp::interleaved;
use graphmill_plugin_sdk::prelude::*;

/// Most channels that are split; as many pins as a node can have.
const CHANNELS_MAX: u32 = 32;

/// Params of `audio.split`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SplitParams {
    /// Channels of the sound that comes in, and outputs of the node.
    #[serde(default = "stereo")]
    #[schemars(range(min = 2, max = 32))]
    channels: u32,
}

fn stereo() -> u32 {
    2
}

/// Gives out the channels one by one.
#[derive(Debug)]
pub(crate) struct Split {
    channels: u32,
}

impl Node for Split {
    type Params = SplitParams;

    fn kind() -> Kind {
        Kind::new("audio.split")
            .title("Split channels")
            .description(
                "Gives out each channel as a mono stream: `left` and `right`, and `channel3`, `channel4` and so on of \
                 sound with more of them.",
            )
            .input("in", "audio f32 {channels} ch interleaved")
            .output("left", "audio f32 mono")
            .output("right", "audio f32 mono")
            .pins_by_params()
    }

    fn pins(params: &SplitParams) -> Result<Pins> {
        check(params)?;
        let pins = Pins::new().input("in", "audio f32 {channels} ch interleaved");
        let stereo = pins.output("left", "audio f32 mono").output("right", "audio f32 mono");
        // Of more than two channels often only some are wanted.
        let more = 3..=params.channels;
        Ok(more.fold(stereo, |pins, number| pins.optional_output(format!("channel{number}"), "audio f32 mono")))
    }

    fn create(params: SplitParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        check(&params)?;
        Ok(Self { channels: params.channels })
    }
}

fn check(params: &SplitParams) -> Result<()> {
    if (2..=CHANNELS_MAX).contains(&params.channels) {
        return Ok(());
    }
    Err(Error::invalid(format!("`channels` must be 2 to {CHANNELS_MAX}, not {}; mono needs no split", params.channels)))
}

impl Processor for Split {
    fn process(&mut self, _pin: usize, packet: &mut Packet, cx: &mut Context<'_>) -> Result<()> {
        let (header, samples) = interleaved(packet)?;
        if header.channels != self.channels {
            let (wanted, got) = (self.channels, header.channels);
            return Err(Error::invalid(format!("expected {wanted} channels, got {got}; set `channels` of the node")));
        }
        for channel in 0..self.channels as usize {
            let mut mono = cx.audio(AudioHeader::f32(header.rate_hz, 1, header.frames))?;
            pick(samples, header.channels as usize, channel, mono.samples_mut()?);
            mono.copy_timing(packet);
            cx.emit(channel, mono)?;
        }
        Ok(())
    }
}

/// Copies one channel of interleaved samples.
fn pick(samples: &[f32], channels: usize, channel: usize, mono: &mut [f32]) {
    let picked = samples.iter().skip(channel).step_by(channels.max(1));
    for (to, from) in mono.iter_mut().zip(picked) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_channel_is_picked_out_of_the_frames() {
        let samples = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let table: [(usize, usize, &[f32]); 4] =
            [(2, 0, &[1.0, 3.0, 5.0]), (2, 1, &[2.0, 4.0, 6.0]), (3, 0, &[1.0, 4.0]), (3, 1, &[2.0, 5.0])];
        for (channels, channel, expected) in table {
            let mut mono = vec![9.0; samples.len() / channels];
            pick(&samples, channels, channel, &mut mono);
            assert_eq!(mono, expected, "channel {channel} of {channels}");
        }
    }
}
