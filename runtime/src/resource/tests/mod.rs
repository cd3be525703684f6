//! The cache without plugins: threads, gates, random operations against a model.

mod properties;
mod room;
mod single_flight;

use super::*;
use std::convert::Infallible;
use std::time::{Duration, Instant};

/// Longer than any machine takes; a test that waits this long has failed.
const LONG: Duration = Duration::from_secs(60);

/// Waits for something that another thread does.
fn wait_for(what: &str, is_there: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_there() {
        assert!(start.elapsed() < LONG, "{what} does not happen");
        std::thread::yield_now();
    }
}

/// A load that never fails.
fn gives<T>(value: T) -> impl FnOnce() -> Result<T, Infallible> {
    move || Ok(value)
}

/// A load that must not happen.
fn never<T>() -> Result<T, Infallible> {
    panic!("it is there already")
}
