//! A line on the control socket. What is understood is written again, and then understood the same.
#![no_main]

#[path = "../../cli/src/control/protocol.rs"]
#[allow(dead_code, reason = "this is one side of the protocol")]
mod protocol;

use libfuzzer_sys::fuzz_target;
use protocol::Asked;

fuzz_target!(|line: &str| {
    let asked = Asked::parse(line);
    match &asked.request {
        Err(refusal) => assert!(!refusal.message.is_empty()),
        Ok(request) => {
            let mut again = serde_json::to_value(request).expect("a request can be written");
            again["id"] = asked.id.clone();
            assert_eq!(Asked::parse(&again.to_string()), asked);
        }
    }
});
