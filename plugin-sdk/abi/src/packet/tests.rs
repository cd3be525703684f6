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

/// 2^31 frames of 2^31 channels of four bytes are 2^64 bytes, which is 0 in 64 bits.
#[test]
fn sound_of_more_bytes_than_numbers_can_tell_is_refused() {
    let mut packet = tone();
    let raw = packet.as_raw_mut();
    // SAFETY: the packet is ours.
    let payload = unsafe { &mut (*raw).u };
    // SAFETY: it is an audio packet.
    let audio = unsafe { &mut payload.audio };
    (audio.frames, audio.channels) = (1 << 31, 1 << 31);
    // SAFETY: the packet is ours and owns its buffer.
    assert_eq!(unsafe { Packet::take_raw(raw) }.unwrap_err(), PacketError::Shape);
    let endless = AudioHeader::f32(48_000, u32::MAX, u32::MAX);
    assert_eq!(endless.byte_len(), u64::MAX);
    assert_eq!(Packet::from_audio(endless, Buffer::zeroed(32)).unwrap_err(), PacketError::Shape);
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
fn move_to_takes_the_content_along_and_leaves_an_outline_without_bytes() {
    let (mut packet, mut target) = (tone(), Packet::from_text("is dropped").unwrap());
    let (old, header) = (target.plane_buffer(0).unwrap(), std::format!("{:?}", packet.header()));
    packet.move_to(&mut target);
    assert!(old.is_unique(), "what the target held is given back");
    assert!(target.samples_mut::<f32>().is_ok(), "the content has one owner");
    assert!(packet.plane(0).is_none() && packet.outline().header().is_some());
    assert_eq!(std::format!("{:?}", packet.header()), header);
}

#[test]
fn packet_that_is_refused_leaves_the_place_for_it_empty_and_its_bytes_to_their_owner() {
    let (mut packet, mut target) = (tone(), Packet::from_text("is dropped").unwrap());
    packet.0.flags = 1 << 31;
    let raw = packet.as_raw_mut();
    // SAFETY: the packet is ours, and its pointers are live.
    let taken = unsafe { Packet::take_raw_into(raw, &mut target) };
    assert_eq!(taken, Err(PacketError::Flags(1 << 31)));
    assert!(target.is_empty() && target.plane(0).is_none());
    assert!(packet.samples_mut::<f32>().is_ok(), "the bytes have one owner");
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

/// A picture whose planes are as long as `planes` says, with these strides.
fn picture<const N: usize>(pixel: u32, size: (u32, u32), planes: [(usize, i32); N]) -> Result<Packet, PacketError> {
    let header = VideoHeader { pixel, width: size.0, height: size.1 };
    Packet::from_video(header, planes.map(|(len, stride)| (Buffer::zeroed(len), stride)))
}

/// Has the other side hand over a packet that was changed on its way.
fn handed_over(mut packet: Packet, change: impl FnOnce(&mut gm_packet)) -> Result<Packet, PacketError> {
    change(&mut packet.0);
    let raw = packet.as_raw_mut();
    // SAFETY: the packet is ours, and no pointer in it was changed.
    unsafe { Packet::take_raw(raw) }
}

#[test]
fn pictures_fill_their_planes_to_the_last_byte_and_not_beyond() {
    fn check<const N: usize>(pixel: u32, size: (u32, u32), planes: [(usize, i32); N]) {
        let whole = picture(pixel, size, planes).unwrap();
        assert!(handed_over(whole, |_| {}).is_ok(), "{pixel} {size:?} {planes:?}");
        for at in 0..N {
            let mut short = planes;
            short[at].0 -= 1;
            assert_eq!(picture(pixel, size, short).unwrap_err(), PacketError::Shape, "{pixel} {size:?} {short:?}");
            let whole = picture(pixel, size, planes).unwrap();
            let taken = handed_over(whole, |raw| raw.planes[at].len -= 1);
            assert_eq!(taken.unwrap_err(), PacketError::Shape, "{pixel} {size:?} plane {at}");
        }
    }
    check(GM_PIXEL_RGB8, (5, 3), [(45, 15)]);
    check(GM_PIXEL_RGBA8, (5, 3), [(60, 20)]);
    check(GM_PIXEL_GRAY8, (5, 3), [(15, 5)]);
    check(GM_PIXEL_I420, (5, 3), [(15, 5), (6, 3), (6, 3)]);
    check(GM_PIXEL_NV12, (5, 3), [(15, 5), (12, 6)]);
    // The last line needs no padding behind it.
    check(GM_PIXEL_RGB8, (5, 3), [(2 * 64 + 15, 64)]);
    check(GM_PIXEL_NV12, (6, 4), [(3 * 16 + 6, 16), (32 + 6, 32)]);
}

#[test]
fn lines_of_a_picture_neither_overlap_nor_run_backwards() {
    for stride in [4, 0, -5, i32::MIN] {
        assert_eq!(picture(GM_PIXEL_GRAY8, (5, 3), [(64, stride)]).unwrap_err(), PacketError::Shape, "{stride}");
        let taken =
            handed_over(picture(GM_PIXEL_GRAY8, (5, 3), [(64, 5)]).unwrap(), |raw| raw.planes[0].stride = stride);
        assert_eq!(taken.unwrap_err(), PacketError::Shape, "{stride}");
    }
    assert_eq!(picture(GM_PIXEL_NV12, (5, 3), [(15, 5), (64, 5)]).unwrap_err(), PacketError::Shape, "odd width");
    let large = handed_over(picture(GM_PIXEL_RGBA8, (5, 3), [(64, 20)]).unwrap(), |raw| {
        raw.u.video = gm_video { pixel: GM_PIXEL_RGBA8, width: u32::MAX, height: u32::MAX, ..video_of(raw) };
        raw.planes[0].stride = i32::MAX;
    });
    assert_eq!(large.unwrap_err(), PacketError::Shape);
}

fn video_of(raw: &gm_packet) -> gm_video {
    // SAFETY: every member of the union is plain numbers, and the whole union is always initialised.
    unsafe { raw.u.video }
}

#[test]
fn stride_of_a_single_line_does_not_count() {
    for stride in [0, 1, i32::MAX] {
        assert!(picture(GM_PIXEL_RGB8, (5, 1), [(15, stride)]).is_ok(), "{stride}");
        assert!(picture(GM_PIXEL_I420, (1, 1), [(1, stride), (1, stride), (1, stride)]).is_ok(), "{stride}");
    }
    assert_eq!(picture(GM_PIXEL_RGB8, (5, 1), [(14, 0)]).unwrap_err(), PacketError::Shape);
    assert_eq!(picture(GM_PIXEL_RGB8, (5, 1), [(15, -1)]).unwrap_err(), PacketError::Shape);
    assert!(picture(GM_PIXEL_RGB8, (0, 0), [(0, 0)]).is_ok());
}

#[test]
fn tensor_of_more_than_eight_dimensions_is_refused() {
    let shape = TensorHeader { ndim: 9, ..TensorHeader::dense(GM_DTYPE_FLOAT, 32, &[1, 2]).unwrap() };
    assert_eq!(shape.byte_len(), None);
    assert_eq!(Packet::from_tensor(shape, Buffer::zeroed(1 << 10)).unwrap_err(), PacketError::Shape);
    let eight = TensorHeader::dense(GM_DTYPE_FLOAT, 32, &[1; 8]).unwrap();
    assert!(Packet::from_tensor(eight, Buffer::zeroed(4)).is_ok());
}

#[test]
fn planar_channels_lie_inside_their_plane() {
    let header = AudioHeader { planar: true, ..AudioHeader::f32(48_000, 3, 4) };
    let planar = |len: usize| Packet::from_audio(header, Buffer::zeroed(len));
    assert_eq!(planar(47).unwrap_err(), PacketError::Shape);
    let with_stride = |len: usize, stride: i32| handed_over(planar(len).unwrap(), |raw| raw.planes[0].stride = stride);
    assert_eq!(with_stride(48, 16).unwrap().samples::<f32>().unwrap().len(), 12);
    for (len, stride) in [(48, 15), (48, 0), (48, -16), (48, 17), (48, i32::MAX), (79, 32)] {
        assert_eq!(with_stride(len, stride).unwrap_err(), PacketError::Shape, "{len} {stride}");
    }
    let padded = with_stride(80, 32).unwrap();
    assert_eq!(padded.samples::<f32>().unwrap_err(), PacketError::Shape, "gaps are no samples");
    let mono = AudioHeader { channels: 1, ..header };
    let mono = handed_over(Packet::from_audio(mono, Buffer::zeroed(16)).unwrap(), |raw| raw.planes[0].stride = 0);
    assert_eq!(mono.unwrap().samples::<f32>().unwrap().len(), 4);
}

#[test]
fn name_of_an_event_is_read_without_its_content() {
    let event = Packet::from_event("speech.segment", 3, Buffer::copy_from_slice(b"\xff")).unwrap();
    assert_eq!(event.event(), None, "the content is not UTF-8");
    assert_eq!(event.event_name(), Some(("speech.segment", 3)));
    assert_eq!(tone().event_name(), None);
    let mut broken = event;
    broken.0.u.event.name_len = 81;
    assert_eq!(broken.event_name(), None);
}

#[test]
fn cleared_packet_has_given_its_buffers_back() {
    let mut packet = tone();
    let buffer = packet.plane_buffer(0).unwrap();
    packet.clear();
    assert!(buffer.is_unique());
    assert_eq!((packet.is_empty(), packet.n_planes(), packet.plane(0)), (true, 0, None));
}

#[test]
fn header_and_bytes_make_the_same_packet_again() {
    let video = VideoHeader { pixel: GM_PIXEL_NV12, width: 4, height: 2 };
    let shape = TensorHeader::dense(GM_DTYPE_FLOAT, 32, &[1, 3, 2]).unwrap();
    let packets = [
        tone(),
        Packet::from_video(video, [(Buffer::zeroed(16), 8), (Buffer::zeroed(8), 8)]).unwrap(),
        Packet::from_tensor(shape, Buffer::zeroed(24)).unwrap(),
        Packet::from_text("gr\u{fc}n").unwrap(),
        Packet::from_event("speech.segment", 3, Buffer::copy_from_slice(b"{}")).unwrap(),
        Packet::from_bytes("image/png", Buffer::zeroed(3)).unwrap(),
    ];
    for mut packet in packets {
        packet.set_seq(7);
        packet.set_stream_id(8);
        packet.set_pts_ns(Some(-9));
        packet.set_discontinuity();
        packet.0.side = Buffer::copy_from_slice(b"[1]").into_raw();
        let header = packet.header().unwrap();
        let planes = (0..packet.n_planes()).map(|index| packet.plane_buffer(index).unwrap());
        let again = Packet::from_parts(&header, planes, packet.side()).unwrap();
        assert_eq!(std::format!("{:?}", again.header().unwrap()), std::format!("{header:?}"));
        assert_eq!(again.kind(), Some(header.shape.kind()));
        assert_eq!(again.side().unwrap().as_slice(), b"[1]");
        for index in 0..MAX_PLANES {
            assert_eq!(again.plane(index), packet.plane(index));
        }
    }
    assert!(Packet::default().header().is_none() && Packet::default().side().is_none());
}

#[test]
fn side_data_goes_with_the_packet_and_is_freed_with_it() {
    let mut packet = tone();
    let (first, second) = (Buffer::copy_from_slice(b"[1]"), Buffer::copy_from_slice(b"[2]"));
    packet.set_side(Some(first.clone()));
    assert_eq!(packet.clone().side().unwrap().as_slice(), b"[1]");
    packet.set_side(Some(second.clone()));
    assert!(first.is_unique(), "what was there before is given back");
    drop(packet.take());
    assert!(second.is_unique() && packet.side().is_none());
    packet.set_side(None);
    assert!(packet.side().is_none());
}

#[test]
fn outline_tells_what_a_packet_was_and_keeps_nothing_alive() {
    let mut packet = tone();
    packet.set_seq(7);
    let header = std::format!("{:?}", packet.header().unwrap());
    let buffer = packet.plane_buffer(0).unwrap();
    let outline = packet.outline();
    drop(packet);
    assert!(buffer.is_unique(), "the outline holds no reference");
    drop(buffer);
    assert_eq!(std::format!("{:?}", outline.header().unwrap()), header);
    assert!(std::format!("{outline:?}").contains("seq: 7"));
    assert!(Packet::default().outline().header().is_none());
}

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let refuse = |change: fn(&mut PacketHeader), planes: &[usize], want: PacketError| {
        let mut header = tone().header().unwrap();
        change(&mut header);
        let planes = planes.iter().map(|&len| Buffer::zeroed(len));
        assert_eq!(Packet::from_parts(&header, planes, None).unwrap_err(), want);
    };
    refuse(|_| {}, &[], PacketError::Planes(1));
    refuse(|_| {}, &[32, 1], PacketError::Planes(1));
    refuse(|h| h.n_planes = 9, &[32; 9], PacketError::Planes(9));
    refuse(|_| {}, &[31], PacketError::Bounds(0));
    refuse(|h| h.planes[0].len = 31, &[31], PacketError::Shape);
    refuse(|h| h.flags = 1 << 31, &[32], PacketError::Flags(1 << 31));
}

#[test]
fn what_is_left_in_a_packet_may_lack_planes_and_nothing_else() {
    let mut packet = Packet::from_bytes("image/png", Buffer::zeroed(8)).unwrap();
    assert_eq!(packet.check_rest(), Ok(()));
    let taken = std::mem::replace(&mut packet.0.planes[0].buf, ptr::null_mut());
    assert_eq!(packet.check_rest(), Ok(()), "the plane was taken");
    packet.0.planes[0].buf = taken;
    packet.0.planes[0].len = 9;
    assert_eq!(packet.check_rest(), Err(PacketError::Bounds(0)));
    packet.0.n_planes = 5;
    assert_eq!(packet.check_rest(), Err(PacketError::Planes(5)));
    packet.0.u.bytes.media_type_len = 4000;
    assert_eq!(packet.check_rest(), Err(PacketError::Shape));
    packet.0.kind = 77;
    assert_eq!(packet.check_rest(), Err(PacketError::Kind(77)));
    packet.0.struct_size = 0;
    assert_eq!(packet.check_rest(), Err(PacketError::Pointer));
    assert_eq!(Packet::EMPTY.check_rest(), Ok(()));
}

#[test]
fn emptied_packet_tells_its_old_numbers_again_and_holds_nothing() {
    let buffer = Buffer::copy_from_slice(b"abc");
    let mut packet = Packet::from_bytes("text/x", buffer.clone()).unwrap();
    packet.set_seq(7);
    packet.set_pts_ns(Some(9));
    let (numbers, header) = (packet.numbers(), packet.header().unwrap());
    let other = packet.take();
    packet.set_seq(8);
    packet.clear_but_for(numbers);
    assert_eq!(std::format!("{:?}", packet.header().unwrap()), std::format!("{header:?}"));
    assert!(packet.plane(0).is_none());
    packet.clear();
    assert!(packet.is_empty() && packet.header().is_none());
    drop(other);
    assert!(buffer.is_unique(), "nothing is kept alive");
}
