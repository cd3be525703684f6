//! How loud a recording is where nobody speaks.

use crate::command::Outcome;
use crate::json::Json;
use crate::wav::Sound;
use std::fs;
use std::path::Path;

/// Left out at both ends of a pause: the decay of a word is no noise.
const MARGIN_S: f64 = 0.1;

/// A stretch of time in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Span {
    pub(crate) start_s: f64,
    pub(crate) end_s: f64,
}

/// Where somebody speaks in the demo's recording, as it was made.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn speech(path: &Path) -> Outcome<Vec<Span>> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let json = Json::parse(&text).map_err(|fault| format!("{}: {fault}", path.display()))?;
    let spans = json.get("segments").map(Json::list).unwrap_or_default().iter();
    let spans =
        spans.map(|segment| Some(Span { start_s: segment.number("start_s")?, end_s: segment.number("end_s")? }));
    spans.collect::<Option<Vec<_>>>().ok_or_else(|| format!("{}: a segment has no start or no end", path.display()))
}

/// The pauses between stretches of speech, shortened at both ends.
pub(crate) fn pauses(speech: &[Span], end_s: f64) -> Vec<Span> {
    let starts = std::iter::once(0.0).chain(speech.iter().map(|span| span.end_s));
    let ends = speech.iter().map(|span| span.start_s).chain([end_s]);
    let pauses = starts.zip(ends).map(|(start, end)| Span { start_s: start + MARGIN_S, end_s: end - MARGIN_S });
    pauses.filter(|pause| pause.end_s > pause.start_s).collect()
}

/// The power of a recording inside some spans, in decibels of full scale.
pub(crate) fn power_db(sound: &Sound, spans: &[Span]) -> f64 {
    let inside = spans.iter().flat_map(|span| {
        let at = |seconds: f64| to_index(seconds * sound.rate_hz).min(sound.samples.len());
        sound.samples.get(at(span.start_s)..at(span.end_s)).unwrap_or_default()
    });
    let (sum, count) = inside.fold((0.0, 0.0), |(sum, count), sample| (sum + sample * sample, count + 1.0));
    // One step of 16 bits is the quietest that the file can hold; silence would have no logarithm.
    10.0 * f64::max(sum / f64::max(count, 1.0), 1.0 / 32768.0_f64.powi(2)).log10()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a position in a file of at most 256 MiB")]
fn to_index(position: f64) -> usize {
    position.max(0.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start_s: f64, end_s: f64) -> Span {
        Span { start_s, end_s }
    }

    #[test]
    fn pauses_lie_around_and_between_speech() {
        let pauses = pauses(&[span(1.0, 2.0), span(2.1, 3.0)], 4.0);
        assert_eq!(pauses, [span(0.1, 0.9), span(3.1, 3.9)]);
    }

    #[test]
    fn power_is_that_of_the_spans_alone() {
        let samples = (0..1000).map(|at| if at < 500 { 0.1 } else { 1.0 }).collect();
        let sound = Sound { rate_hz: 1000.0, samples };
        assert!((power_db(&sound, &[span(0.0, 0.5)]) + 20.0).abs() < 1e-9);
        assert!(power_db(&sound, &[span(0.5, 9.0)]).abs() < 1e-9);
    }

    #[test]
    fn silence_has_the_power_of_one_step() {
        let sound = Sound { rate_hz: 10.0, samples: vec![0.0; 10] };
        assert!((power_db(&sound, &[span(0.0, 1.0)]) + 90.3).abs() < 0.1);
    }
}
