//! What the runtime tells about itself: counters, distributions and the log.

pub(crate) mod counter;
pub(crate) mod histogram;
pub(crate) mod limiter;
pub(crate) mod log_bridge;
