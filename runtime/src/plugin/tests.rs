//! A plugin made with the SDK and linked into the test: every call goes through the same tables as with a file, and
//! Miri can follow both sides.

mod calls;
mod contract;
mod hints;
mod logging;
mod pins;
mod resources;
mod resources_raw;
mod services;

mod bench;
mod log_functions;
#[path = "../../tests/support/records.rs"]
mod records;
mod sample;
