//! Made-up packets for a kind, of the format that its first input wants.

use crate::failure::Failure;
use graphmill::graph::{AudioFormat, DType, Format, KindInfo, SampleType, TensorFormat};
use graphmill::plugin::pooled_buffer;
use graphmill::{AudioHeader, Buffer, Packet, TensorHeader};
use serde_json::Value;

/// Bytes of a packet whose format says nothing of its size.
const BYTES_LEN: usize = 1024;
/// Packets of sound per second: each is 10 ms long.
const AUDIO_PACKETS_PER_S: u32 = 100;
/// Code of floating point numbers in a tensor, as in `DLPack`.
const DTYPE_FLOAT: u8 = 2;

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
        let made = formats.alternatives().first().map_or_else(|| bytes("application/octet-stream"), template);
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

fn template(format: &Format) -> Option<Packet> {
    match format {
        Format::Audio(audio) => sound(audio),
        Format::Tensor(tensor) => floats(tensor),
        Format::Text => Packet::from_text("The quick brown fox jumps over the lazy dog.").ok(),
        Format::Event(event) => {
            let name = event.name.as_deref().unwrap_or("bench.event").replace('*', "bench");
            Packet::from_event(&name, event.version.unwrap_or(1), Buffer::copy_from_slice(b"{}")).ok()
        }
        Format::Bytes(format) => bytes(format.media_type.as_deref().unwrap_or("application/octet-stream")),
        _ => None,
    }
}

fn bytes(media_type: &str) -> Option<Packet> {
    Packet::from_bytes(media_type, Buffer::zeroed(BYTES_LEN)).ok()
}

/// Ten milliseconds of noise, always the same; silence for samples other than `f32`.
fn sound(format: &AudioFormat) -> Option<Packet> {
    let rate_hz = format.rate_hz.unwrap_or(48_000);
    let mut header = AudioHeader::f32(rate_hz, format.channels.unwrap_or(1), rate_hz / AUDIO_PACKETS_PER_S);
    header.sample = match format.sample.unwrap_or(SampleType::F32) {
        SampleType::F32 => graphmill::SampleType::F32,
        SampleType::F64 => graphmill::SampleType::F64,
        SampleType::I16 => graphmill::SampleType::I16,
        SampleType::I32 => graphmill::SampleType::I32,
        SampleType::U8 => graphmill::SampleType::U8,
        _ => return None,
    };
    header.planar = format.layout == Some(graphmill::graph::AudioLayout::Planar);
    let len = usize::try_from(header.byte_len()).ok()?;
    let mut packet = Packet::from_audio(header, Buffer::zeroed(len)).ok()?;
    if let Ok(samples) = packet.samples_mut::<f32>() {
        let mut state = 1_u32;
        for sample in samples {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *sample = f32::from(u8::try_from(state >> 24).unwrap_or(0)) / 1280.0 - 0.1;
        }
    }
    Some(packet)
}

/// Zeros; a dimension that is open has one entry.
fn floats(format: &TensorFormat) -> Option<Packet> {
    if format.dtype.is_some_and(|dtype| dtype != DType::F32) {
        return None;
    }
    let shape: Vec<u32> = format.shape.iter().flatten().map(|dim| dim.unwrap_or(1)).collect();
    let header = TensorHeader::dense(DTYPE_FLOAT, 32, &shape)?;
    let len = usize::try_from(header.byte_len()?).ok()?;
    Packet::from_tensor(header, Buffer::zeroed(len)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_have_the_format_that_was_asked_for() {
        let make = |format: &str| {
            let formats: graphmill::graph::FormatSet = format.parse().unwrap();
            template(formats.alternatives().first().unwrap())
        };
        let sound = make("audio f32 16000 Hz stereo").unwrap();
        assert_eq!(
            sound.audio().map(|header| (header.rate_hz, header.channels, header.frames)),
            Some((16_000, 2, 160))
        );
        assert!(sound.samples::<f32>().unwrap().iter().any(|sample| *sample != 0.0), "noise is no silence");
        assert_eq!(make("tensor f32 [1,?,4]").unwrap().tensor().unwrap().dims(), [1, 1, 4]);
        assert_eq!(make("event speech.*").unwrap().event_name(), Some(("speech.bench", 1)));
        assert!(make("text").unwrap().as_text().is_some() && make("bytes image/png").is_some());
        assert!(make("video rgb8 640x480").is_none() && make("tensor i64 [1]").is_none());
    }

    #[test]
    fn packets_do_not_share_their_bytes() {
        let maker = Maker { template: bytes("image/png").unwrap() };
        let mut packet = maker.packet(7);
        assert_eq!(packet.seq(), 7);
        assert!(packet.plane_mut(0).is_some_and(|bytes| bytes.len() == BYTES_LEN));
    }
}
