//! What is in a packet, as plain Rust values.

use crate::layout::*;

/// The kind of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PacketKind {
    /// Sound.
    Audio,
    /// A picture.
    Video,
    /// A dense tensor.
    Tensor,
    /// UTF-8 text.
    Text,
    /// A named, versioned event with JSON.
    Event,
    /// Opaque bytes with a media type.
    Bytes,
}

impl PacketKind {
    pub(crate) fn from_raw(raw: u32) -> Option<Self> {
        Some(match raw {
            GM_KIND_AUDIO => Self::Audio,
            GM_KIND_VIDEO => Self::Video,
            GM_KIND_TENSOR => Self::Tensor,
            GM_KIND_TEXT => Self::Text,
            GM_KIND_EVENT => Self::Event,
            GM_KIND_BYTES => Self::Bytes,
            _ => return None,
        })
    }

    /// The word that graph files and messages use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Tensor => "tensor",
            Self::Text => "text",
            Self::Event => "event",
            Self::Bytes => "bytes",
        }
    }
}

/// Type of one audio sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SampleType {
    /// 32-bit floating point, nominal range -1 to 1.
    F32,
    /// 64-bit floating point, nominal range -1 to 1.
    F64,
    /// 16-bit signed.
    I16,
    /// 32-bit signed.
    I32,
    /// 8-bit unsigned.
    U8,
}

impl SampleType {
    pub(crate) fn from_raw(raw: u32) -> Option<Self> {
        Some(match raw {
            GM_SAMPLE_F32 => Self::F32,
            GM_SAMPLE_F64 => Self::F64,
            GM_SAMPLE_I16 => Self::I16,
            GM_SAMPLE_I32 => Self::I32,
            GM_SAMPLE_U8 => Self::U8,
            _ => return None,
        })
    }

    /// The number in a packet header.
    pub fn to_raw(self) -> u32 {
        match self {
            Self::F32 => GM_SAMPLE_F32,
            Self::F64 => GM_SAMPLE_F64,
            Self::I16 => GM_SAMPLE_I16,
            Self::I32 => GM_SAMPLE_I32,
            Self::U8 => GM_SAMPLE_U8,
        }
    }

    /// Bytes of one sample.
    pub fn size(self) -> usize {
        match self {
            Self::F32 | Self::I32 => 4,
            Self::F64 => 8,
            Self::I16 => 2,
            Self::U8 => 1,
        }
    }
}

#[expect(unnameable_types, reason = "sealing a trait means that its supertrait cannot be named")]
mod sealed {
    /// Keeps [`super::Sample`] to types of which every bit pattern is valid.
    pub trait Sealed {}
}

/// A Rust type that audio samples can be read as.
pub trait Sample: sealed::Sealed + Copy + 'static {
    /// The sample type that it stands for.
    const TYPE: SampleType;
}

macro_rules! sample {
    ($($ty:ty => $variant:ident),*) => {$(
        impl sealed::Sealed for $ty {}
        impl Sample for $ty {
            const TYPE: SampleType = SampleType::$variant;
        }
    )*};
}
sample!(f32 => F32, f64 => F64, i16 => I16, i32 => I32, u8 => U8);

/// Shape of the sound in a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioHeader {
    /// Type of a sample.
    pub sample: SampleType,
    /// Frames per second.
    pub rate_hz: u32,
    /// Samples per frame.
    pub channels: u32,
    /// Frames in the packet.
    pub frames: u32,
    /// Whether the channels stand one after the other instead of frame by frame.
    pub planar: bool,
}

impl AudioHeader {
    /// Interleaved 32-bit floating point.
    pub fn f32(rate_hz: u32, channels: u32, frames: u32) -> Self {
        Self { sample: SampleType::F32, rate_hz, channels, frames, planar: false }
    }

    /// Bytes that the samples take; the largest number there is when they would be even more.
    pub fn byte_len(&self) -> u64 {
        let samples = u64::from(self.frames) * u64::from(self.channels);
        samples.saturating_mul(self.sample.size() as u64)
    }

    pub(crate) fn from_raw(raw: &gm_audio) -> Option<Self> {
        let planar = match raw.layout {
            GM_LAYOUT_INTERLEAVED => false,
            GM_LAYOUT_PLANAR => true,
            _ => return None,
        };
        let sample = SampleType::from_raw(raw.sample)?;
        (raw.channels > 0 && raw.rate_hz > 0).then_some(Self {
            sample,
            rate_hz: raw.rate_hz,
            channels: raw.channels,
            frames: raw.frames,
            planar,
        })
    }

    pub(crate) fn to_raw(self) -> gm_audio {
        gm_audio {
            sample: self.sample.to_raw(),
            layout: if self.planar { GM_LAYOUT_PLANAR } else { GM_LAYOUT_INTERLEAVED },
            rate_hz: self.rate_hz,
            channels: self.channels,
            frames: self.frames,
            reserved: 0,
            channel_mask: 0,
        }
    }
}

/// Shape of the picture in a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoHeader {
    /// One of the `GM_PIXEL_*` numbers of [`crate::layout`].
    pub pixel: u32,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl VideoHeader {
    /// Planes that the pixel format has, or `None` when it is not known.
    pub fn n_planes(&self) -> Option<usize> {
        Some(match self.pixel {
            GM_PIXEL_RGB8 | GM_PIXEL_RGBA8 | GM_PIXEL_GRAY8 => 1,
            GM_PIXEL_NV12 => 2,
            GM_PIXEL_I420 => 3,
            _ => return None,
        })
    }
}

/// Shape of the tensor in a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TensorHeader {
    /// One of the `GM_DTYPE_*` numbers of [`crate::layout`].
    pub dtype_code: u8,
    /// Bits of one element.
    pub dtype_bits: u8,
    /// Dimensions in use.
    pub ndim: u32,
    /// Length of each dimension; only the first `ndim` count.
    pub shape: [u32; 8],
}

impl TensorHeader {
    /// A tensor without gaps.
    ///
    /// Returns `None` for more than eight dimensions.
    pub fn dense(dtype_code: u8, dtype_bits: u8, shape: &[u32]) -> Option<Self> {
        let mut dims = [0; 8];
        dims.get_mut(..shape.len())?.copy_from_slice(shape);
        // At most 8, as just checked.
        Some(Self { dtype_code, dtype_bits, ndim: shape.len() as u32, shape: dims })
    }

    /// The dimensions in use.
    pub fn dims(&self) -> &[u32] {
        self.shape.get(..self.ndim as usize).unwrap_or_default()
    }

    /// Bytes that the elements take, or `None` when the number overflows or there are more than eight dimensions.
    pub fn byte_len(&self) -> Option<u64> {
        let dims = self.shape.get(..self.ndim as usize)?;
        let elements = dims.iter().try_fold(1_u64, |product, &dim| product.checked_mul(u64::from(dim)))?;
        Some(elements.checked_mul(u64::from(self.dtype_bits))?.div_ceil(8))
    }

    /// Distance between neighbours of each dimension for a tensor without gaps, or `None` beyond 2³¹ elements.
    pub(crate) fn dense_strides(&self) -> Option<[i32; 8]> {
        let mut strides = [0_i32; 8];
        let mut next = 1_i64;
        for (stride, &dim) in strides.iter_mut().zip(&self.shape).take(self.ndim as usize).rev() {
            *stride = i32::try_from(next).ok()?;
            next = next.checked_mul(i64::from(dim.max(1)))?;
        }
        Some(strides)
    }
}

/// Name, version and content of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventView<'a> {
    /// Namespaced name such as `speech.segment`.
    pub name: &'a str,
    /// Version of the event's shape.
    pub version: u32,
    /// Content as JSON.
    pub json: &'a str,
}
