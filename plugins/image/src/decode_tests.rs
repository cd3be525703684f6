//! Picture files that the tests write themselves: good, large, damaged and hostile ones.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{DynamicImage, GrayImage, ImageFormat, Luma, LumaA, Rgb, RgbImage, Rgba, RgbaImage};
use proptest::prelude::*;

use crate::decode::{Picture, Pixel, read};
use crate::error::ImageFileError;

/// More than any picture of these tests has.
const PIXELS_MAX: u64 = 1 << 20;

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A file that lives as long as its folder.
struct TestFile {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn file(bytes: &[u8]) -> TestFile {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picture");
    fs::write(&path, bytes).unwrap();
    TestFile { _folder: folder, path }
}

fn read_bytes(bytes: &[u8], pixel: Pixel) -> Result<Picture, ImageFileError> {
    read(&file(bytes).path, pixel, PIXELS_MAX)
}

fn png(image: impl Into<DynamicImage>) -> Vec<u8> {
    encoded(&image.into(), ImageFormat::Png)
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

/// A PNG file with another width and height in its header, whose check sum is right.
fn with_size(png: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut bytes = png.to_vec();
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    bytes
}

#[test]
fn pixels_are_given_in_the_format_that_is_asked_for() {
    let orange = png(RgbImage::from_pixel(2, 1, Rgb([255, 128, 0])));
    let grey = png(GrayImage::from_pixel(1, 1, Luma([77])));
    let deep = png(image::ImageBuffer::from_pixel(1, 1, Luma([0x4d4d_u16])));
    let table = [
        (&orange, Pixel::Rgb8, vec![255, 128, 0, 255, 128, 0]),
        (&orange, Pixel::Rgba8, vec![255, 128, 0, 255, 255, 128, 0, 255]),
        (&grey, Pixel::Gray8, vec![77]),
        (&grey, Pixel::Rgb8, vec![77, 77, 77]),
        (&deep, Pixel::Gray8, vec![77]),
    ];
    for (bytes, pixel, expected) in table {
        assert_eq!(read_bytes(bytes, pixel).unwrap().bytes, expected, "{pixel:?}");
    }
}

#[test]
fn jpeg_is_read_as_well() {
    let image = RgbImage::from_pixel(16, 8, Rgb([200, 100, 50])).into();
    let picture = read_bytes(&encoded(&image, ImageFormat::Jpeg), Pixel::Rgb8).unwrap();
    assert_eq!((picture.width, picture.height, picture.bytes.len()), (16, 8, 16 * 8 * 3));
    let is_near = |(index, byte): (usize, &u8)| byte.abs_diff([200, 100, 50][index % 3]) <= 4;
    assert!(picture.bytes.iter().enumerate().all(is_near), "{:?}", &picture.bytes[..3]);
}

#[test]
fn transparent_parts_become_white_paper() {
    let image = RgbaImage::from_vec(3, 1, vec![0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 128]).unwrap();
    let bytes = png(image);
    assert_eq!(read_bytes(&bytes, Pixel::Rgb8).unwrap().bytes, [0, 0, 0, 255, 255, 255, 127, 127, 127]);
    assert_eq!(read_bytes(&bytes, Pixel::Gray8).unwrap().bytes, [0, 255, 127]);
    assert_eq!(read_bytes(&bytes, Pixel::Rgba8).unwrap().bytes[4..8], [0, 0, 0, 0]);
    let grey = png(image::ImageBuffer::from_pixel(1, 1, LumaA([0_u8, 0])));
    assert_eq!(read_bytes(&grey, Pixel::Gray8).unwrap().bytes, [255]);
}

#[test]
fn picture_is_turned_as_its_camera_says() {
    let mut image = RgbImage::from_pixel(32, 16, Rgb([0, 0, 0]));
    image.enumerate_pixels_mut().filter(|(x, _, _)| *x < 16).for_each(|(_, _, pixel)| *pixel = Rgb([255, 255, 255]));
    let jpeg = encoded(&image.into(), ImageFormat::Jpeg);
    // One entry: the orientation (0x0112) is 6, a quarter turn to the right.
    let exif: &[u8] = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    let turned = [&jpeg[..2], b"\xff\xe1", &length, exif, &jpeg[2..]].concat();
    let picture = read_bytes(&turned, Pixel::Gray8).unwrap();
    assert_eq!((picture.width, picture.height), (16, 32));
    assert!(picture.bytes[0] > 250 && *picture.bytes.last().unwrap() < 5, "the left half is on top now");
}

#[test]
fn picture_with_too_many_pixels_is_refused_before_it_is_decoded() {
    let small = png(GrayImage::new(4, 4));
    let exact = file(&small);
    assert!(read(&exact.path, Pixel::Gray8, 16).is_ok());
    let message = read(&exact.path, Pixel::Gray8, 15).unwrap_err().to_string();
    assert!(message.contains("4x4 pixels") && message.contains("`pixels_max`"), "{message}");
    // Nothing of the size that these headers promise is ever allocated.
    for (width, height) in [(60_000, 60_000), (u32::MAX >> 1, 1), (1, u32::MAX >> 1), (1 << 30, 1 << 30)] {
        let error = read_bytes(&with_size(&small, width, height), Pixel::Rgba8).unwrap_err();
        assert!(
            matches!(error, ImageFileError::TooLarge { .. } | ImageFileError::Unsupported { .. }),
            "{width}x{height}: {error:?}"
        );
    }
}

#[test]
fn files_that_are_no_pictures_are_named() {
    let whole = png(RgbImage::new(64, 64));
    let table: [(&[u8], &str); 5] = [
        (b"", "cannot decode"),
        (b"hello, I am a text", "cannot decode"),
        (b"GIF89a\x01\0\x01\0\0\0\0;", "cannot decode"),
        (&whole[..whole.len() / 2], "damaged or cut short"),
        (&[&whole[..60], &[0; 40], &whole[100..]].concat(), "damaged or cut short"),
    ];
    for (bytes, expected) in table {
        let broken = file(bytes);
        let message = read(&broken.path, Pixel::Rgb8, PIXELS_MAX).unwrap_err().to_string();
        assert!(message.contains(expected) && message.contains(broken.path.to_str().unwrap()), "{message}");
    }
    let message = read(Path::new("/nowhere/x.png"), Pixel::Rgb8, PIXELS_MAX).unwrap_err().to_string();
    assert!(message.contains("cannot open `/nowhere/x.png`"), "{message}");
}

proptest! {
    #[test]
    fn png_gives_back_every_pixel(width in 1_u32..40, height in 1_u32..40, seed in any::<u32>()) {
        let shade = |x: u32, y: u32, channel: u32| {
            (x.wrapping_mul(31) ^ y.wrapping_mul(57) ^ channel.wrapping_mul(91) ^ seed).to_le_bytes()[0]
        };
        let image = RgbImage::from_fn(width, height, |x, y| Rgb([0, 1, 2].map(|channel| shade(x, y, channel))));
        let picture = read_bytes(&png(image.clone()), Pixel::Rgb8).unwrap();
        prop_assert_eq!(picture, Picture { width, height, bytes: image.into_raw() });
    }

    #[test]
    fn changed_bytes_never_do_more_than_spoil_the_picture(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        is_jpeg in any::<bool>(),
        len in any::<prop::sample::Index>(),
    ) {
        let image = RgbaImage::from_fn(24, 24, |x, y| Rgba([0, 9, 200, 255].map(|shade: u8| shade ^ (x * y).to_le_bytes()[0])));
        let mut bytes = match is_jpeg {
            true => encoded(&DynamicImage::from(image).into_rgb8().into(), ImageFormat::Jpeg),
            false => png(image),
        };
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let len = len.index(bytes.len()).max(bytes.len() / 2);
        if let Ok(picture) = read_bytes(&bytes[..len], Pixel::Rgb8) {
            let pixels = u64::from(picture.width) * u64::from(picture.height);
            prop_assert!(pixels <= PIXELS_MAX);
            prop_assert_eq!(picture.bytes.len() as u64, pixels * 3);
        }
    }
}
