//! Runs what needs models: pulls them, and tests what the other tests leave out because it takes minutes to build.
//!
//! Everything is built for release, as a model is too slow to be tested otherwise. What cannot be had is a failure:
//! a test that is skipped shows nothing.

use crate::command::{self, Outcome};
use crate::json::Json;
use crate::plugins::{self, Profile};
use crate::test;
use crate::workspace::Workspace;
use std::path::Path;
use std::process::Command;

/// The lane whose packages are tested here.
const LANE: &str = "models";
/// The feature that builds the tests of the command line that need models.
const FEATURE: &str = "model-tests";

/// Pulls every model that is built in, then runs the tests and the examples that need them. Arguments go to the runner.
///
/// # Errors
/// A model cannot be had, something cannot be built, or a test or an example fails.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Outcome {
    let lane: Vec<_> = workspace.of_lanes().filter(|package| package.lane.as_deref() == Some(LANE)).collect();
    let names: Vec<&str> = lane.iter().map(|package| package.name.as_str()).collect();
    // Exactly what the demo builds, then the rest by itself: built together, what they share would be built again.
    let folder = plugins::build(workspace, Profile::Release, &["graphmill-cli"])?;
    let mut build = command::cargo(&workspace.root, ["build", "--release"]);
    command::run(build.args(names.iter().flat_map(|name| ["--package", name])))?;
    pull(workspace, &folder)?;

    let mut tests = test::runner(workspace, &["--release", "--all-features"]);
    tests.args(names.iter().flat_map(|name| ["--package", name]));
    command::run(test::with_plugins(tests.args(arguments), &folder))?;
    let mut graphs = test::runner(workspace, &["--release", "--package", "graphmill-cli", "--features", FEATURE]);
    // What else there is of it needs no models, and is tested with the rest.
    command::run(test::with_plugins(graphs.args(["--test", "graphs_with_models"]).args(arguments), &folder))?;

    for package in lane {
        for example in &package.examples {
            println!("\n$ cargo run --release --package {} --example {example}\n", package.name);
            let mut run = command::cargo(&workspace.root, ["run", "--quiet", "--release", "--all-features"]);
            // Some of them compare times, which means nothing while threads of an engine compete.
            run.env("RTEN_NUM_THREADS", "1");
            command::run(test::with_plugins(run.args(["--package", &package.name, "--example", example]), &folder))?;
        }
    }
    Ok(())
}

/// Fetches what is not on this machine yet.
fn pull(workspace: &Workspace, folder: &Path) -> Outcome {
    let graphmill = || {
        let mut command = Command::new(folder.join("graphmill"));
        command.arg("models").current_dir(&workspace.root);
        command
    };
    let list = command::output(graphmill().args(["list", "--json"]))?;
    let list = Json::parse(&list).map_err(|fault| format!("the list of models cannot be read: {fault}"))?;
    let names: Vec<&str> = list.list().iter().filter_map(|model| model.text("name")).collect();
    command::run(graphmill().arg("pull").args(names))
}
