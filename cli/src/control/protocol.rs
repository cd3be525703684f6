//! What is said on a control socket: one JSON object a line, in both directions.
//!
//! ```text
//! server  {"hello":"graphmill","version":1,"session":"denoise","pid":4711}
//! client  {"id":1,"request":"pause","node":"mic"}
//! server  {"id":1,"ok":null}          or  {"id":1,"error":{"kind":"unknown-node","message":"..."}}
//! ```

use graphmill::exec::{SessionEvent, SteerError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Version of what is said; a client that knows another one leaves.
pub(crate) const VERSION: u32 = 1;
/// The word that a server begins with.
pub(crate) const HELLO: &str = "graphmill";

/// The first line of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    /// Always [`HELLO`].
    pub(crate) hello: String,
    pub(crate) version: u32,
    /// Name of the session.
    pub(crate) session: String,
    /// The process that it runs in.
    pub(crate) pid: u32,
}

/// What a client can ask for.
// Braces after every name: without them serde takes keys that mean nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Request {
    /// The report of the session as it is now.
    Report {},
    /// The same as text for people, in lines of this width.
    Table {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        width: Option<usize>,
    },
    /// Every change of state from the start on; the connection is for nothing else from then on.
    Events {},
    /// New params of a node.
    Update { node: String, params: Value },
    /// A hint, as if a node downstream of the output gave it.
    Hint {
        node: String,
        output: String,
        name: String,
        #[serde(default)]
        content: Value,
    },
    /// Lets a source, or all of them, rest.
    Pause(Sources),
    /// Lets a source, or all of them, go on.
    Resume(Sources),
    /// Ends the sources and lets the rest finish.
    Drain {},
    /// Ends everything at once.
    Abort {},
    /// The headers of the packets that made nodes fail and were given up.
    DeadLetters {},
}

/// Which sources: one, or all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sources {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) all: bool,
}

/// A line of a client: what it asks for, and the number that the answer carries again.
#[derive(Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) id: Value,
    pub(crate) request: Result<Request, Refusal>,
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refusal {
    /// One of the words of `docs/control.md`.
    pub(crate) kind: String,
    /// A sentence for people.
    pub(crate) message: String,
}

/// What the server says after its first line.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Told {
    /// It was done; with what was asked for.
    Ok(Value),
    /// It was not done.
    Error(Refusal),
    /// A node changed its state.
    Event(Value),
    /// The client was too slow for this many changes.
    Missed(u64),
    /// The session has ended, with this report.
    End(Value),
}

impl Asked {
    /// Reads a line of a client.
    pub(crate) fn parse(line: &str) -> Self {
        let mut asked: Value = match serde_json::from_str(line) {
            Ok(asked) => asked,
            Err(error) => return Self { id: Value::Null, request: Err(bad(&error)) },
        };
        let id = asked.as_object_mut().and_then(|asked| asked.remove("id")).unwrap_or_default();
        Self { id, request: serde_json::from_value(asked).map_err(|error| bad(&error)) }
    }
}

impl Sources {
    /// One source.
    pub(crate) fn one(node: &str) -> Self {
        Self { node: Some(node.to_owned()), all: false }
    }

    /// Every source.
    pub(crate) fn all() -> Self {
        Self { node: None, all: true }
    }
}

impl Refusal {
    pub(crate) fn new(kind: &str, message: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), message: message.into() }
    }

    /// Whether the session was asked for something sensible and did not do it; otherwise the request was wrong.
    pub(crate) fn is_of_the_session(&self) -> bool {
        matches!(self.kind.as_str(), "refused" | "lost" | "not-running" | "busy")
    }
}

impl From<SteerError> for Refusal {
    fn from(error: SteerError) -> Self {
        let kind = match &error {
            SteerError::UnknownNode { .. } => "unknown-node",
            SteerError::WrongNode { .. } => "wrong-node",
            SteerError::Params { .. } => "params",
            SteerError::Refused { .. } => "refused",
            SteerError::Lost { .. } => "lost",
            SteerError::NotRunning { .. } => "not-running",
            SteerError::Busy { .. } => "busy",
            SteerError::Hint { .. } => "hint",
            _ => "other",
        };
        Self::new(kind, error.to_string())
    }
}

fn bad(error: &serde_json::Error) -> Refusal {
    Refusal::new("bad-request", format!("that is no request: {error}"))
}

/// The line of an answer, without its line break.
pub(crate) fn answer(id: &Value, outcome: Result<Value, Refusal>) -> Value {
    match outcome {
        Ok(value) => json!({ "id": id, "ok": value }),
        Err(refusal) => json!({ "id": id, "error": refusal }),
    }
}

/// The line of a change.
pub(crate) fn change(event: &SessionEvent) -> Value {
    match event {
        SessionEvent::State(change) => json!({ "event": change }),
        SessionEvent::Missed(count) => json!({ "missed": count }),
        _ => json!({ "event": null }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Request, Refusal> {
        Asked::parse(line).request
    }

    #[test]
    fn every_request_is_read_as_it_is_written() {
        let requests = [
            Request::Report {},
            Request::Table { width: None },
            Request::Table { width: Some(80) },
            Request::Events {},
            Request::Update { node: "gain".into(), params: json!({ "db": -6 }) },
            Request::Hint { node: "a".into(), output: "out".into(), name: "video.keyframe".into(), content: json!({}) },
            Request::Pause(Sources::one("mic")),
            Request::Resume(Sources::all()),
            Request::Drain {},
            Request::Abort {},
            Request::DeadLetters {},
        ];
        for request in requests {
            let mut line = serde_json::to_value(&request).unwrap();
            line["id"] = json!(7);
            assert_eq!(Asked::parse(&line.to_string()), Asked { id: json!(7), request: Ok(request) }, "{line}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused_with_a_sentence_and_keeps_its_number() {
        for line in
            ["", "{", "7", "{}", r#"{"request":"x"}"#, r#"{"request":"report","x":1}"#, r#"{"request":"update"}"#]
        {
            let refusal = parsed(line).unwrap_err();
            assert_eq!(refusal.kind, "bad-request", "{line}");
            assert!(refusal.message.starts_with("that is no request: "), "{line}: {}", refusal.message);
        }
        assert_eq!(Asked::parse(r#"{"id":"a","request":"x"}"#).id, json!("a"));
    }
}
