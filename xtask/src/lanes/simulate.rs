//! Runs the simulation of sessions over many seeds, with optimised code.

use super::arguments;
use crate::command::{self, Outcome};
use crate::workspace::Workspace;

/// Seeds of a run, unless it is said.
const SEEDS: u64 = 10_000;
/// Names the seeds to the test.
const SEEDS_VARIABLE: &str = "GRAPHMILL_TEST_SEEDS";

/// Runs `--seeds N` seeds, beginning with `--from N`.
///
/// # Errors
/// It cannot be built, or a seed shows a fault: the message names it, and the commit.
pub(crate) fn run(workspace: &Workspace, mut rest: Vec<String>) -> Outcome {
    let count = arguments::take(&mut rest, "--seeds")?.unwrap_or(SEEDS);
    let from: u64 = arguments::take(&mut rest, "--from")?.unwrap_or(0);
    if let Some(word) = arguments::words(rest)?.first() {
        return Err(format!("`{word}`: only `--seeds N` and `--from N` are known here"));
    }
    let mut tests = command::cargo(&workspace.root, ["test", "--release", "--package", "graphmill", "--lib"]);
    tests.args(["session::simulation::", "--", "--nocapture"]);
    command::run(tests.env(SEEDS_VARIABLE, format!("{from}..{}", from.saturating_add(count))))
}
