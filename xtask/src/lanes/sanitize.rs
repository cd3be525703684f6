//! Runs the tests that load real libraries under a sanitizer, with host, SDK and plugins built for it.

use super::{need_component, nightly};
use crate::command::{self, Outcome};
use crate::workspace::Workspace;

const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Tells the tests in which folder the plugins are.
const PLUGINS_VARIABLE: &str = "GRAPHMILL_TEST_PLUGINS";
/// Packages with tests over libraries: the runtime, and the zoo of broken plugins.
const PACKAGES: [&str; 2] = ["graphmill", "graphmill-fixture-faulty"];

/// A sanitizer, and how it is asked for.
struct Sanitizer {
    name: &'static str,
    /// Further arguments of cargo.
    build: &'static [&'static str],
    /// The variable of its options, with them.
    options: [&'static str; 2],
    /// Tests that cannot run under it, as filters of the test runner.
    skipped: &'static [&'static str],
}

const SANITIZERS: [Sanitizer; 2] = [
    Sanitizer {
        name: "address",
        build: &[],
        // Leaks are looked for by Miri and memcheck: here a library that is never unloaded would be one.
        options: ["ASAN_OPTIONS", "detect_leaks=0:abort_on_error=1"],
        // Deaths by a signal end in the sanitizer's own report instead, and allocations are its own.
        skipped: &["crash", "death", "allocations", "attribution"],
    },
    Sanitizer {
        name: "thread",
        // The standard library has to be instrumented too.
        build: &["-Zbuild-std"],
        options: ["TSAN_OPTIONS", "halt_on_error=1"],
        skipped: &["crash", "death", "allocations", "attribution"],
    },
];

/// Runs `address`, `thread`, or both when none is named.
///
/// # Errors
/// Something cannot be built, or a test fails.
pub(crate) fn run(workspace: &Workspace, rest: &[String]) -> Outcome {
    if let Some(stranger) = rest.iter().find(|word| !SANITIZERS.iter().any(|known| known.name == **word)) {
        return Err(format!("`{stranger}` is no sanitizer of this lane; there are `address` and `thread`"));
    }
    need_component("rust-src")?;
    for sanitizer in SANITIZERS.iter().filter(|known| rest.is_empty() || rest.iter().any(|word| word == known.name)) {
        check(workspace, sanitizer)?;
    }
    Ok(())
}

fn check(workspace: &Workspace, sanitizer: &Sanitizer) -> Outcome {
    let lane = format!("sanitize-{}", sanitizer.name);
    let with = |arguments: &[&str]| {
        let mut command = nightly(workspace, &lane, arguments);
        command.args(["--target", TARGET]).args(sanitizer.build);
        // Without the dynamic symbols of the executable a library does not find the sanitizer in it.
        command.env("RUSTFLAGS", format!("-Zsanitizer={} -Clink-arg=-rdynamic", sanitizer.name));
        let [variable, options] = sanitizer.options;
        command.env(variable, options);
        command
    };
    let mut plugins = with(&["build"]);
    for plugin in workspace.plugins() {
        plugins.args(["--package", &plugin.name]);
    }
    command::run(&mut plugins)?;
    let mut tests = with(&["test", "--no-fail-fast"]);
    for package in PACKAGES {
        tests.args(["--package", package]);
    }
    tests.args(["--lib", "--tests", "--", "--test-threads=2"]);
    for skipped in sanitizer.skipped {
        tests.args(["--skip", skipped]);
    }
    let folder = workspace.target.join(&lane).join(TARGET).join("debug");
    command::run(tests.env(PLUGINS_VARIABLE, folder))
}
