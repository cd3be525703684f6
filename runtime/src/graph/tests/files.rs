use std::fs;
use std::path::Path;

use super::{accept, kinds};
use crate::graph::{FileType, GraphSpec};

const TOML: &str = "plugins = [\"plugins\", \"/lib/x.so\"]\nlinks = [\"a -> b\"]\noutlets.b = {}\nnodes.a = { kind = \"wav.source\", params = { path = \"a.wav\" } }\n";

#[test]
fn a_loaded_graph_finds_its_plugins_and_files_beside_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("graph.toml");
    fs::write(&path, TOML).unwrap();
    let sourced = GraphSpec::load(&path).unwrap();
    assert_eq!(sourced.plugin_paths(), [folder.path().join("plugins"), "/lib/x.so".into()]);
    assert_eq!(sourced.base_dir(), Some(folder.path()));
    assert_eq!(sourced.source_name(), path.display().to_string());
    let graph = sourced.build(&kinds()).unwrap();
    assert_eq!(graph.find("a").unwrap().1.params()["path"], folder.path().join("a.wav").display().to_string());
    assert_eq!(accept(TOML).find("a").unwrap().1.params()["path"], "a.wav", "a text has no folder");
}

#[test]
fn the_ending_of_a_file_says_its_language() {
    let table = [
        ("a.toml", Some(FileType::Toml)),
        ("a.JSON", Some(FileType::Json)),
        ("a.json5", Some(FileType::Json5)),
        ("a.jsonc", Some(FileType::Json5)),
        ("a.yaml", None),
        ("toml", None),
    ];
    for (name, file_type) in table {
        assert_eq!(FileType::of_path(Path::new(name)), file_type, "{name}");
    }
}

#[test]
fn a_file_that_cannot_be_a_graph_is_refused_with_one_clear_message() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("folder.toml")).unwrap();
    fs::write(at("large.toml"), " ".repeat(1024 * 1024 + 1)).unwrap();
    fs::write(at("latin.toml"), b"name = \"caf\xe9\"").unwrap();
    fs::write(at("graph.yaml"), "a: 1").unwrap();
    let table = [
        ("folder.toml", "error: `PATH` is a folder\n |\n = help: name the graph file inside it"),
        ("large.toml", "error: `PATH` is larger than 1048576 bytes\n |\n = help: split the graph"),
        ("latin.toml", "error: `PATH` is not UTF-8 text: byte 11 is no character\n |\n = help: save the file as UTF-8"),
        (
            "graph.yaml",
            "error: `PATH` is no graph file by its ending\n |\n = help: name it `.toml`, `.json` or `.json5` after the language it is written in",
        ),
        ("missing.toml", "error: cannot read `PATH`: No such file or directory (os error 2)"),
    ];
    for (name, expected) in table {
        let path = at(name);
        let error = GraphSpec::load(&path).expect_err(name).to_string();
        assert_eq!(error, expected.replace("PATH", &path.display().to_string()));
    }
    #[cfg(unix)]
    assert!(GraphSpec::load("/dev/null").unwrap_err().to_string().contains("no graph file by its ending"));
}

#[test]
fn json_is_strict_and_json5_is_not() {
    let table = [
        ("{\n  // note\n}", "error: this is not valid JSON: comments are not allowed"),
        ("{ 'nodes': {} }", "error: this is not valid JSON: single-quoted strings are not allowed"),
        ("{ nodes: {} }", "error: this is not valid JSON: "),
        ("{ \"nodes\": {}, }", "error: this is not valid JSON: trailing commas are not allowed"),
    ];
    for (text, expected) in table {
        let error = GraphSpec::parse(text, "g.json", FileType::Json).expect_err(text).to_string();
        assert!(error.starts_with(expected), "{error}");
        assert!(error.contains(
            "= help: comments, trailing commas, single quotes and bare keys are read in files that end in `.json5`"
        ));
        GraphSpec::parse(text, "g.json5", FileType::Json5).unwrap();
    }
}

#[test]
fn a_fault_in_json5_points_at_the_place() {
    let text = "{\n  nodes: {\n    mic: { kind: 'tone.source' },\n    mic: { kind: 'rnnoise' },\n  },\n}\n";
    let error = GraphSpec::parse(text, "g.json5", FileType::Json5).unwrap_err();
    let expected = "\
error: the key `mic` is written twice
 --> g.json5:4:5
  |
4 |     mic: { kind: 'rnnoise' },
  |     ^^^";
    assert_eq!(error.to_string(), expected);
    let text = "{ links: ['mic -> ot'], nodes: { mic: { kind: 'tone.source' } }, outlets: { out: {} } }";
    let error = GraphSpec::parse(text, "g.json5", FileType::Json5).unwrap().build(&kinds()).unwrap_err();
    let expected = "\
error: there is no node `ot`
 --> g.json5:1:19
  |
1 | { links: ['mic -> ot'], nodes: { mic: { kind: 'tone.source' } }, outlets: { out: {} } }
  |                   ^^ unknown node
  |
  = help: did you mean `out`?";
    assert!(error.to_string().starts_with(expected), "{error}");
}

#[test]
fn numbers_of_json5_are_read_and_those_out_of_range_are_refused() {
    let value = |number: &str| {
        let text = format!("{{ nodes: {{ a: {{ kind: 'k', params: {{ x: {number} }} }} }} }}");
        GraphSpec::parse(&text, "g.json5", FileType::Json5)
            .map(|sourced| sourced.spec().nodes["a"].params["x"].to_string())
    };
    let table = [
        ("0x10", "16"),
        ("-0x10", "-16"),
        ("+5", "5"),
        (".5", "0.5"),
        ("5.", "5.0"),
        ("1e3", "1000.0"),
        ("18446744073709551615", "18446744073709551615"),
        ("-9223372036854775808", "-9223372036854775808"),
    ];
    for (number, expected) in table {
        assert_eq!(value(number).as_deref(), Ok(expected), "{number}");
    }
    for number in ["Infinity", "NaN", "1e999", "0x1ffffffffffffffff"] {
        assert!(value(number).is_err(), "{number}");
    }
}
