//! Records of plugins as `tracing` events of the application.
//!
//! Every place in a plugin that writes records is a real, registered callsite here ([`site`]), so filters, their
//! reloads and their caches treat it like a place in the application's own code. An event carries the fields of the
//! record under their own names; `spans`, `late`, and `file` and `line` where the place has none, are added. It happens
//! inside a span `node` with the fields `session`, `node` and `kind` ([`speaker`]); where a filter leaves that span out
//! the event carries these three itself.
//!
//! Everything is bounded: places ([`sites`]), records per second and node ([`limit`]), and, by the caller, texts.
//! What is lost is counted ([`losses`]). Works on every thread; blocks no longer than the application's subscriber.

mod site;
mod sites;
mod speaker;

mod filter;
mod limit;
mod losses;

pub(crate) use losses::{Loss, count, losses};
pub(crate) use site::{Described, FIELDS_MAX, FieldValue, Record, Site, SiteHead};
pub(crate) use sites::{find_or_make, numbered};
pub(crate) use speaker::{Said, Speaker};

/// Target of what the bridge itself has to say, and of the records of a plugin that says nothing of its own.
pub(crate) const TARGET: &str = "graphmill::plugin";

/// How important a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

impl From<Level> for tracing::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Trace => Self::TRACE,
            Level::Debug => Self::DEBUG,
            Level::Info => Self::INFO,
            Level::Warn => Self::WARN,
            Level::Error => Self::ERROR,
        }
    }
}
