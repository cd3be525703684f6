//! Does a packet have the format that was agreed on? Asked once per change, not once per packet.

use crate::graph::{
    AudioFormat, AudioLayout, BytesFormat, DType, EventFormat, Format, FormatSet, PixelFormat, SampleType,
    TensorFormat, VideoFormat,
};
use graphmill_abi::layout::*;
use graphmill_abi::{Packet, PacketKind};

/// Lets packets of a format set through and remembers the last format that it looked at.
#[derive(Debug)]
pub(crate) struct FormatGate {
    set: FormatSet,
    last: Option<Format>,
}

impl FormatGate {
    /// A gate for a format set.
    pub(crate) fn new(set: FormatSet) -> Self {
        Self { set, last: None }
    }

    /// What the gate lets through.
    pub(crate) fn set(&self) -> &FormatSet {
        &self.set
    }

    /// Whether the packet may pass. Compares a few numbers while the format stays the same.
    #[inline]
    pub(crate) fn lets_through(&mut self, packet: &Packet) -> bool {
        self.set.is_any() || self.looks_at(packet)
    }

    fn looks_at(&mut self, packet: &Packet) -> bool {
        if self.last.as_ref().is_some_and(|last| is_same(last, packet)) {
            return true;
        }
        let Some(format) = format_of(packet) else { return false };
        let is_accepted = self.set.accepts(&format);
        if is_accepted {
            self.last = Some(format);
        }
        is_accepted
    }
}

/// Whether a packet is exactly of a format that was read off another one.
fn is_same(last: &Format, packet: &Packet) -> bool {
    match last {
        Format::Audio(audio) => packet.audio().is_some_and(|header| {
            audio.rate_hz == Some(header.rate_hz)
                && audio.channels == Some(header.channels)
                && audio.sample == Some(sample_type(header.sample))
                && audio.layout == Some(audio_layout(header.planar))
        }),
        Format::Video(video) => packet.video().is_some_and(|header| {
            video.width == Some(header.width)
                && video.height == Some(header.height)
                && video.pixel == pixel_format(header.pixel)
        }),
        Format::Text => packet.kind() == Some(PacketKind::Text),
        Format::Event(event) => packet
            .event_name()
            .is_some_and(|(name, version)| event.name.as_deref() == Some(name) && event.version == Some(version)),
        Format::Bytes(bytes) => packet.media_type().is_some_and(|media| bytes.media_type.as_deref() == Some(media)),
        Format::Tensor(tensor) => packet.tensor().is_some_and(|header| {
            let dims = tensor.shape.as_deref().unwrap_or_default();
            tensor.dtype == dtype(header.dtype_code, header.dtype_bits)
                && dims.len() == header.dims().len()
                && dims.iter().zip(header.dims()).all(|(dim, now)| *dim == Some(*now))
        }),
    }
}

/// The format of a packet, with nothing left open; `None` for an empty one or one with numbers that mean nothing.
pub fn format_of(packet: &Packet) -> Option<Format> {
    Some(match packet.kind()? {
        PacketKind::Audio => {
            let header = packet.audio()?;
            Format::Audio(AudioFormat {
                sample: Some(sample_type(header.sample)),
                rate_hz: Some(header.rate_hz),
                channels: Some(header.channels),
                layout: Some(audio_layout(header.planar)),
            })
        }
        PacketKind::Video => {
            let header = packet.video()?;
            Format::Video(VideoFormat {
                pixel: Some(pixel_format(header.pixel)?),
                width: Some(header.width),
                height: Some(header.height),
            })
        }
        PacketKind::Tensor => {
            let header = packet.tensor()?;
            Format::Tensor(TensorFormat {
                dtype: Some(dtype(header.dtype_code, header.dtype_bits)?),
                shape: Some(header.dims().iter().copied().map(Some).collect()),
            })
        }
        PacketKind::Text => Format::Text,
        PacketKind::Event => {
            let (name, version) = packet.event_name()?;
            Format::Event(EventFormat { name: Some(name.to_string()), version: Some(version) })
        }
        PacketKind::Bytes => Format::Bytes(BytesFormat { media_type: Some(packet.media_type()?.to_string()) }),
        _ => return None,
    })
}

/// The format of a packet for a message.
pub(crate) fn describe(packet: &Packet) -> String {
    match format_of(packet) {
        Some(format) => format.to_string(),
        None if packet.kind().is_none() => "an empty packet".to_string(),
        None => "a packet with a header that no format knows".to_string(),
    }
}

fn sample_type(sample: graphmill_abi::SampleType) -> SampleType {
    match sample {
        graphmill_abi::SampleType::F64 => SampleType::F64,
        graphmill_abi::SampleType::I16 => SampleType::I16,
        graphmill_abi::SampleType::I32 => SampleType::I32,
        graphmill_abi::SampleType::U8 => SampleType::U8,
        _ => SampleType::F32,
    }
}

fn audio_layout(is_planar: bool) -> AudioLayout {
    if is_planar { AudioLayout::Planar } else { AudioLayout::Interleaved }
}

fn pixel_format(raw: u32) -> Option<PixelFormat> {
    Some(match raw {
        GM_PIXEL_RGB8 => PixelFormat::Rgb8,
        GM_PIXEL_RGBA8 => PixelFormat::Rgba8,
        GM_PIXEL_GRAY8 => PixelFormat::Gray8,
        GM_PIXEL_I420 => PixelFormat::I420,
        GM_PIXEL_NV12 => PixelFormat::Nv12,
        _ => return None,
    })
}

fn dtype(code: u8, bits: u8) -> Option<DType> {
    Some(match (code, bits) {
        (GM_DTYPE_FLOAT, 16) => DType::F16,
        (GM_DTYPE_FLOAT, 32) => DType::F32,
        (GM_DTYPE_FLOAT, 64) => DType::F64,
        (GM_DTYPE_BFLOAT, 16) => DType::Bf16,
        (GM_DTYPE_INT, 8) => DType::I8,
        (GM_DTYPE_INT, 16) => DType::I16,
        (GM_DTYPE_INT, 32) => DType::I32,
        (GM_DTYPE_INT, 64) => DType::I64,
        (GM_DTYPE_UINT, 8) => DType::U8,
        (GM_DTYPE_UINT, 16) => DType::U16,
        (GM_DTYPE_UINT, 32) => DType::U32,
        (GM_DTYPE_UINT, 64) => DType::U64,
        (GM_DTYPE_BOOL, 8) => DType::Bool,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use graphmill_abi::{AudioHeader, Buffer, TensorHeader, VideoHeader};

    fn tone(rate_hz: u32) -> Packet {
        Packet::from_audio(AudioHeader::f32(rate_hz, 1, 1), Buffer::zeroed(4)).unwrap()
    }

    #[test]
    fn change_of_format_is_noticed_in_both_directions() {
        let mut gate = FormatGate::new("audio f32 48000 Hz mono | text".parse().unwrap());
        let text = Packet::from_text("x").unwrap();
        let pattern = [&tone(48_000), &tone(48_000), &tone(16_000), &text, &tone(48_000), &tone(44_100)];
        assert_eq!(pattern.map(|packet| gate.lets_through(packet)), [true, true, false, true, true, false]);
    }

    #[test]
    fn every_kind_is_described_in_the_words_of_graph_files() {
        let event = Packet::from_event("speech.segment", 2, Buffer::zeroed(0)).unwrap();
        assert_eq!(describe(&event), "event speech.segment/2");
        assert_eq!(describe(&tone(8000)), "audio f32 8000 Hz mono interleaved");
        assert_eq!(describe(&Packet::EMPTY), "an empty packet");
        let bytes = Packet::from_bytes("image/png", Buffer::zeroed(0)).unwrap();
        assert_eq!(describe(&bytes), "bytes image/png");
    }

    fn picture(width: u32) -> Packet {
        let header = VideoHeader { pixel: GM_PIXEL_GRAY8, width, height: 2 };
        Packet::from_video(header, [(Buffer::zeroed(8), 4)]).unwrap()
    }

    fn tensor((code, bits): (u8, u8), shape: &[u32]) -> Packet {
        let header = TensorHeader::dense(code, bits, shape).unwrap();
        Packet::from_tensor(header, Buffer::zeroed(64)).unwrap()
    }

    #[test]
    fn pictures_and_tensors_of_another_shape_are_noticed() {
        let mut gate = FormatGate::new("video gray8 4x2 | tensor f32 [?,2]".parse().unwrap());
        let float = (GM_DTYPE_FLOAT, 32);
        let fitting = [picture(4), tensor(float, &[3, 2]), tensor(float, &[1, 2]), picture(4), picture(4)];
        assert!(fitting.iter().all(|packet| gate.lets_through(packet)));
        let others = [picture(3), tensor(float, &[2]), tensor(float, &[2, 3]), tensor((GM_DTYPE_INT, 32), &[1, 2])];
        for packet in &others {
            assert!(!gate.lets_through(packet), "{}", describe(packet));
        }
        assert!(gate.lets_through(&tensor(float, &[1, 2])));
    }

    #[test]
    fn every_type_of_elements_has_its_word() {
        let types = [
            (GM_DTYPE_FLOAT, 16, "f16"),
            (GM_DTYPE_FLOAT, 64, "f64"),
            (GM_DTYPE_BFLOAT, 16, "bf16"),
            (GM_DTYPE_INT, 8, "i8"),
            (GM_DTYPE_INT, 16, "i16"),
            (GM_DTYPE_INT, 64, "i64"),
            (GM_DTYPE_UINT, 8, "u8"),
            (GM_DTYPE_UINT, 16, "u16"),
            (GM_DTYPE_UINT, 32, "u32"),
            (GM_DTYPE_UINT, 64, "u64"),
            (GM_DTYPE_BOOL, 8, "bool"),
        ];
        for (code, bits, word) in types {
            assert_eq!(describe(&tensor((code, bits), &[1])), format!("tensor {word} [1]"));
        }
        assert_eq!(describe(&tensor((GM_DTYPE_INT, 7), &[1])), "a packet with a header that no format knows");
    }
}
