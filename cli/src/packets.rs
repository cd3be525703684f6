//! Packets of any format, made up for those who try a kind.

use graphmill::abi::layout::{
    GM_DTYPE_BFLOAT, GM_DTYPE_BOOL, GM_DTYPE_FLOAT, GM_DTYPE_INT, GM_DTYPE_UINT, GM_PIXEL_GRAY8, GM_PIXEL_I420,
    GM_PIXEL_NV12, GM_PIXEL_RGB8, GM_PIXEL_RGBA8,
};
use graphmill::graph::{
    AudioFormat, AudioLayout, BytesFormat, DType, EventFormat, Format, FormatSet, PixelFormat, SampleType,
    TensorFormat, VideoFormat,
};
use graphmill::{AudioHeader, Buffer, Packet, TensorHeader, VideoHeader, abi};

/// Most formats of one pin that are tried; of more, some of each sort.
const FORMATS_MAX: usize = 24;
/// Largest picture or tensor that is made up, in bytes: a format may fix a size that nobody can test.
const LEN_MAX: u64 = 256 << 20;

/// How a packet of a format is made up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Frames of sound, characters of text, bytes of bytes; the length of dimensions that are open.
    pub(crate) len: u32,
    /// Bytes between the lines of a picture beyond what they take.
    pub(crate) gap: u32,
}

impl Size {
    /// Ten milliseconds of sound at 48 kHz, a short line, a small picture.
    pub(crate) const TYPICAL: Self = Self { len: 480, gap: 0 };
}

/// Formats without anything open, as far as that is possible, that cover what a pin takes.
pub(crate) fn covering(set: &FormatSet) -> Vec<Format> {
    let any = [
        Format::Audio(AudioFormat::default()),
        Format::Text,
        Format::Event(EventFormat::default()),
        Format::Bytes(BytesFormat::default()),
        Format::Video(VideoFormat::default()),
        Format::Tensor(TensorFormat::default()),
    ];
    let alternatives = if set.is_any() { &any[..] } else { set.alternatives() };
    let mut formats: Vec<Format> = alternatives.iter().flat_map(closed).collect();
    let step = formats.len().div_ceil(FORMATS_MAX).max(1);
    let mut at = 0;
    formats.retain(|_| {
        at += 1;
        (at - 1) % step == 0
    });
    formats
}

/// Formats of which no pin with this set takes a packet.
pub(crate) fn strangers(set: &FormatSet) -> Vec<Format> {
    covering(&FormatSet::any()).into_iter().filter(|format| !set.accepts(format)).collect()
}

/// Whether a node that declares the format has to take every packet of it: names of events and media types say nothing
/// of what is inside.
pub(crate) fn is_binding(format: &Format) -> bool {
    !matches!(format, Format::Event(_) | Format::Bytes(_))
}

fn closed(format: &Format) -> Vec<Format> {
    match format {
        Format::Audio(audio) => closed_audio(audio),
        Format::Video(video) => {
            let pixels = video.pixel.map_or_else(|| PixelFormat::ALL.to_vec(), |pixel| vec![pixel]);
            let (width, height) = (video.width.or(Some(64)), video.height.or(Some(48)));
            pixels.into_iter().map(|pixel| Format::Video(VideoFormat { pixel: Some(pixel), width, height })).collect()
        }
        Format::Tensor(tensor) => {
            let dtypes = tensor.dtype.map_or_else(|| vec![DType::F32, DType::I64, DType::U8], |dtype| vec![dtype]);
            let shape = tensor.shape.clone().unwrap_or_else(|| vec![Some(2), Some(3)]);
            let shape: Vec<_> = shape.into_iter().map(|dim| dim.or(Some(3))).collect();
            let close = |dtype| Format::Tensor(TensorFormat { dtype: Some(dtype), shape: Some(shape.clone()) });
            dtypes.into_iter().map(close).collect()
        }
        Format::Event(event) => {
            let name = event.name.clone().unwrap_or_else(|| "validate.*".into());
            let name = name.strip_suffix('*').map_or_else(|| name.clone(), |prefix| format!("{prefix}example"));
            vec![Format::Event(EventFormat { name: Some(name), version: event.version.or(Some(1)) })]
        }
        Format::Bytes(bytes) => {
            let media_type = bytes.media_type.clone().unwrap_or_else(|| "application/octet-stream".into());
            vec![Format::Bytes(BytesFormat { media_type: Some(media_type) })]
        }
        other => vec![other.clone()],
    }
}

fn closed_audio(audio: &AudioFormat) -> Vec<Format> {
    let samples = audio.sample.map_or_else(|| SampleType::ALL.to_vec(), |sample| vec![sample]);
    let layouts = audio.layout.map_or_else(|| AudioLayout::ALL.to_vec(), |layout| vec![layout]);
    let channels = audio.channels.map_or_else(|| vec![2, 1], |channels| vec![channels]);
    let rates = audio.rate_hz.map_or_else(|| vec![48_000, 16_000], |rate_hz| vec![rate_hz]);
    let mut formats = Vec::new();
    for sample in samples {
        for layout in &layouts {
            for channels in &channels {
                for rate_hz in &rates {
                    formats.push(Format::Audio(AudioFormat {
                        sample: Some(sample),
                        rate_hz: Some(*rate_hz),
                        channels: Some(*channels),
                        layout: Some(*layout),
                    }));
                }
            }
        }
    }
    formats
}

/// A packet of a format; `bytes` makes a buffer of a length, whatever is in it. `None` for sizes beyond any test.
pub(crate) fn packet(format: &Format, size: Size, bytes: &mut dyn FnMut(usize) -> Buffer) -> Option<Packet> {
    match format {
        Format::Audio(audio) => {
            let header = AudioHeader {
                sample: sample_type(audio.sample?),
                rate_hz: audio.rate_hz?,
                channels: audio.channels?,
                frames: size.len,
                planar: audio.layout? == AudioLayout::Planar,
            };
            Packet::from_audio(header, bytes(checked_len(header.byte_len())?)).ok()
        }
        Format::Video(video) => picture(video, size, bytes),
        Format::Tensor(tensor) => {
            let (code, bits) = dtype_numbers(tensor.dtype?);
            let dims: Option<Vec<u32>> = tensor.shape.as_ref()?.iter().copied().collect();
            let header = TensorHeader::dense(code, bits, &dims?)?;
            Packet::from_tensor(header, bytes(checked_len(header.byte_len()?)?)).ok()
        }
        Format::Text => Packet::from_text(&text(size.len)).ok(),
        Format::Event(event) => {
            Packet::from_event(event.name.as_deref()?, event.version?, Buffer::copy_from_slice(b"{}")).ok()
        }
        Format::Bytes(media) => Packet::from_bytes(media.media_type.as_deref()?, bytes(size.len as usize)).ok(),
        _ => None,
    }
}

/// Words of one, two, three and four bytes to the letter, with a zero between them.
fn text(len: u32) -> String {
    "grün \u{0}日本 🎵 ".chars().cycle().take(len as usize).collect()
}

fn checked_len(len: u64) -> Option<usize> {
    usize::try_from(len).ok().filter(|_| len <= LEN_MAX)
}

fn picture(video: &VideoFormat, size: Size, bytes: &mut dyn FnMut(usize) -> Buffer) -> Option<Packet> {
    let (width, height) = (video.width?, video.height?);
    let pixel = pixel_number(video.pixel?);
    let header = VideoHeader { pixel, width, height };
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    let mut plane = |line: u32, lines: u32| {
        let stride = line.checked_add(size.gap)?;
        let buffer = bytes(checked_len(u64::from(stride) * u64::from(lines))?);
        Some((buffer, i32::try_from(stride).ok()?))
    };
    match pixel {
        GM_PIXEL_RGB8 => Packet::from_video(header, [plane(width.checked_mul(3)?, height)?]).ok(),
        GM_PIXEL_RGBA8 => Packet::from_video(header, [plane(width.checked_mul(4)?, height)?]).ok(),
        GM_PIXEL_NV12 => {
            let planes = [plane(width, height)?, plane(half_width.checked_mul(2)?, half_height)?];
            Packet::from_video(header, planes).ok()
        }
        GM_PIXEL_I420 => {
            let planes = [plane(width, height)?, plane(half_width, half_height)?, plane(half_width, half_height)?];
            Packet::from_video(header, planes).ok()
        }
        _ => Packet::from_video(header, [plane(width, height)?]).ok(),
    }
}

fn pixel_number(pixel: PixelFormat) -> u32 {
    match pixel {
        PixelFormat::Rgb8 => GM_PIXEL_RGB8,
        PixelFormat::Rgba8 => GM_PIXEL_RGBA8,
        PixelFormat::I420 => GM_PIXEL_I420,
        PixelFormat::Nv12 => GM_PIXEL_NV12,
        _ => GM_PIXEL_GRAY8,
    }
}

fn sample_type(sample: SampleType) -> abi::SampleType {
    match sample {
        SampleType::F64 => abi::SampleType::F64,
        SampleType::I16 => abi::SampleType::I16,
        SampleType::I32 => abi::SampleType::I32,
        SampleType::U8 => abi::SampleType::U8,
        _ => abi::SampleType::F32,
    }
}

fn dtype_numbers(dtype: DType) -> (u8, u8) {
    match dtype {
        DType::F16 => (GM_DTYPE_FLOAT, 16),
        DType::F64 => (GM_DTYPE_FLOAT, 64),
        DType::Bf16 => (GM_DTYPE_BFLOAT, 16),
        DType::I8 => (GM_DTYPE_INT, 8),
        DType::I16 => (GM_DTYPE_INT, 16),
        DType::I32 => (GM_DTYPE_INT, 32),
        DType::I64 => (GM_DTYPE_INT, 64),
        DType::U8 => (GM_DTYPE_UINT, 8),
        DType::U16 => (GM_DTYPE_UINT, 16),
        DType::U32 => (GM_DTYPE_UINT, 32),
        DType::U64 => (GM_DTYPE_UINT, 64),
        DType::Bool => (GM_DTYPE_BOOL, 8),
        _ => (GM_DTYPE_FLOAT, 32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use graphmill::exec::format_of;

    #[test]
    fn a_packet_of_every_format_is_of_that_format() {
        for format in covering(&FormatSet::any()) {
            let packet = packet(&format, Size::TYPICAL, &mut Buffer::zeroed).unwrap_or_else(|| panic!("{format}"));
            assert_eq!(format_of(&packet), Some(format));
        }
        assert!(covering(&"audio".parse().unwrap()).len() <= FORMATS_MAX);
    }

    #[test]
    fn strangers_are_what_a_pin_does_not_take() {
        assert!(strangers(&FormatSet::any()).is_empty());
        let set: FormatSet = "audio f32 48000 Hz mono interleaved | text".parse().unwrap();
        let strangers = strangers(&set);
        assert!(!strangers.is_empty() && strangers.iter().all(|format| !set.accepts(format)));
    }

    #[test]
    fn every_element_type_has_the_number_that_the_runtime_reads() {
        for dtype in DType::ALL {
            let format = Format::Tensor(TensorFormat { dtype: Some(*dtype), shape: Some(vec![Some(2)]) });
            let packet = packet(&format, Size::TYPICAL, &mut Buffer::zeroed).unwrap();
            assert_eq!(format_of(&packet), Some(format));
        }
    }

    #[test]
    fn pictures_of_odd_sizes_with_gaps_can_be_made() {
        for pixel in PixelFormat::ALL {
            let format = Format::Video(VideoFormat { pixel: Some(*pixel), width: Some(17), height: Some(9) });
            assert!(packet(&format, Size { len: 1, gap: 13 }, &mut Buffer::zeroed).is_some(), "{format}");
        }
    }
}
