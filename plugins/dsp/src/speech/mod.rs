//! What voice activity kinds have in common: their params, how probabilities become segments, and the events.
//!
//! A model judges frames; everything behind it is here, so that one kind can take the place of another in a graph.

mod events;
mod params;
mod segmenter;

pub use events::SpeechEvents;
pub use params::SpeechParams;
pub use segmenter::{Judged, Rules, Segment, Segmenter};
