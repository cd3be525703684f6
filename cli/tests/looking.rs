//! Commands that look at graphs and plugins without running anything.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};
use support::{Lab, Shown, repository};

/// A library that is right in every part, with one thing that it does when it is loaded.
fn fixture(at_load: &str) -> String {
    format!(
        "#include \"fixture.h\"\n#include <stdio.h>\n#include <stdlib.h>\n#include <unistd.h>\n\
         static const gm_module module = {{GM_GOOD_MODULE}};\n\
         __attribute__((constructor)) static void at_load(void) {{ {at_load} }}\nGM_ENTRY_RETURNS(&module)\n"
    )
}

#[test]
fn check_says_how_large_a_graph_is_and_creates_nothing() {
    let lab = Lab::new();
    let sizes = [
        ("denoise", "7 nodes, 6 links, 7 workers"),
        ("gain", "3 nodes, 2 links, 3 workers"),
        ("grouped", "7 nodes, 6 links, 3 workers"),
        ("mix", "5 nodes, 5 links, 5 workers"),
        ("voice_gate", "8 nodes, 8 links, 8 workers"),
    ];
    for (name, size) in sizes {
        let file = repository().join(format!("examples/{name}.toml"));
        let text = fs::read_to_string(&file).unwrap();
        // The recording is not here, and nobody looks for it.
        let here = lab.write(&format!("{name}.toml"), &text);
        let shown = lab.run(["check", here.file_name().unwrap().to_str().unwrap()]).succeeds();
        let (first, about) = shown.out.split_once('\n').unwrap();
        assert_eq!((first, shown.err.as_str()), (format!("{name}.toml: ok, {size}, 0 warnings").as_str(), ""));
        let described = text.lines().find_map(|line| line.strip_prefix("description = \"")?.strip_suffix('"'));
        assert_eq!(about.trim(), described.unwrap_or_default());
        assert!(!lab.path("out").exists());
    }
    let json = lab.run(["check", "--json", "grouped.toml"]).succeeds().json();
    assert_eq!((&json["ok"], &json["name"], &json["workers"]), (&true.into(), &"grouped".into(), &3.into()));
}

#[test]
fn kind_whose_params_decide_on_its_pins_says_so_and_shows_those_of_a_node() {
    let lab = Lab::new();
    let open = lab.run(["kinds", "audio.split"]).succeeds().out;
    assert!(
        open.contains("see `graphmill kinds audio.split --params JSON`") && !open.contains("channel3  output"),
        "{open}"
    );
    let of_node = lab.run(["kinds", "audio.split", "--params", r#"{"channels": 3}"#]).succeeds().out;
    assert!(of_node.contains("channel3  output") && !of_node.contains("--params"), "{of_node}");
    let json = lab.run(["--json", "kinds", "audio.split", "--params", r#"{"channels": 4}"#]).succeeds().json();
    assert_eq!(json["outputs"].as_array().unwrap().len(), 4);
    for (params, reason) in
        [("{", "is no JSON object"), (r#"{"channels": 1}"#, "channels"), (r#"{"x": 1}"#, "no param `x`")]
    {
        let refused = lab.run(["kinds", "audio.split", "--params", params]);
        assert!(refused.code == Some(2) && refused.err.contains(reason), "{refused:?}");
    }
}

#[test]
fn kinds_are_listed_as_a_table_and_as_json() {
    let lab = Lab::new();
    let table = lab.run(["kinds"]).succeeds();
    assert_eq!(table.err, "");
    let lines: Vec<Vec<_>> = table
        .out
        .lines()
        .map(|line| line.split("  ").filter(|cell| !cell.is_empty()).map(str::trim).collect())
        .collect();
    assert_eq!(lines[0], ["kind", "role", "title", "plugin"]);
    assert!(
        lines.contains(&vec!["rnnoise", "processor", "Noise suppression", "graphmill-rnnoise 0.1.0"]),
        "{}",
        table.out
    );
    assert!(table.out.lines().all(|line| line == line.trim_end()));

    let json = lab.run(["--json", "kinds"]).succeeds().json();
    let kinds = json.as_array().unwrap();
    assert_eq!(kinds.len(), lines.len() - 1);
    let vad = kinds.iter().find(|kind| kind["id"] == "vad.earshot").unwrap();
    assert_eq!(vad["inputs"][0]["format"], "audio f32 16000 Hz mono");
    assert!(vad["plugin"]["file"].as_str().unwrap().ends_with("libgraphmill_vad.so"));
}

#[test]
fn one_kind_is_shown_with_its_pins_and_params() {
    let lab = Lab::new();
    for command in ["kinds", "inspect"] {
        let shown = lab.run([command, "wav.source"]).succeeds();
        let parts = [
            "wav.source  source, Sound file\n",
            "out  output  audio f32 interleaved",
            "path    path                required",
            "frames  integer 1 to 65536  480",
            "pace    asap | realtime     asap ",
        ];
        for part in parts {
            assert!(shown.out.contains(part), "{part}: {}", shown.out);
        }
        assert_eq!(lab.run([command, "--json", "wav.source"]).succeeds().json()["role"], "source");
        let unknown = lab.run([command, "wav.nothing"]);
        assert_eq!(unknown.code, Some(2));
        assert!(
            unknown.err.contains("no plugin offers the kind `wav.nothing`") && unknown.err.contains("wav.source"),
            "{}",
            unknown.err
        );
    }
}

#[test]
fn inspect_shows_a_library_without_any_plugin_loaded() {
    let lab = Lab::new();
    let library = support::plugin("graphmill-vad");
    let shown = lab.run(["inspect".as_ref(), library.as_os_str()]).succeeds();
    for part in
        ["graphmill-vad  0.1.0, 1 kind", "licence", "vad.earshot  processor", "event speech.segment/1", "threshold"]
    {
        assert!(shown.out.contains(part), "{part}: {}", shown.out);
    }
    let json = lab.run(["inspect".as_ref(), "--json".as_ref(), library.as_os_str()]).succeeds().json();
    assert_eq!(json["manifest"]["kinds"][0]["id"], "vad.earshot");
}

#[test]
fn inspect_finds_the_answer_of_a_library_that_talks() {
    let lab = Lab::new();
    lab.library(
        "talks",
        &fixture("puts(\"hello\"); printf(\"no end of line\"); fflush(stdout); fputs(\"more\\n\", stderr);"),
    );
    let shown = lab.run(["inspect", "./libtalks.so"]).succeeds();
    assert!(shown.out.contains("fixture.sink") && !shown.out.contains("hello"), "{shown:?}");
}

/// Looks into a library that is no good: exit code 2, one error, every part in it.
#[track_caller]
fn refused(lab: &Lab, file: &str, parts: &[&str]) -> Shown {
    let shown = lab.run(["inspect", file, "--timeout", "1"]);
    assert_eq!((shown.code, shown.out.as_str()), (Some(2), ""), "{shown:?}");
    assert_eq!(shown.err.matches("error: ").count(), 1, "{}", shown.err);
    for part in parts {
        assert!(shown.err.contains(part), "{part}: {}", shown.err);
    }
    shown
}

#[test]
fn inspect_survives_libraries_that_abort_exit_or_hang() {
    let lab = Lab::new();
    lab.library("aborts", &fixture("fputs(\"out of paper\\n\", stderr); abort();"));
    lab.library("exits", &fixture("exit(0);"));
    lab.library("hangs", &fixture("for (;;) pause();"));
    lab.library(
        "stops",
        &fixture("kill(getpid(), 19);").replace("#include <stdio.h>", "#include <signal.h>\n#include <stdio.h>"),
    );
    refused(
        &lab,
        "./libaborts.so",
        &["libaborts.so", "ended the process that loaded it (signal: 6 (SIGABRT)", "it said: out of paper"],
    );
    refused(&lab, "./libexits.so", &["libexits.so", "ended the process that loaded it (exit status: 0)"]);
    refused(&lab, "./libhangs.so", &["libhangs.so", "still being opened after 1000 ms"]);
    refused(&lab, "./libstops.so", &["libstops.so", "kept the process that loaded it busy for more than 3 s"]);
}

#[test]
fn inspect_does_not_wait_for_a_process_that_the_library_leaves_behind() {
    let lab = Lab::new();
    // It keeps both outputs open, for longer than anybody would wait, and then ends by itself.
    let forks = "pid_t left = fork(); if (left == 0) { sleep(120); _exit(0); } \
                 FILE *file = fopen(\"left\", \"w\"); fprintf(file, \"%d\", (int)left); fclose(file);";
    lab.library("forks", &fixture(forks));
    let shown = lab.run(["inspect", "./libforks.so"]).succeeds();
    let left = fs::read_to_string(lab.path("left")).unwrap();
    // A process that has ended has no command line any more.
    let is_there = fs::read(format!("/proc/{left}/cmdline")).is_ok_and(|command| !command.is_empty());
    Command::new("kill").arg(&left).status().unwrap();
    assert!(shown.out.contains("fixture.sink") && is_there, "{shown:?}");
}

#[test]
fn inspect_names_what_a_file_is_instead_of_a_library() {
    let lab = Lab::new();
    lab.write("libtext.so", "hello\n");
    lab.library("plain", "int nothing(void) { return 0; }\n");
    fs::create_dir(lab.path("libfolder.so")).unwrap();
    refused(&lab, "libtext.so", &["is a text file, not an ELF shared object", "build the plugin as a cdylib"]);
    refused(&lab, "libplain.so", &["exports no function `gm_plugin_entry_v1`"]);
    refused(&lab, "libfolder.so", &["is a directory; name the library file inside it"]);
    refused(&lab, "libnope.so", &["does not exist; check the path"]);
}

#[test]
fn graph_is_drawn_as_text_and_as_a_picture() {
    let lab = Lab::with_demo();
    let dot = lab.run(["graph", "denoise.toml", "--dot"]).succeeds().out;
    assert!(dot.starts_with("digraph {") && dot.contains("\"denoise\" -> \"cleaned\""), "{dot}");
    let mermaid = lab.run(["graph", "denoise.toml", "--mermaid"]).succeeds().out;
    assert!(mermaid.starts_with("flowchart LR") && mermaid.contains("denoise<br/>rnnoise"), "{mermaid}");
    let shown = lab.run(["graph", "denoise.toml", "--svg", "-o", "picture.svg"]).succeeds();
    assert_eq!((shown.out.as_str(), shown.err.as_str()), ("", ""));
    let svg = fs::read_to_string(lab.path("picture.svg")).unwrap();
    assert_eq!((svg.matches("<rect ").count(), svg.matches("marker-end: url").count()), (7, 1));
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>") && svg.contains(">vad.earshot<"), "{svg}");
    let shown = lab.run(["graph", "denoise.toml", "--svg", "-o", "no/folder/picture.svg"]);
    assert!(shown.code == Some(2) && shown.err.contains("cannot write to `no/folder/picture.svg`"), "{shown:?}");
}

#[test]
fn completions_are_scripts_that_shells_understand() {
    let lab = Lab::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = lab.run(["completions", shell]).succeeds().out;
        assert!(script.contains("inspect") && !script.contains("probe-plugin\n"), "{shell}: {script}");
        lab.write(shell, &script);
    }
    let output = Command::new("bash").args(["-n", "bash"]).current_dir(lab.path("")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn reader_that_leaves_is_no_failure() {
    let lab = Lab::with_demo();
    let library = support::plugin("graphmill-audio");
    let library = library.to_str().unwrap();
    let table: [&[&str]; 7] = [
        &["kinds"],
        &["kinds", "--json"],
        &["inspect", library],
        &["completions", "zsh"],
        &["check", "denoise.toml"],
        &["graph", "denoise.toml", "--svg"],
        &["--help"],
    ];
    for arguments in table {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let shown: Shown =
            lab.graphmill().args(arguments).stdout(writer).stderr(Stdio::piped()).output().unwrap().into();
        assert_eq!((shown.code, shown.err.as_str()), (Some(0), ""), "{arguments:?}");
    }
    // Nobody hears the report either, and the run is done all the same.
    let (mut reader, writer) = std::io::pipe().unwrap();
    let (gone, err) = std::io::pipe().unwrap();
    drop(gone);
    let status = lab.graphmill().args(["run", "denoise.toml"]).stdout(writer).stderr(err).status().unwrap();
    let mut out = String::new();
    reader.read_to_string(&mut out).unwrap();
    assert_eq!((status.code(), out.lines().count()), (Some(0), 4));
}

#[test]
fn plugins_beside_the_program_are_found_and_other_files_there_left_out() {
    let lab = Lab::new();
    let program = lab.installed();
    let shown: Shown = lab.graphmill_alone(&program).arg("kinds").output().unwrap().into();
    assert!(shown.succeeds().err.contains("note: no plugin is loaded"));

    fs::copy(support::plugin("graphmill-text"), lab.path("bin/plugins/libgraphmill_text.so")).unwrap();
    fs::copy(support::plugin("graphmill-vad"), lab.path("bin/libgraphmill_vad.so")).unwrap();
    lab.write("bin/libnotes.so", "hello\n");
    fs::copy(lab.library("plain", "int nothing(void) { return 0; }\n"), lab.path("bin/plugins/libplain.so")).unwrap();
    let shown = Shown::from(lab.graphmill_alone(&program).arg("kinds").output().unwrap()).succeeds();
    let ids: Vec<_> = shown.out.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!((ids, shown.err.as_str()), (vec!["event.sink", "text.sink", "vad.earshot"], ""));

    // What is named goes before what is found, without a word about the latter.
    let named = support::plugin("graphmill-text");
    let mut command = lab.graphmill_alone(&program);
    let shown = Shown::from(command.args(["kinds", "text.sink", "--plugins"]).arg(&named).output().unwrap()).succeeds();
    assert!(shown.out.contains(named.canonicalize().unwrap().to_str().unwrap()), "{}", shown.out);
    assert_eq!(shown.err, "");
}

#[test]
fn colours_are_there_when_they_are_wanted() {
    let lab = Lab::new();
    let colourful = |arguments: &[&str]| lab.run(arguments).out.contains("\u{1b}[");
    assert!(colourful(&["--color", "always", "kinds"]));
    assert!(!colourful(&["--color", "never", "kinds"]) && !colourful(&["kinds"]));
}
