//! Bad input of every sort: one clear error with its place and the way out, the right exit code, never a panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::fs;
use support::{Lab, Shown, repository};

/// A graph that copies `in.wav`, with `change` for one of its parts.
fn copy_graph(from: &str, to: &str) -> String {
    let graph = "links = [\"a -> b\"]\n\n[nodes.a]\nkind = \"wav.source\"\nparams = { path = \"in.wav\" }\n\n\
                 [nodes.b]\nkind = \"wav.sink\"\nparams = { path = \"out.wav\" }\n";
    assert!(graph.contains(from), "{from}");
    graph.replacen(from, to, 1)
}

/// Runs a graph and checks the exit code and that every part is said; gives what was shown.
#[track_caller]
fn refused(lab: &Lab, graph: &str, code: i32, parts: &[&str]) -> Shown {
    lab.write("graph.toml", graph);
    let shown = lab.run(["run", "graph.toml"]);
    expect(&shown, code, parts);
    assert_eq!(shown.out, "");
    shown
}

#[track_caller]
fn expect(shown: &Shown, code: i32, parts: &[&str]) {
    assert_eq!(shown.code, Some(code), "{shown:?}");
    for part in parts {
        assert!(shown.err.contains(part), "`{part}` is missing:\n{}", shown.err);
    }
    assert!(!shown.err.contains(['\r', '\u{1b}']), "no colours in a pipe");
}

#[test]
fn missing_plugin_is_named_with_the_file_that_wants_it() {
    let graph = format!("plugins = [\"libnope.so\"]\n{}", copy_graph("", ""));
    let parts =
        ["error: plugin file \"libnope.so\" does not exist", "build the plugin first", "`plugins` in graph.toml"];
    let shown = refused(&Lab::new(), &graph, 2, &parts);
    assert_eq!(shown.err.matches("error").count(), 1, "{}", shown.err);
}

#[test]
fn unknown_kind_is_answered_with_the_nearest_one() {
    let graph = copy_graph("wav.source", "wav.sorce");
    let caret = "4 | kind = \"wav.sorce\"\n  |        ^^^^^^^^^^^";
    refused(&Lab::new(), &graph, 2, &["graph.toml:4:8", caret, "help: did you mean `wav.source`?"]);
}

#[test]
fn wrong_pin_is_pointed_at() {
    let graph = copy_graph("a -> b", "a.uot -> b");
    let caret = "1 | links = [\"a.uot -> b\"]\n  |           ^^^^^";
    refused(
        &Lab::new(),
        &graph,
        2,
        &["error: node `a` has no output `uot`", "graph.toml:1:11", caret, "did you mean `out`?"],
    );
}

#[test]
fn wrong_format_names_both_pins_and_both_formats() {
    let graph = "links = [\"a -> v -> s\"]\n[nodes.a]\nkind = \"wav.source\"\nparams = { path = \"in.wav\" }\n\
                 [nodes.v]\nkind = \"vad.earshot\"\n[nodes.s]\nkind = \"wav.sink\"\nparams = { path = \"out.wav\" }\n";
    let title = "error: `v.segments` gives `event speech.segment/1`, but `s.in` takes `audio f32 interleaved`";
    refused(&Lab::new(), graph, 2, &[title, "graph.toml:1:16", "^^^^^^ no packet fits both", "help: "]);
}

#[test]
fn wrong_params_are_all_told_at_once() {
    let graph = copy_graph("path = \"in.wav\"", "pth = \"in.wav\", frames = \"x\"");
    let parts = ["lacks the param `path`", "has no param `pth`", "did you mean `path`?", "`frames`", "graph.toml:5:37"];
    let shown = refused(&Lab::new(), &graph, 2, &parts);
    assert_eq!(shown.err.matches("error: ").count(), 3, "{}", shown.err);
}

#[test]
fn missing_sound_file_is_an_error_before_anything_runs() {
    let parts =
        ["error: node `a` failed in create: ", "in.wav", "No such file", "graph.toml:3:8", "libgraphmill_audio.so"];
    let shown = refused(&Lab::new(), &copy_graph("", ""), 2, &parts);
    assert_eq!(shown.err.matches("error: ").count(), 1, "{}", shown.err);
}

#[test]
fn directory_instead_of_a_sound_file_is_named_as_such() {
    let lab = Lab::new();
    fs::create_dir(lab.path("in.wav")).unwrap();
    refused(
        &lab,
        &copy_graph("", ""),
        2,
        &["node `a` failed in create", "is a directory", "give the path of a sound file"],
    );
}

#[test]
fn sound_file_that_is_cut_short_fails_the_run_and_keeps_what_was_there() {
    let lab = Lab::new();
    let whole = fs::read(repository().join("examples/media/noisy.wav")).unwrap();
    fs::write(lab.path("in.wav"), &whole[..100_000]).unwrap();
    let parts = [
        "graph: failed in ",
        "error: node `a` failed in tick: ",
        "cut short",
        "byte 100000",
        "copy it again",
        "graph.toml:3:8",
    ];
    let shown = refused(&lab, &copy_graph("", ""), 1, &parts);
    assert_eq!(shown.err.matches("cut short").count(), 1, "said once: {}", shown.err);
    let frames = hound::WavReader::open(lab.path("out.wav")).unwrap().duration();
    assert_eq!(frames, (100_000 - 44) / 2, "every whole frame was handed on");
}

#[test]
fn failure_of_a_run_is_in_its_json_and_on_standard_error() {
    let lab = Lab::new();
    let whole = fs::read(repository().join("examples/media/noisy.wav")).unwrap();
    fs::write(lab.path("in.wav"), &whole[..100_000]).unwrap();
    lab.write("graph.toml", &copy_graph("", ""));
    let shown = lab.run(["run", "--json", "graph.toml"]);
    expect(&shown, 1, &["error: node `a` failed in tick: "]);
    let report = shown.json();
    assert_eq!((&report["outcome"], &report["failures"][0]["node"]), (&"failed".into(), &"a".into()));
    assert_eq!(report["failures"][0]["operation"], "tick");
}

#[test]
fn files_that_are_no_graph_are_refused_by_name() {
    let lab = Lab::new();
    fs::create_dir(lab.path("folder")).unwrap();
    lab.write("empty.toml", "");
    lab.write("broken.toml", "links = [\"a -> b\"\nnodes");
    lab.write("notes.txt", "hello");
    fs::write(lab.path("binary.toml"), [0xff, 0xfe, 0]).unwrap();
    let table: [(&str, &[&str]); 6] = [
        ("folder", &["error: `folder` is a folder", "help: name the graph file inside it"]),
        ("empty.toml", &["error: the graph has no nodes", "empty.toml:1:1", "help: add a node"]),
        ("broken.toml", &["broken.toml:", "^"]),
        ("notes.txt", &["`notes.txt` is no graph file by its ending", "`.toml`"]),
        ("binary.toml", &["`binary.toml` is not UTF-8", "help: "]),
        ("nowhere.toml", &["cannot read `nowhere.toml`", "No such file"]),
    ];
    for (file, parts) in table {
        for command in ["run", "check"] {
            expect(&lab.run([command, file]), 2, parts);
        }
        let shown = lab.run(["--json", "check", file]);
        assert_eq!((shown.code, &shown.json()["ok"]), (Some(2), &false.into()), "{file}");
    }
}

#[test]
fn diagnostics_as_json_have_their_place() {
    let lab = Lab::new();
    lab.write("graph.toml", &copy_graph("wav.source", "wav.sorce"));
    let shown = lab.run(["check", "--json", "graph.toml"]);
    let diagnostic = &shown.json()["diagnostics"][0];
    assert_eq!(shown.code, Some(2));
    assert_eq!((&diagnostic["line"], &diagnostic["column"]), (&4.into(), &8.into()));
    assert_eq!(diagnostic["help"], "did you mean `wav.source`?");
}

#[test]
fn wrong_words_are_answered_with_the_usage() {
    let lab = Lab::new();
    let table: [(&[&str], &str); 6] = [
        (&["frobnicate"], "unrecognized subcommand 'frobnicate'"),
        (&["run"], "<FILE>"),
        (&["run", "a.toml", "--frob"], "--frob"),
        (&["graph", "a.toml"], "--dot"),
        (&["--color", "blue", "kinds"], "auto, always, never"),
        (&["inspect", "x", "--timeout", "0"], "1..=3600"),
    ];
    for (arguments, part) in table {
        let shown = lab.run(arguments);
        assert_eq!(shown.code, Some(2), "{shown:?}");
        assert!(shown.err.contains(part) && shown.err.contains("--help"), "{arguments:?}: {}", shown.err);
    }
}

#[test]
fn mistake_in_a_launch_line_is_pointed_at() {
    let shown = Lab::new().run(["launch", "wav.source path=a.wav ! wav.snk path=b.wav"]);
    let caret = "1 | wav.source path=a.wav ! wav.snk path=b.wav\n  |                         ^^^^^^^";
    expect(&shown, 2, &["launch line:1:25", caret, "did you mean `wav.sink`?"]);
}

#[test]
fn kind_that_two_plugins_offer_is_an_error_that_names_both_files() {
    let lab = Lab::new();
    fs::copy(support::plugin("graphmill-text"), lab.path("libother.so")).unwrap();
    let shown = lab.run(["kinds", "--plugins", "libother.so"]);
    expect(&shown, 2, &["kind `text.sink`", "libother.so", "libgraphmill_text.so", "load only one"]);
}
