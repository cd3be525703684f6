//! What a client sends to the metrics page.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let answer = graphmill::telemetry::fuzzing::request(bytes);
    // A request that is whole stays what it is, whatever comes behind it.
    if let Some(answer) = answer.filter(|answer| *answer != "Bad") {
        let longer = [bytes, b"GET / HTTP/1.1\r\n\r\n"].concat();
        assert_eq!(graphmill::telemetry::fuzzing::request(&longer), Some(answer));
    }
});
