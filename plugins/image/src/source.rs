//! `image.source`: picture files as a stream of packets.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use graphmill_plugin_sdk::abi::VideoHeader;
use graphmill_plugin_sdk::abi::layout::{GM_PIXEL_GRAY8, GM_PIXEL_RGB8, GM_PIXEL_RGBA8};
use graphmill_plugin_sdk::prelude::*;

use crate::decode::{self, Picture, Pixel};
use crate::files::Paths;

/// Most pixels that a param may allow; a picture of them takes 1 GiB as RGBA.
const PIXELS_MAX: u64 = 1 << 28;

/// What becomes of a file that cannot be read as a picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Unreadable {
    /// The source fails; what it gave before is finished.
    #[default]
    Fail,
    /// A warning in the log, and on with the next file.
    Skip,
}

/// Params of `image.source`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImageSourceParams {
    /// Picture file to read, a pattern such as `scans/*.png`, or a list of them.
    path: Paths,
    /// How the pixels are given: `rgb8`, `rgba8` or `gray8`.
    #[serde(default)]
    pixel: Pixel,
    /// Most pixels of one picture; a larger one is refused before it is decoded.
    #[serde(default = "default_pixels_max")]
    #[schemars(range(min = 1, max = 268_435_456))]
    pixels_max: u64,
    /// `fail` ends the source at a file that is no picture, `skip` logs a warning and goes on.
    #[serde(default)]
    unreadable: Unreadable,
}

fn default_pixels_max() -> u64 {
    50_000_000
}

/// Reads picture files one by one.
#[derive(Debug)]
pub(crate) struct ImageSource {
    files: VecDeque<PathBuf>,
    pixel: Pixel,
    pixels_max: u64,
    unreadable: Unreadable,
    given: u64,
    skipped: u64,
}

/// What stands in the side data of a picture.
#[derive(Debug, Serialize)]
struct Side<'a> {
    source: &'a str,
}

impl Node for ImageSource {
    type Params = ImageSourceParams;

    fn kind() -> Kind {
        Kind::new("image.source")
            .title("Picture files")
            .description("Reads PNG and JPEG files and gives their pictures, one packet each.")
            .output("out", "video {pixel}")
    }

    fn create(params: ImageSourceParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        if !(1..=PIXELS_MAX).contains(&params.pixels_max) {
            return Err(Error::invalid(format!("`pixels_max` must be 1 to {PIXELS_MAX}, not {}", params.pixels_max)));
        }
        let files = VecDeque::from(params.path.files()?);
        tracing::info!(files = files.len(), "picture files found");
        let ImageSourceParams { pixel, pixels_max, unreadable, .. } = params;
        Ok(Self { files, pixel, pixels_max, unreadable, given: 0, skipped: 0 })
    }
}

impl Source for ImageSource {
    fn tick(&mut self, cx: &mut Context<'_>) -> Result<Tick> {
        let Some(path) = self.files.pop_front() else {
            tracing::info!(pictures = self.given, skipped = self.skipped, "every picture file was read");
            return Ok(Tick::End);
        };
        match decode::read(&path, self.pixel, self.pixels_max) {
            Ok(picture) => self.give(&path, &picture, cx)?,
            Err(error) if self.unreadable == Unreadable::Skip => {
                self.skipped += 1;
                tracing::warn!("picture skipped: {error}");
            }
            Err(error) => return Err(error.into()),
        }
        Ok(Tick::Again)
    }
}

impl ImageSource {
    fn give(&mut self, path: &Path, picture: &Picture, cx: &mut Context<'_>) -> Result<()> {
        let mut packet = packet(picture, self.pixel, cx)?;
        let side = Side { source: &path.to_string_lossy() };
        packet.set_side(Some(Buffer::copy_from_slice(&serde_json::to_vec(&side)?)));
        packet.set_seq(self.given);
        self.given += 1;
        cx.emit(0, packet)
    }
}

/// A packet on a pooled buffer, so that nodes behind can write into it.
fn packet(picture: &Picture, pixel: Pixel, cx: &mut Context<'_>) -> Result<Packet> {
    let mut buffer = cx.buffer(picture.bytes.len())?;
    let room = buffer.as_mut_slice().and_then(|room| room.get_mut(..picture.bytes.len()));
    room.ok_or_else(|| Error::new("the host gave a buffer that is too small"))?.copy_from_slice(&picture.bytes);
    let number = match pixel {
        Pixel::Rgb8 => GM_PIXEL_RGB8,
        Pixel::Rgba8 => GM_PIXEL_RGBA8,
        Pixel::Gray8 => GM_PIXEL_GRAY8,
    };
    let header = VideoHeader { pixel: number, width: picture.width, height: picture.height };
    let stride = i32::try_from(picture.width.saturating_mul(pixel.byte_len())).map_err(Error::invalid)?;
    Ok(Packet::from_video(header, [(buffer, stride)])?)
}
