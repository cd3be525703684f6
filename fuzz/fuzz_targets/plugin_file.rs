//! The bytes of a file that is said to be a plugin, looked at before the system's loader sees it.
#![no_main]

use graphmill::plugin::preflight::{ENTRY_PREFIX, preflight};
use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use std::sync::LazyLock;

/// One file for all runs of this process.
static FILE: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("graphmill-fuzz-{}.so", std::process::id())));

fuzz_target!(|bytes: &[u8]| {
    std::fs::write(&*FILE, bytes).expect("the folder for temporary files can be written to");
    match preflight(&FILE) {
        Ok(found) => assert!(found.entry.to_string_lossy().starts_with(ENTRY_PREFIX)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
