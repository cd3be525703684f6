//! Records of plugins as `tracing` events of the application.
//!
//! Every record is an event with the target [`TARGET`] and the fields `session`, `node`, `kind`, `plugin`,
//! `plugin_target`, `file`, `line`, `fields` and `late`, as far as they are known. There is one callsite per level,
//! so a disabled level costs one cached check.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Instant;

/// Target of every event that stands for a record of a plugin.
pub(crate) const TARGET: &str = "graphmill::plugin";

/// Losses are warned about once in this time; the counters know all of them.
const WARN_INTERVAL_MS: i64 = 60_000;

/// How important a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// Who writes a record.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Speaker<'a> {
    /// Name of the session.
    pub(crate) session: Option<&'a str>,
    /// Id of the node.
    pub(crate) node: Option<&'a str>,
    /// Id of its kind.
    pub(crate) kind: Option<&'a str>,
    /// Short name of the plugin, for records that do not come through an instance.
    pub(crate) plugin: Option<&'a str>,
    /// Whether the instance is gone already.
    pub(crate) is_late: bool,
}

/// One record, checked and bounded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) level: Level,
    pub(crate) target: &'a str,
    pub(crate) message: &'a str,
    pub(crate) file: &'a str,
    pub(crate) line: u32,
    pub(crate) fields: &'a str,
}

/// What can be lost of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Bytes that are not UTF-8 were replaced.
    Replaced,
    /// The end of a text was cut off.
    Cut,
    /// The record or one of its texts could not be read at all.
    Unreadable,
}

/// Losses of this process; they only go up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct LogLosses {
    /// Texts in which bytes were replaced that are not UTF-8.
    pub(crate) replaced: u64,
    /// Texts whose end was cut off.
    pub(crate) cut: u64,
    /// Records or texts that could not be read at all.
    pub(crate) unreadable: u64,
}

static REPLACED: AtomicU64 = AtomicU64::new(0);
static CUT: AtomicU64 = AtomicU64::new(0);
static UNREADABLE: AtomicU64 = AtomicU64::new(0);

/// What was lost of the records of plugins so far.
pub(crate) fn losses() -> LogLosses {
    LogLosses {
        replaced: REPLACED.load(Ordering::Relaxed),
        cut: CUT.load(Ordering::Relaxed),
        unreadable: UNREADABLE.load(Ordering::Relaxed),
    }
}

/// Whether somebody listens to records of this level.
pub(crate) fn enabled(level: Level) -> bool {
    match level {
        Level::Trace => tracing::enabled!(target: TARGET, tracing::Level::TRACE),
        Level::Debug => tracing::enabled!(target: TARGET, tracing::Level::DEBUG),
        Level::Info => tracing::enabled!(target: TARGET, tracing::Level::INFO),
        Level::Warn => tracing::enabled!(target: TARGET, tracing::Level::WARN),
        Level::Error => tracing::enabled!(target: TARGET, tracing::Level::ERROR),
    }
}

/// Makes an event of a record.
pub(crate) fn write(speaker: &Speaker<'_>, record: &Record<'_>) {
    macro_rules! event {
        ($level:ident) => {
            tracing::event!(
                target: TARGET,
                tracing::Level::$level,
                session = speaker.session,
                node = speaker.node,
                kind = speaker.kind,
                plugin = speaker.plugin,
                plugin_target = present(record.target),
                file = present(record.file),
                line = (record.line != 0).then_some(record.line),
                fields = present(record.fields),
                late = speaker.is_late.then_some(true),
                "{}",
                record.message
            )
        };
    }
    match record.level {
        Level::Trace => event!(TRACE),
        Level::Debug => event!(DEBUG),
        Level::Info => event!(INFO),
        Level::Warn => event!(WARN),
        Level::Error => event!(ERROR),
    }
}

fn present(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// Counts a loss, and warns about losses once a minute.
pub(crate) fn count(loss: Loss) {
    let counter = match loss {
        Loss::Replaced => &REPLACED,
        Loss::Cut => &CUT,
        Loss::Unreadable => &UNREADABLE,
    };
    counter.fetch_add(1, Ordering::Relaxed);
    if is_time_to_warn() {
        let LogLosses { replaced, cut, unreadable } = losses();
        tracing::warn!(target: TARGET, replaced, cut, unreadable, "records of plugins were damaged");
    }
}

fn is_time_to_warn() -> bool {
    static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    static LAST_MS: AtomicI64 = AtomicI64::new(-WARN_INTERVAL_MS);
    let now_ms = i64::try_from(ORIGIN.elapsed().as_millis()).unwrap_or(i64::MAX);
    let last_ms = LAST_MS.load(Ordering::Relaxed);
    let is_due = now_ms.saturating_sub(last_ms) >= WARN_INTERVAL_MS;
    is_due && LAST_MS.compare_exchange(last_ms, now_ms, Ordering::Relaxed, Ordering::Relaxed).is_ok()
}
