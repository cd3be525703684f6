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

/// Content of `speech.text`, as far as the line for it needs it.
#[derive(Debug, Deserialize)]
struct Speech {
    start_s: f64,
    end_s: f64,
    text: String,
}

/// Content of any event that carries a text.
#[derive(Debug, Deserialize)]
struct WithText {
    text: String,
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

/// Writes the text alone: that of a packet of text, or of an event whose content has a `text`.
///
/// # Errors
/// The packet holds neither, or bytes that are not UTF-8.
pub(crate) fn text_alone(packet: &Packet, line: &mut String) -> Result<()> {
    line.clear();
    push_text(packet, line)?;
    line.push('\n');
    Ok(())
}

/// Writes a subtitle of the format SRT: number, times, text, and an empty line.
///
/// # Errors
/// As for [`text_alone`], or the packet does not say from when to when the text was said.
pub(crate) fn subtitle(packet: &Packet, number: u64, line: &mut String) -> Result<()> {
    let (Some(start_ns), Some(duration_ns)) = (packet.pts_ns(), packet.duration_ns()) else {
        return Err(Error::invalid(
            "a subtitle needs a time and a duration; use another `format` for text without them",
        ));
    };
    let (start, end) = (SrtTime(start_ns), SrtTime(start_ns.saturating_add(duration_ns)));
    line.clear();
    writeln!(line, "{number}\n{start} --> {end}").map_err(Error::new)?;
    let head = line.len();
    push_text(packet, line)?;
    // An empty line would end the subtitle too early.
    let text = line.split_off(head);
    for part in text.lines().filter(|part| !part.trim().is_empty()) {
        line.push_str(part);
        line.push('\n');
    }
    line.push('\n');
    Ok(())
}

/// Nanoseconds as `hours:minutes:seconds,milliseconds`; what lies before the start is the start.
struct SrtTime(i64);

impl std::fmt::Display for SrtTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = (self.0.max(0) + 500_000) / 1_000_000;
        let (s, ms) = (ms / 1_000, ms % 1_000);
        write!(f, "{:02}:{:02}:{:02},{ms:03}", s / 3_600, s / 60 % 60, s % 60)
    }
}

fn push_text(packet: &Packet, line: &mut String) -> Result<()> {
    match (packet.as_text(), packet.event()) {
        (Some(text), _) => line.push_str(text.strip_suffix('\n').unwrap_or(text)),
        (None, Some(event)) => {
            let content: WithText = serde_json::from_str(event.json).map_err(|_| {
                Error::invalid(format!("the event `{}` has no `text`; use `format = \"lines\"` for it", event.name))
            })?;
            line.push_str(&content.text);
        }
        (None, None) => return Err(unreadable()),
    }
    Ok(())
}

fn describe(event: &EventView<'_>, line: &mut String) {
    let known = match (event.name, event.version) {
        ("speech.segment", 1) => describe_segment(event.json, line),
        ("speech.text", 1) => describe_speech(event.json, line),
        _ => None,
    };
    if known.is_none() {
        // Writing to a string cannot fail.
        let _ = write!(line, "{}/{} {}", event.name, event.version, content(event));
    }
}

fn describe_segment(json: &str, line: &mut String) -> Option<()> {
    let Segment { start_s, end_s, mean_probability } = serde_json::from_str(json).ok()?;
    let (duration_s, percent) = (end_s - start_s, mean_probability * 100.0);
    write!(line, "speech {start_s:8.3} s to {end_s:8.3} s  ({duration_s:.3} s, {percent:.0} %)").ok()
}

fn describe_speech(json: &str, line: &mut String) -> Option<()> {
    let Speech { start_s, end_s, text } = serde_json::from_str(json).ok()?;
    write!(line, "{start_s:8.3} s to {end_s:8.3} s  {text}").ok()
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
            (
                event("speech.text", 1, r#"{"text":"hello","start_s":1.23,"end_s":12.45}"#),
                "   1.230 s to   12.450 s  hello\n",
            ),
            (event("speech.text", 1, r#"{"text":"hello"}"#), "speech.text/1 {\"text\":\"hello\"}\n"),
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
    fn text_is_taken_out_of_what_carries_it() {
        let mut line = "left over".to_owned();
        for packet in [text("hello"), text("hello\n"), event("x.y", 1, r#"{"text":"hello","score":1}"#)] {
            text_alone(&packet, &mut line).unwrap();
            assert_eq!(line, "hello\n");
        }
        let message = text_alone(&event("x.y", 1, "{}"), &mut line).unwrap_err().to_string();
        assert!(message.contains("`x.y` has no `text`"), "{message}");
    }

    #[test]
    fn text_with_times_becomes_a_subtitle() {
        let table = [
            ("hello", 1_230_000_000, "7\n00:00:01,230 --> 00:00:03,230\nhello\n\n"),
            ("two\n\nlines\n", 3_723_004_500_000, "7\n01:02:03,005 --> 01:02:05,005\ntwo\nlines\n\n"),
            ("", -5, "7\n00:00:00,000 --> 00:00:02,000\n\n"),
        ];
        let mut line = "left over".to_owned();
        for (said, pts_ns, expected) in table {
            let mut packet = event("speech.text", 1, &json!({ "text": said }).to_string());
            packet.set_pts_ns(Some(pts_ns));
            packet.set_duration_ns(Some(2_000_000_000));
            subtitle(&packet, 7, &mut line).unwrap();
            assert_eq!(line, expected);
        }
        let message = subtitle(&text("when?"), 1, &mut line).unwrap_err().to_string();
        assert!(message.contains("needs a time and a duration"), "{message}");
    }

    #[test]
    fn what_is_neither_text_nor_event_is_refused() {
        let sound = Packet::from_audio(AudioHeader::f32(16_000, 1, 1), Buffer::zeroed(4)).unwrap();
        let mut line = String::new();
        assert!(plain(&sound, &mut line).is_err());
        assert!(json_line(&sound, &mut line).is_err());
        assert!(text_alone(&sound, &mut line).is_err());
    }
}
