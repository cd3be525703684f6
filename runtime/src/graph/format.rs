//! What a pin takes or gives, and what a packet is.
//!
//! A [`Format`] is one alternative; each field that is `None` is a wildcard. A [`FormatSet`] is what a pin declares: anything, or a few
//! alternatives. A [`FormatTemplate`] is what a manifest declares: a set whose parts may depend on the params of the node.
//! Everything here is plain data: no I/O, no threads, bounded input.

mod names;
mod set;
mod template;
mod text;

pub use names::{AudioLayout, DType, PixelFormat, SampleType};
pub use set::FormatSet;
pub use template::FormatTemplate;

/// Longest text that is read as a format; the longest sensible one has a few hundred bytes.
pub const FORMAT_TEXT_LEN_MAX: usize = 2048;
/// Most alternatives that one text may list; a pin that takes more should take `any`.
pub const ALTERNATIVES_MAX: usize = 8;
/// Most dimensions of a tensor, the same number that a packet has room for.
pub const DIMENSIONS_MAX: usize = 8;

/// One alternative of what a pin takes or gives; a field that is `None` matches every value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Sampled sound.
    Audio(AudioFormat),
    /// Raw pictures.
    Video(VideoFormat),
    /// A dense tensor.
    Tensor(TensorFormat),
    /// UTF-8 text.
    Text,
    /// A named, versioned event with a JSON body.
    Event(EventFormat),
    /// Bytes that no other format describes.
    Bytes(BytesFormat),
}

/// Sampled sound: `audio f32 48000 Hz mono interleaved`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct AudioFormat {
    /// Type of one sample.
    pub sample: Option<SampleType>,
    /// Frames per second.
    pub rate_hz: Option<u32>,
    /// Samples per frame.
    pub channels: Option<u32>,
    /// Whether the samples of a frame lie together.
    pub layout: Option<AudioLayout>,
}

/// Raw pictures: `video rgb8 640x480`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct VideoFormat {
    /// How a picture is laid out in memory.
    pub pixel: Option<PixelFormat>,
    /// Columns of a picture.
    pub width: Option<u32>,
    /// Rows of a picture.
    pub height: Option<u32>,
}

/// A dense tensor: `tensor f32 [1,3,?,?]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct TensorFormat {
    /// Type of one entry.
    pub dtype: Option<DType>,
    /// Size of each dimension, outermost first; `None` inside leaves one dimension open.
    pub shape: Option<Vec<Option<u32>>>,
}

/// A named event: `event speech.segment/1`, or a family of them: `event speech.*`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct EventFormat {
    /// Dotted name, or a dotted prefix that ends in `.*`.
    pub name: Option<String>,
    /// Version of the event's body.
    pub version: Option<u32>,
}

/// Bytes with a media type: `bytes image/png`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct BytesFormat {
    /// Media type in lower case, without parameters.
    pub media_type: Option<String>,
}

/// Why a text is not a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The text, or one of its alternatives, is empty.
    #[error("the format is empty; write `any` to leave it open")]
    Empty,
    /// The text is longer than any format.
    #[error("the format has {len} bytes, at most {FORMAT_TEXT_LEN_MAX} are read")]
    TooLong {
        /// Bytes of the text.
        len: usize,
    },
    /// The list of alternatives is longer than a pin may declare.
    #[error(
        "the format lists {count} alternatives, at most {ALTERNATIVES_MAX} are allowed; use `any` or fewer of them"
    )]
    TooManyAlternatives {
        /// Alternatives that the text lists.
        count: usize,
    },
    /// The first word names no family of formats.
    #[error("unknown format `{word}`; a format starts with audio, video, tensor, text, event or bytes, or is `any`")]
    UnknownFamily {
        /// The word at fault.
        word: String,
    },
    /// A word means nothing in its family.
    #[error("`{part}` is no part of {family} format; write {grammar}")]
    UnknownPart {
        /// The family with its article, `an audio`.
        family: &'static str,
        /// The word at fault.
        part: String,
        /// How such a format is written.
        grammar: &'static str,
    },
    /// A part is given twice.
    #[error("the {what} is given twice")]
    Repeated {
        /// What the part says.
        what: &'static str,
    },
    /// A number is zero, too large or no number.
    #[error("`{text}` is no valid {what}; write a whole number from 1 to 4294967295, or `?`")]
    BadNumber {
        /// What the number counts.
        what: &'static str,
        /// The text at fault.
        text: String,
    },
    /// A tensor has more dimensions than a packet can say.
    #[error("a tensor with {count} dimensions cannot be sent, at most {DIMENSIONS_MAX} are allowed")]
    TooManyDimensions {
        /// Dimensions that the text lists.
        count: usize,
    },
    /// The `{param}` brackets do not match, or the name between them is none.
    #[error("`{text}` is no placeholder; write the name of a param in braces, like `{{rate}}`")]
    BadPlaceholder {
        /// The text at fault.
        text: String,
    },
    /// The value of a param cannot stand in a format.
    #[error("the value of param `{param}` cannot be part of a format: {reason}")]
    BadParam {
        /// Name of the param.
        param: String,
        /// What is wrong with its value.
        reason: String,
    },
}

impl Format {
    /// The most that both formats describe, or `None` when no packet can have both.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Audio(a), Self::Audio(b)) => Some(Self::Audio(AudioFormat {
                sample: meet(a.sample, b.sample)?,
                rate_hz: meet(a.rate_hz, b.rate_hz)?,
                channels: meet(a.channels, b.channels)?,
                layout: meet(a.layout, b.layout)?,
            })),
            (Self::Video(a), Self::Video(b)) => Some(Self::Video(VideoFormat {
                pixel: meet(a.pixel, b.pixel)?,
                width: meet(a.width, b.width)?,
                height: meet(a.height, b.height)?,
            })),
            (Self::Tensor(a), Self::Tensor(b)) => Some(Self::Tensor(TensorFormat {
                dtype: meet(a.dtype, b.dtype)?,
                shape: meet_shapes(a.shape.as_deref(), b.shape.as_deref())?,
            })),
            (Self::Event(a), Self::Event(b)) => Some(Self::Event(EventFormat {
                name: meet_names(a.name.as_deref(), b.name.as_deref())?,
                version: meet(a.version, b.version)?,
            })),
            (Self::Bytes(a), Self::Bytes(b)) => {
                Some(Self::Bytes(BytesFormat { media_type: meet(a.media_type.clone(), b.media_type.clone())? }))
            }
            (Self::Text, Self::Text) => Some(Self::Text),
            _ => None,
        }
    }

    /// Whether every packet that `other` describes is also described by this format.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.intersect(other).as_ref() == Some(other)
    }

    /// Whether no field is left open, so that two packets of this format never differ in it.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        match self {
            Self::Audio(a) => a.sample.is_some() && a.rate_hz.is_some() && a.channels.is_some() && a.layout.is_some(),
            Self::Video(v) => v.pixel.is_some() && v.width.is_some() && v.height.is_some(),
            Self::Tensor(t) => {
                t.dtype.is_some() && t.shape.as_ref().is_some_and(|shape| shape.iter().all(Option::is_some))
            }
            Self::Text => true,
            Self::Event(e) => e.version.is_some() && e.name.as_ref().is_some_and(|name| !name.ends_with('*')),
            Self::Bytes(b) => b.media_type.is_some(),
        }
    }
}

/// What two fields agree on: `None` when they contradict each other.
fn meet<T: PartialEq>(a: Option<T>, b: Option<T>) -> Option<Option<T>> {
    match (a, b) {
        (Some(a), Some(b)) => (a == b).then_some(Some(a)),
        (a, None) => Some(a),
        (None, b) => Some(b),
    }
}

/// Shapes agree when they have the same number of dimensions and each dimension agrees.
///
/// The outer option is the answer, the inner ones are the two wildcards of a shape.
fn meet_shapes(a: Option<&[Option<u32>]>, b: Option<&[Option<u32>]>) -> Option<Option<Vec<Option<u32>>>> {
    match (a, b) {
        (Some(a), Some(b)) if a.len() != b.len() => None,
        (Some(a), Some(b)) => a.iter().zip(b).map(|(a, b)| meet(*a, *b)).collect::<Option<Vec<_>>>().map(Some),
        (a, b) => Some(a.or(b).map(<[_]>::to_vec)),
    }
}

/// Names agree when they are equal or when one is a prefix pattern that matches the other.
fn meet_names(a: Option<&str>, b: Option<&str>) -> Option<Option<String>> {
    let narrower = match (a, b) {
        (Some(a), Some(b)) if name_covers(a, b) => Some(b),
        (Some(a), Some(b)) if name_covers(b, a) => Some(a),
        (Some(_), Some(_)) => return None,
        (a, b) => a.or(b),
    };
    Some(narrower.map(str::to_owned))
}

/// `speech.*` covers `speech.segment`, `speech.word.end` and `speech.word.*`, but not `speech` and not `speechless.x`.
fn name_covers(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == name,
    }
}
