//! The earshot model behind a stream interface: a probability of speech for every 16 ms.

use std::fmt;

use earshot::Detector;
use graphmill_dsp::Framer;

/// Samples that the model judges at a time: 16 ms at 16 kHz.
pub(crate) const FRAME_LEN: usize = 256;

/// How long the model goes on hearing speech after its end.
///
/// It looks at windows of 48 ms and at the two frames before the current one: 80 ms in all, of which the
/// current frame is 16.
pub(crate) const LAG_NS: i64 = 64_000_000;

/// Says how likely speech is, frame by frame, in 16 kHz mono sound of any packet length.
pub(crate) struct SpeechDetector {
    model: Box<Detector>,
    frames: Framer,
    clean: [f32; FRAME_LEN],
}

impl fmt::Debug for SpeechDetector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpeechDetector").field("frames", &self.frames).finish_non_exhaustive()
    }
}

impl SpeechDetector {
    /// Loads the model.
    pub(crate) fn new() -> Self {
        Self { model: Detector::default_boxed(), frames: Framer::new(FRAME_LEN), clean: [0.0; FRAME_LEN] }
    }

    /// Takes samples in; calls `judge` with the probability of every frame that they complete.
    ///
    /// # Errors
    /// Whatever `judge` returns.
    pub(crate) fn push<E>(&mut self, samples: &[f32], mut judge: impl FnMut(f32) -> Result<(), E>) -> Result<(), E> {
        let Self { model, frames, clean } = self;
        frames.push(samples, |frame| {
            // The model expects numbers within ±1; anything else would stay in its memory for ever.
            for (to, from) in clean.iter_mut().zip(frame) {
                *to = if from.is_nan() { 0.0 } else { from.clamp(-1.0, 1.0) };
            }
            judge(model.predict_f32(clean))
        })
    }

    /// Forgets all sound, ready for another stream; samples short of a frame are dropped unjudged.
    pub(crate) fn restart(&mut self) {
        self.model.reset();
        self.frames = Framer::new(FRAME_LEN);
    }
}
