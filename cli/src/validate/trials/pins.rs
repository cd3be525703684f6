//! Pins that depend on params.

use super::life::bad_ones;
use crate::validate::bench::Bench;
use graphmill::graph::PinsError;

/// Asks for the pins of the same params twice, and with params that no schema allows.
pub(super) fn told(bench: &Bench) {
    if !bench.info.has_pins_by_params() {
        return;
    }
    let params = bench.params();
    bench.teller.doing("F3", format!("asking for the pins of a node with {params}"));
    let (first, again) = (bench.told(&params), bench.told(&params));
    match (&first, &again) {
        (Ok(first), Ok(again)) if first == again => {}
        (Ok(_), Ok(_)) => bench.teller.found("F3", format!("the same params, {params}, have other pins when asked again")),
        (Err(PinsError::Refused { message }), Err(_)) if !bench.params.are_given => bench.teller.skipped(format!(
            "`pins` answers `{message}` to the params {params}, which follow from the schema; give others with --params '{}=JSON'",
            bench.info.id
        )),
        (Err(error), _) | (_, Err(error)) => bench.teller.found("F3", format!("no pins for {params}: {error}")),
    }
    for (what, params) in bad_ones(bench) {
        bench.teller.doing("D2", format!("asking for the pins of a node with {what}"));
        match bench.told(&params) {
            Ok(_) | Err(PinsError::Refused { .. }) => {}
            Err(error) => bench.teller.found("D2", format!("asked for the pins of a node with {what}: {error}")),
        }
    }
    bench.judge_host();
}
