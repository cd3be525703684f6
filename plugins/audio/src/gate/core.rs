//! When the gate is open, and how it opens and closes. Pure: no packet, no clock.

use std::collections::VecDeque;

const NS_PER_S: i128 = 1_000_000_000;

/// Stretches of speech that can lie ahead of the sound; beyond it the pause between the last two is kept too.
const SPANS_MAX: usize = 4_096;

/// How judgements open the gate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rules {
    /// A probability of at least this is speech.
    pub(crate) threshold: f32,
    /// The gate opens so long before speech.
    pub(crate) lead_ns: i64,
    /// It stays open so long after speech.
    pub(crate) hold_ns: i64,
    /// Opening and closing take so long.
    pub(crate) fade_ns: i64,
}

/// Interleaved sound that is to go through the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Time of its first frame.
    pub(crate) start_ns: i64,
    /// Frames per second.
    pub(crate) rate_hz: u32,
    /// Samples of a frame.
    pub(crate) channels: usize,
}

/// A time in which the gate is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    open_ns: i64,
    close_ns: i64,
}

/// Opens and closes over sound, by what is known of the speech in it.
#[derive(Debug)]
pub(crate) struct Gate {
    rules: Rules,
    /// Open times that the sound has not left behind, in their order; they do not touch.
    spans: VecDeque<Span>,
    /// Before this time it is known whether the gate is open.
    known_ns: i64,
    /// How far it is open: 0 to 1.
    gain: f32,
}

impl Gate {
    /// A gate that is closed, and knows nothing yet.
    pub(crate) fn new(rules: Rules) -> Self {
        Self { rules, spans: VecDeque::new(), known_ns: i64::MIN, gain: 0.0 }
    }

    /// Other rules, for what is judged from now on.
    pub(crate) fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// Takes the judgement of the time from `start_ns` to `end_ns`.
    pub(crate) fn judge(&mut self, start_ns: i64, end_ns: i64, probability: f32) {
        let Rules { threshold, lead_ns, hold_ns, .. } = self.rules;
        if probability >= threshold {
            self.open(Span { open_ns: start_ns.saturating_sub(lead_ns), close_ns: end_ns.saturating_add(hold_ns) });
        }
        // Speech that is still to come can open the gate as early as this.
        self.known_ns = self.known_ns.max(end_ns.saturating_sub(lead_ns));
    }

    fn open(&mut self, span: Span) {
        let is_full = self.spans.len() == SPANS_MAX;
        match self.spans.back_mut() {
            Some(last) if is_full || span.open_ns <= last.close_ns => last.close_ns = last.close_ns.max(span.close_ns),
            _ => self.spans.push_back(span),
        }
    }

    /// No more judgements come, so all is known.
    pub(crate) fn finish(&mut self) {
        self.known_ns = i64::MAX;
    }

    /// Whether everything is known of the sound that ends at `end_ns`.
    pub(crate) fn is_known(&self, end_ns: i64) -> bool {
        end_ns <= self.known_ns
    }

    /// Whether nothing is heard of the sound from `start_ns` to `end_ns`, which is the next one.
    pub(crate) fn is_closed(&self, start_ns: i64, end_ns: i64) -> bool {
        let is_open = |span: &Span| span.open_ns < end_ns && span.close_ns > start_ns;
        self.gain == 0.0 && !self.spans.iter().any(is_open)
    }

    /// Lets sound through where the gate is open. Sound comes in the order of its times.
    pub(crate) fn apply(&mut self, samples: &mut [f32], place: Place) {
        let step = 1.0 / frames_of(self.rules.fade_ns, place.rate_hz).max(1) as f32;
        let (mut target, mut until) = (0.0, 0);
        for (at, frame) in samples.chunks_mut(place.channels.max(1)).enumerate() {
            if at >= until {
                (target, until) = self.state_at(at, place);
            }
            self.gain += (target - self.gain).clamp(-step, step);
            for sample in frame {
                *sample *= self.gain;
            }
        }
    }

    /// How far the gate wants to be open at a frame, and the frame at which that changes.
    fn state_at(&mut self, at: usize, place: Place) -> (f32, usize) {
        let frame_at = |ns: i64| {
            let since = i128::from(ns) - i128::from(place.start_ns);
            frames_of_wide(since, place.rate_hz)
        };
        while self.spans.front().is_some_and(|span| frame_at(span.close_ns) <= at) {
            self.spans.pop_front();
        }
        match self.spans.front() {
            Some(span) if frame_at(span.open_ns) <= at => (1.0, frame_at(span.close_ns)),
            Some(span) => (0.0, frame_at(span.open_ns)),
            None => (0.0, usize::MAX),
        }
    }
}

fn frames_of(ns: i64, rate_hz: u32) -> usize {
    frames_of_wide(i128::from(ns), rate_hz)
}

/// The first frame that does not begin before a time; 0 for times that are past.
fn frames_of_wide(ns: i128, rate_hz: u32) -> usize {
    let frames = (ns * i128::from(rate_hz) + NS_PER_S - 1) / NS_PER_S;
    usize::try_from(frames.max(0)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;
    /// A frame is a millisecond.
    const RATE_HZ: u32 = 1_000;
    const RULES: Rules = Rules { threshold: 0.5, lead_ns: 2 * MS, hold_ns: 3 * MS, fade_ns: 0 };

    /// What is left of ones from `start_ms` on.
    fn through(gate: &mut Gate, start_ms: i64, frames: usize) -> Vec<f32> {
        let mut samples = vec![1.0; frames];
        gate.apply(&mut samples, Place { start_ns: start_ms * MS, rate_hz: RATE_HZ, channels: 1 });
        samples
    }

    /// The first and the one after the last millisecond of every open time.
    fn open_times(samples: &[f32]) -> Vec<(usize, usize)> {
        let padded: Vec<bool> =
            std::iter::once(&0.0).chain(samples).chain([&0.0]).map(|sample| *sample > 0.0).collect();
        let changes: Vec<usize> =
            (1..padded.len()).filter(|at| padded[*at] != padded[at - 1]).map(|at| at - 1).collect();
        changes.chunks(2).map(|pair| (pair[0], pair[1])).collect()
    }

    #[test]
    fn gate_opens_before_speech_and_closes_after_it() {
        let mut gate = Gate::new(RULES);
        for (start, probability) in [(0, 0.1), (10, 0.5), (20, 0.49), (30, 0.9), (40, 0.0)] {
            gate.judge(start * MS, (start + 10) * MS, probability);
        }
        assert_eq!(open_times(&through(&mut gate, 0, 60)), [(8, 23), (28, 43)]);
    }

    #[test]
    fn speech_around_a_short_pause_keeps_the_gate_open() {
        let mut gate = Gate::new(Rules { hold_ns: 8 * MS, ..RULES });
        for (start, probability) in [(10, 1.0), (20, 0.0), (30, 1.0), (40, 0.0)] {
            gate.judge(start * MS, (start + 10) * MS, probability);
        }
        assert_eq!(open_times(&through(&mut gate, 0, 60)), [(8, 48)]);
    }

    #[test]
    fn how_sound_is_cut_into_packets_changes_nothing() {
        let gate = || {
            let mut gate = Gate::new(Rules { fade_ns: 4 * MS, ..RULES });
            for start in (0..20_i64).map(|n| n * 16) {
                gate.judge(start * MS, (start + 16) * MS, if start % 96 < 48 { 0.9 } else { 0.1 });
            }
            gate
        };
        let whole = through(&mut gate(), 0, 320);
        for len in [1, 7, 16, 100] {
            let mut gate = gate();
            let starts = (0..320).step_by(len);
            let parts: Vec<f32> = starts
                .flat_map(|start| through(&mut gate, i64::try_from(start).unwrap(), len.min(320 - start)))
                .collect();
            assert_eq!(parts, whole, "{len}");
        }
    }

    #[test]
    fn fades_are_straight_and_as_long_as_asked_for() {
        let mut gate = Gate::new(Rules { lead_ns: 0, hold_ns: 0, fade_ns: 4 * MS, ..RULES });
        gate.judge(2 * MS, 8 * MS, 1.0);
        let expected = [0.0, 0.0, 0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25, 0.0];
        assert_eq!(through(&mut gate, 0, 12), expected);
        let mut stereo = vec![1.0; 4];
        let mut gate = Gate::new(Rules { lead_ns: 0, fade_ns: 2 * MS, ..RULES });
        gate.judge(0, 9 * MS, 1.0);
        gate.apply(&mut stereo, Place { start_ns: 0, rate_hz: RATE_HZ, channels: 2 });
        assert_eq!(stereo, [0.5, 0.5, 1.0, 1.0]);
    }

    #[test]
    fn sound_is_known_up_to_where_later_speech_cannot_reach() {
        let mut gate = Gate::new(RULES);
        assert!(!gate.is_known(0));
        gate.judge(0, 10 * MS, 0.0);
        assert!(gate.is_known(8 * MS) && !gate.is_known(8 * MS + 1));
        gate.finish();
        assert!(gate.is_known(i64::MAX));
    }

    #[test]
    fn closed_is_what_nothing_is_heard_of() {
        let mut gate = Gate::new(Rules { fade_ns: 5 * MS, ..RULES });
        gate.judge(10 * MS, 20 * MS, 1.0);
        assert!(gate.is_closed(0, 8 * MS) && !gate.is_closed(0, 8 * MS + 1));
        through(&mut gate, 0, 24);
        assert!(!gate.is_closed(24 * MS, 30 * MS), "it is still closing");
        through(&mut gate, 24, 10);
        assert!(gate.is_closed(34 * MS, 40 * MS));
    }

    #[test]
    fn judgements_far_ahead_of_the_sound_take_no_more_memory() {
        let mut gate = Gate::new(Rules { lead_ns: 0, hold_ns: 0, ..RULES });
        (0..100_000).for_each(|n| gate.judge(n * 2 * MS, (n * 2 + 1) * MS, 1.0));
        assert_eq!(gate.spans.len(), SPANS_MAX);
        assert_eq!(gate.spans.back().unwrap().close_ns, 199_999 * MS);
    }
}
