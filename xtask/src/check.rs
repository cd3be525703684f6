//! Everything that a change has to pass.

use crate::command::{self, Outcome};
use crate::sections::Sections;
use crate::workspace::Workspace;
use crate::{compare, demo, test, test_models, tidy};

/// Runs every check, from the quickest to the slowest, and stops at the first that fails.
///
/// # Errors
/// The first check that fails.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let cargo = |arguments: &[&str]| command::run(&mut command::cargo(&workspace.root, arguments));
    let mut sections = Sections::default();
    sections.run("format", || {
        cargo(&["fmt", "--all", "--check"])?;
        command::run(&mut command::cargo(&compare::folder(workspace), ["fmt", "--check"]))
    })?;
    sections.run("tidy", || tidy::run(workspace))?;
    sections.run("lints", || {
        let with_models = "graphmill-cli/model-tests,graphmill-onnx/model-tests";
        cargo(&["clippy", "--workspace", "--all-targets", "--features", with_models, "--", "-D", "warnings"])
    })?;
    sections.run("without plugin files", || {
        cargo(&["clippy", "--package", "graphmill", "--no-default-features", "--", "-D", "warnings"])
    })?;
    sections.run("docs", || {
        let mut doc = command::cargo(&workspace.root, ["doc", "--workspace", "--no-deps"]);
        command::run(doc.env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    sections.run("tests", || test::run(workspace, &[]))?;
    sections.run("tests of the comparison", || compare::test(workspace))?;
    sections.run("demo", || demo::run(workspace))?;
    sections.run("tests with models", || test_models::run(workspace, &[]))?;
    sections.print();
    Ok(())
}
