//! A packet of the other side: taken over whole, or refused and left exactly as it was.
//!
//! Its buffers are as long as they say, so that a view that reaches beyond one is found.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use graphmill_abi::layout::*;
use graphmill_abi::{Buffer, Packet};
use libfuzzer_sys::fuzz_target;
use std::ptr;

fuzz_target!(|bytes: &[u8]| {
    let mut owned = Vec::new();
    let Ok(mut raw) = packet(&mut Unstructured::new(bytes), &mut owned) else {
        return owned.into_iter().for_each(release);
    };
    let before = references(&raw);
    // SAFETY: the pointers in it are null, misaligned, or own a reference to a live buffer.
    match unsafe { Packet::take_raw(&raw mut raw) } {
        Ok(taken) => {
            assert!(references(&raw).iter().all(|reference| reference.is_null()), "a packet is taken whole");
            look_at(taken);
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert_eq!(references(&raw), before, "a packet that is refused stays as it was");
            owned.into_iter().for_each(release);
        }
    }
});

/// Every view of a packet, before and after it is shared.
fn look_at(mut packet: Packet) {
    let len = (0..packet.n_planes()).filter_map(|at| packet.plane(at)).map(|plane| plane.len() as u64).sum::<u64>();
    assert_eq!(len, packet.byte_len());
    views(&packet);
    change(&mut packet);
    let copy = packet.clone();
    drop(packet);
    views(&copy);
}

fn views(packet: &Packet) {
    let planes = (0..packet.n_planes()).filter_map(|at| packet.plane(at));
    std::hint::black_box(planes.flatten().fold(0, |sum: u8, byte| sum.wrapping_add(*byte)));
    let sound = packet.samples::<f32>().map(|samples| samples.iter().sum::<f32>());
    let whole = packet.samples::<i16>().map(|samples| samples.iter().fold(0, |sum: i16, one| sum.wrapping_add(*one)));
    std::hint::black_box((sound.is_ok(), whole.is_ok(), packet.audio(), packet.video()));
    if let Some(tensor) = packet.tensor() {
        std::hint::black_box((tensor.dims().len(), tensor.byte_len()));
    }
    std::hint::black_box((packet.as_text().map(str::len), packet.media_type().map(str::len)));
    if let Some(event) = packet.event() {
        assert!(event.name.len() <= 80 && packet.event_name() == Some((event.name, event.version)));
    }
    if let Some(header) = packet.header() {
        std::hint::black_box(format!("{header:?}"));
    }
    std::hint::black_box((packet.pts_ns(), packet.duration_ns(), packet.kind()));
}

fn change(packet: &mut Packet) {
    for at in 0..packet.n_planes() {
        if let Some(plane) = packet.plane_mut(at) {
            plane.fill(7);
        }
    }
    if let Ok(samples) = packet.samples_mut::<f32>() {
        samples.fill(0.5);
    }
}

fn references(raw: &gm_packet) -> [*mut gm_buffer; 5] {
    let [a, b, c, d] = raw.planes.map(|plane| plane.buf);
    [a, b, c, d, raw.side]
}

fn release(raw: *mut gm_buffer) {
    // SAFETY: made by `buffer`, and nobody took this reference.
    drop(unsafe { Buffer::from_raw(raw) }.expect("our own buffer"));
}

fn packet(input: &mut Unstructured<'_>, owned: &mut Vec<*mut gm_buffer>) -> Result<gm_packet> {
    let kind = input.int_in_range(0..=7)?;
    let n_planes = if input.ratio(19, 20)? { input.int_in_range(0..=4)? } else { u32::arbitrary(input)? };
    let mut planes = [gm_plane { buf: ptr::null_mut(), offset: 0, len: 0, stride: 0, reserved: 0 }; 4];
    for plane in planes.iter_mut().take(n_planes as usize) {
        *plane = self::plane(input, owned)?;
    }
    let side = if input.ratio(1, 8)? { buffer(input, owned)?.0 } else { ptr::null_mut() };
    let struct_size = u32::try_from(size_of::<gm_packet>()).unwrap_or(u32::MAX);
    Ok(gm_packet {
        struct_size: if input.ratio(19, 20)? { struct_size } else { u32::arbitrary(input)? },
        kind,
        flags: if input.ratio(9, 10)? { input.int_in_range(0..=1)? } else { u32::arbitrary(input)? },
        n_planes,
        seq: u64::arbitrary(input)?,
        pts_ns: i64::arbitrary(input)?,
        duration_ns: i64::arbitrary(input)?,
        planes,
        side,
        host_private: u64::arbitrary(input)?,
        stream_id: 0,
        u: payload(kind, input)?,
    })
}

fn plane(input: &mut Unstructured<'_>, owned: &mut Vec<*mut gm_buffer>) -> Result<gm_plane> {
    let (buf, buffer_len) = buffer(input, owned)?;
    let (offset, len) = match input.int_in_range(0..=5)? {
        0 => (u32::arbitrary(input)?, u32::arbitrary(input)?),
        1 => (input.int_in_range(0..=buffer_len)?, input.int_in_range(0..=buffer_len)?),
        _ => (0, buffer_len),
    };
    let stride = if input.ratio(3, 4)? { input.int_in_range(0..=16)? } else { i32::arbitrary(input)? };
    Ok(gm_plane { buf, offset, len, stride, reserved: 0 })
}

/// A buffer with its length; null or misaligned now and then.
fn buffer(input: &mut Unstructured<'_>, owned: &mut Vec<*mut gm_buffer>) -> Result<(*mut gm_buffer, u32)> {
    let len = input.int_in_range(0..=96)?;
    match input.int_in_range(0..=29)? {
        0 => return Ok((ptr::null_mut(), len)),
        1 => return Ok((ptr::without_provenance_mut(0x1001), len)),
        _ => {}
    }
    let bytes = vec![0x61; len as usize];
    // A buffer of ours, or one that lends bytes as a plugin's does: no byte of these is beyond the end.
    let buffer = if input.ratio(1, 2)? { Buffer::copy_from_slice(&bytes) } else { Buffer::from_owner(bytes) };
    let raw = buffer.into_raw();
    owned.push(raw);
    Ok((raw, len))
}

fn payload(kind: u32, input: &mut Unstructured<'_>) -> Result<gm_payload> {
    if input.ratio(1, 8)? {
        return Ok(gm_payload { reserved: <[u64; 12]>::arbitrary(input)? });
    }
    let mut any = |max: u32| -> Result<u32> {
        if input.ratio(15, 16)? { input.int_in_range(0..=max) } else { u32::arbitrary(input) }
    };
    Ok(match kind {
        GM_KIND_AUDIO => gm_payload {
            audio: gm_audio {
                sample: any(6)?,
                layout: any(2)?,
                rate_hz: any(48_000)?,
                channels: any(4)?,
                frames: any(12)?,
                reserved: 0,
                channel_mask: 0,
            },
        },
        GM_KIND_VIDEO => gm_payload {
            video: gm_video {
                pixel: any(6)?,
                width: any(6)?,
                height: any(6)?,
                primaries: 0,
                transfer: 0,
                matrix: 0,
                range: any(3)?,
                flags: 0,
            },
        },
        GM_KIND_TENSOR => gm_payload { tensor: tensor(input)? },
        GM_KIND_EVENT => gm_payload {
            event: gm_event { version: any(3)?, name_len: any(80)?, name: name(input)? },
        },
        _ => gm_payload {
            bytes: gm_bytes { reserved: 0, media_type_len: any(80)?, media_type: name(input)? },
        },
    })
}

fn tensor(input: &mut Unstructured<'_>) -> Result<gm_tensor> {
    let mut shape = [0; 8];
    let mut strides = [0; 8];
    let ndim = input.int_in_range(0..=9)?;
    for at in 0..8 {
        shape[at] = if input.ratio(15, 16)? { input.int_in_range(0..=4)? } else { u32::arbitrary(input)? };
        strides[at] = if input.ratio(15, 16)? { input.int_in_range(-2..=8)? } else { i32::arbitrary(input)? };
    }
    Ok(gm_tensor {
        dtype_code: input.int_in_range(0..=7)?,
        dtype_bits: *input.choose(&[8, 16, 32, 64, 1, 0, 255])?,
        dtype_lanes: input.int_in_range(0..=2)?,
        ndim,
        byte_offset: if input.ratio(15, 16)? { input.int_in_range(0..=16)? } else { u64::arbitrary(input)? },
        shape,
        strides,
    })
}

fn name(input: &mut Unstructured<'_>) -> Result<[std::ffi::c_char; 80]> {
    let mut name = [0x61; 80];
    if input.ratio(1, 2)? {
        for byte in &mut name {
            *byte = std::ffi::c_char::arbitrary(input)?;
        }
    }
    Ok(name)
}
