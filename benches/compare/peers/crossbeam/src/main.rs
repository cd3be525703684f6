//! The work done by bare threads with `crossbeam` channels between them: what a runtime is built on, and nothing else.
//!
//! What is sent is as large as a packet of Graphmill, and carries a payload that nobody touches. There is no thread to
//! share here, so cases on one thread are not offered.

use compare_common::{CAPACITY, Case, Failure, Meter, Work, answer};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::process::ExitCode;
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

/// As long as a plugin may take by default.
const TIMEOUT: Duration = Duration::from_secs(1);
/// Words of a message beside its number and its payload: 256 bytes in all.
const WORDS: usize = 28;

struct Message {
    number: u64,
    payload: Vec<u8>,
    _header: [u64; WORDS],
}

const _: () = assert!(size_of::<Message>() == 256);

impl Message {
    fn new(number: u64, bytes: usize) -> Self {
        Self { number, payload: Vec::with_capacity(bytes), _header: [0; WORDS] }
    }
}

fn main() -> ExitCode {
    answer("crossbeam", "crossbeam-channel 0.5", |case, meter| match case.work {
        Work::Threads => threads(case, meter),
        Work::Call => round_trips(case, meter, 1, true),
        Work::RoundTrip | Work::Paced => round_trips(case, meter, CAPACITY, false),
        Work::Inline | Work::Caterpillar => Err(Failure::not_offered("bare threads share no thread")),
    })
}

/// A thread that hands on what comes.
fn pass(from: Receiver<Message>, to: Sender<Message>) -> JoinHandle<()> {
    spawn(move || {
        for message in from {
            if to.send(message).is_err() {
                return;
            }
        }
    })
}

fn threads(case: &Case, meter: &mut Meter) -> Result<(), Failure> {
    let Case { depth, bytes, packets, .. } = *case;
    meter.begin();
    let (first, mut last) = bounded(CAPACITY);
    let source = move || (0..packets).try_for_each(|number| first.send(Message::new(number, bytes)).ok());
    let source = spawn(source);
    let mut nodes = Vec::new();
    for _ in 0..depth {
        let (next, received) = bounded(CAPACITY);
        nodes.push(pass(last, next));
        last = received;
    }
    let sink = spawn(move || last.iter().zip(0..).take_while(|(message, due)| message.number == *due).count() as u64);
    meter.is_running();
    let arrived = sink.join();
    drop(source.join());
    for node in nodes {
        drop(node.join());
    }
    meter.end();
    match arrived {
        Ok(arrived) if arrived == packets => Ok(()),
        _ => Err(Failure::Failed("messages are missing, or not in order".into())),
    }
}

/// One message at a time through a node on a thread of its own.
fn round_trips(case: &Case, meter: &mut Meter, capacity: usize, has_deadline: bool) -> Result<(), Failure> {
    let (to, inbox) = bounded(capacity);
    let (reply, from) = bounded(capacity);
    let node = pass(inbox, reply);
    meter.round_trips(case, |number| {
        let message = Message::new(number, case.bytes);
        let answer = if has_deadline {
            to.send_timeout(message, TIMEOUT).map_err(Failure::of)?;
            from.recv_timeout(TIMEOUT).map_err(Failure::of)?
        } else {
            to.send(message).map_err(Failure::of)?;
            from.recv().map_err(Failure::of)?
        };
        check(&answer, number, case.bytes)
    })?;
    drop(to);
    node.join().map_err(|_| Failure::Failed("the node panicked".into()))
}

fn check(message: &Message, number: u64, bytes: usize) -> Result<(), Failure> {
    let is_right = message.number == number && message.payload.capacity() >= bytes;
    if is_right { Ok(()) } else { Err(Failure::Failed(format!("message {} came for {number}", message.number))) }
}
