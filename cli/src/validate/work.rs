//! An ordinary life: started, given something to do, ended.

use super::bench::Bench;
use super::life::{Answer, Life};
use crate::packets::{Size, covering, packet};
use graphmill::exec::NextTick;
use graphmill::graph::{Format, Role};
use graphmill::{Buffer, Packet};

/// Ticks of a source in one life: more than it takes to come into swing.
const TICKS_MAX: u64 = 50;

/// Makes an instance and starts it; what goes wrong breaks the rule that is named.
pub(crate) fn started<'a>(bench: &'a Bench, rule: &'static str) -> Option<Life<'a>> {
    bench.teller.doing(rule, "making and starting an instance");
    let mut life = bench.life()?;
    life.start().is_well().then_some(life)
}

/// For each input that is linked its number and the first format that it takes.
pub(crate) fn first_formats(bench: &Bench) -> Vec<(usize, Format)> {
    let first = |(pin, input)| Some((pin, covering(&bench.formats_of(input)).into_iter().next()?));
    bench.inputs().into_iter().filter_map(first).collect()
}

/// Gives a packet its place in a stream of packets like it: right after the one before.
pub(crate) fn time(packet: &mut Packet, seq: u64) {
    let sound =
        packet.audio().map(|header| i64::from(header.frames) * 1_000_000_000 / i64::from(header.rate_hz.max(1)));
    let duration_ns = sound.unwrap_or(10_000_000);
    packet.set_seq(seq);
    packet.set_pts_ns(i64::try_from(seq).ok().map(|seq| seq.saturating_mul(duration_ns)));
    packet.set_duration_ns(Some(duration_ns));
}

/// Gives a started instance something to do: packets on every input, or ticks.
pub(crate) fn some(bench: &Bench, life: &mut Life<'_>, rounds: u64) {
    if bench.info.role == Role::Source {
        ticks(life, rounds, |_, _| ());
        return;
    }
    for seq in 0..rounds {
        for (pin, format) in first_formats(bench) {
            if let Some(mut packet) = packet(&format, Size::TYPICAL, &mut Buffer::zeroed) {
                time(&mut packet, seq);
                life.process(pin, &mut packet);
            }
        }
    }
}

/// Ticks a source at the times that it asks for, without waiting for them, until it ends or has had enough of them.
pub(crate) fn ticks(life: &mut Life<'_>, rounds: u64, mut look: impl FnMut(i64, &Answer<NextTick>)) {
    let mut now_ns = life.context.now_ns();
    for _ in 0..rounds.min(TICKS_MAX) {
        let answer = life.tick(now_ns);
        look(now_ns, &answer);
        match answer {
            Answer::Well(NextTick::At(at_ns)) => now_ns = now_ns.max(at_ns),
            Answer::Well(NextTick::Now) => {}
            _ => return,
        }
    }
}

/// Ends every input of a started instance, then the instance.
pub(crate) fn finish(bench: &Bench, mut life: Life<'_>) {
    for (pin, _) in bench.inputs() {
        life.flush(pin);
    }
    life.stop();
    drop(life.end());
}

/// A whole ordinary life.
pub(crate) fn whole(bench: &Bench, rounds: u64) {
    let Some(mut life) = bench.life() else { return };
    if life.start().is_well() {
        some(bench, &mut life, rounds);
    }
    finish(bench, life);
}
