//! `graphmill validate` over real libraries: the good ones are clean, and each bad one breaks exactly its rule.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Lab, plugin, repository};

/// What a validation came to.
#[derive(Debug)]
struct Judged {
    code: Option<i32>,
    json: Value,
}

impl Judged {
    /// Rules that are broken, notes aside.
    fn broken(&self) -> BTreeSet<&str> {
        let findings = self.json["findings"].as_array().unwrap_or_else(|| panic!("{self:?}"));
        let findings = findings.iter().filter(|finding| finding["level"] != "note");
        findings.map(|finding| finding["rule"].as_str().unwrap()).collect()
    }

    /// Trials that could not be made for a reason of their own.
    fn not_judged(&self) -> Vec<&str> {
        let trials = self.json["trials"].as_array().unwrap();
        trials.iter().filter_map(|trial| trial["not_judged"].as_str()).collect()
    }
}

fn validate(lab: &Lab, library: &Path, arguments: &[String]) -> Judged {
    let mut graphmill = lab.graphmill();
    graphmill.args(["validate", "--json"]).arg(library).args(arguments);
    let output = graphmill.output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let json = serde_json::from_str(out.trim()).unwrap_or_else(|error| panic!("{error}: {out}"));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{out}");
    Judged { code: output.status.code(), json }
}

/// Checks that a library breaks these rules and no other one.
#[track_caller]
fn breaks(lab: &Lab, library: &Path, arguments: &[String], rules: &[&str]) {
    assert_eq!(differs(lab, library, arguments, rules), None);
}

/// What a library breaks instead of these rules.
fn differs(lab: &Lab, library: &Path, arguments: &[String], rules: &[&str]) -> Option<String> {
    let judged = validate(lab, library, arguments);
    let code = Some(i32::from(!rules.is_empty()));
    let is_right = judged.broken() == rules.iter().copied().collect() && judged.code == code;
    let name = library.file_name().unwrap().to_string_lossy();
    (!is_right).then(|| {
        let findings = judged.json["findings"].as_array().into_iter().flatten();
        let saw: Vec<_> = findings.map(|finding| format!("{} {}", finding["rule"], finding["saw"])).collect();
        format!("{name} {}: {rules:?} expected, {:?}, saw {saw:#?}", arguments.join(" "), judged.code)
    })
}

/// Builds a fixture in C.
fn c_fixture(lab: &Lab, file: &str) -> PathBuf {
    let source = repository().join("plugins/fixtures").join(file);
    let library = lab.path(&format!("lib{}.so", source.file_stem().unwrap().to_string_lossy()));
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-O1", "-Wall", "-Wextra", "-shared", "-fPIC"]);
    for folder in ["plugin-sdk/include", "plugins/fixtures/load"] {
        cc.arg("-I").arg(repository().join(folder));
    }
    let output = cc.arg("-o").arg(&library).arg(&source).args(["-lpthread", "-lm"]).output().expect("a C compiler");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    library
}

/// Saved packets for the source that gives them again.
fn letters(lab: &Lab) -> PathBuf {
    let graph = r#"
        links = ["give -> pass -> take"]
        nodes.give = { kind = "faulty.source", params = { packets = 3 } }
        nodes.pass = { kind = "faulty.pass", params = { mode = "error" }, policy = { dead_letters = "payload" } }
        nodes.take = { kind = "faulty.sink" }
    "#;
    lab.write("letters.toml", graph);
    let mut graphmill = lab.graphmill();
    graphmill.arg("--plugins").arg(plugin("graphmill-fixture-faulty"));
    let output = graphmill.args(["run", "letters.toml", "--dead-letters", "some.letters"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    lab.path("some.letters")
}

fn is_clean(package: &str, params: &[(&str, Value)]) {
    let lab = Lab::new();
    let arguments: Vec<String> = params.iter().map(|(kind, params)| format!("--params={kind}={params}")).collect();
    let judged = validate(&lab, &plugin(package), &arguments);
    assert_eq!((judged.code, judged.broken(), judged.not_judged()), (Some(0), BTreeSet::new(), vec![]), "{judged:#?}");
    assert!(judged.json["trials"].as_array().unwrap().len() > 15, "{judged:#?}");
}

#[test]
fn audio_plugin_is_clean() {
    let sound = repository().join("examples/media/speech.wav");
    let params = [("wav.source", json!({ "path": sound })), ("audio.gain", json!({ "db": -6 }))];
    is_clean("graphmill-audio", &params);
}

#[test]
fn small_plugins_are_clean() {
    is_clean("graphmill-text", &[]);
    is_clean("graphmill-vad", &[]);
    let lab = Lab::new();
    is_clean("graphmill-packets", &[("packets.source", json!({ "path": letters(&lab) }))]);
}

#[test]
fn picture_plugin_is_clean() {
    let picture = repository().join("docs/denoise.png");
    is_clean("graphmill-image", &[("image.source", json!({ "path": picture }))]);
}

#[test]
fn denoiser_is_clean() {
    is_clean("graphmill-rnnoise", &[]);
}

#[test]
fn good_plugins_in_c_are_clean() {
    let lab = Lab::new();
    let mode = |mode: &str| [format!("--params=unruly.pass={{\"mode\":\"{mode}\"}}")];
    breaks(&lab, &c_fixture(&lab, "c_gain/c_gain.c"), &[], &[]);
    breaks(&lab, &c_fixture(&lab, "unruly/unruly.c"), &mode("none"), &[]);
}

/// Libraries that cannot be loaded, and those that can and have something else wrong with them.
const LOAD: &[(&str, &[&str])] = &[
    ("good", &[]),
    ("newer_minor", &[]),
    ("struct_size_larger", &[]),
    ("missing_entry", &["A2"]),
    ("entry_as_data", &["A2"]),
    ("entry_v2_only", &["A2"]),
    ("two_entries", &["A2"]),
    ("static_tls", &["C1"]),
    ("undef_symbol", &["C1"]),
    ("constructor_aborts", &["C1"]),
    ("constructor_hangs", &["C1"]),
    ("entry_error", &["C2"]),
    ("entry_error_without_message", &["C2"]),
    ("entry_unknown_status", &["C2"]),
    ("entry_hangs", &["C2"]),
    ("entry_ok_null_module", &["C3"]),
    ("wrong_magic", &["C3"]),
    ("major_2", &["C3"]),
    ("struct_size_too_small", &["C3"]),
    ("struct_size_huge", &["C3"]),
    ("truncated_module", &["C3"]),
    ("misaligned_module", &["C3"]),
    ("null_classes", &["C3"]),
    ("null_class", &["C3"]),
    ("misaligned_class", &["C3"]),
    ("class_size_too_small", &["C3"]),
    ("manifest_null", &["B1"]),
    ("manifest_empty", &["B1"]),
    ("manifest_huge", &["B1"]),
    ("manifest_invalid_utf8", &["B1"]),
    ("manifest_invalid_json", &["B1"]),
    ("duplicate_kind", &["B1"]),
    ("no_classes", &["B2"]),
    ("too_many_classes", &["B2"]),
    ("class_id_invalid_utf8", &["B2"]),
    ("class_not_in_manifest", &["B2"]),
    ("other_role", &["B2"]),
    ("unknown_role", &["B2"]),
    ("null_create", &["B2"]),
    ("null_destroy", &["B2"]),
    ("null_process", &["B2"]),
];

#[test]
fn every_broken_library_breaks_its_rule() {
    let lab = Lab::new();
    for (name, rules) in LOAD {
        breaks(&lab, &c_fixture(&lab, &format!("load/{name}.c")), &["--timeout=3".into()], rules);
    }
}

/// What is wrong with an otherwise good library: code in front of it, its manifest, and the rules.
fn odd_libraries() -> Vec<(&'static str, String, &'static [&'static str])> {
    let library = |code: &str, plugin: &str, params: &str| {
        let manifest = format!(
            r#"{{"plugin":{{"id":"odd",{plugin}}},"kinds":[{{"id":"fixture.sink","role":"sink","title":"x","description":"x","inputs":[{{"name":"in","format":"FORMAT"}}],"outputs":[],"params_schema":{{"type":"object","properties":{{{params}}}}}}}]}}"#
        );
        let format = if params.contains("\"nowhere\"") {
            "audio {{somewhere}} Hz".replace("{{", "{").replace("}}", "}")
        } else {
            "any".into()
        };
        let manifest = Value::from(manifest.replace("FORMAT", &format)).to_string();
        format!(
            "#include \"fixture.h\"\n#include <pthread.h>\n#include <unistd.h>\n{code}\n\
             static const char odd[] = {manifest};\n\
             static const gm_module module = {{.hdr = GM_HEADER(gm_module), .manifest_json = {{odd, sizeof(odd) - 1}}, \
             .classes = good_classes, .n_classes = 1}};\nGM_ENTRY_RETURNS(&module)\n"
        )
    };
    const GOOD: &str = r#""version":"1.0.0","license":"MIT""#;
    let at_load = |body: &str| {
        format!(
            "static void *wait(void *x) {{ while (x != (void *)1) pause(); return 0; }}\n__attribute__((constructor)) static void at_load(void) {{ pthread_t thread; (void)thread, (void)wait; {body} }}"
        )
    };
    vec![
        (
            "tls",
            library(
                "__attribute__((tls_model(\"initial-exec\"))) _Thread_local char block[600];\nchar *use(void) { return block; }",
                GOOD,
                "",
            ),
            &["A3"],
        ),
        ("abort", library("", r#""version":"1.0.0","license":"MIT","panic":"abort""#, ""), &["B3"]),
        ("version", library("", r#""version":"one","license":"MIT""#, ""), &["B4"]),
        ("licence", library("", r#""version":"1.0.0""#, ""), &["B5"]),
        ("default", library("", GOOD, r#""n":{"type":"integer","default":"x","description":"x"}"#), &["B7"]),
        ("placeholder", library("", GOOD, r#""nowhere":{"type":"integer","description":"x"}"#), &["B8"]),
        ("thread", library(&at_load("if (pthread_create(&thread, 0, wait, 0)) _exit(1);"), GOOD, ""), &["C4"]),
        ("chdir", library(&at_load("if (chdir(\"/\")) _exit(1);"), GOOD, ""), &["C4"]),
        ("slow", library(&at_load("usleep(1100000);"), GOOD, ""), &["C5"]),
    ]
}

#[test]
fn every_odd_library_breaks_its_rule() {
    let lab = Lab::new();
    for (name, code, rules) in odd_libraries() {
        breaks(&lab, &lab.library(name, &code), &[], rules);
    }
    fs::write(lab.path("libcut.so"), &fs::read(lab.library("whole", "int x;\n")).unwrap()[..1000]).unwrap();
    breaks(&lab, &lab.path("libcut.so"), &[], &["A1"]);
}

/// Params of a kind of the zoo, and the rules that it then breaks.
type Case = (&'static str, &'static str, &'static [&'static str]);

/// Checks cases of a library, each in a validation of its own; the kinds that a case does not name are as they should be.
fn all_break(lab: &Lab, library: &Path, others: &[(&str, &str)], cases: &[Case]) {
    let mut differences = Vec::new();
    for (kind, params, rules) in cases {
        let others = others.iter().filter(|(other, _)| other != kind);
        let given = others.copied().chain([(*kind, *params)]).map(|(kind, params)| format!("--params={kind}={params}"));
        let arguments: Vec<String> = given.chain(["--timeout=3".into()]).collect();
        differences.extend(differs(lab, library, &arguments, rules));
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// What only C can do wrong.
const C: &[Case] = &[
    ("faulty_c.pass", r#"{"mode":"none"}"#, &[]),
    ("faulty_c.pass", r#"{"mode":"create-null"}"#, &["D1"]),
    ("faulty_c.pass", r#"{"mode":"create-error-with-instance"}"#, &["D1"]),
    ("faulty_c.pass", r#"{"mode":"status","status":77}"#, &["D8"]),
    ("faulty_c.pass", r#"{"mode":"error-not-utf8","in":"update"}"#, &["D9"]),
    ("faulty_c.pass", r#"{"mode":"planes-5"}"#, &["E2"]),
    ("faulty_c.pass", r#"{"mode":"plane-too-long"}"#, &["E2"]),
    ("faulty_c.pass", r#"{"mode":"kind-77"}"#, &["E2"]),
    ("faulty_c.pass", r#"{"mode":"buffer-without-ops"}"#, &["E2"]),
    ("faulty_c.pass", r#"{"mode":"leave-planes-5"}"#, &["E3"]),
    ("faulty_c.pass", r#"{"mode":"leave-kind-77"}"#, &["E3"]),
    ("faulty_c.pass", r#"{"mode":"leave-struct-size-0"}"#, &["E3"]),
    ("faulty_c.pass", r#"{"mode":"scribble-input"}"#, &["E4"]),
    ("faulty_c.pass", r#"{"mode":"emit","in":"start"}"#, &["G1"]),
    ("faulty_c.pass", r#"{"mode":"wrong-thread"}"#, &["G1"]),
    ("faulty_c.pass", r#"{"mode":"log-not-utf8"}"#, &["G2"]),
    ("faulty_c.pass", r#"{"mode":"log-null-record"}"#, &["G2"]),
    ("faulty_c.source", r#"{"mode":"tick-long-ago"}"#, &["E12"]),
];

#[test]
fn every_fault_in_c_breaks_its_rule() {
    let lab = Lab::new();
    let others = [("faulty_c.pass", r#"{"mode":"none"}"#), ("faulty_c.source", r#"{"mode":"none"}"#)];
    all_break(&lab, &c_fixture(&lab, "faulty_c/faulty_c.c"), &others, C);
}

/// Promises that are broken by a plugin that is right in every single call.
const UNRULY: &[Case] = &[
    ("unruly.pass", r#"{"mode":"believe-params"}"#, &["D2"]),
    ("unruly.pass", r#"{"mode":"leak-memory"}"#, &["D4"]),
    ("unruly.pass", r#"{"mode":"leak-descriptor"}"#, &["D6"]),
    ("unruly.pass", r#"{"mode":"one-at-a-time"}"#, &["D7"]),
    ("unruly.pass", r#"{"mode":"keep-buffer"}"#, &["E5"]),
    ("unruly.pass", r#"{"mode":"release-twice"}"#, &["E5"]),
    ("unruly.pass", r#"{"mode":"believe-frames"}"#, &["E6"]),
    ("unruly.pass", r#"{"mode":"believe-format"}"#, &["E7"]),
    ("unruly.pass", r#"{"mode":"flush-once"}"#, &["E8"]),
    ("unruly.pass", r#"{"mode":"push-forever"}"#, &["E9"]),
    ("unruly.pass", r#"{"mode":"back-in-time"}"#, &["E11"]),
    ("unruly.pass", r#"{"mode":"update-never"}"#, &["F1"]),
    ("unruly.pass", r#"{"mode":"update-believe"}"#, &["F2"]),
    ("unruly.pass", r#"{"mode":"pins-change"}"#, &["F3"]),
    ("unruly.pass", r#"{"mode":"hint-never"}"#, &["G3"]),
    ("unruly.pass", r#"{"mode":"wait-when-cancelled"}"#, &["G4"]),
    ("unruly.pass", r#"{"mode":"narrow-umask"}"#, &["H6"]),
    ("unruly.pass", r#"{"mode":"tired"}"#, &["J1"]),
];

#[test]
fn every_broken_promise_breaks_its_rule() {
    let lab = Lab::new();
    all_break(&lab, &c_fixture(&lab, "unruly/unruly.c"), &[], UNRULY);
}

/// What Rust can do wrong in a call.
const RUST_CALLS: &[Case] = &[
    ("faulty.pass", "{}", &[]),
    ("faulty.pass", r#"{"mode":"panic","in":"create"}"#, &["D1"]),
    ("faulty.pass", r#"{"mode":"panic","in":"start"}"#, &["D3"]),
    ("faulty.pass", r#"{"mode":"panic","in":"stop"}"#, &["D3"]),
    ("faulty.pass", r#"{"mode":"panic","in":"destroy"}"#, &["D1"]),
    ("faulty.pass", r#"{"mode":"panic"}"#, &["E1"]),
    ("faulty.pass", r#"{"mode":"error"}"#, &["E1"]),
    ("faulty.sink", r#"{"mode":"segfault"}"#, &["E1"]),
    ("faulty.sink", r#"{"mode":"exit-now0"}"#, &["E1"]),
    ("faulty.sink", r#"{"mode":"hang"}"#, &["E1"]),
    ("faulty.pass", r#"{"mode":"panic","in":"flush"}"#, &["E8"]),
    ("faulty.pass", r#"{"mode":"panic","in":"hint"}"#, &["G3"]),
];

/// What Rust can do wrong with what it gives.
const RUST_GIVES: &[Case] = &[
    ("faulty.source", r#"{"mode":"error"}"#, &["E10"]),
    ("faulty.source", r#"{"mode":"abort"}"#, &["E10"]),
    ("faulty.pass", r#"{"mode":"emit-wrong-pin"}"#, &["E2"]),
    ("faulty.pass", r#"{"mode":"emit-wrong-format"}"#, &["E2"]),
    ("faulty.pass", r#"{"mode":"emit-from-foreign-thread"}"#, &["G1"]),
];

/// What Rust can do wrong around a call.
const RUST_AROUND: &[Case] = &[
    ("faulty.pass", r#"{"mode":"log-long","bytes":20000}"#, &["G2"]),
    ("faulty.pass", r#"{"mode":"thread-leak"}"#, &["D5"]),
    ("faulty.pass", r#"{"mode":"leak","bytes":100}"#, &["D4"]),
    ("faulty.pass", r#"{"mode":"chdir"}"#, &["H1"]),
    ("faulty.pass", r#"{"mode":"setenv"}"#, &["H2"]),
    ("faulty.pass", r#"{"mode":"block-signals"}"#, &["H3"]),
    ("faulty.pass", r#"{"mode":"ignore-sigterm"}"#, &["H3"]),
    ("faulty.pass", r#"{"mode":"fp-mode"}"#, &["H4"]),
    ("faulty.pass", r#"{"mode":"close-descriptors"}"#, &["H5"]),
    ("faulty.pass", r#"{"mode":"slow","ms":1100,"times":1}"#, &["I1"]),
];

#[test]
fn every_fault_of_a_call_in_rust_breaks_its_rule() {
    all_break(&Lab::new(), &plugin("graphmill-fixture-faulty"), &[], RUST_CALLS);
}

#[test]
fn every_fault_of_what_rust_gives_breaks_its_rule() {
    all_break(&Lab::new(), &plugin("graphmill-fixture-faulty"), &[], RUST_GIVES);
}

#[test]
fn every_fault_around_a_call_in_rust_breaks_its_rule() {
    all_break(&Lab::new(), &plugin("graphmill-fixture-faulty"), &[], RUST_AROUND);
}

#[test]
fn every_rule_has_a_library_that_breaks_it() {
    let lab = Lab::new();
    let listed = lab.run(["validate", "--list", "--json"]).succeeds().json();
    let rules: BTreeSet<String> =
        listed.as_array().unwrap().iter().map(|rule| rule["rule"].as_str().unwrap().to_owned()).collect();
    let tables = [C, UNRULY, RUST_CALLS, RUST_GIVES, RUST_AROUND];
    let of_tables = tables.iter().flat_map(|table| table.iter().flat_map(|(_, _, rules)| rules.iter()));
    let of_load = LOAD.iter().flat_map(|(_, rules)| rules.iter());
    let mut broken: BTreeSet<String> = of_tables.chain(of_load).map(ToString::to_string).collect();
    broken.extend(odd_libraries().iter().flat_map(|(_, _, rules)| rules.iter().map(ToString::to_string)));
    // A1 by a library that is cut; the others are notes, which the next test looks at.
    broken.extend(["A1", "B6", "E13"].map(String::from));
    assert_eq!(rules, broken);
}

#[test]
fn findings_say_what_was_seen_why_it_matters_and_what_to_do() {
    let lab = Lab::new();
    c_fixture(&lab, "unruly/unruly.c");
    let judge = ["validate", "./libunruly.so", "--params", "unruly.pass={\"mode\":\"flush-once\"}"];
    let shown = lab.run(judge);
    assert_eq!((shown.code, shown.err.as_str()), (Some(1), ""));
    for part in [
        "unruly  1.0.0, 1 kind, seed 1\n",
        "error E8  unruly.pass: the end of an input is taken",
        "  saw  the second `flush` of the input `in` without a packet answers `flushed already`\n",
        "  why  Every stream ends",
        "  do   Let `flush` give what is held back",
        "the library",
        "1 error in ",
    ] {
        assert!(shown.out.contains(part), "{part}: {}", shown.out);
    }
    let only = lab.run(judge.into_iter().chain(["--only", "d4"]));
    assert!(only.out.contains("E8 is broken") && !only.out.contains("error E8"), "{}", only.out);
    c_fixture(&lab, "c_gain/c_gain.c");
    let noted = lab.run(["validate", "./libc_gain.so", "--only", "B6"]).succeeds();
    assert!(
        noted.out.contains("note B6") && noted.out.contains("`factor` of `c.gain` has no description"),
        "{}",
        noted.out
    );
}

#[test]
fn a_kind_that_refuses_the_params_of_its_schema_is_not_judged_and_says_how_to_help() {
    let lab = Lab::new();
    let judged = validate(&lab, &plugin("graphmill-packets"), &[]);
    assert_eq!(judged.broken(), BTreeSet::new());
    let why = judged.not_judged().join("\n");
    assert!(why.contains("give others with --params 'packets.source=JSON'"), "{why}");
}

#[test]
fn words_and_files_that_are_no_good_are_told_from_findings() {
    let lab = Lab::new();
    c_fixture(&lab, "unruly/unruly.c");
    let table: [(&[&str], &str); 7] = [
        (&["./libnone.so"], "does not exist"),
        (&["."], "is a directory"),
        (&["./libunruly.so", "--only", "Z9"], "there is no rule `Z9`"),
        (&["./libunruly.so", "--params", "x"], "has no `=`"),
        (&["./libunruly.so", "--params", "x={"], "is no JSON"),
        (&["./libunruly.so", "--params", "x=[]"], "is no JSON object"),
        (&["./libunruly.so", "--params", "x={}"], "the library has `unruly.pass`"),
    ];
    for (arguments, part) in table {
        let shown = lab.run(["validate"].iter().chain(arguments));
        assert_eq!((shown.code, shown.out.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(shown.err.contains(part), "{part}: {}", shown.err);
    }
}

#[test]
fn the_same_seed_makes_the_same_trials() {
    let lab = Lab::new();
    let library = c_fixture(&lab, "unruly/unruly.c");
    let with = |seed: u32| {
        let arguments =
            [format!("--seed={seed}"), "--params=unruly.pass={\"mode\":\"tired\"}".into(), "--only=J1".into()];
        validate(&lab, &library, &arguments).json["findings"][0]["saw"].to_string()
    };
    assert_eq!(with(1), with(1));
    assert_ne!(with(1), with(2));
}
