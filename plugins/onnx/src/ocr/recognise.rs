//! `ocr.recognise`: the text of a line.

use std::path::PathBuf;

use graphmill_plugin_sdk::prelude::*;
use serde_json::{Map, Value};

use super::ctc::{Alphabet, ReadLine};
use super::net::{MODEL, PictureNet, Weights};
use super::picture::{FORMATS, Picture};
use super::tensors::for_recognition;

/// Where a model carries its letters.
const LETTERS: &str = "character";
/// Longest side data that is taken over into an event.
const SIDE_LEN_MAX: usize = 64 * 1024;

/// Params of `ocr.recognise`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RecogniseParams {
    /// Name of a model in the manifest; see `graphmill models list`.
    model: String,
    /// File of a recognition model, taken instead of `model`.
    #[schemars(extend("x-env" = true, "format" = "path"))]
    path: Option<PathBuf>,
    /// Mean probability of the letters below which a line is left out.
    #[schemars(range(min = 0.0, max = 1.0))]
    score_min: f32,
}

impl Default for RecogniseParams {
    fn default() -> Self {
        Self { model: MODEL.to_owned(), path: None, score_min: 0.5 }
    }
}

/// Reads lines of text.
#[derive(Debug)]
pub(crate) struct Recognise {
    net: PictureNet,
    alphabet: Alphabet,
    score_min: f32,
    given: u64,
    left_out: u64,
}

impl Node for Recognise {
    type Params = RecogniseParams;

    fn kind() -> Kind {
        Kind::new("ocr.recognise")
            .title("Text of a line")
            .description("Reads the text in a picture of one line with a PP-OCR recognition model.")
            .input("in", FORMATS)
            .output("lines", "event ocr.line/1")
    }

    fn create(params: RecogniseParams, cx: &mut CreateContext<'_>) -> Result<Self> {
        if !(0.0..=1.0).contains(&params.score_min) {
            return Err(Error::invalid(format!("`score_min` must be 0 to 1, not {}", params.score_min)));
        }
        let answer = "probabilities f32 [1,steps,letters]";
        let weights = Weights { model: &params.model, path: params.path.as_deref(), part: "_rec_", answer };
        let net = PictureNet::load(weights, cx)?;
        let alphabet = net.model().metadata(LETTERS).map(Alphabet::new).ok_or_else(|| {
            let path = net.model().path().display();
            Error::invalid(format!(
                "model `{path}` has no list of letters (`{LETTERS}` in its metadata); use one of the PP-OCR family"
            ))
        })?;
        Ok(Self { net, alphabet, score_min: params.score_min, given: 0, left_out: 0 })
    }

    fn stop(&mut self, _cx: &mut Context<'_>) -> Result<()> {
        tracing::info!(lines = self.given, left_out = self.left_out, "lines read");
        Ok(())
    }
}

impl Processor for Recognise {
    fn process(&mut self, _pin: usize, packet: &mut Packet, cx: &mut Context<'_>) -> Result<()> {
        let line = self.read(&Picture::of(packet)?)?;
        if line.text.trim().is_empty() || line.score < self.score_min {
            self.left_out += 1;
            return Ok(());
        }
        let mut event = cx.event("ocr.line", 1, &content(packet, line))?;
        event.set_seq(self.given);
        event.set_pts_ns(packet.pts_ns());
        self.given += 1;
        cx.emit(0, event)
    }
}

impl Recognise {
    fn read(&self, picture: &Picture<'_>) -> Result<ReadLine> {
        let ([count, steps, classes], probabilities) = self.net.run::<3>(for_recognition(picture))?;
        if count != 1 {
            return Err(self.net.wrong(&format_args!("it is [{count},{steps},{classes}]")));
        }
        self.alphabet.read(&probabilities, classes).map_err(|error| self.net.wrong(&error))
    }
}

/// What the side data says of the line (page, place, file), and what was read.
fn content(packet: &Packet, line: ReadLine) -> Map<String, Value> {
    let side = packet.side().filter(|side| side.len() <= SIDE_LEN_MAX);
    let mut content: Map<_, _> = side.and_then(|side| serde_json::from_slice(side.as_slice()).ok()).unwrap_or_default();
    content.insert("score".to_owned(), Value::from((f64::from(line.score) * 1e3).round() / 1e3));
    content.insert("text".to_owned(), Value::from(line.text));
    content
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn event_has_what_the_side_data_says_and_what_was_read() {
        let table = [
            (None, json!({ "text": "a", "score": 0.988 })),
            (Some(r#"{"page":3,"text":"old"}"#), json!({ "page": 3, "text": "a", "score": 0.988 })),
            (Some("[1]"), json!({ "text": "a", "score": 0.988 })),
            (Some("no json"), json!({ "text": "a", "score": 0.988 })),
        ];
        for (side, expected) in table {
            let mut packet = Packet::from_text("").unwrap();
            packet.set_side(side.map(|side| Buffer::copy_from_slice(side.as_bytes())));
            let content = content(&packet, ReadLine { text: "a".to_owned(), score: 0.98765 });
            assert_eq!(Value::from(content), expected);
        }
    }
}
