//! Sound plugin of Graphmill: WAV files, resampling, gain, mixing, channel splitting and a voice gate.
//!
//! | Kind | What it does |
//! |---|---|
//! | `wav.source` | reads a sound file |
//! | `wav.sink` | writes a WAV file |
//! | `audio.resample` | changes frame rate and channels |
//! | `audio.gain` | makes sound louder or softer |
//! | `audio.mix` | adds two to four streams |
//! | `audio.split` | takes stereo apart |
//! | `audio.gate` | lets sound through while somebody speaks |
//!
//! Pins, params and latency are in the README of the crate. The signal processing knows nothing of packets
//! and is tested by itself; the nodes put it between an input and an output.

mod frames;
mod gain;
mod gate;
mod mix;
mod resample;
mod split;
mod wav;

/// What fuzzing reaches of this crate, in builds for tests of the project alone.
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::wav::read_all as read_wav;
}

use gain::Gain;
use gate::AudioGate;
use mix::Mix;
use resample::Resample;
use split::Split;
use wav::{WavSink, WavSource};

graphmill_plugin_sdk::export!(WavSource, WavSink, Resample, Gain, Mix, Split, AudioGate);
