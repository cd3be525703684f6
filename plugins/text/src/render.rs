//! Turns packets of text and events into lines.

use std::fmt::Write as _;

use graphmill_plugin_sdk::{Error, EventView, Packet, Result};
use serde::Deserialize;
use serde_json::{Value, json};

/// Content of `speech.segment`, as far as the line for it needs it.
#[derive(Debug, Deserialize)]
struct Segment {
    start_s: f64,
    end_s: f64,
    mean_probability: f64,
}

/// Writes text or an event for readers: text as it is, an event with its name.
///
/// # Errors
/// The packet holds neither, or bytes that are not UTF-8.
pub(crate) fn plain(packet: &Packet, line: &mut String) -> Result<()> {
    line.clear();
    match (packet.as_text(), packet.event()) {
        (Some(text), _) => line.push_str(text.strip_suffix('\n').unwrap_or(text)),
        (None, Some(event)) => describe(&event, line),
        (None, None) => return Err(unreadable()),
    }
    line.push('\n');
    Ok(())
}

/// Writes one JSON object with sequence number, time, name and content.
///
/// # Errors
/// As for [`plain`].
pub(crate) fn json_line(packet: &Packet, line: &mut String) -> Result<()> {
    let (name, version, body) = match (packet.as_text(), packet.event()) {
        (Some(text), _) => ("text", None, Value::from(text)),
        (None, Some(event)) => (event.name, Some(event.version), content(&event)),
        (None, None) => return Err(unreadable()),
    };
    let mut object = json!({ "seq": packet.seq(), "pts_ns": packet.pts_ns(), "name": name, "body": body });
    if let (Some(version), Some(object)) = (version, object.as_object_mut()) {
        object.insert("version".to_owned(), version.into());
    }
    line.clear();
    writeln!(line, "{object}").map_err(Error::new)
}

fn describe(event: &EventView<'_>, line: &mut String) {
    let known = match (event.name, event.version) {
        ("speech.segment", 1) => serde_json::from_str::<Segment>(event.json).ok(),
        _ => None,
    };
    // Writing to a string cannot fail.
    let _ = match known {
        Some(Segment { start_s, end_s, mean_probability }) => write!(
            line,
            "speech {start_s:8.3} s to {end_s:8.3} s  ({:.3} s, {:.0} %)",
            end_s - start_s,
            mean_probability * 100.0
        ),
        None => write!(line, "{}/{} {}", event.name, event.version, content(event)),
    };
}

/// The content as compact JSON; what is not JSON is kept as a string.
fn content(event: &EventView<'_>) -> Value {
    serde_json::from_str(event.json).unwrap_or_else(|_| Value::from(event.json))
}

fn unreadable() -> Error {
    Error::invalid("expected text or an event in UTF-8, got another kind of packet or other bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use graphmill_plugin_sdk::{AudioHeader, Buffer};

    fn event(name: &str, version: u32, json: &str) -> Packet {
        let mut packet = Packet::from_event(name, version, Buffer::copy_from_slice(json.as_bytes())).unwrap();
        packet.set_seq(7);
        packet.set_pts_ns(Some(1_230_000_000));
        packet
    }

    fn text(text: &str) -> Packet {
        Packet::from_text(text).unwrap()
    }

    #[test]
    fn packets_become_lines_for_readers() {
        let segment = r#"{"start_s":1.23,"end_s":12.45,"duration_s":11.22,"mean_probability":0.93}"#;
        let table = [
            (text("hello"), "hello\n"),
            (text("hello\n"), "hello\n"),
            (text("two\nlines"), "two\nlines\n"),
            (event("speech.segment", 1, segment), "speech    1.230 s to   12.450 s  (11.220 s, 93 %)\n"),
            (event("speech.segment", 1, r#"{"start_s":1}"#), "speech.segment/1 {\"start_s\":1}\n"),
            (event("speech.segment", 2, r#"{ "a": 1 }"#), "speech.segment/2 {\"a\":1}\n"),
            (event("x.y", 1, "no json"), "x.y/1 \"no json\"\n"),
        ];
        let mut line = "left over".to_owned();
        for (packet, expected) in table {
            plain(&packet, &mut line).unwrap();
            assert_eq!(line, expected);
        }
    }

    #[test]
    fn packets_become_json_objects_one_to_a_line() {
        let table = [
            (text("a\nb"), json!({ "seq": 0, "pts_ns": null, "name": "text", "body": "a\nb" })),
            (
                event("x.y", 3, r#"{"a":[1]}"#),
                json!({ "seq": 7, "pts_ns": 1_230_000_000, "name": "x.y", "version": 3, "body": { "a": [1] } }),
            ),
        ];
        let mut line = String::new();
        for (packet, expected) in table {
            json_line(&packet, &mut line).unwrap();
            assert_eq!(line.matches('\n').count(), 1);
            assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_neither_text_nor_event_is_refused() {
        let sound = Packet::from_audio(AudioHeader::f32(16_000, 1, 1), Buffer::zeroed(4)).unwrap();
        let mut line = String::new();
        assert!(plain(&sound, &mut line).is_err());
        assert!(json_line(&sound, &mut line).is_err());
    }
}
