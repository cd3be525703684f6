//! A packet that makes a node fail is saved, and sent again until the node is cured.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use serde_json::Value;
use std::fs;
use support::{Lab, plugin};

/// What the program answered; the message of a panicking plugin may be on standard error here.
#[derive(Debug)]
struct Answer {
    code: Option<i32>,
    out: String,
    err: String,
}

/// A lab with a graph whose node `pass` panics at one packet.
fn lab(panic_at: u64, policy: &str) -> Lab {
    let lab = Lab::new();
    write_graph(&lab, panic_at, policy);
    lab
}

fn write_graph(lab: &Lab, panic_at: u64, policy: &str) {
    let graph = format!(
        r#"
        links = ["count -> pass -> check"]
        nodes.count = {{ kind = "flow.count", params = {{ packets = 20, bytes = 16 }} }}
        nodes.pass = {{ kind = "flow.pass", params = {{ panic_at = {panic_at} }}, policy = {{ {policy} }} }}
        nodes.check = {{ kind = "flow.check", params = {{ gaps = true }} }}
        "#
    );
    lab.write("graph.toml", &graph);
}

fn run(lab: &Lab, arguments: &[&str]) -> Answer {
    let output = lab.graphmill().arg("--plugins").arg(plugin("graphmill-fixture-flow")).args(arguments).output();
    let output = output.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Answer { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

const SAVE: [&str; 4] = ["run", "graph.toml", "--dead-letters", "poison.letters"];
const REPLAY: [&str; 5] = ["replay-dead-letters", "poison.letters", "graph.toml", "--node", "pass"];

#[test]
fn poison_packet_is_saved_and_panics_its_node_again_until_that_is_cured() {
    let payload = r#"dead_letters = "payload""#;
    let lab = lab(7, payload);
    let saved = run(&lab, &SAVE);
    assert_eq!(saved.code, Some(0), "{saved:?}");
    assert!(saved.err.contains("1 dead letter saved to `poison.letters`"), "{saved:?}");
    assert!(!lab.path("poison.letters.part").exists());

    let again = run(&lab, &REPLAY);
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.out.starts_with("packet 7 at pass.in failed again: node `pass` (flow.pass in "), "{again:?}");
    assert!(again.out.contains("failed in process: the plugin panicked: "), "{again:?}");
    assert!(again.out.contains("packet 7 is poison"), "{again:?}");
    assert!(again.err.contains("1 of 1 packet failed again"), "{again:?}");

    let json = run(&lab, &[&REPLAY[..], &["--json"]].concat());
    assert_eq!(json.code, Some(1), "{json:?}");
    let json: Value = serde_json::from_str(&json.out).unwrap();
    let letter = json.pointer("/letters/0").unwrap();
    let found = ["node", "kind", "pin", "seq", "attempts", "result"].map(|key| letter.get(key).unwrap().to_string());
    assert_eq!(found, ["\"pass\"", "\"flow.pass\"", "\"in\"", "7", "1", "\"failed\""]);
    assert_eq!((json.get("ok"), json.get("failed")), (Some(&false.into()), Some(&1.into())));

    write_graph(&lab, 8, payload);
    let cured = run(&lab, &REPLAY);
    assert_eq!((cured.code, &*cured.out), (Some(0), "packet 7 at pass.in did not fail again\n"), "{cured:?}");
}

#[test]
fn letters_without_payload_are_not_sent_again_and_the_key_is_named() {
    let lab = lab(7, "");
    assert_eq!(run(&lab, &SAVE).code, Some(0));
    let answer = run(&lab, &REPLAY);
    assert_eq!((answer.code, &*answer.out), (Some(2), ""), "{answer:?}");
    assert!(answer.err.contains("have no payload to send again"), "{answer:?}");
    assert!(answer.err.contains(r#"set `dead_letters = "payload"` in the `policy` of the node"#), "{answer:?}");
}

#[test]
fn garbage_and_missing_files_are_told_clearly() {
    let lab = lab(7, "");
    let missing = run(&lab, &REPLAY);
    assert_eq!(missing.code, Some(2), "{missing:?}");
    assert!(missing.err.contains("`poison.letters`: dead letters cannot be read or written: "), "{missing:?}");
    lab.write("poison.letters", "RIFF....WAVEfmt ");
    let garbage = run(&lab, &REPLAY);
    assert_eq!(garbage.code, Some(2), "{garbage:?}");
    assert!(garbage.err.contains("error: `poison.letters`: this is not a file of dead letters"), "{garbage:?}");

    assert_eq!(run(&lab, &SAVE).code, Some(0));
    let whole = fs::read(lab.path("poison.letters")).unwrap();
    fs::write(lab.path("poison.letters"), whole.split_last().unwrap().1).unwrap();
    let cut = run(&lab, &REPLAY);
    assert_eq!(cut.code, Some(2), "{cut:?}");
    assert!(cut.err.contains("the file of dead letters ends within letter 1; it was cut short"), "{cut:?}");
}

#[test]
fn letters_and_graph_have_to_belong_together() {
    let lab = lab(7, r#"dead_letters = "payload""#);
    assert_eq!(run(&lab, &SAVE).code, Some(0));
    let other = run(&lab, &[&REPLAY[..4], &["check"]].concat());
    assert_eq!(other.code, Some(2), "{other:?}");
    assert!(other.err.contains("there are no dead letters of node `check` in `poison.letters`"), "{other:?}");
    assert!(other.err.contains("note: there are some of `pass`"), "{other:?}");
    let unknown = run(&lab, &[&REPLAY[..4], &["nope"]].concat());
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(unknown.err.contains("there is no node `nope` in graph.toml"), "{unknown:?}");
    let other_kind = r#"
        links = ["count -> pass.a", "pass -> check"]
        nodes.count = { kind = "flow.count", params = { packets = 20 } }
        nodes.pass = { kind = "flow.join" }
        nodes.check = { kind = "flow.check" }
    "#;
    lab.write("graph.toml", other_kind);
    let changed = run(&lab, &REPLAY[..3]);
    assert_eq!(changed.code, Some(2), "{changed:?}");
    let wanted = "node `pass` is `flow.join` in graph.toml, but its dead letters are from `flow.pass`";
    assert!(changed.err.contains(wanted), "{changed:?}");
}

#[test]
fn run_without_failures_saves_an_empty_file_over_an_old_one() {
    let lab = lab(99, "");
    lab.write("poison.letters", "of an earlier run");
    let saved = run(&lab, &SAVE);
    assert_eq!(saved.code, Some(0), "{saved:?}");
    assert!(saved.err.contains("0 dead letters saved to `poison.letters`"), "{saved:?}");
    let replay = run(&lab, &REPLAY[..3]);
    assert_eq!(replay.code, Some(2), "{replay:?}");
    assert!(replay.err.contains("there are no dead letters in `poison.letters`"), "{replay:?}");
}

#[test]
fn letters_that_cannot_be_saved_cost_the_exit_code_but_not_the_report() {
    let lab = lab(7, "");
    let saved = run(&lab, &["run", "graph.toml", "--dead-letters", "nowhere/poison.letters"]);
    assert_eq!(saved.code, Some(2), "{saved:?}");
    assert!(saved.err.contains("graph: completed in "), "{saved:?}");
    assert!(saved.err.contains("cannot save to `nowhere/poison.letters`: "), "{saved:?}");
}
