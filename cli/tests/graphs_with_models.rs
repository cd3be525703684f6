//! Graphs that need models, with the models that `cargo xtask test-models` has pulled. Without them these tests fail.
//!
//! The tests of the plugin link it; here it is a library that is opened, and the program is the one of users.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "../../plugins/onnx/tests/support/onnx_file.rs"]
mod onnx_file;
mod support;
#[path = "../../plugins/onnx/tests/support/words.rs"]
mod words;

use onnx_file::{FLOAT, OnnxFile};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Lab, Shown, plugin, repository};
use words::{words, wrong_words};

/// The sentences of the recording of the examples, as `media/make.sh` has them spoken.
const SENTENCES: [&str; 4] = [
    "A graph carries sound from one node to another.",
    "Every model runs on a worker of its own.",
    "When one of them hangs the others go on playing.",
    "Noise goes in and a clean voice comes out.",
];

/// A lab with an example and the recordings of the examples.
fn lab(example: &str) -> Lab {
    let lab = Lab::with_demo();
    for file in [example, "media/speech.wav"] {
        fs::copy(repository().join("examples").join(file), lab.path(file)).unwrap();
    }
    lab
}

/// `graphmill run` with the plugins for models and pictures too.
fn run(lab: &Lab, graph: &str) -> Command {
    let mut command = lab.graphmill();
    for package in ["graphmill-onnx", "graphmill-image"] {
        command.arg("--plugins").arg(plugin(package));
    }
    command.args(["run", graph]);
    command
}

fn done(command: &mut Command) -> Shown {
    Shown::from(command.output().unwrap()).succeeds()
}

/// A file of the store of models.
fn stored(lab: &Lab, model: &str, file: &str) -> PathBuf {
    lab.run(["models", "path", model, file]).succeeds().out.trim_end().into()
}

fn json_lines(path: &Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_model_that_is_built_in_is_here_and_what_its_manifest_says() {
    let lab = Lab::new();
    let list = lab.run(["models", "list", "--json"]).succeeds().json();
    let models = list.as_array().unwrap();
    for model in models {
        let name = model["name"].as_str().unwrap();
        lab.run(["models", "verify", name]).succeeds();
        assert_eq!(model["here"], true, "{name}");
    }
    assert!(models.len() >= 5);
}

#[test]
fn transcribe_writes_text_subtitles_and_json_with_times() {
    let lab = lab("transcribe.toml");
    let shown = done(&mut run(&lab, "transcribe.toml"));
    let texts: Vec<_> = shown.out.lines().map(|line| line.rsplit("  ").next().unwrap()).collect();
    assert_eq!(texts.len(), SENTENCES.len(), "{}", shown.out);
    let wrong: usize = SENTENCES.iter().zip(&texts).map(|(said, heard)| wrong_words(said, heard)).sum();
    // The voices are synthetic, which costs a word of twelve.
    assert!(wrong <= 3, "{wrong} words are wrong: {}", shown.out);

    let truth = fs::read_to_string(repository().join("examples/media/speech.segments.json")).unwrap();
    let truth: Value = serde_json::from_str(&truth).unwrap();
    let lines = json_lines(&lab.path("out/transcript.jsonl"));
    for ((line, text), span) in lines.iter().zip(&texts).zip(truth["segments"].as_array().unwrap()) {
        assert_eq!(line["body"]["text"], *text);
        for key in ["start_s", "end_s"] {
            let off = line["body"][key].as_f64().unwrap() - span[key].as_f64().unwrap();
            assert!(off.abs() <= 0.3, "{line} against {span}");
        }
    }
    let subtitles = fs::read_to_string(lab.path("out/transcript.srt")).unwrap();
    let blocks: Vec<_> = subtitles.split_terminator("\n\n").collect();
    assert_eq!((lines.len(), blocks.len()), (SENTENCES.len(), SENTENCES.len()), "{subtitles}");
    for (number, (block, text)) in blocks.iter().zip(&texts).enumerate() {
        let rows: Vec<_> = block.lines().collect();
        assert_eq!((rows[0], rows[2]), ((number + 1).to_string().as_str(), *text), "{block}");
        assert!(rows[1].starts_with("00:00:") && rows[1].contains(" --> 00:00:"), "{block}");
    }
}

#[test]
fn transcribe_gets_at_most_one_word_wrong_of_five_sentences_that_a_volunteer_reads() {
    let lab = lab("transcribe.toml");
    let graph = fs::read_to_string(lab.path("transcribe.toml")).unwrap();
    let (mut all, mut wrong) = (0, 0);
    for line in fs::read_to_string(stored(&lab, "librivox-five", "transcription")).unwrap().lines() {
        let (said, name) = line.trim_start_matches("<s> ").split_once(" </s> (").unwrap();
        // The book, and who reads it, say `a more amiable woman`.
        let said = said.replace("a more a amiable", "a more amiable");
        let clip = stored(&lab, "librivox-five", &format!("{}.wav", name.trim_end_matches(')')));
        lab.write("clip.toml", &graph.replace("media/speech.wav", clip.to_str().unwrap()));
        done(&mut run(&lab, "clip.toml"));
        let lines = json_lines(&lab.path("out/transcript.jsonl"));
        let heard: Vec<_> = lines.iter().map(|line| line["body"]["text"].as_str().unwrap()).collect();
        all += words(&said).len();
        wrong += wrong_words(&said, &heard.join(" "));
        println!("said  {said}\nheard {}", heard.join(" "));
    }
    assert!(all > 60 && wrong <= 1, "{wrong} of {all} words are wrong");
}

#[test]
fn ocr_reads_the_lines_of_a_photograph() {
    let lab = lab("ocr.toml");
    let page = stored(&lab, "printed-pages", "page.png");
    let shown = done(run(&lab, "ocr.toml").env("PAGE", page));
    for line in ["Region-based segmentation", "histogram of grey values:"] {
        assert!(shown.out.contains(line), "{line}: {}", shown.out);
    }
    assert!(json_lines(&lab.path("out/ocr.jsonl")).len() >= 6);
}

/// Runs the example with a store of its own: exit code 2 and one error.
#[track_caller]
fn refused(lab: &Lab, parts: &[&str]) {
    let shown: Shown = run(lab, "transcribe.toml").env("GRAPHMILL_MODELS", lab.path("store")).output().unwrap().into();
    assert_eq!((shown.code, shown.out.as_str()), (Some(2), ""), "{shown:?}");
    assert_eq!(shown.err.matches("error: ").count(), 1, "{}", shown.err);
    for part in parts {
        assert!(shown.err.contains(part), "{part}: {}", shown.err);
    }
}

#[test]
fn absent_model_and_wrong_digest_are_one_error_each_that_names_the_command() {
    let lab = lab("transcribe.toml");
    let command = "graphmill models pull moonshine-tiny";
    refused(&lab, &["the model `moonshine-tiny` is not on this machine, fetch it with", command, "nodes.words"]);
    fs::create_dir_all(lab.path("store/moonshine-tiny")).unwrap();
    for file in ["encoder_model.onnx", "decoder_model_merged.onnx", "tokenizer.json"] {
        fs::copy(stored(&lab, "moonshine-tiny", file), lab.path("store/moonshine-tiny").join(file)).unwrap();
    }
    let encoder = lab.path("store/moonshine-tiny/encoder_model.onnx");
    let mut bytes = fs::read(&encoder).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&encoder, bytes).unwrap();
    refused(&lab, &["moonshine-tiny/encoder_model.onnx` has the SHA-256 ", command, "nodes.words"]);
}

#[test]
fn every_kind_with_a_model_keeps_its_contract() {
    let lab = Lab::new();
    let shape = [None, Some(4)];
    let model = OnnxFile::default().input("x", FLOAT, &shape).output("y", FLOAT, &shape);
    fs::write(lab.path("same.onnx"), model.operator("Identity", &["x"], &["y"]).bytes()).unwrap();
    // A small picture would be stretched first, and take a second.
    let params = [("onnx", json!({ "path": lab.path("same.onnx") })), ("ocr.detect", json!({ "side_min": 32 }))];
    let params = params.map(|(kind, params)| format!("--params={kind}={params}"));
    let library = plugin("graphmill-onnx");
    let mut words = vec!["validate", "--json", library.to_str().unwrap()];
    words.extend(params.iter().map(String::as_str));
    let judged = lab.run(words).succeeds().json();
    let trials = judged["trials"].as_array().unwrap();
    assert!(trials.iter().all(|trial| trial["not_judged"].is_null()) && trials.len() > 5 * 15, "{judged:#}");
}
