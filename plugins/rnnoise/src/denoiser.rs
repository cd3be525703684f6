//! The RNNoise model behind a stream interface: same length, same alignment, any packet length.

use std::convert::Infallible;
use std::fmt;

use graphmill_dsp::{Framer, tame};
use nnnoiseless::DenoiseState;

/// Samples that the model works on at a time: 10 ms at 48 kHz.
pub(crate) const FRAME_LEN: usize = DenoiseState::FRAME_SIZE;

/// The model was trained on samples in the range of 16-bit integers.
const MODEL_RANGE: f32 = 32768.0;

/// Loudest sample that the model gets: 36 dB above full scale. The model squares sums of squares, which would overflow
/// with what a float can hold, and panics over the result.
const SAMPLE_MAX: f32 = 64.0;

/// Suppresses noise in 48 kHz mono sound.
///
/// The model overlaps its windows by half, so what it returns for a frame is the frame before it. The very
/// first return is the fade-in from nothing and is dropped; one more frame of silence at the end brings
/// the last one out. Hence sample `n` of the output is sample `n` of the input (the model's high-pass filter
/// turns the phase of low tones a little).
pub(crate) struct Denoiser {
    frames: Framer,
    stage: Stage,
    samples_in: u64,
}

impl fmt::Debug for Denoiser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Denoiser")
            .field("samples_in", &self.samples_in)
            .field("wet", &self.stage.wet)
            .finish_non_exhaustive()
    }
}

/// The model with the memory that it needs from frame to frame.
struct Stage {
    model: Box<DenoiseState<'static>>,
    wet: f32,
    scaled: [f32; FRAME_LEN],
    cleaned: [f32; FRAME_LEN],
    /// The input of the frame before, which is what `cleaned` answers to.
    previous: [f32; FRAME_LEN],
    frames_in: u64,
    samples_out: u64,
}

impl Denoiser {
    /// Loads the model; `wet` is the share of cleaned sound in the output, from 0 to 1.
    pub(crate) fn new(wet: f32) -> Self {
        let stage = Stage {
            model: DenoiseState::new(),
            wet: wet.clamp(0.0, 1.0),
            scaled: [0.0; FRAME_LEN],
            cleaned: [0.0; FRAME_LEN],
            previous: [0.0; FRAME_LEN],
            frames_in: 0,
            samples_out: 0,
        };
        Self { frames: Framer::new(FRAME_LEN), stage, samples_in: 0 }
    }

    /// Changes the share of cleaned sound from the next frame on.
    pub(crate) fn set_wet(&mut self, wet: f32) {
        self.stage.wet = wet.clamp(0.0, 1.0);
    }

    /// Takes samples in; calls `emit` with every frame that is ready.
    ///
    /// # Errors
    /// Whatever `emit` returns.
    pub(crate) fn push<E>(&mut self, samples: &[f32], mut emit: impl FnMut(&[f32]) -> Result<(), E>) -> Result<(), E> {
        let Self { frames, stage, samples_in } = self;
        *samples_in += samples.len() as u64;
        frames.push(samples, |frame| match stage.run(frame) {
            Some(cleaned) => emit(cleaned),
            None => Ok(()),
        })
    }

    /// Emits what is still inside, cut to the length of the input, and starts anew.
    ///
    /// # Errors
    /// Whatever `emit` returns.
    pub(crate) fn finish<E>(&mut self, mut emit: impl FnMut(&[f32]) -> Result<(), E>) -> Result<(), E> {
        let Self { frames, stage, samples_in } = self;
        let mut last = [0.0; FRAME_LEN];
        let outcome = frames.finish(|rest| {
            last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            stage.run(&last).map_or(Ok(()), &mut emit)
        });
        outcome?;
        let left = samples_in.saturating_sub(stage.samples_out);
        if let Some(tail) = stage.run(&[0.0; FRAME_LEN]) {
            let kept = usize::try_from(left).unwrap_or(FRAME_LEN).min(FRAME_LEN);
            match tail.get(..kept) {
                Some(tail) if kept > 0 => emit(tail)?,
                _ => {}
            }
        }
        *self = Self::new(self.stage.wet);
        Ok(())
    }
}

impl Stage {
    /// Runs one frame; returns the cleaned frame before it, or none for the first.
    fn run(&mut self, frame: &[f32]) -> Option<&[f32]> {
        for (to, from) in self.scaled.iter_mut().zip(frame) {
            // One sample that is not a number would stay in the model's memory for ever.
            *to = tame(*from, SAMPLE_MAX) * MODEL_RANGE;
        }
        self.model.process_frame(&mut self.cleaned, &self.scaled);
        let is_first = self.frames_in == 0;
        self.frames_in += 1;
        for ((cleaned, dry), scaled) in self.cleaned.iter_mut().zip(&mut self.previous).zip(&self.scaled) {
            *cleaned = self.wet * (*cleaned / MODEL_RANGE) + (1.0 - self.wet) * *dry;
            *dry = scaled / MODEL_RANGE;
        }
        if is_first {
            return None;
        }
        self.samples_out += FRAME_LEN as u64;
        Some(&self.cleaned)
    }
}

/// Cleans a whole recording of 48 kHz mono sound at once; `wet` is the share of cleaned sound, 0 to 1.
///
/// The result is as long as `samples` and lines up with it. Graphs use the kind `rnnoise` instead.
pub fn clean(samples: &[f32], wet: f32) -> Vec<f32> {
    let mut denoiser = Denoiser::new(wet);
    let mut out = Vec::with_capacity(samples.len());
    let mut keep = |frame: &[f32]| {
        out.extend_from_slice(frame);
        Ok::<(), Infallible>(())
    };
    let Ok(()) = denoiser.push(samples, &mut keep);
    let Ok(()) = denoiser.finish(&mut keep);
    out
}

#[cfg(test)]
#[path = "denoiser_tests.rs"]
mod tests;
