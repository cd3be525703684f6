//! The bytes of a file that is said to hold sound. However damaged it is, it gives numbers, no more than it has bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use std::sync::LazyLock;

/// One file for all runs of this process.
static FILE: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("graphmill-fuzz-{}.wav", std::process::id())));

fuzz_target!(|bytes: &[u8]| {
    std::fs::write(&*FILE, bytes).expect("the folder for temporary files can be written to");
    let mut count = 0;
    let result = graphmill_audio::fuzzing::read_wav(&FILE, &mut |samples| {
        assert!(samples.iter().all(|sample| sample.is_finite()));
        count += samples.len();
    });
    assert!(count <= bytes.len(), "{count} samples out of {} bytes", bytes.len());
    if let Err(message) = result {
        assert!(!message.is_empty());
    }
});
