//! How a producer that found its link full is let go.
//!
//! The producer says that it is held, then looks at the room once more, and only then sleeps; the consumer makes room
//! first and asks afterwards whether somebody is held. With a full fence between the two steps on both sides one of
//! them sees the other. A hold that is answered late may wipe out a newer one, so the producer says it again every
//! time before it sleeps.

use crate::exec::sys::{AtomicBool, Ordering, fence};

/// Whether the producer of a link waits for room.
#[derive(Debug, Default)]
pub(crate) struct Hold(AtomicBool);

impl Hold {
    /// [producer] Says that it is held. What it reads of the queue afterwards is not older than what the consumer did
    /// before it asked.
    pub(crate) fn announce(&self) {
        self.0.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// [consumer] Whether the producer has to be woken, given whether there is room now. Asked after taking.
    pub(crate) fn answer(&self, has_room: impl FnOnce() -> bool) -> bool {
        fence(Ordering::SeqCst);
        if !self.0.load(Ordering::Relaxed) || !has_room() {
            return false;
        }
        self.0.store(false, Ordering::Relaxed);
        true
    }
}

#[cfg(test)]
#[cfg(loom)]
mod models {
    use super::*;
    use crate::exec::doorbell::Doorbell;
    use crate::exec::patience::Idle;
    use loom::sync::Arc;
    use loom::sync::atomic::AtomicU64;
    use std::time::Duration;

    /// A queue of one place as a pair of counts; producer and consumer sleep without timeouts, so a lost wake-up is a
    /// deadlock that loom reports.
    #[test]
    fn held_producer_is_always_let_go() {
        const PACKETS: u64 = 3;
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(3);
        model.check(|| {
            let (hold, sent, taken) =
                (Arc::new(Hold::default()), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
            let (producer, consumer) = (Arc::new(Doorbell::new(Idle::Sleep)), Arc::new(Doorbell::new(Idle::Sleep)));
            let sender = {
                let (hold, sent, taken) = (hold.clone(), sent.clone(), taken.clone());
                let (producer, consumer) = (producer.clone(), consumer.clone());
                loom::thread::spawn(move || {
                    for packet in 0..PACKETS {
                        let has_room = || taken.load(Ordering::Acquire) == packet;
                        while !has_room() {
                            let is_ready = |_| {
                                hold.announce();
                                has_room()
                            };
                            producer.sleep_unless(is_ready, Duration::ZERO);
                        }
                        sent.store(packet + 1, Ordering::Release);
                        consumer.ring();
                    }
                })
            };
            for packet in 0..PACKETS {
                while sent.load(Ordering::Acquire) == packet {
                    consumer.sleep_unless(|_| sent.load(Ordering::Acquire) != packet, Duration::ZERO);
                }
                taken.store(packet + 1, Ordering::Release);
                if hold.answer(|| true) {
                    producer.ring();
                }
            }
            sender.join().unwrap();
        });
    }
}
