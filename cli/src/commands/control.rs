//! `control`: a running session, asked and steered from a script.

use crate::arguments::{Steer, Which};
use crate::console::Console;
use crate::control::{Client, Request, Sources, Told, Wrong};
use crate::failure::Failure;
use crate::table::{Align, Table};
use crate::units;
use serde_json::{Value, json};
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// How long it is waited for a change at once; there is always another wait.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(3600);

/// Asks once, or follows the changes to the end.
pub(crate) fn run(console: Console, (socket, what): (&Path, &Steer)) -> Result<ExitCode, Failure> {
    let request = request(console, what)?;
    let mut client = Client::connect(socket)?;
    let answer = client.ask(&request).map_err(failure)?;
    match request {
        Request::Events {} => return follow(console, client),
        Request::DeadLetters {} if !console.is_json() => console.result(&letters(&answer))?,
        Request::Table { .. } => console.result(&format!("{}\n", answer.as_str().unwrap_or_default()))?,
        Request::Report {} | Request::DeadLetters {} => console.json(&answer)?,
        _ if console.is_json() => console.json(&json!({ "ok": true }))?,
        _ => {}
    }
    Ok(ExitCode::SUCCESS)
}

fn request(console: Console, what: &Steer) -> Result<Request, Failure> {
    Ok(match what {
        Steer::Report if console.is_json() => Request::Report {},
        Steer::Report => Request::Table { width: width() },
        Steer::Events => Request::Events {},
        Steer::DeadLetters => Request::DeadLetters {},
        Steer::Update { node, params } => Request::Update { node: node.clone(), params: parse("params", params)? },
        Steer::Hint { node, output, name, content } => {
            let content = parse("content", content)?;
            Request::Hint { node: node.clone(), output: output.clone(), name: name.clone(), content }
        }
        Steer::Pause(which) => Request::Pause(sources(which)),
        Steer::Resume(which) => Request::Resume(sources(which)),
        Steer::Drain => Request::Drain {},
        Steer::Abort => Request::Abort {},
    })
}

/// Width of the terminal, if the answer goes to one.
fn width() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0))
}

fn sources(which: &Which) -> Sources {
    which.node.as_deref().map_or_else(Sources::all, Sources::one)
}

fn parse(what: &str, text: &str) -> Result<Value, Failure> {
    serde_json::from_str(text).map_err(|error| {
        Failure::new(format!("the {what} are no JSON: {error}")).note("help: write them like '{\"db\": -6}'")
    })
}

/// Why the session did not do it; what is wrong with the request is the fault of whoever typed it.
fn failure(wrong: Wrong) -> Failure {
    match wrong {
        Wrong::Refused(refusal) if refusal.is_of_the_session() => Failure::Session(refusal.message),
        Wrong::Refused(refusal) => Failure::new(refusal.message),
        Wrong::Lost(message) => Failure::Session(message),
    }
}

/// Writes every change until the session has ended.
fn follow(console: Console, mut client: Client) -> Result<ExitCode, Failure> {
    loop {
        let Some(told) = client.hear(LISTEN_TIMEOUT).map_err(failure)? else { continue };
        match &told {
            Told::Event(change) if console.is_json() => console.json(&json!({ "event": change }))?,
            Told::Event(change) => console.result(&line(change))?,
            Told::Missed(count) if console.is_json() => console.json(&json!({ "missed": count }))?,
            Told::Missed(count) => console.note(&format!("{} missed", units::count(*count, "change"))),
            Told::End(report) => return end(console, report),
            Told::Ok(_) | Told::Error(_) => {}
        }
    }
}

fn end(console: Console, report: &Value) -> Result<ExitCode, Failure> {
    let outcome = text(report, "outcome");
    if console.is_json() {
        console.json(&json!({ "end": report }))?;
    } else {
        console.note(&format!("{} {outcome}", text(report, "session")));
    }
    Ok(if matches!(outcome, "completed" | "stopped") { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A change as one line.
fn line(change: &Value) -> String {
    let at_ns = change.get("at_ns").and_then(Value::as_u64).unwrap_or_default();
    let [node, from, to, reason] = ["node", "from", "to", "reason"].map(|key| text(change, key));
    let reason = if reason.is_empty() { String::new() } else { format!(": {}", reason.replace(char::is_control, " ")) };
    format!("{:>9}  {node}: {from} -> {to}{reason}\n", units::position(at_ns))
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The headers of dead letters, a line each.
fn letters(letters: &Value) -> String {
    let right = ["packet", "attempts"].map(|name| (name, Align::Right));
    let left = ["node", "input", "payload", "reason"].map(|name| (name, Align::Left));
    let ([node, input, payload, reason], [packet, attempts]) = (left, right);
    let mut table = Table::new([node, input, packet, attempts, payload, reason]);
    for letter in letters.as_array().into_iter().flatten() {
        let why = letter.get("reason").unwrap_or(&Value::Null);
        let number = |key| letter.get(key).map(Value::to_string).unwrap_or_default();
        let is_kept = letter.get("has_payload").and_then(Value::as_bool).unwrap_or_default();
        table.row([
            text(letter, "node").into(),
            text(letter, "pin").into(),
            number("seq").into(),
            number("attempts").into(),
            if is_kept { "kept" } else { "-" }.into(),
            format!("{}: {}", text(why, "operation"), text(why, "message").replace(char::is_control, " ")).into(),
        ]);
    }
    table.render()
}
