//! Opening the library, entering it and reading what it offers.

use crate::validate::around::Around;
use crate::validate::bench::Teller;
use crate::validate::finding::{About, Line};
use crate::validate::held::Held;
use graphmill::plugin::preflight::PreflightError;
use graphmill::plugin::{LoadError, ModuleFault, Plugins};
use std::path::Path;
use std::time::{Duration, Instant};

/// A load that takes longer is felt by everybody who lists kinds.
const LOAD_MAX: Duration = Duration::from_secs(1);

/// A library under test.
#[derive(Debug)]
pub(crate) struct Library<'a> {
    pub(crate) path: &'a Path,
    pub(crate) teller: &'a Teller,
    pub(crate) timeout: Duration,
}

impl Library<'_> {
    /// Loads it; a refusal is told.
    pub(crate) fn load(&self) -> Option<Plugins> {
        let plugins = Plugins::new().with_load_timeout(self.timeout);
        self.teller.doing("C1", "opening and entering the library");
        match plugins.load(self.path) {
            Ok(_) => Some(plugins),
            Err(error) => {
                self.teller.found(rule_of(&error), words_of(&error));
                None
            }
        }
    }
}

/// Loads the library and says what it is.
pub(super) fn load(library: &Library<'_>) {
    let begun = Instant::now();
    let Some(plugins) = library.load() else { return };
    let took = begun.elapsed();
    if took > LOAD_MAX {
        library.teller.found("C5", format!("loading took {} ms", took.as_millis()));
    }
    for plugin in plugins.plugins() {
        let file = plugin.origin().file().unwrap_or(library.path).to_owned();
        library.teller.say(&Line::About(About { file, manifest: plugin.manifest_json().to_owned() }));
    }
}

/// Compares the process before and after the load.
pub(super) fn around(library: &Library<'_>) {
    let (before, held) = (Around::now(), Held::now());
    if library.load().is_none() {
        return;
    }
    before.compare(library.teller, ["C4"; 6], "after loading");
    let now = Held::handles_at_most(held);
    if now.threads > held.threads || now.descriptors > held.descriptors {
        let (threads, descriptors) =
            (now.threads.saturating_sub(held.threads), now.descriptors.saturating_sub(held.descriptors));
        library
            .teller
            .found("C4", format!("after loading there are {threads} threads and {descriptors} descriptors more"));
    }
}

/// What is wrong; that it is this library is known.
fn words_of(error: &LoadError) -> String {
    match error {
        LoadError::Module { fault, .. } => fault.to_string(),
        other => other.to_string(),
    }
}

/// The rule that a library breaks which cannot be loaded.
fn rule_of(error: &LoadError) -> &'static str {
    match error {
        LoadError::Preflight(
            PreflightError::NoEntry { .. }
            | PreflightError::EntryNotFunction { .. }
            | PreflightError::SeveralEntries { .. }
            | PreflightError::UnsupportedMajor { .. },
        ) => "A2",
        LoadError::Preflight(_) => "A1",
        LoadError::Entry { .. } => "C2",
        LoadError::Timeout { doing, .. } if doing.contains("entry") => "C2",
        LoadError::Module { fault, .. } => rule_of_module(fault),
        _ => "C1",
    }
}

fn rule_of_module(fault: &ModuleFault) -> &'static str {
    match fault {
        ModuleFault::PanicAbort => "B3",
        ModuleFault::NoManifest | ModuleFault::Manifest(_) => "B1",
        ModuleFault::Text { what, .. } if what.contains("manifest") => "B1",
        ModuleFault::Null { .. }
        | ModuleFault::Misaligned { .. }
        | ModuleFault::Magic { .. }
        | ModuleFault::Major { .. }
        | ModuleFault::Size { .. } => "C3",
        _ => "B2",
    }
}
