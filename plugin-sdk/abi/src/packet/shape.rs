//! Whether the shape that a header promises lies inside the planes.

use super::{MAX_PLANES, PacketError};
use crate::layout::*;
use crate::payload::{AudioHeader, VideoHeader};
use crate::text;

/// Bytes from the start of a plane to the end of its last line, or `None` when lines overlap or run backwards.
///
/// The stride counts only where there is a second line; without a line or without bytes in a line nothing is reached.
fn reach(lines: u64, line_len: u64, stride: i32) -> Option<u64> {
    let stride = u64::try_from(stride).ok()?;
    if lines == 0 || line_len == 0 {
        return Some(0);
    }
    if lines > 1 && stride < line_len {
        return None;
    }
    (lines - 1).checked_mul(stride)?.checked_add(line_len)
}

fn check_reach(plane: &gm_plane, lines: u64, line_len: u64) -> Result<(), PacketError> {
    match reach(lines, line_len, plane.stride) {
        Some(end) if end <= u64::from(plane.len) => Ok(()),
        _ => Err(PacketError::Shape),
    }
}

/// Checks that every sample lies inside the plane.
pub(super) fn check_audio(header: &AudioHeader, plane: &gm_plane) -> Result<(), PacketError> {
    if header.planar {
        let channel_len = u64::from(header.frames) * header.sample.size() as u64;
        return check_reach(plane, u64::from(header.channels), channel_len);
    }
    (header.byte_len() <= u64::from(plane.len)).then_some(()).ok_or(PacketError::Shape)
}

/// Checks that there are as many planes as the pixel format has, and that every line lies inside its plane.
pub(super) fn check_video(
    header: &VideoHeader,
    n_planes: usize,
    planes: &[gm_plane; MAX_PLANES],
) -> Result<(), PacketError> {
    if header.n_planes() != Some(n_planes) {
        return Err(PacketError::Shape);
    }
    for (index, plane) in planes.iter().enumerate().take(n_planes) {
        let (lines, line_len) = lines_of(header, index);
        check_reach(plane, lines, line_len)?;
    }
    Ok(())
}

/// Number of lines of one plane and bytes that each needs; chroma of an odd size is rounded up.
fn lines_of(header: &VideoHeader, plane: usize) -> (u64, u64) {
    let (width, height) = (u64::from(header.width), u64::from(header.height));
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    match (header.pixel, plane) {
        (GM_PIXEL_RGB8, _) => (height, width * 3),
        (GM_PIXEL_RGBA8, _) => (height, width * 4),
        (GM_PIXEL_I420, 1..) => (half_height, half_width),
        (GM_PIXEL_NV12, 1..) => (half_height, half_width * 2),
        // Grey, and the luma of the others.
        _ => (height, width),
    }
}

/// Checks the header of a packet that came from the other side against its planes.
pub(super) fn validate(raw: &gm_packet) -> Result<(), PacketError> {
    let [first, ..] = &raw.planes;
    match raw.kind {
        GM_KIND_AUDIO => {
            // SAFETY: every member of the union is plain numbers, and the whole union is always initialised.
            let header = AudioHeader::from_raw(unsafe { &raw.u.audio }).ok_or(PacketError::Shape)?;
            if raw.n_planes > 1 {
                return Err(PacketError::Shape);
            }
            check_audio(&header, first)
        }
        GM_KIND_VIDEO => {
            // SAFETY: every member of the union is plain numbers, and the whole union is always initialised.
            let video = unsafe { &raw.u.video };
            let header = VideoHeader { pixel: video.pixel, width: video.width, height: video.height };
            check_video(&header, raw.n_planes as usize, &raw.planes)
        }
        GM_KIND_TENSOR => {
            // SAFETY: every member of the union is plain numbers, and the whole union is always initialised.
            validate_tensor(unsafe { &raw.u.tensor }, u64::from(first.len))
        }
        GM_KIND_EVENT => {
            // SAFETY: every member of the union is plain numbers, and the whole union is always initialised.
            let event = unsafe { &raw.u.event };
            text::view(&event.name, event.name_len).map(drop).map_err(PacketError::Text)
        }
        GM_KIND_BYTES => {
            // SAFETY: every member of the union is plain numbers, and the whole union is always initialised.
            let header = unsafe { &raw.u.bytes };
            text::view(&header.media_type, header.media_type_len).map(drop).map_err(PacketError::Text)
        }
        GM_KIND_TEXT => Ok(()),
        other => Err(PacketError::Kind(other)),
    }
}

fn validate_tensor(raw: &gm_tensor, bytes: u64) -> Result<(), PacketError> {
    if raw.ndim > 8 || raw.dtype_lanes == 0 {
        return Err(PacketError::Shape);
    }
    let dims = raw.shape.iter().zip(&raw.strides).take(raw.ndim as usize);
    if dims.clone().any(|(&dim, _)| dim == 0) {
        return Ok(());
    }
    let mut last_element = 0_u64;
    for (&dim, &stride) in dims {
        // A negative stride would reach before the first element.
        let stride = u64::try_from(stride).map_err(|_| PacketError::Shape)?;
        let reach = u64::from(dim - 1).checked_mul(stride).ok_or(PacketError::Shape)?;
        last_element = last_element.checked_add(reach).ok_or(PacketError::Shape)?;
    }
    let element_bits = u64::from(raw.dtype_bits) * u64::from(raw.dtype_lanes);
    let end =
        last_element.checked_add(1).and_then(|count| count.checked_mul(element_bits)).map(|bits| bits.div_ceil(8));
    match end.and_then(|end| end.checked_add(raw.byte_offset)) {
        Some(end) if end <= bytes => Ok(()),
        _ => Err(PacketError::Shape),
    }
}
