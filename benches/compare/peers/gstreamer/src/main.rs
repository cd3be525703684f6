//! The work done by GStreamer as Debian packages it, through its Rust bindings.
//!
//! `identity` and `fakesink` are silent, `fakesrc` fills nothing, as its own benches have it; a thread of its own comes
//! from a `queue` that is limited by packets alone.

use compare_common::{CAPACITY, Case, Failure, Meter, Work, answer};
use gstreamer::prelude::*;
use gstreamer::{ClockTime, MessageView, State};
use gstreamer_app::{AppSink, AppSrc};
use std::process::ExitCode;

/// Longer than anything takes that does not hang.
const LONG: ClockTime = ClockTime::from_seconds(60);
const NODE: &str = "identity silent=true";
const SINK: &str = "fakesink silent=true sync=false async=false";

fn main() -> ExitCode {
    let version = gstreamer::init().map(|()| gstreamer::version_string().to_string());
    let version = version.unwrap_or_else(|error| error.to_string()).to_lowercase();
    answer("gstreamer", &version, |case, meter| match case.work {
        Work::Inline => run(case, &chain(case, ""), meter),
        Work::Threads => run(case, &chain(case, &queue()), meter),
        Work::Caterpillar => run(case, &caterpillar(case), meter),
        Work::RoundTrip | Work::Paced => round_trips(case, meter),
        Work::Call => Err(Failure::not_offered("an element is not called by request and reply")),
    })
}

/// What gives everything after it a thread of its own.
fn queue() -> String {
    format!("queue max-size-buffers={CAPACITY} max-size-bytes=0 max-size-time=0 ! ")
}

fn source(case: &Case) -> String {
    // A buffer of no bytes is made without memory, as in its benches.
    let size = if case.bytes == 0 { "sizetype=empty".into() } else { format!("sizetype=fixed sizemax={}", case.bytes) };
    format!("fakesrc num-buffers={} {size} filltype=nothing silent=true", case.packets)
}

fn chain(case: &Case, hop: &str) -> String {
    let nodes = format!("! {hop}{NODE} ").repeat(case.depth);
    format!("{} {nodes}! {hop}{SINK}", source(case))
}

fn caterpillar(case: &Case) -> String {
    let mut text = source(case);
    for at in 0..case.depth {
        text = format!("{text} ! {NODE} ! tee name=t{at} t{at}. ! {SINK} t{at}.");
    }
    // The last node has nobody but its sink.
    let last = format!(" t{}.", case.depth.saturating_sub(1));
    text.strip_suffix(&last).unwrap_or(&text).to_owned()
}

fn parse(text: &str) -> Result<gstreamer::Pipeline, Failure> {
    let element = gstreamer::parse::launch(text).map_err(|error| Failure::Failed(format!("{error}: {text}")))?;
    element.downcast().map_err(|_| Failure::Failed(format!("`{text}` is no pipeline")))
}

/// Runs what ends by itself, and counts what came to the sinks.
fn run(case: &Case, text: &str, meter: &mut Meter) -> Result<(), Failure> {
    let pipeline = parse(text)?;
    let bus = pipeline.bus().ok_or_else(|| Failure::Failed("the pipeline has no bus".into()))?;
    meter.begin();
    pipeline.set_state(State::Playing).map_err(Failure::of)?;
    let message = bus.timed_pop_filtered(LONG, &[gstreamer::MessageType::Eos, gstreamer::MessageType::Error]);
    meter.is_running();
    let ended = match message.as_ref().map(|message| message.view()) {
        Some(MessageView::Eos(_)) => Ok(()),
        Some(MessageView::Error(error)) => Err(Failure::of(error.error())),
        _ => Err(Failure::Failed(format!("no end came within {LONG}"))),
    };
    let arrived = arrived_at_sinks(&pipeline);
    pipeline.set_state(State::Null).map_err(Failure::of)?;
    meter.end();
    ended?;
    let wanted = case.packets * if case.work == Work::Caterpillar { case.depth as u64 } else { 1 };
    if arrived == wanted { Ok(()) } else { Err(Failure::Failed(format!("{arrived} of {wanted} packets came"))) }
}

/// Packets that the sinks say they were given.
fn arrived_at_sinks(pipeline: &gstreamer::Pipeline) -> u64 {
    let sinks = pipeline.iterate_sinks().into_iter().filter_map(Result::ok);
    let stats = sinks.map(|sink| sink.property::<gstreamer::Structure>("stats"));
    stats.map(|stats| stats.get::<u64>("rendered").unwrap_or_default()).sum()
}

/// One packet at a time through `appsrc`, whose thread calls the node, and `appsink`.
fn round_trips(case: &Case, meter: &mut Meter) -> Result<(), Failure> {
    let text = format!("appsrc name=in format=bytes ! {NODE} ! appsink name=out sync=false async=false");
    let pipeline = parse(&text)?;
    let end = |name| pipeline.by_name(name).ok_or_else(|| Failure::Failed(format!("there is no `{name}`")));
    let source: AppSrc = end("in")?.downcast().map_err(|_| Failure::Failed("`in` is no appsrc".into()))?;
    let sink: AppSink = end("out")?.downcast().map_err(|_| Failure::Failed("`out` is no appsink".into()))?;
    pipeline.set_state(State::Playing).map_err(Failure::of)?;
    meter.round_trips(case, |number| {
        let mut buffer = gstreamer::Buffer::with_size(case.bytes).map_err(Failure::of)?;
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_offset(number);
        }
        source.push_buffer(buffer).map_err(Failure::of)?;
        let sample = sink.pull_sample().map_err(Failure::of)?;
        match sample.buffer().map(|buffer| (buffer.offset(), buffer.size())) {
            Some(came) if came == (number, case.bytes) => Ok(()),
            came => Err(Failure::Failed(format!("packet {came:?} came for {number}"))),
        }
    })?;
    pipeline.set_state(State::Null).map_err(Failure::of)?;
    Ok(())
}
