//! The Silero model behind a stream interface: a probability of speech for every 32 ms.

use std::fmt;

use graphmill_dsp::Framer;
use graphmill_plugin_sdk::{Error, Resource, Result};
use rten::{Value, ValueView};

use crate::engine::{EngineError, Model, Plan};

/// The one rate that the model is fed at; it knows 8 kHz too.
pub(super) const RATE_HZ: u32 = 16_000;

/// Samples that the model judges at a time: 32 ms.
pub(super) const FRAME_LEN: usize = 512;

/// Samples before the frame that the model wants to see again.
const CONTEXT_LEN: usize = 64;

/// Memory that the model carries from frame to frame.
const STATE_SHAPE: [usize; 3] = [2, 1, 128];

/// How long the model goes on hearing speech after its end, as seen on recordings: about one frame.
pub(super) const LAG_NS: i64 = 32_000_000;

/// Says how likely speech is, frame by frame, in 16 kHz mono sound of any packet length.
pub(super) struct SpeechDetector {
    frames: Framer,
    judge: Judge,
}

/// The model with its memory.
struct Judge {
    model: Resource<Model>,
    plan: Plan,
    /// The end of the frame before, then the frame.
    window: [f32; CONTEXT_LEN + FRAME_LEN],
    state: Value,
}

impl fmt::Debug for SpeechDetector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpeechDetector").field("frames", &self.frames).finish_non_exhaustive()
    }
}

impl SpeechDetector {
    /// Looks up what it needs of the model.
    pub(super) fn new(model: Resource<Model>) -> Result<Self> {
        let plan = model.plan(&["input", "state", "sr"], &["output", "stateN"])?;
        let window = [0.0; CONTEXT_LEN + FRAME_LEN];
        Ok(Self { frames: Framer::new(FRAME_LEN), judge: Judge { model, plan, window, state: silence()? } })
    }

    /// Takes samples in; calls `judge` with the probability of every frame that they complete.
    ///
    /// # Errors
    /// The model fails, or whatever `judge` returns.
    pub(super) fn push(&mut self, samples: &[f32], mut judge: impl FnMut(f32) -> Result<()>) -> Result<()> {
        let Self { frames, judge: model } = self;
        frames.push(samples, |frame| judge(model.probability(frame)?))
    }

    /// Forgets all sound, ready for another stream; samples short of a frame are dropped unjudged.
    pub(super) fn restart(&mut self) {
        self.frames = Framer::new(FRAME_LEN);
        self.judge.window.fill(0.0);
        if let Ok(state) = silence() {
            self.judge.state = state;
        }
    }
}

impl Judge {
    fn probability(&mut self, frame: &[f32]) -> Result<f32> {
        self.window.copy_within(FRAME_LEN.., 0);
        // The model expects numbers within ±1; anything else would stay in its memory for ever.
        for (to, from) in self.window.iter_mut().skip(CONTEXT_LEN).zip(frame) {
            *to = if from.is_nan() { 0.0 } else { from.clamp(-1.0, 1.0) };
        }
        let rate = [i32::try_from(RATE_HZ).map_err(Error::new)?];
        let window = ValueView::from_shape([1, self.window.len()], &self.window).map_err(Error::new)?;
        let rate = ValueView::from_shape([0; 0], &rate).map_err(Error::new)?;
        let values = vec![window.into(), (&self.state).into(), rate.into()];
        let outputs = self.model.run(&self.plan, values)?;
        let Ok([probability, state]) = <[Value; 2]>::try_from(outputs) else { return Err(unusable(&self.model)) };
        let ([1, 1], probability) = probability.into_shape_vec::<f32, 2>().map_err(Error::new)? else {
            return Err(unusable(&self.model));
        };
        self.state = state;
        probability.first().copied().ok_or_else(|| unusable(&self.model))
    }
}

fn silence() -> Result<Value> {
    let numbers = STATE_SHAPE.iter().product();
    Value::from_shape(STATE_SHAPE, vec![0.0_f32; numbers]).map_err(Error::new)
}

fn unusable(model: &Model) -> Error {
    let reason = "it gave something else than one probability".to_owned();
    EngineError::Corrupt { path: model.path().to_owned(), reason }.into()
}
