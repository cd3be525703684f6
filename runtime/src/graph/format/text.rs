//! The one text form of a format, read and written here and nowhere else.

use std::fmt;
use std::str::FromStr;

use super::{
    AudioFormat, AudioLayout, BytesFormat, DIMENSIONS_MAX, DType, EventFormat, FORMAT_TEXT_LEN_MAX, Format,
    FormatError, PixelFormat, SampleType, TensorFormat, VideoFormat,
};

/// Longest event name or media type.
const NAME_LEN_MAX: usize = 255;
/// The word for a part that is left open.
const OPEN: &str = "?";

const AUDIO_GRAMMAR: &str = "`audio [f32|f64|i16|i32|u8] [48000 Hz] [mono|stereo|6 ch] [interleaved|planar]`";
const VIDEO_GRAMMAR: &str = "`video [rgb8|rgba8|gray8|i420|nv12] [640x480]`";
const TENSOR_GRAMMAR: &str = "`tensor [f32] [[1,3,?,?]]`";
const TEXT_GRAMMAR: &str = "`text` alone";
const EVENT_GRAMMAR: &str = "`event [speech.segment[/1]]` or `event speech.*`";
const BYTES_GRAMMAR: &str = "`bytes [image/png]`";

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        if text.len() > FORMAT_TEXT_LEN_MAX {
            return Err(FormatError::TooLong { len: text.len() });
        }
        let text = text.trim();
        let (family, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        match family {
            "audio" => parse_audio(rest).map(Self::Audio),
            "video" => parse_video(rest).map(Self::Video),
            "tensor" => parse_tensor(rest).map(Self::Tensor),
            "text" => parse_text(rest),
            "event" => parse_event(rest).map(Self::Event),
            "bytes" => parse_bytes(rest).map(Self::Bytes),
            "" => Err(FormatError::Empty),
            _ => Err(FormatError::UnknownFamily { word: family.to_owned() }),
        }
    }
}

fn parse_audio(rest: &str) -> Result<AudioFormat, FormatError> {
    let mut format = AudioFormat::default();
    let mut words = rest.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let unit = words.peek().copied().filter(|next| matches!(*next, "Hz" | "ch"));
        if let Some(unit) = unit {
            words.next();
            match unit {
                "Hz" => set_once(&mut format.rate_hz, number(word, "sample rate")?, "sample rate")?,
                _ => set_once(&mut format.channels, number(word, "number of channels")?, "number of channels")?,
            }
        } else if let Some(sample) = SampleType::from_word(word) {
            set_once(&mut format.sample, Some(sample), "sample type")?;
        } else if let Some(layout) = AudioLayout::from_word(word) {
            set_once(&mut format.layout, Some(layout), "layout")?;
        } else if word == "mono" || word == "stereo" {
            set_once(&mut format.channels, Some(if word == "mono" { 1 } else { 2 }), "number of channels")?;
        } else if word != OPEN {
            return Err(unknown("an audio", word, AUDIO_GRAMMAR));
        }
    }
    Ok(format)
}

fn parse_video(rest: &str) -> Result<VideoFormat, FormatError> {
    let mut format = VideoFormat::default();
    for word in rest.split_whitespace() {
        if let Some(pixel) = PixelFormat::from_word(word) {
            set_once(&mut format.pixel, Some(pixel), "pixel format")?;
        } else if let Some((width, height)) = word.split_once('x') {
            set_once(&mut format.width, number(width, "width")?, "picture size")?;
            set_once(&mut format.height, number(height, "height")?, "picture size")?;
        } else if word != OPEN {
            return Err(unknown("a video", word, VIDEO_GRAMMAR));
        }
    }
    Ok(format)
}

fn parse_tensor(rest: &str) -> Result<TensorFormat, FormatError> {
    let mut format = TensorFormat::default();
    let rest = rest.trim();
    let (words, shape) = match rest.find('[') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    for word in words.split_whitespace() {
        match DType::from_word(word) {
            Some(dtype) => set_once(&mut format.dtype, Some(dtype), "entry type")?,
            None if word == OPEN => {}
            None => return Err(unknown("a tensor", word, TENSOR_GRAMMAR)),
        }
    }
    if !shape.is_empty() {
        format.shape = Some(parse_shape(shape)?);
    }
    Ok(format)
}

fn parse_shape(text: &str) -> Result<Vec<Option<u32>>, FormatError> {
    let inner = text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
    let inner = inner.ok_or_else(|| unknown("a tensor", text, TENSOR_GRAMMAR))?.trim();
    if inner.is_empty() {
        return Ok(Vec::new());
    }
    let count = inner.split(',').count();
    if count > DIMENSIONS_MAX {
        return Err(FormatError::TooManyDimensions { count });
    }
    inner.split(',').map(|size| number(size.trim(), "tensor dimension")).collect()
}

fn parse_text(rest: &str) -> Result<Format, FormatError> {
    match rest.split_whitespace().next() {
        Some(word) => Err(unknown("a text", word, TEXT_GRAMMAR)),
        None => Ok(Format::Text),
    }
}

fn parse_event(rest: &str) -> Result<EventFormat, FormatError> {
    let Some(word) = only_word(rest, "an event", EVENT_GRAMMAR)? else {
        return Ok(EventFormat::default());
    };
    let (name, version) = match word.split_once('/') {
        Some((name, version)) => (name, number(version, "event version")?),
        None => (word, None),
    };
    let name = (name != OPEN).then(|| name.to_owned());
    if name.as_deref().is_some_and(|name| !is_event_name(name)) {
        return Err(unknown("an event", word, EVENT_GRAMMAR));
    }
    Ok(EventFormat { name, version })
}

fn parse_bytes(rest: &str) -> Result<BytesFormat, FormatError> {
    let Some(word) = only_word(rest, "a bytes", BYTES_GRAMMAR)? else {
        return Ok(BytesFormat::default());
    };
    if word == OPEN {
        return Ok(BytesFormat::default());
    }
    let media_type = word.to_ascii_lowercase();
    if !is_media_type(&media_type) {
        return Err(unknown("a bytes", word, BYTES_GRAMMAR));
    }
    Ok(BytesFormat { media_type: Some(media_type) })
}

/// The single word that may follow a family, if there is one.
fn only_word<'a>(rest: &'a str, family: &'static str, grammar: &'static str) -> Result<Option<&'a str>, FormatError> {
    let mut words = rest.split_whitespace();
    let first = words.next();
    match words.next() {
        Some(second) => Err(unknown(family, second, grammar)),
        None => Ok(first),
    }
}

/// Words of letters, digits, `_` and `-` joined by dots; the last one may be `*` when it is not the only one.
fn is_event_name(name: &str) -> bool {
    let words = name.strip_suffix(".*").unwrap_or(name);
    name.len() <= NAME_LEN_MAX && words.split('.').all(|word| !word.is_empty() && word.bytes().all(is_name_byte))
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

fn is_media_type(text: &str) -> bool {
    let is_token =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| is_name_byte(byte) || b"!#$&^.+".contains(&byte));
    text.len() <= NAME_LEN_MAX
        && text.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

/// Reads a positive number, or the wildcard.
fn number(text: &str, what: &'static str) -> Result<Option<u32>, FormatError> {
    if text == OPEN {
        return Ok(None);
    }
    let only_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let value = if only_digits { text.parse().ok() } else { None };
    match value {
        Some(value) if value > 0 => Ok(Some(value)),
        _ => Err(FormatError::BadNumber { what, text: text.to_owned() }),
    }
}

/// Fills a field that the text may name once; a wildcard leaves it open.
fn set_once<T>(field: &mut Option<T>, value: Option<T>, what: &'static str) -> Result<(), FormatError> {
    if value.is_some() && field.is_some() {
        return Err(FormatError::Repeated { what });
    }
    if value.is_some() {
        *field = value;
    }
    Ok(())
}

fn unknown(family: &'static str, part: &str, grammar: &'static str) -> FormatError {
    FormatError::UnknownPart { family, part: part.to_owned(), grammar }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Audio(audio) => write_audio(audio, f),
            Self::Video(video) => write_video(video, f),
            Self::Tensor(tensor) => write_tensor(tensor, f),
            Self::Text => f.write_str("text"),
            Self::Event(event) => write_event(event, f),
            Self::Bytes(bytes) => {
                f.write_str("bytes")?;
                bytes.media_type.as_ref().map_or(Ok(()), |media_type| write!(f, " {media_type}"))
            }
        }
    }
}

fn write_audio(audio: &AudioFormat, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("audio")?;
    if let Some(sample) = audio.sample {
        write!(f, " {sample}")?;
    }
    if let Some(rate_hz) = audio.rate_hz {
        write!(f, " {rate_hz} Hz")?;
    }
    match audio.channels {
        None => {}
        Some(1) => f.write_str(" mono")?,
        Some(2) => f.write_str(" stereo")?,
        Some(channels) => write!(f, " {channels} ch")?,
    }
    audio.layout.map_or(Ok(()), |layout| write!(f, " {layout}"))
}

fn write_video(video: &VideoFormat, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("video")?;
    if let Some(pixel) = video.pixel {
        write!(f, " {pixel}")?;
    }
    if video.width.is_none() && video.height.is_none() {
        return Ok(());
    }
    f.write_str(" ")?;
    write_size(video.width, f)?;
    f.write_str("x")?;
    write_size(video.height, f)
}

fn write_tensor(tensor: &TensorFormat, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("tensor")?;
    if let Some(dtype) = tensor.dtype {
        write!(f, " {dtype}")?;
    }
    let Some(shape) = &tensor.shape else {
        return Ok(());
    };
    f.write_str(" [")?;
    for (index, size) in shape.iter().enumerate() {
        if index > 0 {
            f.write_str(",")?;
        }
        write_size(*size, f)?;
    }
    f.write_str("]")
}

fn write_event(event: &EventFormat, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("event")?;
    if event.name.is_none() && event.version.is_none() {
        return Ok(());
    }
    write!(f, " {}", event.name.as_deref().unwrap_or(OPEN))?;
    event.version.map_or(Ok(()), |version| write!(f, "/{version}"))
}

fn write_size(size: Option<u32>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match size {
        Some(size) => write!(f, "{size}"),
        None => f.write_str(OPEN),
    }
}
