//! Sound plugin of Graphmill: WAV files, resampling, gain, mixing and channel splitting.
//!
//! | Kind | What it does |
//! |---|---|
//! | `wav.source` | reads a sound file |
//! | `wav.sink` | writes a WAV file |
//! | `audio.resample` | changes frame rate and channels |
//! | `audio.gain` | makes sound louder or softer |
//! | `audio.mix` | adds two to four streams |
//! | `audio.split` | takes stereo apart |
//!
//! Pins, params and latency are in the README of the crate. The signal processing knows nothing of packets
//! and is tested by itself; the nodes put it between an input and an output.

mod frames;
mod gain;
mod mix;
mod resample;
mod split;
mod wav;

use gain::Gain;
use mix::Mix;
use resample::Resample;
use split::Split;
use wav::{WavSink, WavSource};

graphmill_plugin_sdk::export!(WavSource, WavSink, Resample, Gain, Mix, Split);
