use super::*;
use alloc::string::String;
use std::prelude::rust_2024::*;

fn tone() -> Packet {
    Packet::from_audio(AudioHeader::f32(48_000, 2, 4), Buffer::zeroed(32)).unwrap()
}

#[test]
fn every_kind_reads_back_what_was_put_in() {
    let audio = tone();
    assert_eq!(audio.audio(), Some(AudioHeader::f32(48_000, 2, 4)));
    assert_eq!(audio.samples::<f32>().unwrap().len(), 8);
    assert_eq!(audio.samples::<i16>(), Err(PacketError::Mismatch));

    let event = Packet::from_event("speech.segment", 1, Buffer::copy_from_slice(b"{}")).unwrap();
    assert_eq!(event.event(), Some(EventView { name: "speech.segment", version: 1, json: "{}" }));

    let text = Packet::from_text("gr\u{fc}n\0x").unwrap();
    assert_eq!(text.as_text(), Some("gr\u{fc}n\0x"));

    let bytes = Packet::from_bytes("image/png", Buffer::zeroed(3)).unwrap();
    assert_eq!(bytes.media_type(), Some("image/png"));

    let shape = TensorHeader::dense(GM_DTYPE_FLOAT, 32, &[1, 3, 2]).unwrap();
    let tensor = Packet::from_tensor(shape, Buffer::zeroed(24)).unwrap();
    assert_eq!(tensor.tensor().unwrap().dims(), [1, 3, 2]);

    let header = VideoHeader { pixel: GM_PIXEL_NV12, width: 4, height: 2 };
    let video = Packet::from_video(header, [(Buffer::zeroed(8), 4), (Buffer::zeroed(4), 4)]).unwrap();
    assert_eq!((video.video(), video.n_planes()), (Some(header), 2));
}

#[test]
fn too_few_bytes_for_the_shape_are_refused() {
    let short = Packet::from_audio(AudioHeader::f32(48_000, 2, 4), Buffer::zeroed(31));
    assert_eq!(short.unwrap_err(), PacketError::Shape);
    let shape = TensorHeader::dense(GM_DTYPE_FLOAT, 32, &[u32::MAX, u32::MAX, u32::MAX]).unwrap();
    assert_eq!(Packet::from_tensor(shape, Buffer::zeroed(24)).unwrap_err(), PacketError::Shape);
    let long: String = core::iter::repeat_n('x', 81).collect();
    assert_eq!(Packet::from_event(&long, 1, Buffer::zeroed(0)).unwrap_err(), PacketError::Text(TextError::TooLong));
}

#[test]
fn clone_shares_the_bytes_and_forbids_writing() {
    let mut packet = tone();
    let copy = packet.clone();
    assert_eq!(packet.samples_mut::<f32>().unwrap_err(), PacketError::Shared);
    drop(copy);
    packet.samples_mut::<f32>().unwrap()[7] = 1.0;
    assert_eq!(packet.samples::<f32>().unwrap()[7], 1.0);
}

#[test]
fn take_raw_moves_every_reference_and_nulls_the_original() {
    let mut packet = tone();
    let raw = packet.as_raw_mut();
    // SAFETY: the packet is ours and valid.
    let mut taken = unsafe { Packet::take_raw(raw) }.unwrap();
    assert!(packet.plane(0).is_none());
    assert!(taken.samples_mut::<f32>().is_ok());
}

#[test]
fn packets_from_the_other_side_are_checked_field_by_field() {
    let check = |change: fn(&mut gm_packet), want: PacketError| {
        let mut packet = tone();
        let untouched = packet.clone();
        change(&mut packet.0);
        let planes_before = packet.0.planes.map(|plane| plane.buf);
        let raw = packet.as_raw_mut();
        // SAFETY: the pointers in it are null, misaligned or live.
        assert_eq!(unsafe { Packet::take_raw(raw) }.unwrap_err(), want);
        assert_eq!(packet.0.planes.map(|plane| plane.buf), planes_before, "a refused packet stays untouched");
        packet.0.planes = untouched.0.planes;
    };
    check(|p| p.struct_size = 255, PacketError::Pointer);
    check(|p| p.kind = 0, PacketError::Kind(0));
    check(|p| p.kind = 77, PacketError::Kind(77));
    check(|p| p.flags = 0x8000_0000, PacketError::Flags(0x8000_0000));
    check(|p| p.n_planes = 0, PacketError::Planes(0));
    check(|p| p.n_planes = 2, PacketError::Buffer(BufferError::Pointer));
    check(|p| p.planes[0].buf = ptr::without_provenance_mut(3), PacketError::Buffer(BufferError::Pointer));
    check(|p| p.planes[0].offset = 1, PacketError::Bounds(0));
    check(|p| p.planes[0].len = u32::MAX, PacketError::Bounds(0));
    check(|p| p.u.audio.channels = 0, PacketError::Shape);
    check(|p| p.u.audio.rate_hz = 0, PacketError::Shape);
    check(|p| p.u.audio.sample = 9, PacketError::Shape);
    check(|p| p.u.audio.layout = 2, PacketError::Shape);
    check(|p| p.u.audio.frames = 5, PacketError::Shape);
    check(|p| p.u.audio.frames = u32::MAX, PacketError::Shape);
}

#[test]
fn tensors_that_reach_outside_their_plane_are_refused() {
    let check = |change: fn(&mut gm_tensor), fits: bool| {
        let shape = TensorHeader::dense(GM_DTYPE_FLOAT, 32, &[2, 3]).unwrap();
        let mut packet = Packet::from_tensor(shape, Buffer::zeroed(24)).unwrap();
        // SAFETY: the packet is a tensor.
        change(unsafe { &mut packet.0.u.tensor });
        let raw = packet.as_raw_mut();
        // SAFETY: the packet is ours.
        assert_eq!(unsafe { Packet::take_raw(raw) }.is_ok(), fits);
    };
    check(|_| {}, true);
    check(|t| t.ndim = 9, false);
    check(|t| t.byte_offset = 1, false);
    check(|t| t.byte_offset = u64::MAX, false);
    check(|t| t.strides[0] = -3, false);
    check(|t| t.strides[0] = i32::MAX, false);
    check(|t| t.shape[0] = u32::MAX, false);
    check(|t| t.shape[0] = 0, true);
    check(|t| t.dtype_lanes = 0, false);
    check(|t| t.strides[0] = 0, true);
}

#[test]
fn empty_packets_own_nothing() {
    let mut packet = tone();
    let taken = packet.take();
    assert!(packet.is_empty() && packet.kind().is_none() && packet.plane(0).is_none());
    assert_eq!(taken.kind(), Some(PacketKind::Audio));
    assert!(Packet::default().clone().is_empty());
}

#[test]
fn set_plane_swaps_the_buffer_and_frees_the_old_one() {
    let mut packet = tone();
    let old = packet.plane_buffer(0).unwrap();
    packet.set_plane(0, Buffer::zeroed(64), 32).unwrap();
    assert!(old.is_unique());
    assert_eq!(packet.plane(0).unwrap().len(), 32);
    assert_eq!(packet.set_plane(1, Buffer::zeroed(1), 1), Err(PacketError::Bounds(1)));
    assert_eq!(packet.set_plane(0, Buffer::zeroed(1), 2), Err(PacketError::Bounds(0)));
}
