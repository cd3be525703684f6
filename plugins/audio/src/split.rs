//! `audio.split`: the first two channels as two mono streams.

use graphmill_dsp::interleaved;
use graphmill_plugin_sdk::prelude::*;

/// `audio.split` has no params.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SplitParams {}

/// Gives out the channels of stereo sound one by one.
#[derive(Debug)]
pub(crate) struct Split;

impl Node for Split {
    type Params = SplitParams;

    fn kind() -> Kind {
        Kind::new("audio.split")
            .title("Split channels")
            .description("Gives out the first two channels, left and right, as mono streams; drops further ones.")
            .input("in", "audio f32 interleaved")
            .output("left", "audio f32 mono")
            .output("right", "audio f32 mono")
    }

    fn create(_params: SplitParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        Ok(Self)
    }
}

impl Processor for Split {
    fn process(&mut self, _pin: usize, packet: &mut Packet, cx: &mut Context<'_>) -> Result<()> {
        let (header, samples) = interleaved(packet)?;
        if header.channels < 2 {
            return Err(Error::invalid("the sound is mono already; link it without `audio.split`"));
        }
        for channel in 0..2 {
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
