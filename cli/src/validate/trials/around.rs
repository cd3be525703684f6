//! Whether a life leaves the process as it was.

use crate::validate::around::Around;
use crate::validate::bench::Bench;
use crate::validate::work;

/// Rounds of work between two looks.
const ROUNDS: u64 = 3;

/// Compares the process before and after a life.
pub(super) fn life(bench: &Bench) {
    bench.teller.doing("H1", "looking at the process before a life");
    let before = Around::now();
    bench.teller.doing("H1", "a whole life");
    work::whole(bench, ROUNDS);
    before.compare(&bench.teller, ["H1", "H2", "H3", "H4", "H5", "H6"], "after a life");
}
