//! The two sinks: they differ in what they take and in how they show it.

use std::path::PathBuf;

use graphmill_plugin_sdk::prelude::*;

use crate::render::{json_line, plain, subtitle, text_alone};
use crate::writer::LineWriter;

/// How a packet is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LineFormat {
    /// For readers: text as it is, events by name, known ones in words.
    #[default]
    Lines,
    /// The text alone, of text and of events that carry one.
    Text,
    /// Subtitles, of text with a time and a duration.
    Srt,
    /// For programs: one JSON object a line.
    Json,
}

/// Params of `text.sink` and `event.sink`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SinkParams {
    /// File to write, or `-` for standard output; its folder is made, an old file replaced.
    #[serde(default = "stdout")]
    #[schemars(extend("x-env" = true, "format" = "path"))]
    path: PathBuf,
    /// `lines` for readers, `text` for the text alone, `srt` for subtitles, `json` for programs: one object a line
    /// with `seq`, `pts_ns`, `name` and `body`.
    #[serde(default)]
    format: LineFormat,
}

fn stdout() -> PathBuf {
    PathBuf::from("-")
}

/// Writes packets as lines.
#[derive(Debug)]
struct Lines {
    writer: LineWriter,
    format: LineFormat,
    line: String,
    subtitles: u64,
}

impl Lines {
    fn create(params: &SinkParams) -> Result<Self> {
        Ok(Self { writer: LineWriter::open(&params.path)?, format: params.format, line: String::new(), subtitles: 0 })
    }

    fn write(&mut self, packet: &Packet) -> Result<()> {
        match self.format {
            LineFormat::Lines => plain(packet, &mut self.line)?,
            LineFormat::Text => text_alone(packet, &mut self.line)?,
            LineFormat::Srt => {
                subtitle(packet, self.subtitles + 1, &mut self.line)?;
                self.subtitles += 1;
            }
            LineFormat::Json => json_line(packet, &mut self.line)?,
        }
        self.writer.write(&self.line)
    }
}

/// Writes text and events.
#[derive(Debug)]
pub(crate) struct TextSink(Lines);

impl Node for TextSink {
    type Params = SinkParams;

    fn kind() -> Kind {
        Kind::new("text.sink")
            .title("Text lines")
            .description("Writes text and events to a file or to standard output, a line for each packet.")
            .input("in", "text | event")
    }

    fn create(params: SinkParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        Lines::create(&params).map(Self)
    }
}

impl Sink for TextSink {
    fn consume(&mut self, _pin: usize, packet: &mut Packet, _cx: &mut Context<'_>) -> Result<()> {
        self.0.write(packet)
    }
}

/// Writes events.
#[derive(Debug)]
pub(crate) struct EventSink(Lines);

impl Node for EventSink {
    type Params = SinkParams;

    fn kind() -> Kind {
        Kind::new("event.sink")
            .title("Event lines")
            .description("Writes events to a file or to standard output, a line for each; known ones in words.")
            .input("in", "event")
    }

    fn create(params: SinkParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        Lines::create(&params).map(Self)
    }
}

impl Sink for EventSink {
    fn consume(&mut self, _pin: usize, packet: &mut Packet, _cx: &mut Context<'_>) -> Result<()> {
        self.0.write(packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_params_lines_go_to_standard_output() {
        let params: SinkParams = serde_json::from_str("{}").unwrap();
        assert_eq!((params.path.to_str(), params.format), (Some("-"), LineFormat::Lines));
    }

    #[test]
    fn the_path_is_marked_so_that_the_host_resolves_it_and_expands_variables() {
        let schema = schemars::schema_for!(SinkParams).to_value().to_string();
        assert!(schema.contains(r#""x-env":true"#) && schema.contains(r#""format":"path""#), "{schema}");
    }

    #[test]
    fn params_that_do_not_exist_are_refused() {
        assert!(serde_json::from_str::<SinkParams>(r#"{"file":"x"}"#).is_err());
        assert!(serde_json::from_str::<SinkParams>(r#"{"format":"xml"}"#).is_err());
    }
}
