//! What comes from outside while an instance works: hints and cancellation.

use crate::validate::bench::Bench;
use crate::validate::life::Answer;
use crate::validate::outputs::Mood;
use crate::validate::work;
use graphmill::exec::{Hint, HintContent};

/// Rounds of work.
const ROUNDS: u64 = 3;

/// Tells every output things that it has never heard of, and well-known ones with odd content.
pub(super) fn hints(bench: &Bench) {
    let Some(mut life) = work::started(bench, "G3") else { return };
    let (name, long) =
        ("x".repeat(HintContent::NAME_LEN_MAX), format!("\"{}\"", "y".repeat(HintContent::JSON_LEN_MAX - 2)));
    let hints = [
        ("org.example.nobody.knows", "null"),
        ("video.keyframe", "null"),
        ("video.keyframe", "[[[[]]]]"),
        ("audio.rate", "{\"rate_hz\":-1}"),
        ("flush", "1e308"),
        (name.as_str(), "{}"),
        ("grün.\u{0}", long.as_str()),
    ];
    for pin in 0..bench.info.outputs.len() {
        for (name, json) in hints {
            let Ok(content) = HintContent::new(name, json) else { continue };
            bench.teller.doing("G3", format!("the hint {name:?} with {json}"));
            if let Answer::Error(message) = life.hint(&Hint::new(pin, content)) {
                bench.teller.found("G3", format!("the hint {name:?} is answered with `{message}`"));
            }
        }
    }
    work::some(bench, &mut life, ROUNDS);
    work::finish(bench, life);
}

/// Has every call begin when the instance was already asked to return.
pub(super) fn cancelled(bench: &Bench) {
    let Some(mut life) = work::started(bench, "G4") else { return };
    work::some(bench, &mut life, 1);
    life.context.cancel();
    life.outputs.mood = Mood::Stopping;
    bench.teller.doing("G4", "calls of an instance that is cancelled");
    work::some(bench, &mut life, ROUNDS);
    work::finish(bench, life);
}
