//! Runs the loom models: every interleaving of a few threads, up to a number of preemptions.

use super::arguments;
use crate::command::{self, Outcome};
use crate::workspace::Workspace;

/// Preemptions that an interleaving has at most; bugs that need more are rare, and the time grows fast.
const PREEMPTIONS: u64 = 3;
/// Packages with models, and the modules that they are in.
const MODELS: [(&str, &str); 2] = [("graphmill-abi", "models::"), ("graphmill", "models::")];

/// Runs every model, or those whose path has one of the words; `--preemptions N` looks deeper.
///
/// # Errors
/// A model cannot be built, or shows a fault.
pub(crate) fn run(workspace: &Workspace, mut rest: Vec<String>) -> Outcome {
    let preemptions = arguments::take(&mut rest, "--preemptions")?.unwrap_or(PREEMPTIONS);
    let words = arguments::words(rest)?;
    for (package, module) in MODELS {
        let mut tests = command::cargo(&workspace.root, ["test", "--release", "--package", package, "--lib", "--"]);
        tests.args(if words.is_empty() { vec![module.to_owned()] } else { words.clone() });
        tests.env("CARGO_TARGET_DIR", workspace.target.join("loom"));
        tests.env("LOOM_MAX_PREEMPTIONS", preemptions.to_string());
        command::run(tests.env("RUSTFLAGS", "--cfg loom"))?;
    }
    Ok(())
}
