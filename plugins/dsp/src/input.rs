//! Reads the samples of an audio packet, with errors that say what to put in front.

use graphmill_plugin_sdk::{AudioHeader, Error, Packet, Result, SampleType};

/// The header and the interleaved `f32` samples of a packet.
///
/// # Errors
/// The packet holds no sound, another sample type, or channels one after the other.
pub fn interleaved(packet: &Packet) -> Result<(AudioHeader, &[f32])> {
    let Some(header) = packet.audio() else {
        return Err(Error::invalid("expected sound, got another kind of packet"));
    };
    if header.sample != SampleType::F32 {
        return Err(Error::invalid("expected f32 samples; convert them before they reach this node"));
    }
    if header.planar && header.channels > 1 {
        return Err(Error::invalid("expected interleaved channels, got planar ones; interleave them first"));
    }
    Ok((header, packet.samples()?))
}

/// As [`interleaved`], for a model that takes mono sound of one rate, in hertz.
///
/// # Errors
/// As for [`interleaved`], or the sound has another rate or more channels.
pub fn mono_at(packet: &Packet, rate_hz: u32) -> Result<(AudioHeader, &[f32])> {
    let (header, samples) = interleaved(packet)?;
    if header.rate_hz != rate_hz || header.channels != 1 {
        return Err(Error::invalid(format!(
            "the model takes {rate_hz} Hz mono; put `audio.resample` with `rate_hz = {rate_hz}` and `channels = 1` in front"
        )));
    }
    Ok((header, samples))
}

#[cfg(test)]
mod tests {
    use super::*;
    use graphmill_plugin_sdk::Buffer;

    fn packet(header: AudioHeader) -> Packet {
        Packet::from_audio(header, Buffer::zeroed(64)).unwrap()
    }

    #[test]
    fn interleaved_floats_and_planar_mono_are_taken() {
        let stereo = AudioHeader::f32(48_000, 2, 4);
        assert_eq!(interleaved(&packet(stereo)).unwrap().1.len(), 8);
        let mono = AudioHeader { planar: true, ..AudioHeader::f32(48_000, 1, 4) };
        assert_eq!(interleaved(&packet(mono)).unwrap().1.len(), 4);
    }

    #[test]
    fn everything_else_is_refused_with_the_reason() {
        let planar = AudioHeader { planar: true, ..AudioHeader::f32(48_000, 2, 4) };
        let integers = AudioHeader { sample: SampleType::I16, ..AudioHeader::f32(48_000, 2, 4) };
        let text = Packet::from_text("hello").unwrap();
        for (packet, word) in [(packet(planar), "planar"), (packet(integers), "f32"), (text, "sound")] {
            let message = interleaved(&packet).unwrap_err().to_string();
            assert!(message.contains(word), "{message}");
        }
    }
}
