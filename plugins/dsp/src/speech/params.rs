//! The params that every voice activity kind has.

use graphmill_plugin_sdk::{Error, Result};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Rules;

/// Longest time that a param may name; a minute is far beyond any use.
const MS_MAX: u32 = 60_000;

/// How probabilities of speech become segments, as it stands in graph files.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::exhaustive_structs, reason = "kinds with further params fill it in field by field")]
pub struct SpeechParams {
    /// Probability from which sound is taken for speech; it is given up 0.1 below.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub threshold: f32,
    /// Speech shorter than this is taken for noise.
    #[schemars(range(max = 60_000))]
    pub min_speech_ms: u32,
    /// A pause shorter than this belongs to the speech around it.
    #[schemars(range(max = 60_000))]
    pub min_silence_ms: u32,
    /// Time added before and after each segment.
    #[schemars(range(max = 60_000))]
    pub pad_ms: u32,
}

impl Default for SpeechParams {
    fn default() -> Self {
        Self { threshold: 0.5, min_speech_ms: 200, min_silence_ms: 300, pad_ms: 0 }
    }
}

impl SpeechParams {
    /// The rules for a model that goes on hearing speech for `lag_ns` after its end.
    ///
    /// # Errors
    /// A param is out of its range.
    pub fn rules(&self, lag_ns: i64) -> Result<Rules> {
        if !(0.0..=1.0).contains(&self.threshold) {
            return Err(Error::invalid(format!("`threshold` must be 0 to 1, not {}", self.threshold)));
        }
        let ns = |name: &str, ms: u32| match ms {
            0..=MS_MAX => Ok(i64::from(ms) * 1_000_000),
            _ => Err(Error::invalid(format!("`{name}` must be at most {MS_MAX}, not {ms}"))),
        };
        Ok(Rules {
            threshold: self.threshold,
            min_speech_ns: ns("min_speech_ms", self.min_speech_ms)?,
            min_silence_ns: ns("min_silence_ms", self.min_silence_ms)?,
            pad_ns: ns("pad_ms", self.pad_ms)?,
            lag_ns,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn params_out_of_range_are_refused_by_name() {
        let table = [
            (SpeechParams { threshold: 1.5, ..SpeechParams::default() }, "`threshold`"),
            (SpeechParams { threshold: f32::NAN, ..SpeechParams::default() }, "`threshold`"),
            (SpeechParams { min_speech_ms: 60_001, ..SpeechParams::default() }, "`min_speech_ms`"),
            (SpeechParams { min_silence_ms: u32::MAX, ..SpeechParams::default() }, "`min_silence_ms`"),
            (SpeechParams { pad_ms: 60_001, ..SpeechParams::default() }, "`pad_ms`"),
        ];
        for (params, name) in table {
            let message = params.rules(0).unwrap_err().to_string();
            assert!(message.contains(name), "{message}");
        }
        assert!(SpeechParams::default().rules(0).is_ok());
    }
}
