//! The sound of the last while, to cut utterances out of once somebody has said where they are. Pure: no clock.

use std::collections::VecDeque;
use std::ops::Range;

use graphmill_dsp::frames_to_ns;

/// Samples per second of what is kept.
pub(super) const RATE_HZ: u32 = 16_000;

/// A stamp that differs by more than this from the expected one is a gap in the stream, not jitter.
const GAP_NS: i64 = 1_000_000;

/// Gaps that are kept at once; with a further one the sound before the oldest is forgotten.
const MARKS_MAX: usize = 64;

/// Window in which the loudness is measured to find a pause: 50 ms.
const PAUSE_LEN: usize = RATE_HZ as usize / 20;

/// A stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start_ns: i64,
    pub(super) end_ns: i64,
}

/// From this frame on, time counts from this stamp.
#[derive(Debug, Clone, Copy)]
struct Mark {
    frame: u64,
    start_ns: i64,
}

/// 16 kHz mono sound with its times, as much as it is told to keep.
#[derive(Debug)]
pub(super) struct Recording {
    samples: VecDeque<f32>,
    /// Number of the first frame that is kept, counted from the start of the stream.
    first: u64,
    marks: VecDeque<Mark>,
    len_max: usize,
}

impl Recording {
    /// Keeps up to `len_max` samples.
    pub(super) fn new(len_max: usize) -> Self {
        Self { samples: VecDeque::new(), first: 0, marks: VecDeque::new(), len_max }
    }

    /// Adds sound; without a stamp it follows what is there. Returns how many samples had to go for it.
    pub(super) fn push(&mut self, samples: &[f32], pts_ns: Option<i64>) -> usize {
        let expected_ns = self.end_ns();
        let start_ns = pts_ns.unwrap_or(expected_ns);
        if self.marks.is_empty() || expected_ns.abs_diff(start_ns) > GAP_NS.unsigned_abs() {
            self.marks.push_back(Mark { frame: self.end(), start_ns });
        }
        let too_old = match self.marks.get(1) {
            Some(second) if self.marks.len() > MARKS_MAX => usize::try_from(second.frame - self.first).unwrap_or(0),
            _ => 0,
        };
        self.samples.extend(samples);
        let gone = self.samples.len().saturating_sub(self.len_max).max(too_old);
        self.drop_first(gone);
        gone
    }

    /// Time up to which there is sound.
    pub(super) fn end_ns(&self) -> i64 {
        self.marks.back().map_or(0, |mark| time_in(*mark, self.end()))
    }

    /// The sound of a span, as far as it is still there, and where that begins. What lies in a gap is left out.
    pub(super) fn cut(&self, span: Span) -> (Vec<f32>, i64) {
        let range = self.frame_at(span.start_ns)..self.frame_at(span.end_ns);
        let start_ns = self.time_of(range.start).max(span.start_ns);
        let index = |frame: u64| usize::try_from(frame - self.first).unwrap_or(usize::MAX).min(self.samples.len());
        let Range { start, end } = index(range.start)..index(range.end);
        (self.samples.range(start.min(end)..end).copied().collect(), start_ns)
    }

    /// Forgets the sound before a time.
    pub(super) fn forget_before(&mut self, time_ns: i64) {
        let gone = self.frame_at(time_ns) - self.first;
        self.drop_first(usize::try_from(gone).unwrap_or(usize::MAX));
    }

    fn drop_first(&mut self, count: usize) {
        let count = count.min(self.samples.len());
        self.samples.drain(..count);
        self.first += count as u64;
        while self.marks.get(1).is_some_and(|next| next.frame <= self.first) {
            self.marks.pop_front();
        }
    }

    fn end(&self) -> u64 {
        self.first + self.samples.len() as u64
    }

    /// The first frame that is not before a time; the ends of what is there for a time outside.
    fn frame_at(&self, time_ns: i64) -> u64 {
        let mut ends = self.marks.iter().skip(1).map(|next| next.frame).chain([self.end()]);
        for mark in &self.marks {
            let end = ends.next().unwrap_or_else(|| self.end());
            if time_ns <= time_in(*mark, end) {
                let since = i128::from(time_ns.saturating_sub(mark.start_ns).max(0));
                let frames = (since * i128::from(RATE_HZ) + 500_000_000) / 1_000_000_000;
                let frame = mark.frame.saturating_add(u64::try_from(frames).unwrap_or(u64::MAX));
                return frame.clamp(self.first, end.max(self.first));
            }
        }
        self.end()
    }

    fn time_of(&self, frame: u64) -> i64 {
        let mark = self.marks.iter().rev().find(|mark| mark.frame <= frame);
        mark.map_or(0, |mark| time_in(*mark, frame))
    }
}

fn time_in(mark: Mark, frame: u64) -> i64 {
    mark.start_ns.saturating_add(frames_to_ns(frame.saturating_sub(mark.frame), RATE_HZ))
}

/// Cuts sound that is longer than `len_max` at its quietest places, each in the last third of its piece.
pub(super) fn pieces(samples: &[f32], len_max: usize) -> Vec<Range<usize>> {
    let len_max = len_max.max(3 * PAUSE_LEN);
    let (mut pieces, mut start) = (Vec::new(), 0);
    while samples.len() - start > len_max {
        let from = start + len_max * 2 / 3;
        let search = samples.get(from..start + len_max).unwrap_or_default();
        let quietest = search.chunks_exact(PAUSE_LEN).map(|chunk| chunk.iter().map(|sample| sample * sample).sum());
        let quietest = quietest.enumerate().min_by(|a: &(usize, f32), b| a.1.total_cmp(&b.1));
        let end = from + quietest.map_or(search.len(), |(index, _)| index * PAUSE_LEN + PAUSE_LEN / 2);
        pieces.push(start..end);
        start = end;
    }
    pieces.push(start..samples.len());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    /// Milliseconds of sound, each sample holding the millisecond that it is in.
    fn sound(range: Range<u16>) -> Vec<f32> {
        range.flat_map(|ms| [f32::from(ms); 16]).collect()
    }

    fn span(start_ms: i64, end_ms: i64) -> Span {
        Span { start_ns: start_ms * MS, end_ns: end_ms * MS }
    }

    fn cut(recording: &Recording, start_ms: i64, end_ms: i64) -> (Option<f32>, usize, i64) {
        let (samples, start_ns) = recording.cut(span(start_ms, end_ms));
        (samples.first().copied(), samples.len(), start_ns / MS)
    }

    #[test]
    fn a_span_is_cut_out_to_the_sample() {
        let mut recording = Recording::new(16_000);
        recording.push(&sound(0..100), Some(5_000 * MS));
        recording.push(&sound(100..200), None);
        assert_eq!(recording.end_ns(), 5_200 * MS);
        assert_eq!(cut(&recording, 5_010, 5_110), (Some(10.0), 1_600, 5_010));
        assert_eq!(cut(&recording, 4_000, 5_001), (Some(0.0), 16, 5_000), "before the start");
        assert_eq!(cut(&recording, 5_199, 9_000), (Some(199.0), 16, 5_199), "beyond the end");
        assert_eq!(cut(&recording, 6_000, 7_000).1, 0);
        assert_eq!(cut(&recording, 5_100, 5_000).1, 0, "a span that runs backwards");
    }

    #[test]
    fn sound_is_kept_up_to_its_limit_and_until_it_is_forgotten() {
        let mut recording = Recording::new(16 * 100);
        assert_eq!(recording.push(&sound(0..80), Some(0)), 0);
        assert_eq!(recording.push(&sound(80..150), Some(80 * MS)), 16 * 50);
        assert_eq!(cut(&recording, 0, 150), (Some(50.0), 1_600, 50));
        recording.forget_before(120 * MS);
        assert_eq!(cut(&recording, 0, 150), (Some(120.0), 480, 120));
        recording.forget_before(999 * MS);
        assert_eq!((cut(&recording, 0, 999).1, recording.end_ns()), (0, 150 * MS));
        recording.push(&sound(150..160), None);
        assert_eq!(cut(&recording, 0, 999), (Some(150.0), 160, 150));
    }

    #[test]
    fn a_gap_in_the_stream_is_left_out() {
        let mut recording = Recording::new(16_000);
        recording.push(&sound(0..100), Some(0));
        recording.push(&sound(500..600), Some(500 * MS));
        assert_eq!(cut(&recording, 550, 560), (Some(550.0), 160, 550));
        assert_eq!(cut(&recording, 90, 510), (Some(90.0), 320, 90));
        assert_eq!(cut(&recording, 200, 510), (Some(500.0), 160, 500), "begins where there is sound");
        recording.forget_before(505 * MS);
        assert_eq!(cut(&recording, 0, 600), (Some(505.0), 95 * 16, 505));
    }

    #[test]
    fn endless_gaps_and_endless_sound_keep_the_memory_bounded() {
        let mut recording = Recording::new(1_600);
        for packet in 0..1_000 {
            recording.push(&sound(0..1), Some(packet * 1_000 * MS));
        }
        assert!(recording.marks.len() <= MARKS_MAX && recording.samples.len() <= 1_600);
        for _ in 0..1_000 {
            recording.push(&sound(0..1), None);
        }
        assert_eq!(recording.samples.len(), 1_600);
    }

    #[test]
    fn long_sound_is_cut_where_it_is_quiet() {
        let mut samples = vec![0.5; 48_000];
        samples[13_600..14_400].fill(0.0);
        let found = pieces(&samples, 16_000);
        assert!((13_600..14_400).contains(&found[0].end), "{found:?}");
        assert_eq!(pieces(&samples[..16_000], 16_000).first(), Some(&(0..16_000)));
        for len_max in [1, 5_000, 16_000, 47_999] {
            let found = pieces(&samples, len_max);
            assert!(found.iter().all(|piece| piece.len() <= len_max.max(3 * PAUSE_LEN)), "{found:?}");
            assert!(found.windows(2).all(|pair| pair[0].end == pair[1].start), "{found:?}");
            assert_eq!((found[0].start, found.last().unwrap().end), (0, samples.len()));
        }
    }
}
