//! The models without a graph around them.

use earshot::Detector;
use nnnoiseless::DenoiseState;
use rten::{Model, NodeId, Value, ValueOrView};
use rten_tensor::AsView;
use std::ops::Range;

use crate::support::stored;

/// Layers of the decoder, heads of each, and numbers of each head.
const LAYERS: usize = 6;
const HEADS: usize = 8;
const SIZE: usize = 36;

/// Moonshine tiny, as short as it can be written.
pub(crate) struct Moonshine {
    encoder: Model,
    decoder: Model,
    inputs: Vec<NodeId>,
    outputs: Vec<NodeId>,
    text_outputs: Vec<NodeId>,
}

impl Moonshine {
    pub(crate) fn load() -> Self {
        let [encoder, decoder] = ["encoder_model.onnx", "decoder_model_merged.onnx"]
            .map(|file| Model::load_file(stored("moonshine-tiny", file)).unwrap());
        let memory = |head: &str, sides: &[&str]| -> Vec<String> {
            let side = |layer: usize| sides.iter().map(move |side| format!("{head}.{layer}.{side}"));
            (0..LAYERS).flat_map(side).collect()
        };
        let all = ["decoder.key", "decoder.value", "encoder.key", "encoder.value"];
        let find = |names: Vec<String>| names.iter().map(|name| decoder.node_id(name).unwrap()).collect::<Vec<_>>();
        let head = ["input_ids", "encoder_hidden_states", "use_cache_branch"].map(String::from).to_vec();
        let inputs = find([head, memory("past_key_values", &all)].concat());
        let outputs = find([vec!["logits".to_owned()], memory("present", &all)].concat());
        let text_outputs = find([vec!["logits".to_owned()], memory("present", &all[..2])].concat());
        Self { encoder, decoder, inputs, outputs, text_outputs }
    }

    /// The tokens of each span; voice activity runs over the sound too, as it does in the graph.
    pub(crate) fn run(&self, sound: &[f32], spans: &[Range<usize>]) -> Vec<Vec<i32>> {
        let mut voice = Detector::default_boxed();
        let mut frame = [0.0; 256];
        for chunk in sound.chunks_exact(256) {
            frame.copy_from_slice(chunk);
            std::hint::black_box(voice.predict_f32(&frame));
        }
        spans.iter().map(|span| self.tokens(&sound[span.start..span.end.min(sound.len())])).collect()
    }

    fn tokens(&self, sound: &[f32]) -> Vec<i32> {
        let features = Value::from_shape([1, sound.len()], sound.to_vec()).unwrap();
        let features = self.encoder.run_one(features.into(), None).unwrap();
        let empty = Value::from_shape([1, HEADS, 0, SIZE], Vec::<f32>::new()).unwrap();
        let mut memory = vec![empty; LAYERS * 4];
        let mut tokens = vec![1];
        while tokens.len() < sound.len() / 2_000 {
            let is_first = tokens.len() == 1;
            let last = Value::from_shape([1, 1], vec![tokens[tokens.len() - 1]]).unwrap();
            let is_later = Value::from_shape([1], vec![i32::from(!is_first)]).unwrap();
            let mut values: Vec<ValueOrView<'_>> = vec![last.into(), (&features).into(), is_later.into()];
            values.extend(memory.iter().map(ValueOrView::from));
            let inputs = self.inputs.iter().copied().zip(values).collect();
            let wanted = if is_first { &self.outputs } else { &self.text_outputs };
            let mut given = self.decoder.run(inputs, wanted, None).unwrap().into_iter();
            let logits = given.next().unwrap().into_tensor::<f32>().unwrap().to_vec();
            for (_, value) in memory.iter_mut().enumerate().filter(|(index, _)| is_first || index % 4 < 2) {
                *value = given.next().unwrap();
            }
            let best = logits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
            tokens.push(i32::try_from(best).unwrap());
            if best == 2 {
                break;
            }
        }
        tokens
    }
}

/// RNNoise over 48 kHz sound, frame by frame.
pub(crate) fn denoise(sound: &[f32]) {
    let mut state = DenoiseState::new();
    let (mut input, mut output) = ([0.0; DenoiseState::FRAME_SIZE], [0.0; DenoiseState::FRAME_SIZE]);
    for frame in sound.chunks_exact(DenoiseState::FRAME_SIZE) {
        for (to, from) in input.iter_mut().zip(frame) {
            *to = from * 32_768.0;
        }
        state.process_frame(&mut output, &input);
        std::hint::black_box(&output);
    }
}
