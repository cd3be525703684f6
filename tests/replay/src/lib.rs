//! Stands in for the fuzzing engine, so that a plain compiler can build the fuzz targets: each becomes a function.

/// Makes `run(bytes)` of the body of a fuzz target. Bytes that are no text are no input of one that takes text.
#[macro_export]
macro_rules! fuzz_target {
    (|$bytes:ident: &[u8]| $body:block) => {
        pub(crate) fn run($bytes: &[u8]) {
            $body
        }
    };
    (|$text:ident: &str| $body:block) => {
        pub(crate) fn run(bytes: &[u8]) {
            let Ok($text) = std::str::from_utf8(bytes) else { return };
            $body
        }
    };
}
