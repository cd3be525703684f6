//! How long a call into a plugin may take.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Deadlines of the calls into a node, in milliseconds; what is left out comes from the graph's defaults, then from
/// [`Deadlines::default`]. Each is at least 1: there is no call without a deadline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "an object with keys such as `process_ms`")]
pub struct DeadlinesSpec {
    /// Loading one of the plugins that the graph names; only in the defaults of the graph, because a plugin is loaded
    /// before the nodes are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_ms: Option<u64>,
    /// Telling the pins of a node whose params decide on them, when the graph is checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pins_ms: Option<u64>,
    /// Making the instance: load a model here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_ms: Option<u64>,
    /// Beginning to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_ms: Option<u64>,
    /// One packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_ms: Option<u64>,
    /// One tick of a source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tick_ms: Option<u64>,
    /// The end of an input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flush_ms: Option<u64>,
    /// New params.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_ms: Option<u64>,
    /// A hint from a node downstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint_ms: Option<u64>,
    /// Ending to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_ms: Option<u64>,
    /// Freeing the instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destroy_ms: Option<u64>,
}

/// How long each call into a node may take. Time that a call waits for room on a link does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deadlines {
    /// Telling the pins of a node whose params decide on them; nothing runs then.
    pub pins: Duration,
    /// Making the instance.
    pub create: Duration,
    /// Beginning to run.
    pub start: Duration,
    /// One packet.
    pub process: Duration,
    /// One tick of a source.
    pub tick: Duration,
    /// The end of an input.
    pub flush: Duration,
    /// New params.
    pub update: Duration,
    /// A hint from a node downstream.
    pub hint: Duration,
    /// Ending to run.
    pub stop: Duration,
    /// Freeing the instance.
    pub destroy: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            pins: Duration::from_secs(10),
            create: Duration::from_secs(60),
            start: Duration::from_secs(10),
            process: Duration::from_secs(1),
            tick: Duration::from_secs(1),
            flush: Duration::from_secs(10),
            update: Duration::from_secs(1),
            hint: Duration::from_millis(200),
            stop: Duration::from_secs(5),
            destroy: Duration::from_secs(5),
        }
    }
}

impl DeadlinesSpec {
    /// The keys that were given, with their values.
    pub(crate) fn given(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let all = [
            ("load_ms", self.load_ms),
            ("pins_ms", self.pins_ms),
            ("create_ms", self.create_ms),
            ("start_ms", self.start_ms),
            ("process_ms", self.process_ms),
            ("tick_ms", self.tick_ms),
            ("flush_ms", self.flush_ms),
            ("update_ms", self.update_ms),
            ("hint_ms", self.hint_ms),
            ("stop_ms", self.stop_ms),
            ("destroy_ms", self.destroy_ms),
        ];
        all.into_iter().filter_map(|(key, ms)| Some((key, ms?)))
    }

    /// The deadlines, with `fallback` for what is left out.
    pub(crate) fn or(&self, fallback: &Deadlines) -> Deadlines {
        let or = |ms: Option<u64>, fallback: Duration| ms.map_or(fallback, Duration::from_millis);
        Deadlines {
            pins: or(self.pins_ms, fallback.pins),
            create: or(self.create_ms, fallback.create),
            start: or(self.start_ms, fallback.start),
            process: or(self.process_ms, fallback.process),
            tick: or(self.tick_ms, fallback.tick),
            flush: or(self.flush_ms, fallback.flush),
            update: or(self.update_ms, fallback.update),
            hint: or(self.hint_ms, fallback.hint),
            stop: or(self.stop_ms, fallback.stop),
            destroy: or(self.destroy_ms, fallback.destroy),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.given().next().is_none()
    }
}
