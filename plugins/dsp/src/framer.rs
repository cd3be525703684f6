//! Cuts a stream of packets of any length into frames of one length.

/// Collects samples until a whole frame is there, then hands the frame on.
///
/// Holds less than one frame between calls. Samples that already form a whole frame inside one packet
/// are handed on where they lie, without a copy.
#[derive(Debug)]
pub struct Framer {
    frame_len: usize,
    held: Vec<f32>,
}

impl Framer {
    /// Makes a framer for frames of `frame_len` samples, counting all channels; at least one.
    pub fn new(frame_len: usize) -> Self {
        let frame_len = frame_len.max(1);
        Self { frame_len, held: Vec::with_capacity(frame_len) }
    }

    /// Takes samples in and calls `each` for every frame that they complete.
    ///
    /// # Errors
    /// Returns the first error of `each`; the samples of this call that come after the failed frame are
    /// dropped, because their frame boundaries would depend on what `each` has done with that frame.
    pub fn push<E>(&mut self, samples: &[f32], mut each: impl FnMut(&[f32]) -> Result<(), E>) -> Result<(), E> {
        let rest = self.complete_held(samples, &mut each)?;
        let mut frames = rest.chunks_exact(self.frame_len);
        for frame in &mut frames {
            each(frame)?;
        }
        self.held.extend_from_slice(frames.remainder());
        Ok(())
    }

    /// Fills a frame that an earlier packet began; returns the samples that are left.
    fn complete_held<'a, E>(
        &mut self,
        samples: &'a [f32],
        each: &mut impl FnMut(&[f32]) -> Result<(), E>,
    ) -> Result<&'a [f32], E> {
        if self.held.is_empty() {
            return Ok(samples);
        }
        let missing = self.frame_len - self.held.len();
        let (head, rest) = samples.split_at(missing.min(samples.len()));
        self.held.extend_from_slice(head);
        if self.held.len() == self.frame_len {
            let outcome = each(&self.held);
            self.held.clear();
            outcome?;
        }
        Ok(rest)
    }

    /// Number of samples that wait for their frame to fill up.
    pub fn held_len(&self) -> usize {
        self.held.len()
    }

    /// Hands on the unfinished frame as it is, shorter than a frame; nothing happens when there is none.
    ///
    /// # Errors
    /// Returns the error of `last`.
    pub fn finish<E>(&mut self, last: impl FnOnce(&[f32]) -> Result<(), E>) -> Result<(), E> {
        if self.held.is_empty() {
            return Ok(());
        }
        let outcome = last(&self.held);
        self.held.clear();
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn cut(packet_lens: &[usize], frame_len: usize) -> Vec<Vec<f32>> {
        let mut framer = Framer::new(frame_len);
        let mut frames = Vec::new();
        let mut next = 0.0;
        let mut keep = |frame: &[f32]| {
            frames.push(frame.to_vec());
            Ok::<(), Infallible>(())
        };
        for &len in packet_lens {
            let packet: Vec<f32> = (0..len).map(|i| next + i as f32).collect();
            next += len as f32;
            framer.push(&packet, &mut keep).unwrap();
        }
        framer.finish(&mut keep).unwrap();
        assert_eq!(framer.held_len(), 0);
        frames
    }

    #[test]
    fn packets_of_any_length_give_the_same_frames() {
        for packet_lens in [vec![10], vec![1; 10], vec![3, 3, 4], vec![4, 6], vec![9, 1], vec![0, 5, 0, 5, 0]] {
            let frames = cut(&packet_lens, 4);
            let lens: Vec<usize> = frames.iter().map(Vec::len).collect();
            assert_eq!(lens, [4, 4, 2], "{packet_lens:?}");
            let samples: Vec<f32> = frames.concat();
            let expected: Vec<f32> = (0..10u8).map(f32::from).collect();
            assert_eq!(samples, expected, "{packet_lens:?}");
        }
    }

    #[test]
    fn nothing_in_gives_nothing_out() {
        assert!(cut(&[], 4).is_empty());
        assert!(cut(&[0, 0], 4).is_empty());
    }

    #[test]
    fn an_error_stops_the_packet_and_leaves_a_usable_framer() {
        let mut framer = Framer::new(2);
        let outcome = framer.push(&[1.0, 2.0, 3.0], |_| Err("no room"));
        assert_eq!(outcome, Err("no room"));
        let mut seen = Vec::new();
        framer
            .push(&[4.0, 5.0], |frame| {
                seen.extend_from_slice(frame);
                Ok::<(), Infallible>(())
            })
            .unwrap();
        assert_eq!(seen, [4.0, 5.0]);
    }
}
