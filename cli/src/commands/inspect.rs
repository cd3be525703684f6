//! `inspect`: what a library or a kind is, without trusting the library.

use super::kinds;
use crate::arguments::Global;
use crate::console::Console;
use crate::failure::Failure;
use crate::{describe, probe};
use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Shows a library, or a kind of the plugins that are loaded.
pub(crate) fn run(console: &Console, global: &Global, subject: &Path, timeout_s: u64) -> Result<ExitCode, Failure> {
    if !is_library(subject) {
        return kinds::run(console, global, (Some(&subject.to_string_lossy()), None));
    }
    let look = probe::look(subject, Duration::from_secs(timeout_s))?;
    if console.is_json() {
        // It was read as a manifest, so it is JSON.
        let manifest: Value = serde_json::from_str(&look.json).unwrap_or_default();
        console.json(&json!({ "file": look.file, "manifest": manifest }))?;
    } else {
        console.result(&describe::library(&look))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Kinds have no `/` and do not end in `.so`; a file in this folder counts as one all the same.
fn is_library(subject: &Path) -> bool {
    let text = subject.as_os_str().as_encoded_bytes();
    text.contains(&b'/') || text.ends_with(b".so") || subject.exists()
}
