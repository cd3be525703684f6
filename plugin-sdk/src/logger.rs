//! Logging through the host: an explicit logger, and the way for `tracing` and `log`.

use crate::export::host::HostRef;
use crate::export::site::{Place, Record, Site};
use graphmill_abi::layout::*;
use std::sync::OnceLock;

/// How important a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Level {
    /// The finest detail.
    Trace,
    /// For those who debug the plugin.
    Debug,
    /// Ordinary news.
    Info,
    /// Somebody should look at it.
    Warn,
    /// Something failed.
    Error,
}

impl Level {
    pub(crate) fn to_raw(self) -> u32 {
        match self {
            Self::Trace => GM_LOG_TRACE,
            Self::Debug => GM_LOG_DEBUG,
            Self::Info => GM_LOG_INFO,
            Self::Warn => GM_LOG_WARN,
            Self::Error => GM_LOG_ERROR,
        }
    }
}

impl From<tracing_core::Level> for Level {
    fn from(level: tracing_core::Level) -> Self {
        match level {
            tracing_core::Level::ERROR => Self::Error,
            tracing_core::Level::WARN => Self::Warn,
            tracing_core::Level::INFO => Self::Info,
            tracing_core::Level::DEBUG => Self::Debug,
            tracing_core::Level::TRACE => Self::Trace,
        }
    }
}

impl From<log::Level> for Level {
    fn from(level: log::Level) -> Self {
        match level {
            log::Level::Error => Self::Error,
            log::Level::Warn => Self::Warn,
            log::Level::Info => Self::Info,
            log::Level::Debug => Self::Debug,
            log::Level::Trace => Self::Trace,
        }
    }
}

/// Writes records to the host's log, from any thread, also after the instance is gone.
///
/// `tracing` and `log` macros need no logger; this one is for code that wants to name its node explicitly, for
/// example on a thread that the plugin started. Its target is the id of the kind.
#[derive(Debug, Clone)]
pub struct Logger {
    host: HostRef,
    /// One for each level, asked for when it is needed.
    sites: [OnceLock<Site>; 5],
}

const _: () = {
    const fn assert_send_sync<T: Send + Sync>() {}
    assert_send_sync::<Logger>();
};

impl Logger {
    pub(crate) fn new(host: HostRef) -> Self {
        Self { host, sites: [const { OnceLock::new() }; 5] }
    }

    /// Whether a record of this level would be kept; ask before formatting something expensive.
    pub fn enabled(&self, level: Level) -> bool {
        self.site(level).is_some_and(|site| self.host.is_enabled(site))
    }

    /// Writes a record. Allocates nothing; bytes of value 0 inside the message arrive whole.
    ///
    /// The host cuts a message after 8 KiB, and drops what a node writes beyond 5,000 records in a second.
    pub fn log(&self, level: Level, message: &str) {
        if let Some(site) = self.site(level).filter(|site| self.host.is_enabled(*site)) {
            self.host.log(site, &Record { message, ..Record::EMPTY });
        }
    }

    fn site(&self, level: Level) -> Option<Site> {
        let ask = || self.host.site(&Place { level, target: "", file: "", line: 0, fields: &[] });
        self.sites.get(level as usize).map(|site| *site.get_or_init(ask))
    }
}
