//! Packets through processors and sinks.

use crate::packets::{Size, covering, is_binding, packet, strangers as strangers_of};
use crate::validate::bench::Bench;
use crate::validate::life::{Answer, Life};
use crate::validate::outputs::Recorder;
use crate::validate::work::{first_formats, started, time};
use graphmill::graph::Format;
use graphmill::{Buffer, Packet};
use std::collections::BTreeMap;

/// Packets of one format that an instance gets in a row: enough for one that collects some.
const IN_A_ROW: u64 = 5;
/// Lengths at which streams begin, end and burst.
const LENGTHS: [u32; 7] = [0, 1, 7, 441, 480, 4_801, 48_001];
/// Times that no clock gives.
const TIMES: [Option<i64>; 6] = [None, Some(0), Some(-1), Some(i64::MAX), Some(i64::MIN + 1), Some(0)];

/// What became of the formats of an input.
#[derive(Debug, Default)]
struct Tally {
    taken: usize,
    refused: Vec<String>,
}

/// Hands over what the inputs declare: several packets of each format, to an instance of its own.
pub(super) fn packets(bench: &Bench) {
    let inputs: Vec<(usize, Vec<Format>)> =
        bench.inputs().into_iter().map(|(pin, input)| (pin, covering(&bench.formats_of(input)))).collect();
    let most = inputs.iter().map(|(_, formats)| formats.len()).max().unwrap_or(0);
    let mut tallies: BTreeMap<usize, Tally> = BTreeMap::new();
    for round in 0..most {
        let Some(mut life) = started(bench, "E1") else { break };
        for seq in 0..IN_A_ROW {
            for (pin, formats) in &inputs {
                let Some(format) = formats.get(round % formats.len().max(1)) else { continue };
                feed(bench, &mut life, (*pin, seq), (format, tallies.entry(*pin).or_default()));
            }
        }
        judge(bench, &life.end());
    }
    for tally in tallies.into_values() {
        if let Some(refused) = tally.refused.first() {
            bench.teller.found(if tally.taken == 0 { "E1" } else { "E13" }, refused.clone());
        }
    }
    bench.judge_host();
}

/// Hands over a packet as it may come from any stream.
fn feed(bench: &Bench, life: &mut Life<'_>, (pin, seq): (usize, u64), (format, tally): (&Format, &mut Tally)) {
    let Some(mut packet) = packet(format, Size::TYPICAL, &mut Buffer::zeroed) else { return };
    time(&mut packet, seq);
    bench.teller.doing("E1", format!("`process` with packet {seq} of `{format}`"));
    match life.process(pin, &mut packet) {
        Answer::Well(()) => tally.taken += 1,
        Answer::Error(message) if is_binding(format) => {
            let name = bench.info.inputs.get(pin).map_or("?", |pin| pin.name.as_str());
            let saw = format!("`process` answers `{message}` to packet {seq} of `{format}` on the input `{name}`");
            tally.refused.push(saw);
        }
        _ => {}
    }
}

/// Tells what was wrong with what came out.
pub(super) fn judge(bench: &Bench, outputs: &Recorder) {
    if let Some(fault) = outputs.faults.first() {
        bench.teller.found("E2", fault.clone());
    }
    if let Some(fault) = &outputs.went_back {
        bench.teller.found("E11", fault.clone());
    }
}

/// Hands over packets of odd sizes and times; an error is an answer, a panic is none.
pub(super) fn sizes(bench: &Bench) {
    for (pin, input) in bench.inputs() {
        for format in covering(&bench.formats_of(input)) {
            let Some(mut life) = started(bench, "E6") else { return };
            for (len, at_ns) in LENGTHS.into_iter().zip(TIMES.into_iter().cycle()) {
                let size = Size { len, gap: len % 16 };
                let Some(mut packet) = packet(&format, size, &mut Buffer::zeroed) else { continue };
                packet.set_pts_ns(at_ns);
                packet.set_duration_ns(at_ns);
                packet.set_seq(u64::from(len));
                packet.set_discontinuity();
                bench.teller.doing("E6", format!("`process` with `{format}` of length {len} at {at_ns:?} ns"));
                life.process(pin, &mut packet);
            }
            drop(life.end());
        }
    }
}

/// Hands over packets of formats that no input declares.
pub(super) fn strangers(bench: &Bench) {
    for (pin, input) in bench.inputs() {
        for format in &strangers_of(&bench.formats_of(input)) {
            let Some(mut life) = started(bench, "E7") else { return };
            if let Some(mut packet) = packet(format, Size::TYPICAL, &mut Buffer::zeroed) {
                bench.teller.doing(
                    "E7",
                    format!("`process` with `{format}`, which the input `{}` does not declare", input.name),
                );
                life.process(pin, &mut packet);
            }
            drop(life.end());
        }
    }
}

/// Holds every buffer that it hands over, and looks whether its bytes stay.
pub(super) fn shared(bench: &Bench) {
    let mut chance = bench.chance();
    let Some(mut life) = started(bench, "E4") else { return };
    for seq in 0..IN_A_ROW {
        for (pin, format) in first_formats(bench) {
            let mut held: Vec<(Buffer, Vec<u8>)> = Vec::new();
            let mut fill = |len| {
                let bytes: Vec<u8> = std::iter::repeat_with(|| chance.u8(..)).take(len).collect();
                let buffer = Buffer::copy_from_slice(&bytes);
                held.push((buffer.clone(), bytes));
                buffer
            };
            let Some(mut packet) = packet(&format, Size::TYPICAL, &mut fill) else { continue };
            hold_others(&packet, &mut held);
            time(&mut packet, seq);
            bench.teller.doing("E4", format!("`process` with packet {seq}, whose bytes somebody else holds"));
            life.process(pin, &mut packet);
            if held.iter().any(|(buffer, bytes)| buffer.as_slice() != bytes.as_slice()) {
                bench
                    .teller
                    .found("E4", format!("`process` wrote into bytes of packet {seq} that somebody else holds"));
            }
        }
    }
    drop(life.end());
}

/// Holds the planes whose bytes were not made here, such as those of a text.
fn hold_others(packet: &Packet, held: &mut Vec<(Buffer, Vec<u8>)>) {
    if held.is_empty() {
        let planes = (0..packet.n_planes()).filter_map(|index| packet.plane_buffer(index));
        held.extend(planes.map(|buffer| (buffer.clone(), buffer.as_slice().to_vec())));
    }
}

/// Ends inputs that had packets, and inputs that had none; each of them twice.
pub(super) fn end(bench: &Bench) {
    for with_packets in [false, true] {
        let Some(mut life) = started(bench, "E8") else { return };
        if with_packets {
            crate::validate::work::some(bench, &mut life, IN_A_ROW);
        }
        for time in ["first", "second"] {
            for (pin, input) in bench.inputs() {
                let after = if with_packets { "after packets" } else { "without a packet" };
                bench.teller.doing("E8", format!("the {time} `flush` of the input `{}` {after}", input.name));
                if let Answer::Error(message) = life.flush(pin) {
                    bench.teller.found(
                        "E8",
                        format!("the {time} `flush` of the input `{}` {after} answers `{message}`", input.name),
                    );
                }
            }
        }
        bench.teller.doing("E8", "`stop` and `destroy` after the end of every input");
        life.stop();
        judge(bench, &life.end());
    }
    bench.judge_host();
}
