//! A look at the pixels of a packet, and parts of it in another size.

use graphmill_plugin_sdk::abi::layout::{GM_PIXEL_GRAY8, GM_PIXEL_RGB8, GM_PIXEL_RGBA8};
use graphmill_plugin_sdk::{Error, Packet, Result};

use super::geometry::{Corners, Point, whole};

/// Formats of pictures that the kinds here take.
pub(crate) const FORMATS: &str = "video rgb8 | video rgba8 | video gray8";
/// Places that are looked at for one pixel, in each direction, when a picture is made smaller.
const SAMPLES_MAX: f32 = 8.0;

/// A picture in a packet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Picture<'a> {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Bytes from one line to the next.
    stride: usize,
    /// Bytes of one pixel.
    pixel_len: usize,
    bytes: &'a [u8],
}

impl<'a> Picture<'a> {
    /// The picture in a packet.
    ///
    /// # Errors
    /// There is none, it has no pixels, or they are neither red, green and blue nor grey.
    pub(crate) fn of(packet: &'a Packet) -> Result<Self> {
        let refused = |what: &str| Error::invalid(format!("expected {FORMATS}, got {what}"));
        let (Some(video), Some(header)) = (packet.video(), packet.header()) else {
            return Err(refused("a packet without a picture"));
        };
        let pixel_len = match video.pixel {
            GM_PIXEL_GRAY8 => 1,
            GM_PIXEL_RGB8 => 3,
            GM_PIXEL_RGBA8 => 4,
            _ => return Err(refused("a picture of other pixels")),
        };
        if video.width == 0 || video.height == 0 {
            return Err(refused("a picture without pixels"));
        }
        let [plane, ..] = header.planes;
        let stride = usize::try_from(plane.stride).map_err(Error::invalid)?;
        let bytes = packet.plane(0).ok_or_else(|| refused("a packet without bytes"))?;
        Ok(Self { width: video.width, height: video.height, stride, pixel_len, bytes })
    }

    /// Corners of the whole picture.
    pub(crate) fn corners(&self) -> Corners {
        Corners::upright(self.width as f32, self.height as f32)
    }

    /// Red, green and blue of one pixel, 0 to 255; beyond the border that of the border.
    fn pixel(&self, x: f32, y: f32) -> [f32; 3] {
        let x = whole(x.clamp(0.0, (self.width - 1) as f32)) as usize;
        let y = whole(y.clamp(0.0, (self.height - 1) as f32)) as usize;
        // A picture of one line may have any stride.
        let start = if self.height > 1 { y * self.stride } else { 0 } + x * self.pixel_len;
        match self.bytes.get(start..start + self.pixel_len) {
            Some([red, green, blue, ..]) => [*red, *green, *blue].map(f32::from),
            Some([grey]) => [f32::from(*grey); 3],
            _ => [0.0; 3],
        }
    }

    /// Red, green and blue at a place between the middles of four pixels.
    fn at(&self, place: Point) -> [f32; 3] {
        let (x, y) = (place.x - 0.5, place.y - 0.5);
        let (left, top) = (x.floor(), y.floor());
        let (right_share, bottom_share) = (x - left, y - top);
        let row = |y| mix(self.pixel(left, y), self.pixel(left + 1.0, y), right_share);
        mix(row(top), row(top + 1.0), bottom_share)
    }

    /// Stretches what is between `corners` to `width` times `height` pixels and gives red, green and blue of each, line by line.
    ///
    /// A pixel that stands for several of the picture gets their mean, of up to 8 times 8 places.
    pub(crate) fn stretch(&self, corners: Corners, width: u32, height: u32, mut give: impl FnMut([f32; 3])) {
        let [origin, right, _, below] = corners.0;
        let (across, down) = ((right - origin) * (width as f32).recip(), (below - origin) * (height as f32).recip());
        let samples = |way: Point| whole(way.length().ceil().clamp(1.0, SAMPLES_MAX));
        let (columns, rows) = (samples(across), samples(down));
        let share = (columns as f32 * rows as f32).recip();
        for y in 0..height {
            for x in 0..width {
                let mut sum = [0.0; 3];
                for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
                    let across_at = x as f32 + (column as f32 + 0.5) / columns as f32;
                    let down_at = y as f32 + (row as f32 + 0.5) / rows as f32;
                    let color = self.at(origin + across * across_at + down * down_at);
                    sum.iter_mut().zip(color).for_each(|(sum, color)| *sum += color);
                }
                give(sum.map(|sum| sum * share));
            }
        }
    }
}

fn mix(a: [f32; 3], b: [f32; 3], share: f32) -> [f32; 3] {
    let mut mixed = a;
    mixed.iter_mut().zip(b).for_each(|(a, b)| *a += (b - *a) * share);
    mixed
}

#[cfg(test)]
mod tests {
    use super::*;
    use graphmill_plugin_sdk::Buffer;
    use graphmill_plugin_sdk::abi::VideoHeader;
    use graphmill_plugin_sdk::abi::layout::GM_PIXEL_NV12;

    fn grey(width: u32, height: u32, stride: i32, bytes: &[u8]) -> Packet {
        let header = VideoHeader { pixel: GM_PIXEL_GRAY8, width, height };
        Packet::from_video(header, [(Buffer::copy_from_slice(bytes), stride)]).unwrap()
    }

    /// The first channel of the pixels between corners.
    fn stretched(packet: &Packet, corners: Option<Corners>, width: u32, height: u32) -> Vec<f32> {
        let picture = Picture::of(packet).unwrap();
        let mut pixels = Vec::new();
        picture.stretch(corners.unwrap_or(picture.corners()), width, height, |[red, _, _]| pixels.push(red));
        pixels
    }

    #[test]
    fn picture_in_its_own_size_is_the_same_whatever_lies_between_its_lines() {
        let packet = grey(3, 2, 4, &[1, 2, 3, 99, 4, 5, 6]);
        assert_eq!(stretched(&packet, None, 3, 2), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let line = grey(3, 1, 0, &[1, 2, 3]);
        assert_eq!(stretched(&line, None, 3, 1), [1.0, 2.0, 3.0]);
    }

    #[test]
    fn smaller_picture_has_the_means_and_larger_one_what_lies_between() {
        let packet = grey(4, 2, 4, &[0, 20, 100, 200, 40, 60, 100, 200]);
        assert_eq!(stretched(&packet, None, 2, 1), [30.0, 150.0]);
        let packet = grey(2, 1, 2, &[0, 100]);
        assert_eq!(stretched(&packet, None, 4, 1), [0.0, 25.0, 75.0, 100.0]);
        let checked: Vec<u8> = (0..64 * 64).map(|at| if (at + at / 64) % 2 == 0 { 255 } else { 0 }).collect();
        assert!(stretched(&grey(64, 64, 64, &checked), None, 8, 8).iter().all(|mean| (mean - 127.5).abs() < 0.1));
    }

    #[test]
    fn part_that_is_turned_comes_out_upright() {
        let packet = grey(2, 3, 2, &[1, 2, 3, 4, 5, 6]);
        let whole = Picture::of(&packet).unwrap().corners();
        // What was the right column is the first line now.
        assert_eq!(stretched(&packet, Some(whole.turned_left()), 3, 2), [2.0, 4.0, 6.0, 1.0, 3.0, 5.0]);
        let beyond = whole.scaled(2.0, 1.0);
        assert_eq!(stretched(&packet, Some(beyond), 4, 3)[..4], [1.0, 2.0, 2.0, 2.0], "the border goes on for ever");
    }

    #[test]
    fn colors_are_those_of_the_pixel_format() {
        let header = |pixel| VideoHeader { pixel, width: 1, height: 1 };
        let table = [(GM_PIXEL_RGB8, 3, [1.0, 2.0, 3.0]), (GM_PIXEL_RGBA8, 4, [1.0, 2.0, 3.0])];
        for (pixel, len, expected) in table {
            let bytes = Buffer::copy_from_slice(&[1, 2, 3, 4][..len]);
            let packet = Packet::from_video(header(pixel), [(bytes, 0)]).unwrap();
            Picture::of(&packet)
                .unwrap()
                .stretch(Corners::upright(1.0, 1.0), 1, 1, |color| assert_eq!(color, expected));
        }
    }

    #[test]
    fn what_is_no_such_picture_is_refused() {
        let header = VideoHeader { pixel: GM_PIXEL_NV12, width: 2, height: 2 };
        let planes = [(Buffer::zeroed(4), 2), (Buffer::zeroed(2), 2)];
        let table = [
            (Packet::from_text("x").unwrap(), "without a picture"),
            (Packet::from_video(header, planes).unwrap(), "other pixels"),
            (grey(0, 0, 0, &[]), "without pixels"),
        ];
        for (packet, part) in table {
            let message = Picture::of(&packet).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }
}
