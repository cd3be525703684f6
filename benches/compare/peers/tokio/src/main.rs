//! The work done as hosts of async plugins do it: every node is a thread of its own, served by a task.
//!
//! For each packet the task sends a request through `mpsc(1)` with a time limit, makes a fresh `oneshot` for the reply
//! and waits for that with a time limit too. Between the tasks are `mpsc` channels. The runtime is the usual one, with
//! a worker for each processor.

use compare_common::{CAPACITY, Case, Failure, Meter, Work, answer};
use std::process::ExitCode;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// As long as a plugin may take by default.
const TIMEOUT: Duration = Duration::from_secs(1);
/// Words of a packet beside its number and its payload: 256 bytes in all, as for every peer of ours.
const WORDS: usize = 28;

struct Packet {
    number: u64,
    payload: Vec<u8>,
    _header: [u64; WORDS],
}

impl Packet {
    fn new(number: u64, bytes: usize) -> Self {
        Self { number, payload: Vec::with_capacity(bytes), _header: [0; WORDS] }
    }
}

struct Request {
    packet: Packet,
    reply: oneshot::Sender<Packet>,
}

/// A plugin on its thread.
struct Plugin {
    requests: mpsc::Sender<Request>,
    thread: JoinHandle<()>,
}

fn main() -> ExitCode {
    answer("tokio", "tokio 1", |case, meter| {
        let runtime = Runtime::new().map_err(Failure::of)?;
        match case.work {
            Work::Threads => threads(&runtime, case, meter),
            Work::Call => calls(&runtime, case, meter),
            Work::RoundTrip | Work::Paced => round_trips(&runtime, case, meter),
            Work::Inline | Work::Caterpillar => {
                Err(Failure::not_offered("the hand-shake gives every node a thread of its own"))
            }
        }
    })
}

impl Plugin {
    fn start() -> Self {
        let (requests, mut inbox) = mpsc::channel::<Request>(1);
        let thread = std::thread::spawn(move || {
            while let Some(Request { packet, reply }) = inbox.blocking_recv() {
                // A caller that gave up does not listen.
                drop(reply.send(packet));
            }
        });
        Self { requests, thread }
    }

    async fn call(&self, packet: Packet) -> Result<Packet, Failure> {
        let (reply, answer) = oneshot::channel();
        let sent = timeout(TIMEOUT, self.requests.send(Request { packet, reply })).await.map_err(Failure::of)?;
        sent.map_err(Failure::of)?;
        timeout(TIMEOUT, answer).await.map_err(Failure::of)?.map_err(Failure::of)
    }

    fn end(self) -> Result<(), Failure> {
        drop(self.requests);
        self.thread.join().map_err(|_| Failure::Failed("the plugin panicked".into()))
    }

    /// The task that serves the plugin between two channels; gives the plugin back at the end of the stream.
    async fn serve(self, mut from: mpsc::Receiver<Packet>, to: mpsc::Sender<Packet>) -> Result<Self, Failure> {
        while let Some(packet) = from.recv().await {
            let packet = self.call(packet).await?;
            to.send(packet).await.map_err(Failure::of)?;
        }
        Ok(self)
    }
}

fn threads(runtime: &Runtime, case: &Case, meter: &mut Meter) -> Result<(), Failure> {
    let Case { depth, bytes, packets, .. } = *case;
    meter.begin();
    let (first, mut last) = mpsc::channel(CAPACITY);
    let source = runtime.spawn(async move {
        for number in 0..packets {
            first.send(Packet::new(number, bytes)).await.map_err(Failure::of)?;
        }
        Ok::<_, Failure>(())
    });
    let mut nodes = Vec::new();
    for _ in 0..depth {
        let (next, received) = mpsc::channel(CAPACITY);
        nodes.push(runtime.spawn(Plugin::start().serve(last, next)));
        last = received;
    }
    meter.is_running();
    let arrived = runtime.block_on(async {
        let mut arrived = 0;
        while let Some(packet) = last.recv().await {
            if packet.number != arrived {
                return Err(Failure::Failed(format!("packet {} came for {arrived}", packet.number)));
            }
            arrived += 1;
        }
        source.await.map_err(Failure::of)??;
        for node in nodes {
            node.await.map_err(Failure::of)??.end()?;
        }
        Ok(arrived)
    })?;
    meter.end();
    if arrived == packets { Ok(()) } else { Err(Failure::Failed(format!("{arrived} of {packets} packets came"))) }
}

fn calls(runtime: &Runtime, case: &Case, meter: &mut Meter) -> Result<(), Failure> {
    let plugin = Plugin::start();
    meter.round_trips(case, |number| {
        let packet = runtime.block_on(plugin.call(Packet::new(number, case.bytes)))?;
        check(&packet, number, case.bytes)
    })?;
    plugin.end()
}

fn round_trips(runtime: &Runtime, case: &Case, meter: &mut Meter) -> Result<(), Failure> {
    let (to, inbox) = mpsc::channel(CAPACITY);
    let (next, mut from) = mpsc::channel(CAPACITY);
    let node = runtime.spawn(Plugin::start().serve(inbox, next));
    meter.round_trips(case, |number| {
        to.blocking_send(Packet::new(number, case.bytes)).map_err(Failure::of)?;
        let packet = from.blocking_recv().ok_or_else(|| Failure::Failed("the node ended".into()))?;
        check(&packet, number, case.bytes)
    })?;
    drop(to);
    runtime.block_on(node).map_err(Failure::of)??.end()
}

fn check(packet: &Packet, number: u64, bytes: usize) -> Result<(), Failure> {
    let is_right = packet.number == number && packet.payload.capacity() >= bytes;
    if is_right { Ok(()) } else { Err(Failure::Failed(format!("packet {} came for {number}", packet.number))) }
}
