//! What a request does to the session.

use crate::control::protocol::{Refusal, Request, Sources};
use graphmill::exec::supervise::DeadLetter;
use graphmill::exec::{SessionHandle, SteerError};
use serde_json::{Value, json};

/// Does what was asked for; waits only for the answer to new params. `Table` and `Events` are the server's own.
///
/// # Errors
/// The session refuses, or the request makes no sense for it.
pub(crate) fn carry_out(session: &SessionHandle, request: Request) -> Result<Value, Refusal> {
    match request {
        Request::Report {} => {
            return serde_json::to_value(session.report()).map_err(|error| Refusal::new("other", error.to_string()));
        }
        Request::DeadLetters {} => return Ok(dead_letters(&session.dead_letters())),
        Request::Update { node, params } => session.update(&node, &params)?,
        Request::Hint { node, output, name, content } => session.hint(&node, &output, &name, &content)?,
        Request::Pause(sources) => each(&sources, |node| session.pause(node), || session.pause_all())?,
        Request::Resume(sources) => each(&sources, |node| session.resume(node), || session.resume_all())?,
        Request::Drain {} => session.drain(),
        Request::Abort {} => session.abort(),
        Request::Table { .. } | Request::Events {} => {}
    }
    Ok(Value::Null)
}

fn each(
    sources: &Sources,
    one: impl FnOnce(&str) -> Result<(), SteerError>,
    all: impl FnOnce(),
) -> Result<(), Refusal> {
    match (&sources.node, sources.all) {
        (Some(node), false) => Ok(one(node)?),
        (None, true) => {
            all();
            Ok(())
        }
        _ => Err(Refusal::new("bad-request", "name a `node`, or say `all`: true, not both")),
    }
}

/// The letters without their bytes.
fn dead_letters(letters: &[DeadLetter]) -> Value {
    let header = |letter: &DeadLetter| {
        let DeadLetter { node, kind, pin, reason, attempts, at_ns, header, packet, .. } = letter;
        json!({
            "node": node,
            "kind": kind,
            "pin": pin,
            "seq": header.seq,
            "stream_id": header.stream_id,
            "pts_ns": header.pts_ns,
            "attempts": attempts,
            "at_ns": at_ns,
            "has_payload": packet.is_some(),
            "reason": { "operation": reason.operation, "message": reason.message },
        })
    };
    letters.iter().map(header).collect()
}
