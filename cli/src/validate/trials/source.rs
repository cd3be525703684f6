//! Ticks of sources.

use super::data::judge;
use crate::validate::bench::Bench;
use crate::validate::life::Answer;
use crate::validate::work::{started, ticks};
use graphmill::exec::NextTick;

/// Ticks that a source gets.
const TICKS: u64 = 50;
/// How far back the next tick may lie: a source that is late is not wrong.
const LATE_MAX_NS: i64 = 10_000_000_000;

/// Ticks a source to its end, or until it had enough of them.
pub(super) fn tick(bench: &Bench) {
    let Some(mut life) = started(bench, "E10") else { return };
    bench.teller.doing("E10", "`tick` in a row");
    ticks(&mut life, TICKS, |now_ns, answer| match answer {
        Answer::Error(message) => bench.teller.found("E10", format!("`tick` answers `{message}`")),
        Answer::Well(NextTick::At(at_ns)) if *at_ns < now_ns.saturating_sub(LATE_MAX_NS) => {
            bench.teller.found("E12", format!("`tick` at {now_ns} ns asks for the next one at {at_ns} ns"));
        }
        _ => bench.teller.doing("E10", "`tick` again"),
    });
    bench.teller.doing("E10", "`stop` and `destroy` after ticks");
    life.stop();
    judge(bench, &life.end());
    bench.judge_host();
}
