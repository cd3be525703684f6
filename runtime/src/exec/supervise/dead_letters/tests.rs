use super::*;
use graphmill_abi::{Buffer, Packet};
use graphmill_dead_letters::Reason;
use proptest::prelude::*;

fn letter(seq: u64, len: usize) -> DeadLetter {
    let mut packet = Packet::from_bytes("image/png", Buffer::zeroed(len)).unwrap();
    packet.set_seq(seq);
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

fn seqs(store: &DeadLetters) -> Vec<u64> {
    store.iter().map(|letter| letter.header.seq).collect()
}

#[test]
fn oldest_letter_makes_room_and_is_counted() {
    let mut store = DeadLetters::new(DeadLetterLimits { entries_max: 2, bytes_max: 1 << 20 });
    assert!(store.is_empty());
    for seq in 0..5 {
        store.push(letter(seq, 10));
    }
    assert_eq!(seqs(&store), [3, 4]);
    assert_eq!((store.len(), store.is_empty(), store.received(), store.evicted()), (2, false, 5, 3));
    assert_eq!(store.bytes(), store.iter().map(DeadLetter::byte_len).sum::<u64>());
    assert_eq!(store.take().len(), 2);
    assert_eq!((store.bytes(), store.len(), store.received(), store.evicted()), (0, 0, 5, 3));
}

#[test]
fn store_holds_no_more_bytes_than_its_limit_and_uses_all_of_it() {
    let each = letter(0, 1_000).byte_len();
    let mut store = DeadLetters::new(DeadLetterLimits { entries_max: 100, bytes_max: 3 * each });
    (0..3).for_each(|seq| store.push(letter(seq, 1_000)));
    assert_eq!((seqs(&store), store.bytes()), (vec![0, 1, 2], 3 * each));
    store.push(letter(3, 1_001));
    assert_eq!((seqs(&store), store.evicted()), (vec![2, 3], 2));
}

#[test]
fn payload_larger_than_the_store_goes_and_its_header_stays() {
    let bytes_max = letter(0, 1_000).byte_len();
    let mut store = DeadLetters::new(DeadLetterLimits { entries_max: 9, bytes_max });
    store.push(letter(1, 1_000));
    assert_eq!((store.payloads_dropped(), store.evicted()), (0, 0));
    store.push(letter(2, 1_001));
    assert_eq!((seqs(&store), store.payloads_dropped(), store.evicted()), (vec![2], 1, 1));
    let kept = store.iter().next().unwrap();
    assert!(kept.packet.is_none());
    assert_eq!(kept.header.planes[0].len, 1_001);
}

#[test]
fn store_without_room_counts_what_it_cannot_keep() {
    for limits in [(0, 1 << 20), (9, 0)] {
        let mut store = DeadLetters::new(DeadLetterLimits { entries_max: limits.0, bytes_max: limits.1 });
        store.push(DeadLetter { packet: None, ..letter(1, 10) });
        assert_eq!((store.len(), store.bytes(), store.received(), store.evicted()), (0, 0, 1, 1));
        assert_eq!(store.payloads_dropped(), 0);
    }
}

#[test]
fn long_message_is_cut_between_characters() {
    let mut store = DeadLetters::new(DeadLetterLimits::default());
    let mut long = letter(0, 0);
    long.reason.message = format!("x{}", "\u{fc}".repeat(4_000));
    store.push(long);
    assert_eq!(store.iter().next().unwrap().reason.message.len(), MESSAGE_LEN_MAX - 1);
}

proptest! {
    #[test]
    fn store_never_exceeds_its_limits(
        entries_max in 0_u32..5, bytes_max in 0_u64..6_000, lens in proptest::collection::vec(0_usize..3_000, 0..30),
    ) {
        let limits = DeadLetterLimits { entries_max, bytes_max };
        let mut store = DeadLetters::new(limits);
        for (seq, len) in (0..).zip(lens) {
            store.push(letter(seq, len));
            prop_assert!(store.bytes() <= bytes_max && store.len() <= usize::try_from(entries_max).expect("small"));
            prop_assert_eq!(store.received(), store.evicted() + u64::try_from(store.len()).expect("small"));
        }
    }
}
