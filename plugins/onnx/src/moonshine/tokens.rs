//! The words of the model: what each of its numbers stands for.

use std::path::Path;

use graphmill_plugin_sdk::{Error, Result};
use serde::Deserialize;
use std::collections::HashMap;

/// Largest file that is read: the real one has two megabytes.
const FILE_LEN_MAX: u64 = 64 * 1024 * 1024;

/// Most pieces that a vocabulary may have.
const PIECES_MAX: usize = 1 << 20;

/// Stands for a space inside pieces.
const SPACE: char = '\u{2581}';

/// What the numbers of the model stand for.
#[derive(Debug)]
pub(super) struct Tokens {
    pieces: Vec<Vec<u8>>,
}

/// The part of `tokenizer.json` that turns numbers into text.
#[derive(Debug, Deserialize)]
struct TokenizerFile {
    model: Vocabulary,
    #[serde(default)]
    added_tokens: Vec<Added>,
}

#[derive(Debug, Deserialize)]
struct Vocabulary {
    vocab: HashMap<String, usize>,
}

#[derive(Debug, Deserialize)]
struct Added {
    id: usize,
    #[serde(default)]
    special: bool,
}

impl Tokens {
    /// Reads `tokenizer.json`.
    ///
    /// # Errors
    /// The file cannot be read, or holds something else.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let explain = |reason: &dyn std::fmt::Display| {
            Error::invalid(format!("cannot use the tokens in `{}`: {reason}; fetch the file again", path.display()))
        };
        let len = std::fs::metadata(path).map_err(|error| explain(&error))?.len();
        if len > FILE_LEN_MAX {
            return Err(explain(&format!("it has {len} bytes, more than {FILE_LEN_MAX}")));
        }
        let text = std::fs::read(path).map_err(|error| explain(&error))?;
        let file: TokenizerFile = serde_json::from_slice(&text).map_err(|error| explain(&error))?;
        Self::new(file).ok_or_else(|| explain(&"its numbers are too large"))
    }

    fn new(file: TokenizerFile) -> Option<Self> {
        let len = file.model.vocab.values().copied().max().map_or(0, |last| last.saturating_add(1));
        if len > PIECES_MAX {
            return None;
        }
        let mut pieces = vec![Vec::new(); len];
        for (piece, id) in file.model.vocab {
            *pieces.get_mut(id)? = bytes_of(&piece);
        }
        for added in file.added_tokens.iter().filter(|added| added.special) {
            if let Some(piece) = pieces.get_mut(added.id) {
                piece.clear();
            }
        }
        Some(Self { pieces })
    }

    /// The bytes that a number adds to the text; none for one that is no text.
    pub(super) fn bytes(&self, id: usize) -> &[u8] {
        self.pieces.get(id).map(Vec::as_slice).unwrap_or_default()
    }
}

/// A piece as bytes: `<0x41>` is the byte 65, everything else text.
fn bytes_of(piece: &str) -> Vec<u8> {
    let byte = piece.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'));
    match byte.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
        Some(byte) => vec![byte],
        None => piece.replace(SPACE, " ").into_bytes(),
    }
}

/// Text that grows piece by piece.
#[derive(Debug, Default)]
pub(super) struct Text {
    bytes: Vec<u8>,
}

impl Text {
    /// Adds a piece; returns the text of all whole words before it, when the piece begins another one.
    pub(super) fn push(&mut self, piece: &[u8]) -> Option<&str> {
        let before = self.bytes.len();
        self.bytes.extend_from_slice(piece);
        let begins_word = piece.first() == Some(&b' ');
        let words = self.bytes.get(..before).unwrap_or_default();
        let words = std::str::from_utf8(words).ok().filter(|_| begins_word)?.trim();
        (!words.is_empty()).then_some(words)
    }

    /// All of it; bytes that are no text are replaced.
    pub(super) fn finish(self) -> String {
        String::from_utf8_lossy(&self.bytes).trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(json: &str) -> Result<Tokens> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokenizer.json");
        std::fs::write(&path, json).unwrap();
        Tokens::read(&path)
    }

    const SMALL: &str = r#"{
        "added_tokens": [{ "id": 2, "content": "</s>", "special": true }],
        "model": { "vocab": { "<unk>": 0, "▁so": 1, "</s>": 2, "<0xC3>": 3, "<0xA9>": 4, "ng": 5, "▁a": 6 } }
    }"#;

    #[test]
    fn pieces_become_text_word_by_word() {
        let tokens = tokens(SMALL).unwrap();
        let mut text = Text::default();
        let partials: Vec<_> = [1, 5, 6, 3, 4, 2, 1]
            .map(|id| text.push(tokens.bytes(id)).map(str::to_owned))
            .into_iter()
            .flatten()
            .collect();
        assert_eq!(partials, ["song", "song aé"]);
        assert_eq!(text.finish(), "song aé so");
        assert_eq!(tokens.bytes(99), b"", "a number beyond the vocabulary is no text");
    }

    #[test]
    fn half_a_character_is_no_partial_text() {
        let tokens = tokens(SMALL).unwrap();
        let mut text = Text::default();
        assert_eq!(text.push(tokens.bytes(3)), None);
        assert_eq!(text.push(tokens.bytes(6)), None);
        assert_eq!(text.finish(), "\u{fffd} a");
    }

    #[test]
    fn another_file_is_refused_by_name() {
        for json in ["", "{}", r#"{ "model": { "vocab": { "a": 99999999 } } }"#, r#"{ "model": { "vocab": ["a"] } }"#] {
            let message = tokens(json).unwrap_err().to_string();
            assert!(message.contains("tokenizer.json"), "{message}");
        }
    }
}
