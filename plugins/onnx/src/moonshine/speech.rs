//! The model: sound becomes features, features become one token after the other.

use std::fmt;
use std::path::{Path, PathBuf};

use graphmill_plugin_sdk::{CreateContext, Error, Resource, ResourceKey, Result};
use rten::{Value, ValueView};
use rten_tensor::Layout;

use super::recording::RATE_HZ;
use super::tokens::{Text, Tokens};
use crate::engine::{self, EngineError, Model, ModelSource, Plan};

/// Begins every text.
const BEGIN: i32 = 1;
/// Ends every text.
const END: i32 = 2;

/// Nobody says more tokens in a second; beyond it the model repeats itself.
const TOKENS_PER_S: f64 = 6.5;
/// A short sound may have some more: a name, a number.
const TOKENS_MORE: usize = 4;

/// Shortest sound that the encoder takes; what is shorter is made as long with silence.
const SAMPLES_MIN: usize = RATE_HZ as usize / 4;

/// Names of the three files, in the manifest and in a folder of one's own.
const ENCODER: &str = "encoder_model.onnx";
const DECODER: &str = "decoder_model_merged.onnx";
const TOKENS: &str = "tokenizer.json";

/// Where the three files of a model are.
#[derive(Debug, Clone)]
pub(super) struct Files {
    encoder: ModelSource,
    decoder: ModelSource,
    tokens: ModelSource,
}

impl Files {
    /// The files of a model of the manifest.
    ///
    /// # Errors
    /// They are not on this machine; the text says how to fetch them.
    pub(super) fn stored(model: &str) -> Result<Self> {
        let find = |file| ModelSource::stored(model, file);
        Ok(Self { encoder: find(ENCODER)?, decoder: find(DECODER)?, tokens: find(TOKENS)? })
    }

    /// The files in a folder.
    pub(super) fn in_folder(folder: &Path) -> Self {
        let find = |file| ModelSource::from(folder.join(file));
        Self { encoder: find(ENCODER), decoder: find(DECODER), tokens: find(TOKENS) }
    }
}

/// A Moonshine model, shared with everybody who uses the same files.
pub(super) struct Speech {
    encoder: Resource<Model>,
    decoder: Resource<Model>,
    tokens: Resource<Tokens>,
    encode: Plan,
    /// The first step gives the memory of the features; the later ones that of the text alone.
    first: Plan,
    next: Plan,
    /// What the decoder remembers before the first step.
    empty: Vec<Memory>,
}

impl fmt::Debug for Speech {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Speech").field("encoder", &self.encoder.path()).finish_non_exhaustive()
    }
}

/// One tensor of the decoder's memory.
#[derive(Debug, Clone)]
struct Memory {
    value: Value,
    /// Whether it grows with the text, rather than being made once of the features.
    is_text: bool,
}

impl Speech {
    /// Loads the model, or finds it loaded.
    ///
    /// # Errors
    /// A file is absent, damaged or no part of a Moonshine model, or the host's budget has no room for it.
    pub(super) fn load(cx: &mut CreateContext<'_>, files: &Files) -> Result<Self> {
        let encoder = engine::load(cx, files.encoder.clone())?;
        let decoder = engine::load(cx, files.decoder.clone())?;
        let tokens = load_tokens(cx, &files.tokens)?;
        let encode = encoder.plan(&["input_values"], &["last_hidden_state"])?;
        let names = memory_names(&decoder);
        if names.is_empty() {
            let reason = "it has no inputs `past_key_values.*`".to_owned();
            return Err(EngineError::Corrupt { path: decoder.path().to_owned(), reason }.into());
        }
        let empty = names.iter().map(|name| empty_memory(&decoder, name)).collect::<Result<_>>()?;
        let inputs = ["input_ids", "encoder_hidden_states", "use_cache_branch"];
        let inputs: Vec<&str> = inputs.into_iter().chain(names.iter().map(String::as_str)).collect();
        let presents: Vec<String> = names.iter().map(|name| name.replace("past_key_values", "present")).collect();
        let outputs = |wanted: fn(&str) -> bool| -> Vec<&str> {
            ["logits"].into_iter().chain(presents.iter().map(String::as_str).filter(|name| wanted(name))).collect()
        };
        let first = decoder.plan(&inputs, &outputs(|_| true))?;
        let next = decoder.plan(&inputs, &outputs(is_text))?;
        Ok(Self { encoder, decoder, tokens, encode, first, next, empty })
    }

    /// Makes text of 16 kHz mono sound. Tells `partial` all whole words so far each time there is one more.
    ///
    /// # Errors
    /// The model fails, or what `partial` returns.
    pub(super) fn transcribe(&self, sound: &[f32], mut partial: impl FnMut(&str) -> Result<()>) -> Result<String> {
        let features = self.features(sound)?;
        let mut memory = self.empty.clone();
        let mut text = Text::default();
        let mut last = BEGIN;
        for step in 0..tokens_max(sound.len()) {
            last = self.step(step == 0, last, &features, &mut memory)?;
            if last == END {
                break;
            }
            let piece = self.tokens.bytes(usize::try_from(last).unwrap_or(usize::MAX));
            if let Some(words) = text.push(piece) {
                partial(words)?;
            }
        }
        Ok(text.finish())
    }

    fn features(&self, sound: &[f32]) -> Result<Value> {
        let mut sound = sound.iter().map(|sample| if sample.is_nan() { 0.0 } else { *sample }).collect::<Vec<_>>();
        sound.resize(sound.len().max(SAMPLES_MIN), 0.0);
        let sound = Value::from_shape([1, sound.len()], sound).map_err(Error::new)?;
        self.encoder.run(&self.encode, vec![sound.into()])?.pop().ok_or_else(|| self.unusable())
    }

    /// One step of the decoder: the token after `last`.
    fn step(&self, is_first: bool, last: i32, features: &Value, memory: &mut [Memory]) -> Result<i32> {
        let (last, is_later) = ([last], [i32::from(!is_first)]);
        let mut values = Vec::with_capacity(memory.len() + 3);
        values.push(ValueView::from_shape([1, 1], &last).map_err(Error::new)?.into());
        values.push(features.into());
        values.push(ValueView::from_shape([1], &is_later).map_err(Error::new)?.into());
        values.extend(memory.iter().map(|memory| (&memory.value).into()));
        let plan = if is_first { &self.first } else { &self.next };
        let mut outputs = self.decoder.run(plan, values)?.into_iter();
        let logits = outputs.next().ok_or_else(|| self.unusable())?;
        for (memory, value) in memory.iter_mut().filter(|memory| is_first || memory.is_text).zip(outputs) {
            memory.value = value;
        }
        likeliest(&logits).ok_or_else(|| self.unusable())
    }

    fn unusable(&self) -> Error {
        let reason = "it gave something else than a score for each token".to_owned();
        EngineError::Corrupt { path: self.decoder.path().to_owned(), reason }.into()
    }
}

fn load_tokens(cx: &mut CreateContext<'_>, source: &ModelSource) -> Result<Resource<Tokens>> {
    let path: PathBuf = source.path().to_owned();
    let (key, bytes) = engine::file_key(&path)?;
    cx.resource(ResourceKey::new(&format!("tokens {key}")).bytes(bytes), || {
        source.verify()?;
        Tokens::read(&path)
    })
}

/// Names of the inputs that carry the decoder's memory, in the order of the model.
fn memory_names(decoder: &Model) -> Vec<String> {
    let names = decoder.inputs().iter().map(|info| info.name.clone());
    names.filter(|name| name.starts_with("past_key_values.")).collect()
}

fn is_text(name: &str) -> bool {
    name.contains(".decoder.")
}

/// A memory of nothing: its one dimension that grows has no length yet.
fn empty_memory(decoder: &Model, name: &str) -> Result<Memory> {
    let info = decoder.inputs().iter().find(|info| info.name == name);
    let shape = info.and_then(|info| info.shape.as_deref());
    let Some([_, Some(heads), _, Some(size)]) = shape else {
        let reason = format!("its input `{name}` has no shape of the form [?,8,?,36]");
        return Err(EngineError::Corrupt { path: decoder.path().to_owned(), reason }.into());
    };
    let value = Value::from_shape([1, *heads, 0, *size], Vec::<f32>::new()).map_err(Error::new)?;
    Ok(Memory { value, is_text: is_text(name) })
}

/// Most tokens that so much sound may become.
fn tokens_max(samples: usize) -> usize {
    let seconds = samples as f64 / f64::from(RATE_HZ);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the sound fits into memory")]
    let tokens = (seconds * TOKENS_PER_S).ceil() as usize;
    tokens + TOKENS_MORE
}

/// Number of the highest score of the last step.
fn likeliest(logits: &Value) -> Option<i32> {
    let scores = logits.as_tensor_view::<f32>()?;
    let vocabulary = scores.shape().last().copied()?;
    let scores = scores.data()?;
    let last = scores.get(scores.len().checked_sub(vocabulary)?..)?;
    let best = last.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
    i32::try_from(best.0).ok()
}
