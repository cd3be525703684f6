//! Pictures as the models of the PP-OCR family take them: three planes of floats, blue first, -1 to 1.

use super::geometry::whole;
use super::picture::Picture;

/// The detection model halves its picture five times.
const SIDE_STEP: u32 = 32;
/// Lines of the picture that the recognition model takes.
pub(crate) const LINE_HEIGHT: u32 = 48;
/// Shortest picture that the recognition model takes; what is missing on the right is filled with the middle grey.
const LINE_WIDTH_MIN: u32 = 320;
/// Longest one; a line that is longer is squeezed.
const LINE_WIDTH_MAX: u32 = 6_400;

/// A picture for a model, in the order that the model takes: plane, line, column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PictureTensor {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) values: Vec<f32>,
}

/// How large a picture is made for the detection model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SideLimits {
    /// The shorter side is stretched to at least this many pixels.
    pub(crate) shorter_min: u32,
    /// The longer side is never longer than this.
    pub(crate) longer_max: u32,
}

impl SideLimits {
    /// The size for the model: the same shape as far as multiples of 32 allow.
    pub(crate) fn size(self, width: u32, height: u32) -> (u32, u32) {
        let (shorter, longer) = (width.min(height).max(1) as f32, width.max(height).max(1) as f32);
        let wanted = (self.shorter_min as f32 / shorter).max(1.0);
        let factor = wanted.min(self.longer_max as f32 / longer);
        let side = |side: u32| {
            let steps = whole((side as f32 * factor / SIDE_STEP as f32).round().max(1.0));
            steps.min((self.longer_max / SIDE_STEP).max(1)) * SIDE_STEP
        };
        (side(width), side(height))
    }
}

/// The whole picture in the size that the detection model takes.
pub(crate) fn for_detection(picture: &Picture<'_>, limits: SideLimits) -> PictureTensor {
    let (width, height) = limits.size(picture.width, picture.height);
    stretched(picture, width, height, width)
}

/// A line in the height that the recognition model takes.
pub(crate) fn for_recognition(picture: &Picture<'_>) -> PictureTensor {
    let wanted = LINE_HEIGHT as f32 * picture.width as f32 / picture.height.max(1) as f32;
    let used = whole(wanted.ceil().clamp(1.0, LINE_WIDTH_MAX as f32));
    stretched(picture, used, LINE_HEIGHT, used.max(LINE_WIDTH_MIN))
}

/// The picture stretched to `used` columns; those up to `width` stay in the middle between black and white.
fn stretched(picture: &Picture<'_>, used: u32, height: u32, width: u32) -> PictureTensor {
    let plane_len = width as usize * height as usize;
    let mut values = vec![0.0; 3 * plane_len];
    let (blues, others) = values.split_at_mut(plane_len);
    let (greens, reds) = others.split_at_mut(plane_len);
    let (used_len, line_len) = (used.max(1) as usize, width as usize);
    let mut given = 0_usize;
    picture.stretch(picture.corners(), used, height, |[red, green, blue]| {
        let at = given / used_len * line_len + given % used_len;
        given += 1;
        for (plane, value) in [(&mut *blues, blue), (&mut *greens, green), (&mut *reds, red)] {
            if let Some(slot) = plane.get_mut(at) {
                *slot = value / 127.5 - 1.0;
            }
        }
    });
    PictureTensor { width, height, values }
}

#[cfg(test)]
mod tests {
    use super::*;
    use graphmill_plugin_sdk::abi::VideoHeader;
    use graphmill_plugin_sdk::abi::layout::GM_PIXEL_RGB8;
    use graphmill_plugin_sdk::{Buffer, Packet};
    use proptest::prelude::*;

    fn rgb(width: u32, height: u32, pixel: [u8; 3]) -> Packet {
        let bytes = pixel.repeat(width as usize * height as usize);
        let header = VideoHeader { pixel: GM_PIXEL_RGB8, width, height };
        Packet::from_video(header, [(Buffer::copy_from_slice(&bytes), width as i32 * 3)]).unwrap()
    }

    #[test]
    fn small_pictures_are_stretched_and_large_ones_shrunk() {
        let limits = SideLimits { shorter_min: 736, longer_max: 2_000 };
        let table = [
            ((384, 191), (1_472, 736)),
            ((1_000, 800), (992, 800)),
            ((4_000, 3_000), (1_984, 1_504)),
            ((10_000, 10), (1_984, 32)),
            ((1, 1), (736, 736)),
        ];
        for ((width, height), expected) in table {
            assert_eq!(limits.size(width, height), expected, "{width}x{height}");
        }
    }

    #[test]
    fn planes_are_blue_green_red_between_minus_one_and_one() {
        let packet = rgb(8, 4, [255, 0, 51]);
        let limits = SideLimits { shorter_min: 32, longer_max: 64 };
        let tensor = for_detection(&Picture::of(&packet).unwrap(), limits);
        assert_eq!((tensor.width, tensor.height, tensor.values.len()), (64, 32, 3 * 64 * 32));
        let expected = [-0.6, -1.0, 1.0];
        for (plane, value) in tensor.values.chunks(64 * 32).zip(expected) {
            assert!(plane.iter().all(|found| (found - value).abs() < 1e-5), "{value}");
        }
    }

    #[test]
    fn short_lines_are_filled_up_on_the_right_and_endless_ones_squeezed() {
        let tensor = for_recognition(&Picture::of(&rgb(20, 24, [255; 3])).unwrap());
        assert_eq!((tensor.width, tensor.height), (320, 48));
        for line in tensor.values.chunks(320) {
            assert!(line[..40].iter().all(|value| (value - 1.0).abs() < 1e-5));
            assert!(line[40..].iter().all(|value| *value == 0.0));
        }
        let tensor = for_recognition(&Picture::of(&rgb(20_000, 10, [0; 3])).unwrap());
        assert_eq!(tensor.width, LINE_WIDTH_MAX);
    }

    proptest! {
        #[test]
        fn size_for_detection_is_possible_for_every_picture(
            width in 1_u32..70_000, height in 1_u32..70_000, shorter_min in 32_u32..1_000, more in 0_u32..2_000,
        ) {
            let limits = SideLimits { shorter_min, longer_max: shorter_min + more };
            let (wide, high) = limits.size(width, height);
            prop_assert!(wide > 0 && high > 0 && wide % 32 == 0 && high % 32 == 0);
            prop_assert!(wide.max(high) <= limits.longer_max);
        }
    }
}
