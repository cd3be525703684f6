//! Speech to text and voice activity with the real models. Without the models these tests fail: fetch them with
//! `cargo xtask test-models`, which runs them too.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::path::PathBuf;
use std::time::Instant;

use graphmill::{AudioHeader, Buffer, Graph, Outcome, Packet, Runtime};
use graphmill_onnx::engine::{Model, ModelSource, Signature, TensorInfo};
use graphmill_plugin_sdk::abi::TensorHeader;
use graphmill_plugin_sdk::abi::layout::GM_DTYPE_FLOAT;
use serde_json::{Value, json};

use support::words::{words, wrong_words};
use support::{LONG, all_text, clips, content, listening, next, runtime, samples, transcribing};

#[test]
fn words_are_compared_as_they_are_spoken() {
    assert_eq!(words("Mr. Dash, cold-hearted!"), ["mister", "dash", "cold", "hearted"]);
    let table = [("a b c", "A, b. C!", 0), ("a b c", "a c", 1), ("a b", "a x b", 1), ("a b", "c d", 2), ("", "a", 1)];
    for (said, heard, wrong) in table {
        assert_eq!(wrong_words(said, heard), wrong, "{said:?} {heard:?}");
    }
}

/// A graph is checked against what the file says, and run by what the engine says.
#[test]
fn pins_are_told_by_the_file_as_the_loaded_model_has_them() {
    let files = [
        ("silero-vad", "silero_vad.onnx"),
        ("moonshine-tiny", "encoder_model.onnx"),
        ("moonshine-tiny", "decoder_model_merged.onnx"),
        ("pp-ocrv6-small", "PP-OCRv6_det_small.onnx"),
        ("pp-ocrv6-small", "PP-OCRv6_rec_small.onnx"),
    ];
    for (model, file) in files {
        let source = ModelSource::stored(model, file).unwrap();
        let outline = Signature::read(source.clone()).unwrap();
        let model = Model::load_alone(source.path()).unwrap();
        assert_eq!(outline.inputs(), model.inputs(), "{file}");
        let names = |infos: &[TensorInfo]| infos.iter().map(|info| info.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(outline.outputs()), names(model.outputs()), "{file}");
        println!("{file}: {:?} to {:?}", names(outline.inputs()), names(outline.outputs()));
    }
}

#[test]
fn a_node_of_a_real_model_has_its_pins() {
    let runtime = runtime();
    let params = json!({
        "model": "silero-vad", "file": "silero_vad.onnx", "constants": { "sr": [16000] }, "state": { "state": "stateN" },
    });
    let graph = Graph::builder()
        .inlet("sound", "tensor f32 [1,576]")
        .node("vad", "onnx", params)
        .outlet("speech", "tensor f32")
        .link("sound", "vad.input")
        .link("vad.output", "speech")
        .build(runtime.plugins())
        .unwrap();
    let mut session = runtime.start(&graph).unwrap();
    let (mut inlet, mut outlet) = (session.take_inlet("sound").unwrap(), session.take_outlet("speech").unwrap());
    for _ in 0..3 {
        let header = TensorHeader::dense(GM_DTYPE_FLOAT, 32, &[1, 576]).unwrap();
        inlet.send(Packet::from_tensor(header, Buffer::zeroed(576 * 4)).unwrap(), LONG).unwrap();
        let judged = outlet.recv(LONG).unwrap();
        let speech = f32::from_le_bytes(judged.plane(0).unwrap()[..4].try_into().unwrap());
        assert!((0.0..0.1).contains(&speech), "silence is no speech: {speech}");
    }
    drop(inlet);
    assert_eq!(session.wait_timeout(LONG).unwrap().outcome, Outcome::Completed);
}

#[test]
fn five_recordings_come_out_with_at_most_one_wrong_word() {
    for vad in ["vad.silero", "vad.earshot"] {
        let (mut all, mut wrong) = (0, 0);
        for clip in clips() {
            let runtime = runtime();
            let mut session = runtime.start(&transcribing(&runtime, &clip, vad)).unwrap();
            let heard = all_text(&mut session.take_outlet("text").unwrap());
            assert_eq!(session.wait_timeout(LONG).unwrap().outcome, Outcome::Completed);
            println!("{vad}: said  {}\n{vad}: heard {heard}", clip.said);
            all += words(&clip.said).len();
            wrong += wrong_words(&clip.said, &heard);
        }
        println!("{vad}: {wrong} of {all} words are wrong");
        assert!(all == 70 && wrong <= 1, "{vad}: {wrong} of {all} words are wrong");
    }
}

#[test]
fn words_leave_while_the_call_that_finds_them_runs() {
    let mut early = 0;
    for clip in clips() {
        let runtime = runtime();
        let begun = Instant::now();
        let mut session = runtime.start(&transcribing(&runtime, &clip, "vad.silero")).unwrap();
        let (mut partial, mut text) = (session.take_outlet("partial").unwrap(), session.take_outlet("text").unwrap());
        let first = next(&mut partial).unwrap();
        let first_at = begun.elapsed();
        // The text is what the call ends with; as long as it is not there, the call runs.
        let is_early = text.try_recv().is_err();
        early += u32::from(is_early);
        let whole = next(&mut text).unwrap();
        let word = content(&first)["text"].as_str().unwrap().to_owned();
        let heard = content(&whole)["text"].as_str().unwrap().to_owned();
        println!("{first_at:?}: {word:?} while the call runs: {is_early}; {:?}: {heard:?}", begun.elapsed());
        assert!(heard.starts_with(&word), "{word:?} begins {heard:?}");
        session.abort();
        session.wait_timeout(LONG).unwrap();
    }
    assert!(early > 0, "no word came before the end of its call");
}

#[test]
fn a_live_stream_becomes_text_utterance_by_utterance() {
    let runtime = runtime();
    let builder = Graph::builder().inlet("microphone", "audio f32 16000 Hz mono").outlet("text", "event speech.text/1");
    let graph =
        listening(builder, "microphone", "vad.silero").link("listen.text", "text").build(runtime.plugins()).unwrap();
    let mut session = runtime.start(&graph).unwrap();
    let (mut microphone, mut text) = (session.take_inlet("microphone").unwrap(), session.take_outlet("text").unwrap());
    let mut begun_s = 0.0;
    for clip in clips() {
        let said = samples(&clip.path);
        let len_s = said.len() as f64 / 16_000.0;
        // A second of silence, then the next speaker waits for the text.
        for chunk in said.chunks(320).chain([0.0; 16_000].chunks(320)) {
            microphone.send(sound(chunk), LONG).unwrap();
        }
        let heard = content(&next(&mut text).unwrap());
        let [start_s, end_s] = ["start_s", "end_s"].map(|name| heard[name].as_f64().unwrap());
        println!("{start_s:.2} to {end_s:.2} s: {}", heard["text"]);
        // The sound of a text begins up to `pad_ms` before its segment.
        assert!(start_s + 0.2 >= begun_s && end_s <= begun_s + len_s + 1.0, "{heard} was said from {begun_s} on");
        assert!(wrong_words(&clip.said, heard["text"].as_str().unwrap()) <= 1, "{heard}");
        begun_s += len_s + 1.0;
    }
    microphone.end();
    assert!(next(&mut text).is_none(), "nobody says more");
    assert_eq!(session.wait_timeout(LONG).unwrap().outcome, Outcome::Completed);
}

fn sound(samples: &[f32]) -> Packet {
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let header = AudioHeader::f32(16_000, 1, u32::try_from(samples.len()).unwrap());
    Packet::from_audio(header, Buffer::copy_from_slice(&bytes)).unwrap()
}

#[test]
fn a_second_transcription_of_the_same_sound_says_the_same() {
    let runtime = runtime();
    let clip = &clips()[0];
    let once = || {
        let session = runtime.start(&transcribing(&runtime, clip, "vad.earshot")).unwrap();
        all_text(&mut session.take_outlet("text").unwrap())
    };
    assert_eq!(once(), once());
    assert_eq!(runtime.resources().counters().loads, 3, "the model stays loaded between sessions");
}

fn segments(runtime: &Runtime, vad: &str, path: &PathBuf) -> Vec<Value> {
    let graph = Graph::builder()
        .node("file", "wav.source", json!({ "path": path }))
        .node("voice", vad, json!({}))
        .outlet("out", "event speech.segment/1")
        .chain(["file", "voice"])
        .link("voice.segments", "out")
        .build(runtime.plugins())
        .unwrap();
    let mut session = runtime.start(&graph).unwrap();
    let mut outlet = session.take_outlet("out").unwrap();
    let found = std::iter::from_fn(|| next(&mut outlet)).map(|packet| content(&packet)).collect();
    assert_eq!(session.wait_timeout(LONG).unwrap().outcome, Outcome::Completed);
    found
}

#[test]
fn voice_activity_of_both_models_agrees_with_the_known_pauses() {
    let media = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/media");
    let truth = std::fs::read_to_string(media.join("speech.segments.json")).unwrap();
    let truth: Value = serde_json::from_str(&truth).unwrap();
    let truth = truth["segments"].as_array().unwrap().clone();
    let runtime = runtime();
    for vad in ["vad.silero", "vad.earshot"] {
        let found = segments(&runtime, vad, &media.join("speech.wav"));
        assert_eq!(found.len(), truth.len(), "{vad}: {found:?}");
        for (found, truth) in found.iter().zip(&truth) {
            let off = |name: &str| (found[name].as_f64().unwrap() - truth[name].as_f64().unwrap()) * 1e3;
            println!("{vad}: off by {:+.0} and {:+.0} ms", off("start_s"), off("end_s"));
            assert!(off("start_s").abs() <= 100.0 && off("end_s").abs() <= 100.0, "{vad}: {found} {truth}");
            let keys: Vec<_> = found.as_object().unwrap().keys().collect();
            assert_eq!(keys, ["duration_s", "end_s", "mean_probability", "start_s"]);
        }
    }
}
