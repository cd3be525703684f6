//! Decodes a picture file within limits.

use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::Path;

use graphmill_plugin_sdk::prelude::*;
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits};

use crate::error::ImageFileError;
use crate::files::check_file;

/// Longest file: the pixels of the largest picture, not compressed at all.
const FILE_LEN_MAX: u64 = 1 << 30;
/// Longest line and most lines: more than any scanner gives, and few enough for 32-bit strides.
const SIDE_MAX: u32 = 1 << 16;
/// Bytes that a decoder may take for itself beside the pixels.
const DECODER_LEN_MAX: u64 = 64 << 20;
/// Bytes of a pixel while it is decoded: four channels of 16 bits.
const PIXEL_LEN_MAX: u64 = 8;
/// White, the paper on which transparent pictures are laid.
const PAPER: u32 = 255;

/// How a pixel is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Pixel {
    /// Red, green, blue.
    #[default]
    Rgb8,
    /// Red, green, blue, opacity.
    Rgba8,
    /// Brightness.
    Gray8,
}

impl Pixel {
    /// Bytes that one pixel takes.
    pub(crate) fn byte_len(self) -> u32 {
        match self {
            Self::Rgb8 => 3,
            Self::Rgba8 => 4,
            Self::Gray8 => 1,
        }
    }
}

/// A decoded picture: its lines from the top without gaps.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) bytes: Vec<u8>,
}

/// Reads a PNG or JPEG file, turned as its EXIF data says.
///
/// Blocks for as long as the disk and the decoder take.
///
/// # Errors
/// The file cannot be read, is no picture, is damaged, or has more than `pixels_max` pixels: then nothing of
/// its content was decoded.
pub(crate) fn read(path: &Path, pixel: Pixel, pixels_max: u64) -> Result<Picture, ImageFileError> {
    check_file(path)?;
    let image = decode(path, bytes_of(path)?, pixels_max)?;
    let (width, height) = (image.width(), image.height());
    let bytes = match pixel {
        Pixel::Rgba8 => image.into_rgba8().into_raw(),
        Pixel::Rgb8 => on_paper(image).into_rgb8().into_raw(),
        Pixel::Gray8 => on_paper(image).into_luma8().into_raw(),
    };
    Ok(Picture { width, height, bytes })
}

/// The whole file: decoders of JPEG keep it in memory anyway.
fn bytes_of(path: &Path) -> Result<Vec<u8>, ImageFileError> {
    let refused = |source| ImageFileError::Open { path: path.to_owned(), source };
    let file = File::open(path).map_err(refused)?;
    let mut bytes = Vec::new();
    BufReader::new(file).take(FILE_LEN_MAX + 1).read_to_end(&mut bytes).map_err(refused)?;
    if bytes.len() as u64 > FILE_LEN_MAX {
        return Err(ImageFileError::TooLong { path: path.to_owned(), len_max: FILE_LEN_MAX });
    }
    Ok(bytes)
}

fn decode(path: &Path, bytes: Vec<u8>, pixels_max: u64) -> Result<DynamicImage, ImageFileError> {
    let explain = |error| explain(path, error);
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|source| ImageFileError::Open { path: path.to_owned(), source })?;
    if reader.format().is_none() {
        let reason = "its content is that of no picture format".to_owned();
        return Err(ImageFileError::Unsupported { path: path.to_owned(), reason });
    }
    reader.limits(limits(pixels_max));
    let mut decoder = reader.into_decoder().map_err(explain)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > pixels_max {
        return Err(ImageFileError::TooLarge { path: path.to_owned(), width, height, pixels_max });
    }
    // EXIF data that cannot be read costs the turn, not the picture.
    let orientation = decoder.orientation().ok();
    let mut image = DynamicImage::from_decoder(decoder).map_err(explain)?;
    if let Some(orientation) = orientation {
        image.apply_orientation(orientation);
    }
    Ok(image)
}

fn limits(pixels_max: u64) -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(pixels_max.saturating_mul(PIXEL_LEN_MAX).saturating_add(DECODER_LEN_MAX));
    limits
}

fn explain(path: &Path, error: ImageError) -> ImageFileError {
    let (path, reason) = (path.to_owned(), error.to_string());
    match error {
        ImageError::Unsupported(_) | ImageError::Limits(_) => ImageFileError::Unsupported { path, reason },
        _ => ImageFileError::Damaged { path, reason },
    }
}

/// Lays a picture with transparent parts on white: ink on nothing would become black on black.
fn on_paper(image: DynamicImage) -> DynamicImage {
    if !image.color().has_alpha() {
        return image;
    }
    let mut image = image.into_rgba8();
    for image::Rgba([red, green, blue, opacity]) in image.pixels_mut() {
        let alpha = u32::from(*opacity);
        for channel in [red, green, blue] {
            let mixed = (u32::from(*channel) * alpha + PAPER * (255 - alpha) + 127) / 255;
            *channel = u8::try_from(mixed).unwrap_or(u8::MAX);
        }
        *opacity = u8::MAX;
    }
    image.into()
}
