//! Carries timestamps from what goes into a node over to what comes out of it.

use std::collections::VecDeque;

use crate::time::{frames_to_ns, rescale_frames};

/// A stamp that differs by more than this from the expected one is a gap in the stream, not jitter.
const GAP_NS: i64 = 1_000_000;

/// Gaps that can wait inside a node at once; the oldest is forgotten beyond it.
///
/// A node holds back a few packets at most, and one packet brings at most one gap.
const ANCHORS_MAX: usize = 32;

/// The frame rates on both sides of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a pair of rates is complete: callers build it by its two names")]
pub struct Rates {
    /// Frames per second that go in.
    pub input_hz: u32,
    /// Frames per second that come out.
    pub output_hz: u32,
}

/// From this output frame on, time counts from this stamp.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    frame: u64,
    pts_ns: i64,
}

/// Says which timestamp an output frame has, for a node that delays, re-cuts or resamples its input.
///
/// Output frame `n` stands for the same moment as input frame `n · input_hz / output_hz`. Stamps are
/// counted from the last anchor, so rounding never adds up. Where the input jumps (packets were dropped
/// on the way), the output jumps at the same frame.
#[derive(Debug)]
pub struct Timeline {
    rates: Rates,
    anchors: VecDeque<Anchor>,
    frames_in: u64,
    frames_out: u64,
}

impl Timeline {
    /// Starts a timeline at frame 0 on both sides.
    pub fn new(rates: Rates) -> Self {
        Self { rates, anchors: VecDeque::with_capacity(ANCHORS_MAX), frames_in: 0, frames_out: 0 }
    }

    /// Notes a packet that goes in.
    pub fn take(&mut self, frames: usize, pts_ns: Option<i64>) {
        if let Some(pts_ns) = pts_ns {
            let frame = rescale_frames(self.frames_in, self.rates.input_hz, self.rates.output_hz);
            let expected = self.anchors.back().map(|last| self.stamp(*last, frame));
            let is_gap = expected.is_none_or(|expected| expected.abs_diff(pts_ns) > GAP_NS.unsigned_abs());
            if is_gap {
                if self.anchors.len() == ANCHORS_MAX {
                    self.anchors.pop_front();
                }
                self.anchors.push_back(Anchor { frame, pts_ns });
            }
        }
        self.frames_in += frames as u64;
    }

    /// Notes a packet that comes out and returns its timestamp, where the input has one.
    pub fn give(&mut self, frames: usize) -> Option<i64> {
        let pts_ns = self.pts_at(self.frames_out);
        self.frames_out += frames as u64;
        while self.anchors.get(1).is_some_and(|next| next.frame <= self.frames_out) {
            self.anchors.pop_front();
        }
        pts_ns
    }

    /// The timestamp of an output frame that is not older than the last one given.
    pub fn pts_at(&self, frame: u64) -> Option<i64> {
        let anchor = self.anchors.iter().rev().find(|anchor| anchor.frame <= frame)?;
        Some(self.stamp(*anchor, frame))
    }

    /// How many frames the output must have in all to last as long as the input taken so far.
    pub fn frames_due(&self) -> u64 {
        rescale_frames(self.frames_in, self.rates.input_hz, self.rates.output_hz)
    }

    /// Frames given out so far.
    pub fn frames_given(&self) -> u64 {
        self.frames_out
    }

    fn stamp(&self, anchor: Anchor, frame: u64) -> i64 {
        let since = frames_to_ns(frame.saturating_sub(anchor.frame), self.rates.output_hz);
        anchor.pts_ns.saturating_add(since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAME: Rates = Rates { input_hz: 48_000, output_hz: 48_000 };

    #[test]
    fn stamps_follow_the_output_frames_without_drift() {
        let mut timeline = Timeline::new(Rates { input_hz: 44_100, output_hz: 48_000 });
        for packet in 0..3000u64 {
            timeline.take(441, Some(packet as i64 * 10_000_000 + 7));
        }
        for packet in 0..3000 {
            assert_eq!(timeline.give(480), Some(packet * 10_000_000 + 7));
        }
        assert_eq!(timeline.frames_due(), timeline.frames_given());
    }

    #[test]
    fn input_without_stamps_gives_output_without_stamps() {
        let mut timeline = Timeline::new(SAME);
        timeline.take(480, None);
        assert_eq!(timeline.give(480), None);
    }

    #[test]
    fn a_gap_in_the_input_shows_at_the_same_frame_of_the_output() {
        let mut timeline = Timeline::new(SAME);
        timeline.take(480, Some(0));
        timeline.take(480, Some(50_000_000));
        timeline.take(480, Some(60_000_000));
        assert_eq!(timeline.pts_at(479), Some(9_979_167));
        assert_eq!(timeline.give(480), Some(0));
        assert_eq!(timeline.give(240), Some(50_000_000));
        assert_eq!(timeline.give(240), Some(55_000_000));
        assert_eq!(timeline.give(480), Some(60_000_000));
    }

    #[test]
    fn jitter_below_a_millisecond_is_smoothed_out() {
        let mut timeline = Timeline::new(SAME);
        timeline.take(480, Some(0));
        timeline.take(480, Some(10_400_000));
        timeline.give(480);
        assert_eq!(timeline.give(480), Some(10_000_000));
    }

    #[test]
    fn endless_gaps_keep_the_memory_bounded() {
        let mut timeline = Timeline::new(SAME);
        for packet in 0..10_000i64 {
            timeline.take(1, Some(packet * 1_000_000_000));
        }
        assert!(timeline.anchors.len() <= ANCHORS_MAX);
    }
}
