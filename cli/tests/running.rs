//! Runs that somebody watches or interrupts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;
use signal_hook::consts::SIGILL;
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use support::Lab;

/// Sound as it would be heard, with a line of JSON on standard output for each 16 ms of it.
const REALTIME: &str = r#"
links = ["sound -> file", "sound -> voice", "voice.frames -> lines", "voice.segments -> segments"]

[nodes.sound]
kind = "wav.source"
params = { path = "media/noisy.wav", pace = "realtime" }

[nodes.file]
kind = "wav.sink"
params = { path = "copy.wav" }

[nodes.voice]
kind = "vad.earshot"

[nodes.lines]
kind = "text.sink"
params = { format = "json" }

[nodes.segments]
kind = "event.sink"
params = { path = "segments.txt" }
"#;

fn start(lab: &Lab, graph: &str) -> Child {
    lab.write("graph.toml", graph);
    let mut command = lab.graphmill();
    command.args(["run", "graph.toml"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn send(signal: &str, child: &Child) {
    let kill = format!("kill -{signal} {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

fn is_speech_frame(line: &str) -> bool {
    serde_json::from_str::<Value>(line).is_ok_and(|line| line["name"] == "vad.frame")
}

#[test]
fn first_signal_lets_the_graph_finish_what_it_has() {
    for signal in ["INT", "TERM"] {
        let lab = Lab::with_demo();
        let mut child = start(&lab, REALTIME);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!((0..10).all(|_| is_speech_frame(&lines.next().unwrap().unwrap())));
        send(signal, &child);
        let rest = lines.map(Result::unwrap).filter(|line| is_speech_frame(line)).count();
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{err}");
        assert!(err.starts_with("stopping: what is under way is finished first"), "{err}");
        assert!(err.contains("graph: stopped and finished in "), "{err}");

        // The file is whole: it has its name, its length is right, and it holds all that was judged.
        assert!(!lab.path("copy.wav.part").exists());
        let copy = hound::WavReader::open(lab.path("copy.wav")).unwrap();
        let (frames, whole) = (u64::from(copy.duration()), 246_322);
        assert!(frames >= (10 + rest as u64) * 256 && frames < whole, "{frames} of {whole} frames, {rest} lines more");
        assert_eq!(copy.into_samples::<i16>().filter(|sample| sample.is_ok()).count() as u64, frames);
    }
}

#[test]
fn second_signal_ends_at_once() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let lab = Lab::with_demo();
        // The lines are not read: once the pipe is full, the sink can neither go on nor finish.
        let mut child = start(&lab, &REALTIME.replace("pace = \"realtime\"", "pace = \"asap\""));
        let mut out = child.stdout.take().unwrap();
        assert_eq!(out.read(&mut [0]).unwrap(), 1, "it runs");
        send(signal, &child);
        let mut err = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        err.read_line(&mut line).unwrap();
        assert!(line.starts_with("stopping: "), "{line}");
        send(signal, &child);
        let mut rest = String::new();
        err.read_to_string(&mut rest).unwrap();
        assert!(rest.starts_with("ended at once"), "{rest}");
        assert_eq!(child.wait().unwrap().code(), Some(code));
    }
}

/// The two ends of a terminal.
fn terminal() -> (fs::File, fs::File) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    (master.into(), OpenOptions::new().read(true).write(true).open(name).unwrap())
}

/// What is shown until `is_enough`, or until the last program has left the terminal.
fn read_until(terminal: &mut fs::File, shown: &mut String, is_enough: impl Fn(&str) -> bool) {
    let mut bytes = [0; 4096];
    while !is_enough(shown) {
        match terminal.read(&mut bytes) {
            // A terminal that nobody is on the other side of any more says so with this error.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => return,
            // Whatever is drawn is drawn in one piece, and all of it is ASCII but for the unit of microseconds.
            read => shown.push_str(&String::from_utf8_lossy(&bytes[..read.unwrap()])),
        }
    }
}

#[test]
fn terminal_shows_progress_and_colours_and_is_left_clean() {
    let lab = Lab::with_demo();
    lab.write("graph.toml", REALTIME);
    let (mut screen, program_side) = terminal();
    let mut command = lab.graphmill();
    command.args(["run", "graph.toml"]).env("TERM", "xterm").stdout(Stdio::null()).stderr(program_side);
    let mut child = command.spawn().unwrap();
    // From here on only the program itself keeps its side open.
    drop(command);
    let mut shown = String::new();
    read_until(&mut screen, &mut shown, |shown| shown.matches("real time").count() >= 2);
    send("INT", &child);
    read_until(&mut screen, &mut shown, |_| false);
    assert_eq!(child.wait().unwrap().code(), Some(0), "{shown}");

    let clear = "\r\u{1b}[2K";
    let (before, report) = shown.split_once("stopping: ").unwrap();
    let drawn: Vec<_> = before.split(clear).filter(|text| text.contains("real time")).collect();
    assert!(
        !drawn.is_empty() && drawn.iter().all(|text| text.contains(" of the stream, ") && text.ends_with(" dropped")),
        "{shown:?}"
    );
    assert!(before.ends_with(clear), "the line is out of the way of what is said: {shown:?}");
    let last = report.rsplit(clear).next().unwrap();
    assert!(last.starts_with("\u{1b}[1mgraph\u{1b}[0m: "), "the report begins on a clean line: {shown:?}");
}

#[test]
fn launch_line_runs_and_its_words_may_come_apart() {
    let lab = Lab::with_demo();
    let line = "wav.source path=media/noisy.wav name=in ! audio.gain db=-6 ! wav.sink path=soft.wav in. ! wav.sink path=same.wav";
    let whole = lab.run(["launch", line]).succeeds();
    assert!(
        whole.err.contains("completed in ") && whole.err.contains("audio_gain.out -> wav_sink.in"),
        "{}",
        whole.err
    );
    let samples = |name: &str| {
        hound::WavReader::open(lab.path(name)).unwrap().into_samples::<i16>().map(Result::unwrap).collect::<Vec<_>>()
    };
    assert_eq!(samples("same.wav"), samples("media/noisy.wav"));
    let peak = |name: &str| samples(name).iter().map(|sample| i32::from(sample.unsigned_abs())).max().unwrap();
    let expected = f64::from(peak("same.wav")) * 10_f64.powf(-6.0 / 20.0);
    assert!((f64::from(peak("soft.wav")) - expected).abs() <= 1.0);

    let words = std::iter::once("launch").chain(line.split(' '));
    assert_eq!(lab.run(words).succeeds().out, "");
}

/// A sink that crashes where it should take a packet.
const CRASHES: &str = r#"
#include "fixture.h"
#include <signal.h>

static gm_status crash(gm_node *node, uint32_t pin, gm_packet *packet, gm_error *error) {
    raise(SIGILL);
    return good_process(node, pin, packet, error);
}

static const gm_node_class class = {
    .struct_size = sizeof(gm_node_class),
    .role = GM_ROLE_SINK,
    .id = GM_TEXT("fixture.sink"),
    .create = good_create,
    .destroy = good_destroy,
    .process = crash,
};
static const gm_node_class *const classes[] = {&class};
static const gm_module module = {
    .hdr = GM_HEADER(gm_module),
    .manifest_json = {good_manifest, sizeof(good_manifest) - 1},
    .classes = classes,
    .n_classes = 1,
};

GM_ENTRY_RETURNS(&module)
"#;

#[test]
fn node_that_crashes_is_named_and_the_program_dies_of_that_signal() {
    let lab = Lab::with_demo();
    let library = lab.library("crashes", CRASHES).canonicalize().unwrap();
    lab.write(
        "graph.toml",
        "links = [\"sound -> model\"]\n[nodes.sound]\nkind = \"wav.source\"\n\
         params = { path = \"media/noisy.wav\" }\n[nodes.model]\nkind = \"fixture.sink\"\n",
    );
    let line = "wav.source path=media/noisy.wav ! fixture.sink name=model";
    for (command, graph) in [("run", "graph.toml"), ("launch", line)] {
        let output = lab.graphmill().arg("--plugins").arg(&library).args([command, graph]).output().unwrap();
        let expected =
            format!("graphmill: node `model` (fixture.sink in {}) crashed in process: SIGILL", library.display());
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(err.lines().any(|line| line == expected), "{command}: {err}");
        assert_eq!(output.status.signal(), Some(SIGILL), "{command}: {err}");
    }
}

#[test]
fn ends_that_only_an_application_can_use_are_named_and_closed() {
    let lab = Lab::new();
    lab.write(
        "graph.toml",
        "inlets = { app = { format = \"text\" } }\nlinks = [\"app -> lines\"]\n[nodes.lines]\nkind = \"text.sink\"\n",
    );
    let shown = lab.run(["run", "graph.toml"]).succeeds();
    assert!(shown.err.starts_with("note: inlet `app` stays empty"), "{}", shown.err);
}
