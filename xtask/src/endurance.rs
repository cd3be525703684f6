//! Runs the tests of what many failures and many lives leave behind, at their full length and with optimised code.

use crate::command::{self, Outcome};
use crate::workspace::Workspace;

/// Asks these tests for their long runs.
const LENGTH_VARIABLE: &str = "GRAPHMILL_TEST_ENDURANCE";

/// Runs the tests one after the other and shows what each found.
///
/// # Errors
/// They cannot be built, or one of them fails.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let mut tests = command::cargo(&workspace.root, ["test", "--release", "--package", "graphmill-fixture-faulty"]);
    tests.args(["--test", "endurance", "--test", "blast", "--test", "starvation"]);
    tests.args(["--", "--test-threads=1", "--nocapture"]);
    command::run(tests.env(LENGTH_VARIABLE, "full"))
}
