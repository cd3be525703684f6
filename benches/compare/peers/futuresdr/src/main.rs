//! The work done by FutureSDR: a source of messages, `MessageCopy` blocks and `MessageSink`.
//!
//! Every connection clones what it hands on, so a packet is shared (`Arc`) inside its message: nothing copies the
//! payload. A scheduler with one worker stands for one thread. It has no block with a thread of its own that others
//! could not use too, so the other cases get its usual scheduler: a worker for each processor.

use compare_common::{CAPACITY, Case, Failure, Meter, Work, answer};
use futuresdr::blocks::{MessageCopy, MessagePipe, MessageSink};
use futuresdr::runtime::config;
use futuresdr::runtime::dev::prelude::*;
use futuresdr::runtime::scheduler::SmolScheduler;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Debug)]
struct Packet {
    number: u64,
    payload: Vec<u8>,
}

/// Gives numbered packets, then ends.
#[derive(Block)]
#[message_outputs(out)]
struct Source {
    packets: u64,
    bytes: usize,
}

impl Kernel for Source {
    async fn work(&mut self, io: &mut WorkIo, outputs: &mut MessageOutputs, _meta: &BlockMeta) -> Result<()> {
        for number in 0..self.packets {
            outputs.post("out", packet(number, self.bytes)).await?;
        }
        io.finished = true;
        Ok(())
    }
}

fn main() -> ExitCode {
    answer("futuresdr", "futuresdr 0.8", |case, meter| match case.work {
        Work::Inline => run(case, 1, meter),
        Work::Threads => {
            config::set("queue_size", CAPACITY as u64);
            run(case, std::thread::available_parallelism().map_or(1, usize::from), meter)
        }
        Work::Caterpillar => run(case, 1, meter),
        Work::RoundTrip | Work::Paced => round_trips(case, meter),
        Work::Call => Err(Failure::not_offered("a call answers with a value, not with the packet that it was given")),
    })
}

fn packet(number: u64, bytes: usize) -> Pmt {
    Pmt::Any(Box::new(Arc::new(Packet { number, payload: Vec::with_capacity(bytes) })))
}

fn run(case: &Case, workers: usize, meter: &mut Meter) -> std::result::Result<(), Failure> {
    let mut graph = Flowgraph::new();
    let mut sinks = Vec::new();
    let source = graph.add(Source { packets: case.packets, bytes: case.bytes }).map_err(Failure::of)?;
    let mut last = source.id();
    for _ in 0..case.depth {
        let node = graph.add(MessageCopy::new()).map_err(Failure::of)?.id();
        graph.message(last, "out", node, "in").map_err(Failure::of)?;
        if case.work == Work::Caterpillar {
            sinks.push(sink(&mut graph, node)?);
        }
        last = node;
    }
    if sinks.is_empty() {
        sinks.push(sink(&mut graph, last)?);
    }
    meter.begin();
    let runtime = Runtime::with_scheduler(SmolScheduler::with_config(workers, false));
    let running = runtime.start(graph).map_err(Failure::of)?;
    meter.is_running();
    let ended = running.wait().map_err(Failure::of)?;
    drop(runtime);
    meter.end();
    for sink in sinks {
        let received = ended.with(&sink, |sink| sink.received()).map_err(Failure::of)?;
        if received != case.packets {
            return Err(Failure::Failed(format!("{received} of {} packets came", case.packets)));
        }
    }
    Ok(())
}

fn sink(graph: &mut Flowgraph, after: BlockId) -> std::result::Result<BlockRef<MessageSink>, Failure> {
    let sink = graph.add(MessageSink::new()).map_err(Failure::of)?;
    graph.message(after, "out", sink.id(), "in").map_err(Failure::of)?;
    Ok(sink)
}

/// One packet at a time: posted to the copying block, taken out of a channel at its end.
fn round_trips(case: &Case, meter: &mut Meter) -> std::result::Result<(), Failure> {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    let mut graph = Flowgraph::new();
    let node = graph.add(MessageCopy::new()).map_err(Failure::of)?.id();
    let out = graph.add(MessagePipe::new(sender)).map_err(Failure::of)?.id();
    graph.message(node, "out", out, "in").map_err(Failure::of)?;
    let running = Runtime::new().start(graph).map_err(Failure::of)?;
    meter.round_trips(case, |number| {
        block_on(running.post(node, "in", packet(number, case.bytes))).map_err(Failure::of)?;
        let came = block_on(receiver.recv()).ok_or_else(|| Failure::Failed("the graph ended".into()))?;
        check(&came, number, case.bytes)
    })?;
    block_on(running.stop_and_wait()).map(drop).map_err(Failure::of)
}

fn check(came: &Pmt, number: u64, bytes: usize) -> std::result::Result<(), Failure> {
    let packet = match came {
        Pmt::Any(any) => any.downcast_ref::<Arc<Packet>>(),
        _ => None,
    };
    let is_right = packet.is_some_and(|packet| packet.number == number && packet.payload.capacity() >= bytes);
    if is_right { Ok(()) } else { Err(Failure::Failed(format!("{came:?} came for packet {number}"))) }
}
