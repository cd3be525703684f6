//! Calls in any legal order, by chance.

use crate::packets::{Size, covering, packet};
use crate::validate::bench::Bench;
use crate::validate::life::Life;
use crate::validate::outputs::Mood;
use crate::validate::work::{self, started};
use fastrand::Rng;
use graphmill::Buffer;
use graphmill::exec::{Hint, HintContent};
use graphmill::graph::Role;

/// Lives.
const LIVES: u32 = 5;
/// Most calls of a life.
const CALLS_MAX: u32 = 60;
/// Longest packet.
const LEN_MAX: u32 = 5_000;

/// Makes lives of calls in any order.
pub(super) fn calls(bench: &Bench) {
    let mut chance = bench.chance();
    for number in 0..LIVES {
        let Some(mut life) = started(bench, "J1") else { return };
        for call in 0..chance.u32(1..CALLS_MAX) {
            step(bench, &mut life, &mut chance, &format!("call {call} of life {number}"));
            if life.is_dead {
                break;
            }
        }
        bench.teller.doing("J1", format!("the end of life {number}"));
        if chance.bool() { work::finish(bench, life) } else { drop(life.end()) }
    }
}

/// One call.
fn step(bench: &Bench, life: &mut Life<'_>, chance: &mut Rng, which: &str) {
    let moods = [Mood::Takes, Mood::Takes, Mood::Takes, Mood::Full];
    life.outputs.mood = chance.choice(moods).unwrap_or(Mood::Takes);
    let is_source = bench.info.role == Role::Source;
    let name = match chance.u32(0..10) {
        0 => "update",
        1 => "hint",
        _ if is_source => "tick",
        _ => "process",
    };
    let tell = |what: &str| bench.teller.doing("J1", format!("`{name}` ({what}), {which}"));
    match name {
        "update" => {
            tell("the params that it was made with");
            life.update(&bench.params());
        }
        "hint" => {
            tell("a name that nobody knows");
            if let Ok(content) = HintContent::new("org.example.chance", &chance.u32(..).to_string()) {
                life.hint(&Hint::new(chance.usize(0..bench.info.outputs.len().max(1)), content));
            }
        }
        "tick" => {
            tell("now");
            let now_ns = life.context.now_ns();
            life.tick(now_ns);
        }
        _ => any_packet(bench, life, chance, tell),
    }
}

fn any_packet(bench: &Bench, life: &mut Life<'_>, chance: &mut Rng, tell: impl Fn(&str)) {
    let Some((pin, input)) = chance.choice(bench.inputs()) else { return };
    let formats = covering(&bench.formats_of(input));
    let Some(format) = chance.choice(&formats) else { return };
    let size = Size { len: chance.u32(0..LEN_MAX), gap: chance.u32(0..64) };
    let mut noise = chance.fork();
    let mut make = |len| {
        let bytes: Vec<u8> = std::iter::repeat_with(|| noise.u8(..)).take(len).collect();
        Buffer::copy_from_slice(&bytes)
    };
    let Some(mut packet) = packet(format, size, &mut make) else { return };
    packet.set_pts_ns(chance.bool().then(|| chance.i64(..)));
    packet.set_seq(chance.u64(..));
    tell(&format!("`{format}` of length {} with random bytes", size.len));
    life.process(pin, &mut packet);
}
