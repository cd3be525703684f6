//! A link on loom's machine: a producer and a consumer in every schedule. Nobody wakes up by a timeout, so whoever is
//! forgotten is a deadlock that loom reports.

use super::*;
use crate::exec::patience::Idle;
use loom::thread;

/// Far away: no wait of a model ends by it.
const LONG: Duration = Duration::from_secs(3600);

fn check(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(builder.preemption_bound.unwrap_or(3));
    builder.check(model);
}

fn link(capacity: usize, when_full: WhenFull) -> Arc<Link> {
    let bells = [(); 2].map(|()| Arc::new(Doorbell::new(Idle::Sleep)));
    Arc::new(Link::new("a.out -> b.in".to_string(), capacity, when_full, bells))
}

fn numbered(seq: u64) -> Box<Packet> {
    let mut packet = Box::<Packet>::default();
    packet.set_seq(seq);
    packet
}

/// Takes until the producer has ended, the way a worker does.
fn take_all(link: &Link) -> Vec<u64> {
    let (mut packet, mut seqs) = (Box::default(), Vec::new());
    while !link.is_finished() {
        while link.take(&mut packet) {
            seqs.push(packet.seq());
            link.let_producer_go();
        }
        link.consumer.sleep_unless(|_| link.is_finished() || link.has(1), LONG);
    }
    seqs
}

#[test]
fn whatever_was_sent_before_the_end_is_taken() {
    check(|| {
        let link = link(2, WhenFull::Block);
        let producer = {
            let link = link.clone();
            thread::spawn(move || {
                for seq in 1..=2 {
                    assert_eq!(link.try_send(&mut numbered(seq)), Sent::Queued);
                }
                link.end();
            })
        };
        assert_eq!(take_all(&link), [1, 2]);
        producer.join().unwrap();
    });
}

#[test]
fn producer_of_a_link_that_is_closed_goes_on_and_every_packet_is_counted() {
    const PACKETS: u64 = 3;
    check(|| {
        let link = link(1, WhenFull::Block);
        let counters = link.counters.clone();
        let producer = {
            let link = link.clone();
            thread::spawn(move || {
                let (stop, timer) = (AtomicBool::new(false), CallTimer::off());
                for seq in 1..=PACKETS {
                    assert_eq!(link.send(&mut numbered(seq), LONG, &stop, &timer), Ok(()));
                }
            })
        };
        let is_taken = link.take(&mut Box::default());
        link.close(DropReason::Closed);
        producer.join().unwrap();
        drop(link);
        assert_eq!(counters.delivered(), u64::from(is_taken));
        assert_eq!(counters.delivered() + counters.dropped_for(DropReason::Closed), PACKETS);
    });
}

#[test]
fn packet_that_makes_room_is_dropped_or_taken_and_never_both() {
    const PACKETS: u64 = 3;
    check(|| {
        let link = link(1, WhenFull::DropOldest);
        let producer = {
            let link = link.clone();
            thread::spawn(move || {
                (1..=PACKETS).for_each(|seq| drop(link.try_send(&mut numbered(seq))));
                link.end();
            })
        };
        let seqs = take_all(&link);
        producer.join().unwrap();
        assert!(seqs.is_sorted_by(|one, next| one < next) && seqs.last() == Some(&PACKETS), "{seqs:?}");
        assert_eq!(seqs.len() as u64, link.counters.delivered());
        assert_eq!(link.counters.delivered() + link.counters.dropped_for(DropReason::Oldest), PACKETS);
    });
}
