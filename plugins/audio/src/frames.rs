//! How long the packets of a node may be.

use graphmill_plugin_sdk::{Error, Result};

/// Packets longer than this would make the graph wait for seconds of sound at a time.
const FRAMES_MAX: u32 = 65_536;

/// The param `frames`, if it is a length that a packet may have.
///
/// # Errors
/// It is not.
pub(crate) fn checked(frames: u32) -> Result<u32> {
    match frames {
        1..=FRAMES_MAX => Ok(frames),
        _ => Err(Error::invalid(format!("`frames` must be 1 to {FRAMES_MAX}, not {frames}"))),
    }
}
