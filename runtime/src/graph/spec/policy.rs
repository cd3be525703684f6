//! What a person decides beforehand about the failures of a node.

use super::TIME_MAX_MS;
use crate::graph::model::Pin;
use serde::{Deserialize, Serialize};

/// Most restarts that a budget may allow: the times of all of them are remembered.
pub const RESTARTS_MAX: u32 = 100;
/// Most times that a packet may be delivered again.
pub const REDELIVER_MAX: u32 = 100;

/// What is done about the errors and failures of a node; every value is in effect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// What a typed error means.
    pub on_error: OnError,
    /// How often and how soon a failed instance is replaced.
    pub restart: RestartPolicy,
    /// What happens when the restarts are used up.
    pub on_trip: OnTrip,
    /// How often a packet that was in flight at a failure is delivered again.
    pub redeliver: u32,
    /// What is kept of a packet that is given up after that.
    pub dead_letters: DeadLetterContent,
}

/// What a typed error of `process`, `tick` or `flush` means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", expecting = "`skip`, `restart` or `fail`")]
#[non_exhaustive]
pub enum OnError {
    /// The packet is dropped and counted; the instance goes on.
    #[default]
    Skip,
    /// It is a failure like a panic: it uses the restart budget.
    Restart,
    /// The node fails at once and is not restarted.
    Fail,
}

/// What is kept of a packet that was in flight at a failure and is given up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", expecting = "`header` or `payload`")]
#[non_exhaustive]
pub enum DeadLetterContent {
    /// Everything but its bytes: it tells which packet it was.
    #[default]
    Header,
    /// The whole packet: it can be sent again to look for the fault.
    Payload,
}

/// What happens to a node whose restarts are used up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", expecting = "`stop-session`, `isolate` or `bypass`")]
#[non_exhaustive]
pub enum OnTrip {
    /// The whole session drains and stops.
    #[default]
    StopSession,
    /// The node stays out; packets to it are dropped and counted.
    Isolate,
    /// The node stays out; packets pass from its input to its output unchanged.
    Bypass,
}

/// How often and how soon a failed instance is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RestartPolicy {
    /// Most restarts within any window.
    pub max: u32,
    /// Length of the window in milliseconds.
    pub window_ms: u64,
    /// Wait before the first restart in milliseconds; each further one doubles it.
    pub backoff_first_ms: u64,
    /// Longest wait before a restart in milliseconds.
    pub backoff_max_ms: u64,
    /// Milliseconds without a failure after which the back-off and the budget start afresh.
    pub reset_after_ms: u64,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self { max: 3, window_ms: 30_000, backoff_first_ms: 100, backoff_max_ms: 10_000, reset_after_ms: 60_000 }
    }
}

/// A policy as a person writes it, for a graph or for one node; what is absent follows what it is laid over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "an object with `on_error`, `restart` or another key of `policy`")]
pub struct PolicySpec {
    /// What a typed error means: `skip` (default), `restart` or `fail`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_error: Option<OnError>,
    /// How often and how soon a failed instance is replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart: Option<RestartSpec>,
    /// What happens when the restarts are used up: `stop-session` (default), `isolate` or `bypass`.
    ///
    /// `bypass` needs a node with one input and one output of the same format.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_trip: Option<OnTrip>,
    /// How often a packet that was in flight at a failure is delivered again, 0 to 100; default 0.
    ///
    /// Above 0 the payload of the packet in flight is kept, so it is shared and the node cannot work in place. Each
    /// delivery that fails uses one restart, so a value of `restart.max` or more lets one bad packet trip the node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redeliver: Option<u32>,
    /// What is kept of a packet that is given up: `header` (default) or `payload`.
    ///
    /// With `payload` the packet in flight is kept, so it is shared and the node cannot work in place. A session keeps
    /// at most 1,000 dead letters and 64 MiB of them, the newest ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letters: Option<DeadLetterContent>,
}

/// The restart policy as a person writes it; what is absent follows what it is laid over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "an object with `max`, `window_ms` or another key of `restart`")]
pub struct RestartSpec {
    /// Most restarts within any window, 0 to 100; default 3. With 0 the first failure trips the node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// Length of the window in milliseconds, 1 to 86,400,000; default 30,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_ms: Option<u64>,
    /// Wait before the first restart in milliseconds, 1 to 86,400,000; default 100.
    ///
    /// Each further restart doubles it. The actual wait lies between one half of it and all of it, so that nodes
    /// that failed together do not come back together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff_first_ms: Option<u64>,
    /// Longest wait before a restart in milliseconds, `backoff_first_ms` to 86,400,000; default 10,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff_max_ms: Option<u64>,
    /// Milliseconds without a failure after which back-off and budget start afresh, 1 to 86,400,000; default 60,000.
    ///
    /// A value below `window_ms` forgives restarts that the window still holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reset_after_ms: Option<u64>,
}

impl PolicySpec {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The policy that holds when this is laid over `base`.
    #[must_use]
    pub fn over(&self, base: &Policy) -> Policy {
        Policy {
            on_error: self.on_error.unwrap_or(base.on_error),
            restart: self.restart.unwrap_or_default().over(&base.restart),
            on_trip: self.on_trip.unwrap_or(base.on_trip),
            redeliver: self.redeliver.unwrap_or(base.redeliver),
            dead_letters: self.dead_letters.unwrap_or(base.dead_letters),
        }
    }
}

impl RestartSpec {
    fn over(&self, base: &RestartPolicy) -> RestartPolicy {
        RestartPolicy {
            max: self.max.unwrap_or(base.max),
            window_ms: self.window_ms.unwrap_or(base.window_ms),
            backoff_first_ms: self.backoff_first_ms.unwrap_or(base.backoff_first_ms),
            backoff_max_ms: self.backoff_max_ms.unwrap_or(base.backoff_max_ms),
            reset_after_ms: self.reset_after_ms.unwrap_or(base.reset_after_ms),
        }
    }
}

/// Whether packets may pass a node by: it has one input and one output, and they have the same format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third answer")]
pub enum PassThrough {
    /// What comes in may go out as it is.
    Possible,
    /// The output would give something that its format forbids.
    Impossible,
}

impl PassThrough {
    pub(crate) fn of(inputs: &[Pin], outputs: &[Pin]) -> Self {
        match (inputs, outputs) {
            ([input], [output]) if input.format() == output.format() => Self::Possible,
            _ => Self::Impossible,
        }
    }
}

/// Why a policy cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A number is outside its range.
    #[error("`{key}` is {value}; it must be between {min} and {max}")]
    OutOfRange {
        /// The key as it is written in a graph file.
        key: &'static str,
        /// What was asked for.
        value: u64,
        /// Least value.
        min: u64,
        /// Greatest value.
        max: u64,
    },
    /// Packets cannot pass the node by.
    #[error(
        "`on_trip` is `bypass`, but packets cannot pass this node by: it needs one input and one output of the same format; use `isolate` or `stop-session`"
    )]
    BypassImpossible,
}

impl Policy {
    /// Checks every value; `formats` tells whether packets may pass the node by.
    ///
    /// # Errors
    /// Names the first key that cannot hold.
    pub fn validate(&self, formats: PassThrough) -> Result<(), PolicyError> {
        let restart = &self.restart;
        in_range("restart.max", restart.max.into(), 0, RESTARTS_MAX.into())?;
        in_range("restart.window_ms", restart.window_ms, 1, TIME_MAX_MS)?;
        in_range("restart.backoff_first_ms", restart.backoff_first_ms, 1, TIME_MAX_MS)?;
        in_range("restart.backoff_max_ms", restart.backoff_max_ms, restart.backoff_first_ms, TIME_MAX_MS)?;
        in_range("restart.reset_after_ms", restart.reset_after_ms, 1, TIME_MAX_MS)?;
        in_range("redeliver", self.redeliver.into(), 0, REDELIVER_MAX.into())?;
        if self.on_trip == OnTrip::Bypass && formats == PassThrough::Impossible {
            return Err(PolicyError::BypassImpossible);
        }
        Ok(())
    }
}

fn in_range(key: &'static str, value: u64, min: u64, max: u64) -> Result<(), PolicyError> {
    if (min..=max).contains(&value) { Ok(()) } else { Err(PolicyError::OutOfRange { key, value, min, max }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_keys_follow_what_the_policy_is_laid_over() {
        assert_eq!(PolicySpec::default().over(&Policy::default()), Policy::default());
        let graph: PolicySpec = serde_json::from_str(
            r#"{"on_error":"restart","on_trip":"isolate","redeliver":2,"dead_letters":"payload",
                "restart":{"max":9,"window_ms":8,"backoff_first_ms":7,"backoff_max_ms":70,"reset_after_ms":6}}"#,
        )
        .unwrap();
        let graph = graph.over(&Policy::default());
        let restart =
            RestartPolicy { max: 9, window_ms: 8, backoff_first_ms: 7, backoff_max_ms: 70, reset_after_ms: 6 };
        let wanted = Policy {
            on_error: OnError::Restart,
            restart,
            on_trip: OnTrip::Isolate,
            redeliver: 2,
            dead_letters: DeadLetterContent::Payload,
        };
        assert_eq!(graph, wanted);
        let node: PolicySpec = serde_json::from_str(r#"{"on_error":"fail","restart":{"max":1}}"#).unwrap();
        let restart = RestartPolicy { max: 1, ..restart };
        assert_eq!(node.over(&graph), Policy { on_error: OnError::Fail, restart, ..wanted });
        assert_eq!(PolicySpec::default().over(&graph), graph);
    }

    #[test]
    fn defaults_are_those_of_the_documentation() {
        let json = serde_json::to_string(&Policy::default()).unwrap();
        assert_eq!(
            json,
            r#"{"on_error":"skip","restart":{"max":3,"window_ms":30000,"backoff_first_ms":100,"backoff_max_ms":10000,"reset_after_ms":60000},"on_trip":"stop-session","redeliver":0,"dead_letters":"header"}"#
        );
        assert_eq!(Policy::default().validate(PassThrough::Impossible), Ok(()));
    }

    #[test]
    fn what_was_left_out_is_left_out_again() {
        assert_eq!(serde_json::to_string(&PolicySpec::default()).unwrap(), "{}");
        let restart = PolicySpec { restart: Some(RestartSpec::default()), ..PolicySpec::default() };
        assert_eq!(serde_json::to_string(&restart).unwrap(), r#"{"restart":{}}"#);
    }

    #[test]
    fn unknown_keys_and_words_are_refused_by_name() {
        let refuse = |json: &str, want: &str| {
            let error = serde_json::from_str::<PolicySpec>(json).unwrap_err().to_string();
            assert!(error.contains(want), "{error}");
        };
        refuse(r#"{"on_err":"skip"}"#, "unknown field `on_err`");
        refuse(r#"{"restart":{"maximum":1}}"#, "unknown field `maximum`");
        refuse(r#"{"on_trip":"ignore"}"#, "unknown variant `ignore`");
        refuse(r#"{"dead_letters":"all"}"#, "unknown variant `all`, expected `header` or `payload`");
        refuse(r#"{"restart":{"max":-1}}"#, "-1");
        refuse(r#"{"restart":3}"#, "an object with `max`");
    }

    #[test]
    fn every_number_is_held_to_its_range() {
        let check = |change: fn(&mut Policy, u64), key: &str, min: u64, max: u64| {
            let with = |value| {
                let mut policy = Policy::default();
                policy.restart.backoff_max_ms = TIME_MAX_MS;
                change(&mut policy, value);
                policy.validate(PassThrough::Possible)
            };
            assert_eq!((with(min), with(max)), (Ok(()), Ok(())), "{key}");
            for value in [min.checked_sub(1), Some(max + 1)].into_iter().flatten() {
                let error = with(value).unwrap_err();
                let wanted = format!("`{key}` is {value}; it must be between {min} and {max}");
                assert_eq!(error.to_string(), wanted);
            }
        };
        check(|p, v| p.restart.max = u32::try_from(v).unwrap(), "restart.max", 0, 100);
        check(|p, v| p.restart.window_ms = v, "restart.window_ms", 1, TIME_MAX_MS);
        check(|p, v| p.restart.backoff_first_ms = v, "restart.backoff_first_ms", 1, TIME_MAX_MS);
        check(|p, v| p.restart.backoff_max_ms = v, "restart.backoff_max_ms", 100, TIME_MAX_MS);
        check(|p, v| p.restart.reset_after_ms = v, "restart.reset_after_ms", 1, TIME_MAX_MS);
        check(|p, v| p.redeliver = u32::try_from(v).unwrap(), "redeliver", 0, 100);
    }

    #[test]
    fn bypass_is_refused_unless_packets_can_pass_the_node_by() {
        let bypass = Policy { on_trip: OnTrip::Bypass, ..Policy::default() };
        assert_eq!(bypass.validate(PassThrough::Possible), Ok(()));
        assert_eq!(bypass.validate(PassThrough::Impossible), Err(PolicyError::BypassImpossible));
        let isolate = Policy { on_trip: OnTrip::Isolate, ..Policy::default() };
        assert_eq!(isolate.validate(PassThrough::Impossible), Ok(()));
    }
}
