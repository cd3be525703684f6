//! `stt.moonshine`: speech to text, utterance by utterance as voice activity says.

mod node;
mod recording;
mod speech;
mod tokens;

pub(crate) use node::Moonshine;
