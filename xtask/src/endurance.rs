//! Runs the tests of what failures and lives leave behind at their full length and with optimised code.

use crate::command::{self, Outcome};
use crate::workspace::Workspace;

/// How long the mixed load of good and bad sessions goes on, in minutes.
const SOAK_MINUTES: &str = "60";

/// Asks these tests for their long runs.
const LENGTH_VARIABLE: &str = "GRAPHMILL_TEST_ENDURANCE";

/// Runs the tests one after the other and shows what each found.
///
/// # Errors
/// They cannot be built, or one of them fails.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    long_run(workspace, &["endurance", "blast", "starvation"], LENGTH_VARIABLE, "full")
}

/// Runs good and bad sessions side by side for an hour, or for as many minutes as are asked for.
///
/// # Errors
/// The test cannot be built, a packet is not accounted for, or something is left behind.
pub(crate) fn soak(workspace: &Workspace, arguments: &[String]) -> Outcome {
    let minutes = match arguments {
        [] => SOAK_MINUTES,
        [flag, minutes] if flag == "--minutes" => minutes,
        _ => return Err("`soak` takes `--minutes N` and nothing else".into()),
    };
    long_run(workspace, &["soak"], "GRAPHMILL_TEST_SOAK_MINUTES", minutes)
}

/// Runs tests one after the other with a variable that sets their length.
fn long_run(workspace: &Workspace, targets: &[&str], variable: &str, length: &str) -> Outcome {
    let mut tests = command::cargo(&workspace.root, ["test", "--release", "--package", "graphmill-fixture-faulty"]);
    tests.args(targets.iter().flat_map(|target| ["--test", target]));
    tests.args(["--", "--test-threads=1", "--nocapture"]);
    command::run(tests.env(variable, length))
}
