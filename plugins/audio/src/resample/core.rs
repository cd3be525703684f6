//! Streaming resampler whose output starts with its input and lasts exactly as long.
//!
//! The work is done by rubato's synchronous FFT resampler: a windowed-sinc low-pass filter
//! (Blackman-Harris squared), applied block by block in the frequency domain with overlap-add. The filter
//! delays the sound by half a block. That delay is cut off the start and made up for at the end, so frame
//! `n` of the output is the moment `n / to_hz` of the input.

use graphmill_dsp::{Framer, Rates, is_tame, rescale_frames, tame};
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Indexing, Resampler as _};

/// A block has at least this many frames on the slower side; fewer would soften the low-pass filter.
const BLOCK_FRAMES_MIN: usize = 256;

/// Longest block: a second and a half at 48 kHz, which already is an absurd latency.
const BLOCK_FRAMES_MAX: u64 = 72_000;

/// Loudest sample that goes into the transform: sums of what is louder could overflow, and rubato panics over the result.
const SAMPLE_MAX: f32 = 1e15;

/// Why a pair of rates or a block could not be resampled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResampleError {
    /// The two rates share no useful factor, so a block would be absurdly long.
    #[error(
        "cannot resample {from_hz} Hz to {to_hz} Hz: the smallest block would have {block_frames} frames, at most {BLOCK_FRAMES_MAX} are allowed; choose a rate with a common factor, such as 48000"
    )]
    Rates {
        /// Frames per second that go in.
        from_hz: u32,
        /// Frames per second that come out.
        to_hz: u32,
        /// Frames of the smallest block that fits both rates.
        block_frames: u64,
    },
    /// The resampler refuses what it was given.
    #[error("the resampler failed: {0}")]
    Inner(String),
}

/// Resamples interleaved sound from one fixed rate to another.
pub(crate) struct Resampler {
    rates: Rates,
    channels: usize,
    inner: Fft<f32>,
    blocks: Framer,
    work: Work,
}

/// What changes from block to block, apart from the filter itself.
#[derive(Debug)]
struct Work {
    out: Vec<f32>,
    /// A block with wild samples, tamed.
    tamed: Vec<f32>,
    /// Frames of filter delay that are still to be cut off.
    skip: usize,
    frames_in: u64,
    frames_out: u64,
    /// Length of the whole output, once the end of the input is known.
    frames_due: u64,
}

impl std::fmt::Debug for Resampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resampler")
            .field("rates", &self.rates)
            .field("channels", &self.channels)
            .field("work", &self.work)
            .finish_non_exhaustive()
    }
}

impl Resampler {
    /// Prepares the filter and all memory for `channels` interleaved channels.
    ///
    /// # Errors
    /// `Rates` for two rates without a common factor of a reasonable size.
    pub(crate) fn new(rates: Rates, channels: usize) -> Result<Self, ResampleError> {
        let block_in = block_frames(rates)?;
        let (from, to) = (rates.input_hz as usize, rates.output_hz as usize);
        let inner = Fft::new(from, to, block_in, channels, FixedSync::Both)
            .map_err(|error| ResampleError::Inner(error.to_string()))?;
        let work = Work {
            out: vec![0.0; inner.output_frames_max() * channels],
            tamed: Vec::with_capacity(inner.input_frames_next() * channels),
            skip: inner.output_delay(),
            frames_in: 0,
            frames_out: 0,
            frames_due: u64::MAX,
        };
        let blocks = Framer::new(inner.input_frames_next() * channels);
        Ok(Self { rates, channels, inner, blocks, work })
    }

    /// Takes interleaved samples in; calls `emit` with the interleaved samples that become ready.
    ///
    /// # Errors
    /// Whatever `emit` returns, or a failure of the resampler.
    pub(crate) fn push<E: From<ResampleError>>(
        &mut self,
        samples: &[f32],
        mut emit: impl FnMut(&[f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { channels, inner, blocks, work, .. } = self;
        work.frames_in += (samples.len() / *channels) as u64;
        blocks.push(samples, |block| emit(work.run(inner, *channels, block)?))
    }

    /// Emits what is still inside, cut to the exact length, and starts anew.
    ///
    /// # Errors
    /// As for [`push`](Self::push).
    pub(crate) fn finish<E: From<ResampleError>>(
        &mut self,
        mut emit: impl FnMut(&[f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { rates, channels, inner, blocks, work } = self;
        work.frames_due = rescale_frames(work.frames_in, rates.input_hz, rates.output_hz);
        blocks.finish(|rest| emit(work.run(inner, *channels, rest)?))?;
        while work.frames_out < work.frames_due {
            emit(work.run(inner, *channels, &[])?)?;
        }
        inner.reset();
        work.restart(inner.output_delay());
        Ok(())
    }
}

impl Work {
    fn restart(&mut self, delay_frames: usize) {
        self.skip = delay_frames;
        self.frames_in = 0;
        self.frames_out = 0;
        self.frames_due = u64::MAX;
    }

    /// Runs one block, silence where `block` is short; returns what lies within the output.
    fn run(&mut self, inner: &mut Fft<f32>, channels: usize, block: &[f32]) -> Result<&[f32], ResampleError> {
        let frames_in = block.len() / channels;
        let block = if is_tame(block, SAMPLE_MAX) {
            block
        } else {
            self.tamed.clear();
            self.tamed.extend(block.iter().map(|sample| tame(*sample, SAMPLE_MAX)));
            &self.tamed
        };
        let capacity = self.out.len() / channels;
        let input = InterleavedSlice::new(block, channels, frames_in).map_err(inner_error)?;
        let mut output = InterleavedSlice::new_mut(&mut self.out, channels, capacity).map_err(inner_error)?;
        let partial = Indexing { partial_len: Some(frames_in), ..Indexing::default() };
        let (_, made) = inner.process_into_buffer(&input, &mut output, Some(&partial)).map_err(inner_error)?;
        let skipped = self.skip.min(made);
        self.skip -= skipped;
        let room = usize::try_from(self.frames_due - self.frames_out).unwrap_or(usize::MAX);
        let kept = (made - skipped).min(room);
        self.frames_out += kept as u64;
        Ok(self.out.get(skipped * channels..(skipped + kept) * channels).unwrap_or_default())
    }
}

fn inner_error(error: impl std::fmt::Display) -> ResampleError {
    ResampleError::Inner(error.to_string())
}

/// Frames of the input that make one block.
///
/// A block is a multiple of `rate / gcd` frames on each side. The multiple is even, so that half a block,
/// the delay of the filter, is a whole number of frames and the output lines up exactly.
fn block_frames(rates: Rates) -> Result<usize, ResampleError> {
    let (from_hz, to_hz) = (rates.input_hz, rates.output_hz);
    let common = gcd(from_hz, to_hz).max(1);
    let (unit_in, unit_out) = (from_hz / common, to_hz / common);
    let slower = unit_in.min(unit_out).max(1) as usize;
    let multiple = BLOCK_FRAMES_MIN.div_ceil(slower).next_multiple_of(2);
    let longest = u64::from(unit_in.max(unit_out)) * multiple as u64;
    if longest == 0 || longest > BLOCK_FRAMES_MAX {
        return Err(ResampleError::Rates { from_hz, to_hz, block_frames: longest });
    }
    Ok(unit_in as usize * multiple)
}

fn gcd(a: u32, b: u32) -> u32 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
#[path = "core_tests.rs"]
mod tests;
