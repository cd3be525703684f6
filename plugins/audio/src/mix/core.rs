//! Adds streams frame by frame: frame `n` of the sum is the sum of all frames `n`.

use std::collections::VecDeque;

/// Inputs of the mixer.
pub(crate) const INPUTS_MAX: usize = 4;

/// How far one input may run ahead of another, in samples: 64 MiB, almost six minutes of 48 kHz mono.
const AHEAD_MAX: usize = 16 << 20;

/// Why a packet was not taken into the sum.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MixError {
    /// One input waits for another for too long.
    #[error(
        "input `{ahead}` is {AHEAD_MAX} samples ahead of the others; feed all linked inputs at the same pace, for example with `pace = \"realtime\"`"
    )]
    TooFarAhead {
        /// Name of the pin that runs ahead.
        ahead: &'static str,
    },
}

/// Sums up to four inputs, each with its own gain.
///
/// An input that has ended counts as silence. While any open input has nothing to add, the sum waits.
#[derive(Debug)]
pub(crate) struct Mixer {
    inputs: [Input; INPUTS_MAX],
}

#[derive(Debug)]
struct Input {
    name: &'static str,
    gain: f32,
    open: bool,
    waiting: VecDeque<f32>,
}

impl Mixer {
    /// Makes a mixer with a name and a gain for each input; those that are not `open` never hold it up.
    pub(crate) fn new(inputs: [(&'static str, f32, bool); INPUTS_MAX]) -> Self {
        let inputs = inputs.map(|(name, gain, open)| Input { name, gain, open, waiting: VecDeque::new() });
        Self { inputs }
    }

    /// Takes samples of one input; an index beyond the last input is ignored.
    ///
    /// # Errors
    /// `TooFarAhead` when the others lag by more than the mixer is willing to hold.
    pub(crate) fn push(&mut self, index: usize, samples: &[f32]) -> Result<(), MixError> {
        let Some(input) = self.inputs.get_mut(index) else { return Ok(()) };
        if input.waiting.len() + samples.len() > AHEAD_MAX {
            return Err(MixError::TooFarAhead { ahead: input.name });
        }
        let gain = input.gain;
        input.waiting.extend(samples.iter().map(|sample| sample * gain));
        Ok(())
    }

    /// Notes that an input has ended.
    pub(crate) fn end(&mut self, index: usize) {
        if let Some(input) = self.inputs.get_mut(index) {
            input.open = false;
        }
    }

    /// Samples that can be summed now.
    pub(crate) fn ready_len(&self) -> usize {
        let open = self.inputs.iter().filter(|input| input.open).map(|input| input.waiting.len());
        let all = self.inputs.iter().map(|input| input.waiting.len());
        open.min().or_else(|| all.max()).unwrap_or(0)
    }

    /// Writes the next `sum.len()` samples of the sum; asks no more than [`ready_len`](Self::ready_len).
    pub(crate) fn mix_into(&mut self, sum: &mut [f32]) {
        sum.fill(0.0);
        for input in &mut self.inputs {
            let taken = input.waiting.len().min(sum.len());
            for (total, sample) in sum.iter_mut().zip(input.waiting.drain(..taken)) {
                *total += sample;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixer(open: [bool; INPUTS_MAX]) -> Mixer {
        let [a, b, c, d] = open;
        Mixer::new([("a", 1.0, a), ("b", 2.0, b), ("c", 1.0, c), ("d", -1.0, d)])
    }

    fn take(mixer: &mut Mixer) -> Vec<f32> {
        let mut sum = vec![9.0; mixer.ready_len()];
        mixer.mix_into(&mut sum);
        sum
    }

    #[test]
    fn frames_are_added_by_position_whatever_the_packet_lengths() {
        let mut mixer = mixer([true, true, false, false]);
        mixer.push(0, &[1.0, 2.0, 3.0]).unwrap();
        assert!(take(&mut mixer).is_empty());
        mixer.push(1, &[10.0]).unwrap();
        assert_eq!(take(&mut mixer), [21.0]);
        mixer.push(1, &[20.0, 30.0, 40.0]).unwrap();
        assert_eq!(take(&mut mixer), [42.0, 63.0]);
        mixer.push(0, &[4.0]).unwrap();
        assert_eq!(take(&mut mixer), [84.0]);
    }

    #[test]
    fn an_input_that_ended_counts_as_silence_after_its_last_sample() {
        let mut mixer = mixer([true, true, false, false]);
        mixer.push(0, &[1.0, 1.0]).unwrap();
        mixer.end(0);
        mixer.push(1, &[1.0]).unwrap();
        assert_eq!(take(&mut mixer), [3.0]);
        mixer.push(1, &[1.0, 1.0]).unwrap();
        assert_eq!(take(&mut mixer), [3.0, 2.0]);
    }

    #[test]
    fn the_longest_input_decides_the_length_when_all_have_ended() {
        let mut mixer = mixer([true; INPUTS_MAX]);
        mixer.push(0, &[1.0]).unwrap();
        mixer.push(3, &[1.0, 1.0, 1.0]).unwrap();
        for index in 0..INPUTS_MAX {
            mixer.end(index);
        }
        assert_eq!(take(&mut mixer), [0.0, -1.0, -1.0]);
        assert!(take(&mut mixer).is_empty());
    }

    #[test]
    fn an_input_that_runs_away_is_refused_by_name() {
        let mut mixer = mixer([true, true, false, false]);
        let second = vec![0.0; 1 << 20];
        for _ in 0..16 {
            mixer.push(1, &second).unwrap();
        }
        assert_eq!(mixer.push(1, &[0.0]), Err(MixError::TooFarAhead { ahead: "b" }));
        mixer.push(0, &second).unwrap();
        assert_eq!(take(&mut mixer).len(), 1 << 20);
        mixer.push(1, &[0.0]).unwrap();
    }
}
