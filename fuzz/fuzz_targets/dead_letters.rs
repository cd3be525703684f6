//! A file of dead letters. What is read is written again, and then reads the same.
//!
//! Checksums are not compared in this build, because nobody guesses one.
#![no_main]

use graphmill_dead_letters::{DeadLetterLimits, read_dead_letters, write_dead_letters};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = DeadLetterLimits::default();
    let letters = match read_dead_letters(&mut &*bytes, &limits) {
        Ok(letters) => letters,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let mut written = Vec::new();
    write_dead_letters(&letters, &mut written).expect("what was read can be written");
    let again = read_dead_letters(&mut &*written, &limits).expect("what was written can be read");
    assert_eq!(format!("{again:?}"), format!("{letters:?}"));
});
