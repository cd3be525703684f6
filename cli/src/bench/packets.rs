//! Packets for a kind, made up in the format that its first input wants.

use crate::failure::Failure;
use crate::packets::{Size, covering, packet};
use graphmill::graph::{Format, KindInfo};
use graphmill::plugin::pooled_buffer;
use graphmill::{Buffer, Packet};
use serde_json::Value;

/// Makes packets of one format.
#[derive(Debug)]
pub(crate) struct Maker {
    template: Packet,
}

impl Maker {
    /// For the first input of a kind.
    ///
    /// # Errors
    /// Packets of its format cannot be made up.
    pub(crate) fn new(kind: &KindInfo, params: &Value) -> Result<Self, Failure> {
        let wrong = |what: String| {
            let help = "help: measure it in a graph, with a source that gives such packets: `graphmill bench FILE`";
            Failure::new(what).note(help)
        };
        let Some(input) = kind.inputs.first() else { return Err(wrong(format!("`{}` has no input", kind.id))) };
        let formats = input.format.resolve(&kind.params_with_defaults(params));
        let formats = formats.map_err(|error| wrong(format!("input `{}`: {error}", input.name)))?;
        let made = covering(&formats).first().and_then(template);
        match made {
            Some(template) => Ok(Self { template }),
            None => Err(wrong(format!("packets of the format of `{}` ({formats}) cannot be made up", input.name))),
        }
    }

    /// A packet with bytes of its own, so that it can be worked on in place.
    pub(crate) fn packet(&self, seq: u64) -> Packet {
        let mut packet = self.template.clone();
        for index in 0..packet.n_planes() {
            let Some(bytes) = self.template.plane(index) else { continue };
            let mut buffer = pooled_buffer(bytes.len());
            if let (Some(target), Ok(len)) = (buffer.as_mut_slice(), u32::try_from(bytes.len())) {
                target.copy_from_slice(bytes);
                // The plane is there, and the buffer as long as it.
                let _set = packet.set_plane(index, buffer, len);
            }
        }
        packet.set_seq(seq);
        packet
    }
}

/// A packet of usual size; sound in `f32` is noise, always the same, and everything else zeros.
fn template(format: &Format) -> Option<Packet> {
    let mut packet = packet(format, Size::TYPICAL, &mut Buffer::zeroed)?;
    if let Ok(samples) = packet.samples_mut::<f32>() {
        let mut state = 1_u32;
        for sample in samples {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *sample = f32::from(u8::try_from(state >> 24).unwrap_or(0)) / 1280.0 - 0.1;
        }
    }
    Some(packet)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(format: &str) -> Packet {
        let formats: graphmill::graph::FormatSet = format.parse().unwrap();
        template(covering(&formats).first().unwrap()).unwrap()
    }

    #[test]
    fn sound_is_noise_in_the_format_that_was_asked_for() {
        let sound = made("audio f32 16000 Hz stereo");
        assert_eq!(sound.audio().map(|header| (header.rate_hz, header.channels)), Some((16_000, 2)));
        assert!(sound.samples::<f32>().unwrap().iter().any(|sample| *sample != 0.0), "noise is no silence");
    }

    #[test]
    fn packets_do_not_share_their_bytes() {
        let maker = Maker { template: made("bytes image/png") };
        let mut packet = maker.packet(7);
        assert_eq!(packet.seq(), 7);
        assert!(packet.plane_mut(0).is_some_and(|bytes| !bytes.is_empty()));
    }
}
