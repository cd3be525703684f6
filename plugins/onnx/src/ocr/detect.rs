//! `ocr.detect`: the lines of text in a picture, each as a picture of its own.

use std::path::PathBuf;

use graphmill_plugin_sdk::abi::VideoHeader;
use graphmill_plugin_sdk::abi::layout::GM_PIXEL_RGB8;
use graphmill_plugin_sdk::prelude::*;

use super::boxes::{BoxRules, FoundLine, TextMap, find_lines};
use super::geometry::{Corners, whole};
use super::net::{MODEL, PictureNet, Weights};
use super::order::in_reading_order;
use super::picture::{FORMATS, Picture};
use super::tensors::{SideLimits, for_detection};

/// Number of the output for lines.
const LINES: usize = 0;
/// Number of the output for boxes.
const BOXES: usize = 1;
/// Longest side that a param may allow; the model takes memory in proportion to the area.
const SIDE_MAX: u32 = 8_192;
/// Largest `unclip_ratio`.
const UNCLIP_MAX: f32 = 10.0;
/// How many times as high as wide a box is taken for a line that runs downwards.
const TALL: f32 = 1.5;

/// Params of `ocr.detect`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DetectParams {
    /// Name of a model in the manifest; see `graphmill models list`.
    model: String,
    /// File of a detection model, taken instead of `model`.
    #[schemars(extend("x-env" = true, "format" = "path"))]
    path: Option<PathBuf>,
    /// Probability from which a pixel is taken for text.
    #[schemars(range(min = 0.0, max = 1.0))]
    threshold: f32,
    /// Mean probability from which a box is taken for a line.
    #[schemars(range(min = 0.0, max = 1.0))]
    box_threshold: f32,
    /// How far boxes are grown: the model is trained to find less than the whole line.
    #[schemars(range(min = 0.0, max = 10.0))]
    unclip_ratio: f32,
    /// A picture whose shorter side has fewer pixels is stretched to it.
    #[schemars(range(min = 32, max = 8192))]
    side_min: u32,
    /// A picture whose longer side has more pixels is shrunk to it.
    #[schemars(range(min = 32, max = 8192))]
    side_max: u32,
}

impl Default for DetectParams {
    fn default() -> Self {
        Self {
            model: MODEL.to_owned(),
            path: None,
            threshold: 0.3,
            box_threshold: 0.5,
            unclip_ratio: 1.6,
            side_min: 736,
            side_max: 2_000,
        }
    }
}

impl DetectParams {
    fn rules(&self) -> Result<BoxRules> {
        let within = |name: &str, value: f32, max: f32| match (0.0..=max).contains(&value) {
            true => Ok(value),
            false => Err(Error::invalid(format!("`{name}` must be 0 to {max}, not {value}"))),
        };
        Ok(BoxRules {
            pixel_min: within("threshold", self.threshold, 1.0)?,
            score_min: within("box_threshold", self.box_threshold, 1.0)?,
            grow: within("unclip_ratio", self.unclip_ratio, UNCLIP_MAX)?,
        })
    }

    fn limits(&self) -> Result<SideLimits> {
        match (self.side_min, self.side_max) {
            (min, max) if 32 <= min && min <= max && max <= SIDE_MAX => {
                Ok(SideLimits { shorter_min: min, longer_max: max })
            }
            (min, max) => Err(Error::invalid(format!(
                "`side_min` ({min}) must be at least 32, `side_max` ({max}) at least that and at most {SIDE_MAX}"
            ))),
        }
    }
}

/// What a picture says of itself in its side data.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PictureSide {
    source: Option<String>,
}

impl PictureSide {
    /// Side data of another form says nothing.
    fn of(packet: &Packet) -> Self {
        packet.side().and_then(|side| serde_json::from_slice(side.as_slice()).ok()).unwrap_or_default()
    }
}

/// Side data of a line.
#[derive(Debug, Serialize)]
struct LineSide<'a> {
    page: u64,
    line: usize,
    lines: usize,
    #[serde(flatten)]
    place: PlaceContent,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
}

/// Content of the event `ocr.boxes`, version 1.
#[derive(Debug, Serialize)]
struct BoxesContent<'a> {
    page: u64,
    width: u32,
    height: u32,
    boxes: Vec<PlaceContent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
}

/// Where a line is, and how sure that is.
#[derive(Debug, Serialize)]
struct PlaceContent {
    #[serde(rename = "box")]
    corners: [[f64; 2]; 4],
    box_score: f64,
}

/// Finds lines of text.
#[derive(Debug)]
pub(crate) struct Detect {
    net: PictureNet,
    rules: BoxRules,
    limits: SideLimits,
    pages: u64,
    lines: u64,
}

impl Node for Detect {
    type Params = DetectParams;

    fn kind() -> Kind {
        Kind::new("ocr.detect")
            .title("Lines of text in pictures")
            .description("Finds lines of text with a PP-OCR detection model and gives each as an upright picture.")
            .input("in", FORMATS)
            .output("lines", "video rgb8")
            .optional_output("boxes", "event ocr.boxes/1")
    }

    fn create(params: DetectParams, cx: &mut CreateContext<'_>) -> Result<Self> {
        let (rules, limits) = (params.rules()?, params.limits()?);
        let answer = "probabilities f32 [1,1,height,width]";
        let weights = Weights { model: &params.model, path: params.path.as_deref(), part: "_det_", answer };
        Ok(Self { net: PictureNet::load(weights, cx)?, rules, limits, pages: 0, lines: 0 })
    }
}

impl Processor for Detect {
    fn process(&mut self, _pin: usize, packet: &mut Packet, cx: &mut Context<'_>) -> Result<()> {
        let picture = Picture::of(packet)?;
        let found = self.find(&picture)?;
        let side = PictureSide::of(packet);
        let page = self.pages;
        self.pages += 1;
        let content = BoxesContent {
            page,
            width: picture.width,
            height: picture.height,
            boxes: found.iter().map(|line| place(&picture, line)).collect(),
            source: side.source.as_deref(),
        };
        let mut boxes = cx.event("ocr.boxes", 1, &content)?;
        boxes.set_seq(page);
        boxes.set_pts_ns(packet.pts_ns());
        cx.emit(BOXES, boxes)?;
        for (line, (found_line, place)) in found.iter().zip(content.boxes).enumerate() {
            let side = LineSide { page, line, lines: found.len(), place, source: side.source.as_deref() };
            let mut cut = cut_out(&picture, found_line.corners, cx)?;
            cut.set_side(Some(Buffer::copy_from_slice(&serde_json::to_vec(&side)?)));
            cut.set_seq(self.lines);
            cut.set_pts_ns(packet.pts_ns());
            self.lines += 1;
            cx.emit(LINES, cut)?;
        }
        Ok(())
    }
}

impl Detect {
    /// The lines in the order in which they are read, in pixels of the picture.
    fn find(&self, picture: &Picture<'_>) -> Result<Vec<FoundLine>> {
        let ([count, channels, height, width], probabilities) =
            self.net.run::<4>(for_detection(picture, self.limits))?;
        if (count, channels) != (1, 1) || width == 0 || height == 0 {
            return Err(self.net.wrong(&format_args!("it is [{count},{channels},{height},{width}]")));
        }
        let found = find_lines(TextMap { width, height, probabilities: &probabilities }, self.rules);
        let (x, y) = (picture.width as f32 / width as f32, picture.height as f32 / height as f32);
        let scaled = |line: FoundLine| FoundLine { corners: line.corners.scaled(x, y), ..line };
        Ok(in_reading_order(found.into_iter().map(scaled).collect()))
    }
}

/// A line as a picture of its own; one that runs downwards is laid on its side.
fn cut_out(picture: &Picture<'_>, corners: Corners, cx: &mut Context<'_>) -> Result<Packet> {
    let corners = if corners.height() > TALL * corners.width() { corners.turned_left() } else { corners };
    let (width, height) = cut_size(picture, corners);
    let len = width as usize * height as usize * 3;
    let mut buffer = cx.buffer(len)?;
    let room = buffer.as_mut_slice().and_then(|room| room.get_mut(..len));
    let room = room.ok_or_else(|| Error::new("the host gave a buffer that is too small"))?;
    let mut pixels = room.chunks_exact_mut(3);
    picture.stretch(corners, width, height, |color| {
        if let Some(pixel) = pixels.next() {
            pixel.copy_from_slice(&color.map(to_byte));
        }
    });
    let header = VideoHeader { pixel: GM_PIXEL_RGB8, width, height };
    let stride = i32::try_from(width * 3).map_err(Error::invalid)?;
    Ok(Packet::from_video(header, [(buffer, stride)])?)
}

/// Pixels of a line that is cut out: as many as in the picture, but never more than the whole picture has.
fn cut_size(picture: &Picture<'_>, corners: Corners) -> (u32, u32) {
    let room = picture.width as f32 * picture.height as f32;
    let factor = (room / (corners.width() * corners.height()).max(1.0)).sqrt().min(1.0);
    let side = |length: f32| whole((length * factor).round().clamp(1.0, f32::from(u16::MAX)));
    (side(corners.width()), side(corners.height()))
}

fn to_byte(channel: f32) -> u8 {
    u8::try_from(whole(channel.round())).unwrap_or(u8::MAX)
}

/// Corners inside the picture with one decimal, the score with three.
fn place(picture: &Picture<'_>, line: &FoundLine) -> PlaceContent {
    let tenth = |length: f32| (f64::from(length) * 10.0).round() / 10.0;
    let corners = line.corners.clamped(picture.width as f32, picture.height as f32).0;
    PlaceContent {
        corners: corners.map(|corner| [tenth(corner.x), tenth(corner.y)]),
        box_score: (f64::from(line.score) * 1e3).round() / 1e3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn params_out_of_range_are_refused_by_name() {
        let default = DetectParams::default;
        let table = [
            (DetectParams { threshold: 1.5, ..default() }, "`threshold`"),
            (DetectParams { box_threshold: f32::NAN, ..default() }, "`box_threshold`"),
            (DetectParams { unclip_ratio: -0.1, ..default() }, "`unclip_ratio`"),
            (DetectParams { side_min: 31, ..default() }, "`side_min`"),
            (DetectParams { side_max: 700, ..default() }, "`side_max`"),
            (DetectParams { side_max: 8_193, ..default() }, "`side_max`"),
        ];
        for (params, name) in table {
            let message = params.rules().map(drop).and_then(|()| params.limits().map(drop)).unwrap_err().to_string();
            assert!(message.contains(name), "{message}");
        }
        assert!(default().rules().is_ok() && default().limits().is_ok());
    }

    #[test]
    fn line_that_is_cut_out_is_never_larger_than_its_picture() {
        let header = VideoHeader { pixel: GM_PIXEL_RGB8, width: 100, height: 50 };
        let packet = Packet::from_video(header, [(Buffer::zeroed(15_000), 300)]).unwrap();
        let picture = Picture::of(&packet).unwrap();
        let table =
            [((80.4, 20.0), (80, 20)), ((0.2, 0.0), (1, 1)), ((200.0, 100.0), (100, 50)), ((400.0, 50.0), (200, 25))];
        for ((width, height), expected) in table {
            assert_eq!(cut_size(&picture, Corners::upright(width, height)), expected, "{width}x{height}");
        }
    }

    #[test]
    fn the_path_is_marked_so_that_the_host_resolves_it_and_expands_variables() {
        let schema = schemars::schema_for!(DetectParams).to_value().to_string();
        assert!(schema.contains(r#""x-env":true"#) && schema.contains(r#""format":"path""#), "{schema}");
    }
}
