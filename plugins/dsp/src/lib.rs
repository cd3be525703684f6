//! What the first-party sound plugins share: framing, timestamps and the making of audio packets.
//!
//! Signal processing works on frames of a fixed length, while packets arrive in any length and carry
//! timestamps. [`Framer`] cuts one into the other, [`Timeline`] says which timestamp belongs to what comes
//! out, and [`AudioOut`] puts both into pooled packets. [`SpeechEvents`] makes of a model's judgements what
//! every voice activity kind gives. All of them are plain values without threads, clocks
//! or I/O, and none allocates in steady state, other than for events.

mod audio_out;
mod framer;
mod input;
mod speech;
mod tame;
mod time;
mod timeline;

pub use audio_out::AudioOut;
pub use framer::Framer;
pub use input::{interleaved, mono_at};
pub use speech::{Judged, Rules, Segment, Segmenter, SpeechEvents, SpeechParams};
pub use tame::{is_tame, tame};
pub use time::{frames_to_ns, rescale_frames};
pub use timeline::{Rates, Timeline};
