use super::format::{Checksum, Frame, HEADER_LEN_MAX, MAGIC, VERSION};
use super::*;
use graphmill_abi::layout::{GM_DTYPE_FLOAT, GM_PIXEL_NV12};
use graphmill_abi::{AudioHeader, Buffer, MAX_PLANES, Packet, TensorHeader, VideoHeader};
use proptest::prelude::*;

/// Bytes before the first letter: the magic, the version and the number of letters.
const START_LEN: usize = 8 + 4 + 4;
/// Bytes of a letter before its header: two lengths and a checksum.
const FRAME_LEN: usize = 4 + 8 + 8;

fn letter_with(packet: Packet) -> DeadLetter {
    DeadLetter {
        node: "denoise".into(),
        kind: "rnnoise".into(),
        pin: "in".into(),
        reason: Reason { operation: "process".into(), message: "it \"panicked\"\nat line 3".into() },
        attempts: 2,
        at_ns: -7,
        header: packet.header().expect("a packet with content"),
        packet: Some(packet),
    }
}

fn letter(seq: u64, len: usize) -> DeadLetter {
    let mut packet = Packet::from_bytes("image/png", Buffer::zeroed(len)).unwrap();
    packet.set_seq(seq);
    letter_with(packet)
}

/// One letter of each kind of packet, one of them without its payload.
fn all_kinds() -> Vec<DeadLetter> {
    let video = VideoHeader { pixel: GM_PIXEL_NV12, width: 4, height: 2 };
    let shape = TensorHeader::dense(GM_DTYPE_FLOAT, 32, &[1, 3, 2]).unwrap();
    let mut audio = Packet::from_audio(AudioHeader::f32(48_000, 2, 4), Buffer::zeroed(32)).unwrap();
    audio.samples_mut::<f32>().unwrap().copy_from_slice(&[0.5, -0.5, f32::NAN, 1.0, 0.0, -0.0, 2.0, 3.0]);
    audio.set_seq(u64::MAX);
    audio.set_stream_id(5);
    audio.set_pts_ns(Some(i64::MAX));
    audio.set_duration_ns(Some(1));
    audio.set_discontinuity();
    let planes = [(Buffer::copy_from_slice(&[1; 16]), 8), (Buffer::copy_from_slice(&[2; 8]), 8)];
    let event = Packet::from_event("speech.segment", 3, Buffer::copy_from_slice(b"{}")).unwrap();
    let parts = event.header().unwrap();
    let with_side = Packet::from_parts(&parts, event.plane_buffer(0), Some(Buffer::copy_from_slice(b"[1]"))).unwrap();
    let mut letters: Vec<DeadLetter> = [
        audio,
        Packet::from_video(video, planes).unwrap(),
        Packet::from_tensor(shape, Buffer::zeroed(24)).unwrap(),
        Packet::from_text("gr\u{fc}n").unwrap(),
        with_side,
        Packet::from_bytes("image/png", Buffer::zeroed(0)).unwrap(),
    ]
    .map(letter_with)
    .into();
    letters.push(DeadLetter { packet: None, ..letter(9, 1_000) });
    letters
}

fn write(letters: &[DeadLetter]) -> Vec<u8> {
    let mut file = Vec::new();
    write_dead_letters(letters, &mut file).unwrap();
    file
}

fn read(file: &[u8]) -> Result<Vec<DeadLetter>, DeadLetterFileError> {
    read_dead_letters(&mut &*file, &DeadLetterLimits::default())
}

/// A letter as text, payload included.
fn show(letter: &DeadLetter) -> String {
    let packet = letter.packet.as_ref();
    let planes = packet.map(|packet| (0..MAX_PLANES).map(|index| packet.plane(index)).collect::<Vec<_>>());
    let side = packet.and_then(Packet::side).map(|side| side.to_vec());
    format!("{letter:?} {planes:?} {side:?} {:?}", packet.and_then(Packet::header))
}

#[test]
fn bytes_are_those_that_a_letter_keeps_alive() {
    let bare = DeadLetter { packet: None, ..letter(0, 0) };
    let text = "denoise".len() + "rnnoise".len() + "in".len() + "process".len() + bare.reason.message.len();
    assert_eq!(bare.byte_len(), u64::try_from(size_of::<DeadLetter>() + text).unwrap());
    assert_eq!(letter(0, 777).byte_len(), bare.byte_len() + 777);
    let event = &all_kinds()[4];
    let without = DeadLetter { packet: None, ..event.clone() };
    assert_eq!(event.byte_len(), without.byte_len() + 5, "side data counts");
}

#[test]
fn what_was_saved_is_read_again() {
    let letters = all_kinds();
    let again = read(&write(&letters)).unwrap();
    assert_eq!(again.iter().map(show).collect::<Vec<_>>(), letters.iter().map(show).collect::<Vec<_>>());
    assert!(read(&write(&[])).unwrap().is_empty());
}

#[test]
fn letter_that_fills_every_bound_is_read_again() {
    let mut worst = letter(1, 10);
    worst.reason.message = "\u{1}".repeat(MESSAGE_LEN_MAX);
    let again = read(&write(std::slice::from_ref(&worst))).unwrap();
    assert_eq!(again[0].reason.message, worst.reason.message);
}

/// Whether a test tries this place of a file of two letters, the second of which begins at `second`: all outside Miri,
/// which takes a tenth of a second for each. There the bytes in front of the JSON, those around its ends, and every 41st.
fn is_tried(at: usize, second: usize) -> bool {
    let is_near = |start: usize| at + 8 >= start && at < start + FRAME_LEN + 2;
    !cfg!(miri) || at < START_LEN || is_near(START_LEN) || is_near(second) || at.is_multiple_of(41)
}

#[test]
fn every_cut_and_every_changed_byte_is_noticed() {
    let second = write(&[letter(1, 5)]).len();
    let file = write(&[letter(1, 5), letter(2, 0)]);
    let places = || (0..file.len()).filter(|at| is_tried(*at, second) || at + 2 >= file.len());
    for len in places() {
        let error = read(&file[..len]).unwrap_err();
        assert!(matches!(error, DeadLetterFileError::Truncated { .. }), "cut at {len}: {error}");
    }
    for at in places() {
        let mut damaged = file.clone();
        damaged[at] ^= 0x20;
        assert!(read(&damaged).is_err(), "byte {at} was changed");
    }
    let longer = [&*file, b"x"].concat();
    assert!(matches!(read(&longer).unwrap_err(), DeadLetterFileError::TrailingBytes));
}

/// A file with one letter whose header and body are these, with a checksum that fits.
fn forge(header: &str, body: &[u8]) -> Vec<u8> {
    let (header_len, body_len) = (u32::try_from(header.len()).unwrap(), u64::try_from(body.len()).unwrap());
    let Checksum(checksum) = Frame::new(header_len, body_len).checksum().add(header.as_bytes()).add(body);
    let start = [&MAGIC[..], &VERSION.to_le_bytes(), &1_u32.to_le_bytes()].concat();
    let frame = [&header_len.to_le_bytes()[..], &body_len.to_le_bytes(), &checksum.to_le_bytes()].concat();
    [&*start, &frame, header.as_bytes(), body].concat()
}

/// The JSON header of the first letter in a file.
fn header_of(letter: &DeadLetter) -> String {
    serde_json::to_string(&record::Record::of(letter).unwrap().0).unwrap()
}

#[test]
fn each_fault_of_a_file_is_named() {
    let check = |file: &[u8], want: &str| assert_eq!(read(file).unwrap_err().to_string(), want);
    let good = header_of(&letter(1, 5));
    assert_eq!(read(&forge(&good, &[0; 5])).unwrap().len(), 1, "the forger forges well");
    check(b"RIFF....WAVEfmt ", "this is not a file of dead letters: it begins with other bytes");
    check(b"short", "the file of dead letters ends within letter 0; it was cut short");
    let mut version = forge(&good, &[0; 5]);
    version[8] = 2;
    check(&version, "the file of dead letters has version 2; this program reads version 1");
    let mut damaged = forge(&good, &[0; 5]);
    *damaged.last_mut().unwrap() = 1;
    check(&damaged, "the checksum of dead letter 1 does not match; the file is damaged");
    check(&forge(&good, &[0; 6]), "dead letter 1 has 6 bytes, but its header speaks of 5");
    let shape = header_of(&all_kinds()[0]).replace("\"rate_hz\":48000", "\"rate_hz\":0");
    check(
        &forge(&shape, &[0; 32]),
        "dead letter 1 does not hold a usable packet: shape in the packet header is impossible or does not fit the bytes",
    );
    let unknown = read(&forge(&good.replace("\"pin\"", "\"pim\""), &[0; 5])).unwrap_err().to_string();
    assert!(unknown.starts_with("the header of dead letter 1 cannot be read: unknown field `pim`"), "{unknown}");
    let plane = r#"{"len":5,"stride":0}"#;
    let planes = good.replace(plane, &[plane; 5].join(","));
    check(
        &forge(&planes, &[0; 25]),
        "dead letter 1 does not hold a usable packet: packet has an impossible set of planes (count 5, at most 4)",
    );
}

#[test]
fn call_that_only_a_later_version_knows_is_read_by_its_name() {
    let later = header_of(&letter(1, 5)).replace("\"process\"", "\"foresee\"");
    assert_eq!(read(&forge(&later, &[0; 5])).unwrap()[0].reason.operation, "foresee");
}

#[test]
fn four_planes_without_payload_are_within_the_bounds() {
    let plane = r#"{"len":5,"stride":0}"#;
    let header = header_of(&DeadLetter { packet: None, ..letter(1, 5) }).replace(plane, &[plane; 4].join(","));
    assert_eq!(read(&forge(&header, &[])).unwrap()[0].header.n_planes, 4);
}

#[test]
fn limits_hold_for_files_too() {
    let file = write(&[letter(1, 60), letter(2, 40)]);
    let read_within = |entries_max, bytes_max| {
        let limits = DeadLetterLimits { entries_max, bytes_max };
        read_dead_letters(&mut &*file, &limits).map(|letters| letters.len()).map_err(|error| error.to_string())
    };
    assert_eq!(read_within(2, 100), Ok(2));
    assert_eq!(read_within(1, 100).unwrap_err(), "number of the dead letters is 2, above the limit of 1");
    assert_eq!(read_within(2, 99).unwrap_err(), "size of the dead letters is 100, above the limit of 99");
}

#[test]
fn header_beyond_its_bound_is_neither_written_nor_read() {
    let spaces = |len: usize| {
        let good = header_of(&letter(1, 0));
        let padding = " ".repeat(len - good.len());
        forge(&format!("{good}{padding}"), &[])
    };
    let max = usize::try_from(HEADER_LEN_MAX).unwrap();
    assert_eq!(read(&spaces(max)).unwrap().len(), 1);
    let want = "header of the dead letters is 65537, above the limit of 65536";
    assert_eq!(read(&spaces(max + 1)).unwrap_err().to_string(), want);
    let mut wide = letter(1, 0);
    wide.node = String::new();
    wide.node = "n".repeat(max - header_of(&wide).len());
    assert_eq!(read(&write(std::slice::from_ref(&wide))).unwrap().len(), 1);
    wide.node.push('n');
    let error = write_dead_letters([&wide], &mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), want);
}

#[test]
fn reader_gives_the_letters_before_the_damage_then_the_error_then_nothing() {
    let file = write(&[letter(1, 5), letter(2, 5), letter(3, 5)]);
    let seq = |letter: Result<DeadLetter, DeadLetterFileError>| {
        letter.map(|letter| letter.header.seq).map_err(|error| error.to_string())
    };
    let seqs = |file: &[u8]| {
        let reader = DeadLetterReader::new(file, &DeadLetterLimits::default()).unwrap();
        // More asked for than there can be: after its end a reader gives nothing, whatever follows in the file.
        let mut reader = reader.map(seq);
        std::array::from_fn::<_, 5, _>(|_| reader.next())
    };
    assert_eq!(seqs(&file), [Some(Ok(1)), Some(Ok(2)), Some(Ok(3)), None, None]);
    let cut = Err("the file of dead letters ends within letter 3; it was cut short".to_owned());
    assert_eq!(seqs(&file[..file.len() - 1]), [Some(Ok(1)), Some(Ok(2)), Some(cut), None, None]);
    let mut damaged = file.clone();
    damaged[file.len() / 2] ^= 1;
    let found = Err("the checksum of dead letter 2 does not match; the file is damaged".to_owned());
    assert_eq!(seqs(&damaged), [Some(Ok(1)), Some(found), None, None, None]);
    let behind = Err("there are bytes behind the last dead letter; the file is damaged".to_owned());
    assert_eq!(seqs(&[&*file, b"xx"].concat()), [Some(Ok(1)), Some(Ok(2)), Some(Ok(3)), Some(behind), None]);
}

#[test]
fn claimed_sizes_alone_allocate_nothing() {
    let mut file = [&MAGIC[..], &VERSION.to_le_bytes(), &u32::MAX.to_le_bytes()].concat();
    file.extend(10_u32.to_le_bytes());
    file.extend((1_u64 << 50).to_le_bytes());
    file.extend([0; 30]);
    let limits = DeadLetterLimits { entries_max: u32::MAX, bytes_max: u64::MAX };
    let error = read_dead_letters(&mut &*file, &limits).unwrap_err();
    assert!(matches!(error, DeadLetterFileError::Truncated { letter: 1 }), "{error}");
}

#[test]
fn failing_disk_is_an_error_of_its_own() {
    struct Broken;
    impl std::io::Write for Broken {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::from(std::io::ErrorKind::StorageFull))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::from(std::io::ErrorKind::PermissionDenied))
        }
    }
    let written = write_dead_letters(&all_kinds(), &mut Broken).unwrap_err();
    assert!(matches!(written, DeadLetterFileError::Io(_)));
    let read = read_dead_letters(&mut Broken, &DeadLetterLimits::default()).unwrap_err();
    assert!(matches!(read, DeadLetterFileError::Io(_)));
}

#[test]
fn checksum_is_the_published_one() {
    let start = Checksum(0xCBF2_9CE4_8422_2325);
    assert_eq!(start.add(b"foobar"), Checksum(0x8594_4171_F739_67E8));
}

proptest! {
    #[test]
    fn garbage_is_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(read(&bytes).is_err());
        let after_magic = [&MAGIC[..], &VERSION.to_le_bytes(), &bytes].concat();
        // Only a file that says that it holds nothing is good.
        prop_assert!(read(&after_magic).is_err() || bytes == [0; 4]);
    }

    #[test]
    fn damaged_headers_behind_a_good_checksum_never_panic(
        kind in 0_usize..7, at: prop::sample::Index, with in "[0-9a-z\":,{}\\[\\]-]{0,6}", body_len in 0_usize..64,
    ) {
        let mut header = header_of(&all_kinds()[kind]);
        let at = header.floor_char_boundary(at.index(header.len()));
        let end = header.ceil_char_boundary((at + with.len()).min(header.len()));
        header.replace_range(at..end, &with);
        for body in [vec![0; body_len], vec![0; 32], vec![0; 24]] {
            // Most are refused; what is accepted can be saved again.
            if let Ok(letters) = read(&forge(&header, &body)) {
                prop_assert!(read(&write(&letters)).is_ok());
            }
        }
    }
}
