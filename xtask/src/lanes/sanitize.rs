//! Runs tests under a sanitizer, with host, SDK and plugins built for it.
//!
//! `address` and `thread` look at the tests that load real libraries; `realtime` watches threads on the data path.

use super::{need_component, need_subcommand, nightly};
use crate::command::{self, Outcome};
use crate::workspace::Workspace;

const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Tells the tests in which folder the plugins are.
const PLUGINS_VARIABLE: &str = "GRAPHMILL_TEST_PLUGINS";
/// The tests over libraries: of the runtime, and of the zoo of broken plugins.
const LIBRARIES: &[&str] = &["--package", "graphmill", "--package", "graphmill-fixture-faulty", "--lib", "--tests"];
/// Tests that cannot run under a sanitizer with a memory of its own. A death by a signal ends in its report instead; and
/// what it keeps for itself would be measured by those that look what is left behind.
const SKIPPED: &str = "binary(crash) | binary(deaths) | test(attribution) | binary(endurance) | binary(soak) \
                       | test(leave_memory_alone) | test(what_is_allocated)";

/// Tests of how fast something is, where everything is a tenth as fast.
const SLOWED: &str = "test(flood) | binary(starvation)";

/// A sanitizer, and how it is asked for.
struct Sanitizer {
    name: &'static str,
    /// Further flags of the compiler.
    flags: &'static str,
    /// Further arguments of cargo.
    build: &'static [&'static str],
    /// The variable of its options, with them.
    options: [&'static str; 2],
    /// Which tests, as arguments of cargo.
    tests: &'static [&'static str],
    /// Whether these tests load plugins from files.
    needs_plugins: bool,
    /// Tests that cannot run under it, as expressions of the test runner.
    skipped: &'static [&'static str],
}

const SANITIZERS: [Sanitizer; 3] = [
    Sanitizer {
        name: "address",
        flags: "",
        build: &[],
        // Leaks are looked for by Miri and memcheck: here a library that is never unloaded would be one.
        // A plugin that asks for more than there is gets null, as from any allocator.
        options: ["ASAN_OPTIONS", "detect_leaks=0:abort_on_error=1:allocator_may_return_null=1"],
        tests: LIBRARIES,
        needs_plugins: true,
        skipped: &[SKIPPED],
    },
    Sanitizer {
        name: "thread",
        flags: "--cfg thread_sanitizer",
        // The standard library has to be instrumented too.
        build: &["-Zbuild-std"],
        options: ["TSAN_OPTIONS", "halt_on_error=1:allocator_may_return_null=1"],
        tests: LIBRARIES,
        needs_plugins: true,
        skipped: &[SKIPPED, SLOWED],
    },
    Sanitizer {
        name: "realtime",
        flags: "--cfg realtime_sanitizer",
        build: &[],
        options: ["RTSAN_OPTIONS", "halt_on_error=1"],
        tests: &["--package", "graphmill", "--test", "realtime"],
        needs_plugins: false,
        skipped: &["none()"],
    },
];

/// Runs the sanitizers that are named, or all of them.
///
/// # Errors
/// Something cannot be built, or a test fails.
pub(crate) fn run(workspace: &Workspace, rest: &[String]) -> Outcome {
    if let Some(stranger) = rest.iter().find(|word| !SANITIZERS.iter().any(|known| known.name == **word)) {
        return Err(format!("`{stranger}` is no sanitizer of this lane; there are {}", names().join(", ")));
    }
    need_component("rust-src")?;
    need_subcommand(&workspace.root, "nextest")?;
    for sanitizer in SANITIZERS.iter().filter(|known| rest.is_empty() || rest.iter().any(|word| word == known.name)) {
        check(workspace, sanitizer)?;
    }
    Ok(())
}

/// What the sanitizers are called.
pub(super) fn names() -> [&'static str; SANITIZERS.len()] {
    SANITIZERS.map(|known| known.name)
}

fn check(workspace: &Workspace, sanitizer: &Sanitizer) -> Outcome {
    let lane = format!("sanitize-{}", sanitizer.name);
    let with = |arguments: &[&str]| {
        let mut command = nightly(workspace, &lane, arguments);
        command.args(["--target", TARGET]).args(sanitizer.build);
        // Without the dynamic symbols of the executable a library does not find the sanitizer in it.
        let flags = format!("-Zsanitizer={} -Clink-arg=-rdynamic {}", sanitizer.name, sanitizer.flags);
        command.env("RUSTFLAGS", flags.trim());
        let [variable, options] = sanitizer.options;
        command.env(variable, options);
        command
    };
    let mut tests = with(&["nextest", "run", "--profile", "lane"]);
    tests.args(sanitizer.tests).arg("-E").arg(format!("not ({})", sanitizer.skipped.join(" | ")));
    // The texts of backtraces take seconds here, and deadlines of calls in which something panics are shorter.
    tests.env("RUST_BACKTRACE", "0");
    if sanitizer.needs_plugins {
        let mut plugins = with(&["build"]);
        plugins.args(workspace.plugins().flat_map(|plugin| ["--package", plugin.name.as_str()]));
        command::run(&mut plugins)?;
        tests.env(PLUGINS_VARIABLE, workspace.target.join(&lane).join(TARGET).join("debug"));
    }
    command::run(&mut tests)
}
