use super::*;
use std::thread;

fn link(capacity: usize, when_full: WhenFull) -> Link {
    Link::new("a.out -> b.in".to_string(), capacity, when_full, [Arc::default(), Arc::default()])
}

fn numbered(seq: u64) -> Box<Packet> {
    let mut packet = Packet::from_text("x").unwrap();
    packet.set_seq(seq);
    Box::new(packet)
}

fn send_all(link: &Link, seqs: std::ops::Range<u64>) -> Vec<Sent> {
    seqs.map(|seq| link.try_send(&mut numbered(seq))).collect()
}

fn take_all(link: &Link) -> Vec<u64> {
    let mut packet = Box::default();
    std::iter::from_fn(|| link.take(&mut packet).then(|| packet.seq())).collect()
}

const LONG: Duration = Duration::from_secs(3600);

#[test]
fn full_link_with_drop_oldest_keeps_the_newest_packets() {
    let link = link(3, WhenFull::DropOldest);
    assert_eq!(send_all(&link, 0..5), [Sent::Queued, Sent::Queued, Sent::Queued, Sent::Dropped, Sent::Dropped]);
    assert_eq!(take_all(&link), [2, 3, 4]);
    assert_eq!(link.counters.dropped_for(DropReason::Oldest), 2);
}

#[test]
fn full_link_with_drop_newest_keeps_the_oldest_packets() {
    let link = link(3, WhenFull::DropNewest);
    send_all(&link, 0..5);
    assert_eq!(take_all(&link), [0, 1, 2]);
    assert_eq!(link.counters.dropped_for(DropReason::Newest), 2);
}

#[test]
fn full_link_with_block_or_fail_gives_the_packet_back_untouched() {
    for when_full in [WhenFull::Block, WhenFull::Fail] {
        let link = link(1, when_full);
        send_all(&link, 0..1);
        let mut second = numbered(1);
        assert_eq!(link.try_send(&mut second), Sent::Full);
        assert_eq!((second.seq(), second.as_text()), (1, Some("x")));
        assert_eq!(DropReason::ALL.map(|reason| link.counters.dropped_for(reason)), [0; 6]);
    }
}

#[test]
fn boxes_come_back_to_the_producer() {
    for when_full in [WhenFull::Block, WhenFull::DropOldest, WhenFull::DropNewest] {
        let link = link(2, when_full);
        let (mut sent, mut taken) = (Box::<Packet>::default(), Box::default());
        let mut places = Vec::new();
        for seq in 0..30 {
            *sent = *numbered(seq);
            places.push(std::ptr::from_ref::<Packet>(&sent));
            if link.try_send(&mut sent) == Sent::Full || seq % 3 == 0 {
                assert!(link.take(&mut taken) && taken.as_text() == Some("x"));
            }
        }
        places.sort_unstable();
        places.dedup();
        assert!(places.len() <= 5, "{when_full:?}: two on the link, two in hand, one spare: {}", places.len());
    }
}

#[test]
fn closed_link_drops_what_waits_and_what_comes_and_counts_both() {
    let link = link(4, WhenFull::Block);
    send_all(&link, 0..3);
    link.close(DropReason::Closed);
    assert_eq!(send_all(&link, 3..5), [Sent::Dropped, Sent::Dropped]);
    assert_eq!(link.counters.dropped_for(DropReason::Closed), 5);
    assert_eq!(take_all(&link), [0_u64; 0]);
}

#[test]
fn end_is_seen_only_after_the_last_packet_was_taken() {
    let link = link(4, WhenFull::Block);
    send_all(&link, 0..2);
    link.end();
    assert!(!link.is_finished());
    take_all(&link);
    assert!(link.is_finished());
}

#[test]
fn blocked_send_gives_up_when_the_consumer_takes_nothing() {
    let link = link(2, WhenFull::Block);
    send_all(&link, 0..2);
    let mut third = numbered(2);
    let error =
        link.send(&mut third, Duration::from_millis(5), &AtomicBool::new(false), &CallTimer::off()).unwrap_err();
    assert!(matches!(error, SendError::TimedOut(waited) if waited >= Duration::from_millis(5)));
    assert_eq!(third.seq(), 2);
}

#[test]
fn blocked_send_ends_when_the_session_stops() {
    let link = Arc::new(link(1, WhenFull::Block));
    let stop = Arc::new(AtomicBool::new(false));
    send_all(&link, 0..1);
    let sender = {
        let (link, stop) = (link.clone(), stop.clone());
        thread::spawn(move || link.send(&mut numbered(1), LONG, &stop, &CallTimer::off()))
    };
    stop.store(true, Ordering::Release);
    link.producer.ring();
    assert_eq!(sender.join().unwrap(), Err(SendError::Stopped));
}

#[test]
fn every_packet_arrives_once_and_in_order_whatever_the_capacity() {
    const PACKETS: u64 = 20_000;
    for capacity in [1, 2, 3, 64] {
        let link = Arc::new(link(capacity, WhenFull::Block));
        let sender = {
            let link = link.clone();
            thread::spawn(move || {
                let stop = AtomicBool::new(false);
                for seq in 0..PACKETS {
                    link.send(&mut numbered(seq), LONG, &stop, &CallTimer::off()).unwrap();
                }
                link.end();
            })
        };
        let (mut next, mut packet) = (0, Box::default());
        while !link.is_finished() {
            link.consumer.sleep_unless(|_| link.has(1) || link.is_finished(), LONG);
            link.counters.saw_depth(link.len());
            while link.take(&mut packet) {
                assert_eq!(packet.seq(), next);
                next += 1;
            }
            link.let_producer_go();
        }
        sender.join().unwrap();
        assert_eq!((next, link.counters.delivered()), (PACKETS, PACKETS));
        assert!(link.counters.deepest() <= capacity as u64);
    }
}
