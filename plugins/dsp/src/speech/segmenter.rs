//! Turns probabilities of speech into segments with a start and an end. Pure: no model, no clock.

/// The probability at which speech is given up lies this far below the one at which it is taken up, so a
/// value that wavers around the threshold does not chop a word.
const HYSTERESIS: f32 = 0.1;

/// How probabilities become segments.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a judge gives all of its rules, and a new rule has to break its build")]
pub struct Rules {
    /// A probability of at least this begins speech.
    pub threshold: f32,
    /// Speech that is shorter is noise.
    pub min_speech_ns: i64,
    /// A pause that is shorter belongs to the speech around it.
    pub min_silence_ns: i64,
    /// How long the judge goes on hearing speech after its end; taken off the end of each segment.
    pub lag_ns: i64,
    /// Added before and after each segment.
    pub pad_ns: i64,
}

/// One frame of sound, judged.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "what a judge says of a frame is complete")]
pub struct Judged {
    /// Where the frame begins.
    pub start_ns: i64,
    /// Where it ends.
    pub end_ns: i64,
    /// How likely it holds speech, 0 to 1.
    pub probability: f32,
}

/// A stretch of speech.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Segment {
    /// Where speech begins, less the padding.
    pub start_ns: i64,
    /// Where it ends, with the padding.
    pub end_ns: i64,
    /// Mean over the frames from the first to the last that held speech.
    pub mean_probability: f32,
}

/// Finds segments in a stream of judged frames.
#[derive(Debug)]
pub struct Segmenter {
    rules: Rules,
    open: Option<Open>,
    /// No segment begins before this: the start of the stream, then the end of the last segment.
    floor_ns: Option<i64>,
    /// End of the last frame seen; no segment ends after it.
    end_ns: i64,
}

/// Speech that has begun and not ended.
#[derive(Debug, Clone, Copy)]
struct Open {
    start_ns: i64,
    /// End of the last frame that held speech.
    voiced_until_ns: i64,
    /// Sums up to `voiced_until_ns`.
    voiced: Sum,
    /// Sums over the frames since then: they count only if speech goes on.
    pause: Sum,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    total: f32,
    frames: u32,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.total += other.total;
        self.frames += other.frames;
    }

    fn mean(self) -> f32 {
        self.total / self.frames.max(1) as f32
    }
}

impl Segmenter {
    /// Makes a segmenter at the start of a stream.
    pub fn new(rules: Rules) -> Self {
        Self { rules, open: None, floor_ns: None, end_ns: 0 }
    }

    /// Changes the rules from the next frame on; speech that is open goes on.
    pub fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// Takes the next frame; returns the segment that it closes.
    pub fn push(&mut self, frame: Judged) -> Option<Segment> {
        self.floor_ns.get_or_insert(frame.start_ns);
        self.end_ns = frame.end_ns;
        let Some(open) = &mut self.open else {
            if frame.probability >= self.rules.threshold {
                self.open = Some(Open::begin(frame));
            }
            return None;
        };
        open.extend(frame, self.rules.threshold - HYSTERESIS);
        let pause_ns = frame.end_ns - open.voiced_until_ns;
        let closed = *open;
        if pause_ns < self.rules.min_silence_ns || pause_ns == 0 {
            return None;
        }
        self.open = None;
        self.close(closed)
    }

    /// Ends the stream; returns the segment that was still open.
    pub fn finish(&mut self) -> Option<Segment> {
        let last = self.open.take().and_then(|open| self.close(open));
        self.floor_ns = None;
        last
    }

    fn close(&mut self, open: Open) -> Option<Segment> {
        let voiced_until_ns = (open.voiced_until_ns - self.rules.lag_ns).max(open.start_ns);
        if voiced_until_ns - open.start_ns < self.rules.min_speech_ns {
            return None;
        }
        let start_ns = (open.start_ns - self.rules.pad_ns).max(self.floor_ns.unwrap_or(i64::MIN));
        let end_ns = (voiced_until_ns + self.rules.pad_ns).min(self.end_ns);
        self.floor_ns = Some(end_ns);
        Some(Segment { start_ns, end_ns, mean_probability: open.voiced.mean() })
    }
}

impl Open {
    fn begin(frame: Judged) -> Self {
        Self {
            start_ns: frame.start_ns,
            voiced_until_ns: frame.end_ns,
            voiced: Sum { total: frame.probability, frames: 1 },
            pause: Sum::default(),
        }
    }

    fn extend(&mut self, frame: Judged, keep_from: f32) {
        self.pause.add(Sum { total: frame.probability, frames: 1 });
        if frame.probability >= keep_from {
            self.voiced.add(std::mem::take(&mut self.pause));
            self.voiced_until_ns = frame.end_ns;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { threshold: 0.5, min_speech_ns: 20, min_silence_ns: 30, lag_ns: 0, pad_ns: 0 };

    /// Frames of 10 ns; a space is silence, `.` lies inside the hysteresis, `#` is speech.
    fn segments(rules: Rules, picture: &str) -> Vec<(i64, i64)> {
        let mut segmenter = Segmenter::new(rules);
        let mut found = Vec::new();
        for (index, mark) in (0i64..).zip(picture.chars()) {
            let probability = match mark {
                '#' => 0.9,
                '.' => 0.4,
                _ => 0.1,
            };
            let (start_ns, end_ns) = (index * 10, index * 10 + 10);
            found.extend(segmenter.push(Judged { start_ns, end_ns, probability }));
        }
        found.extend(segmenter.finish());
        found.iter().map(|segment| (segment.start_ns, segment.end_ns)).collect()
    }

    #[test]
    fn speech_becomes_segments_by_the_rules() {
        let table: [(&str, &[(i64, i64)]); 9] = [
            ("", &[]),
            ("      ", &[]),
            ("  ###     ", &[(20, 50)]),
            ("  #     ", &[]),
            ("  ## ##    ", &[(20, 70)]),
            ("  ##   ##   ", &[(20, 40), (70, 90)]),
            ("  #...#    ", &[(20, 70)]),
            ("  ....     ", &[]),
            ("   ###", &[(30, 60)]),
        ];
        for (picture, expected) in table {
            assert_eq!(segments(RULES, picture), expected, "{picture:?}");
        }
    }

    #[test]
    fn padding_stays_within_the_stream_and_does_not_overlap() {
        let rules = Rules { pad_ns: 25, ..RULES };
        assert_eq!(segments(rules, "#### "), [(0, 50)]);
        assert_eq!(segments(rules, "    ##    ##      "), [(15, 85), (85, 145)]);
    }

    #[test]
    fn with_no_minimum_silence_every_pause_ends_a_segment() {
        let rules = Rules { min_silence_ns: 0, min_speech_ns: 0, ..RULES };
        assert_eq!(segments(rules, "# ## "), [(0, 10), (20, 40)]);
    }

    #[test]
    fn the_mean_covers_speech_and_bridged_pauses_only() {
        let mut segmenter = Segmenter::new(RULES);
        let mut last = None;
        for (index, probability) in (0i64..).zip([0.0, 1.0, 0.2, 0.9, 0.0, 0.0, 0.0]) {
            let (start_ns, end_ns) = (index * 10, index * 10 + 10);
            last = last.or(segmenter.push(Judged { start_ns, end_ns, probability }));
        }
        let mean = last.unwrap().mean_probability;
        assert!((mean - 0.7).abs() < 1e-6, "{mean}");
    }
}
