//! Packets that made a node fail come back in another graph, from the file that they were saved to.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use support::{Lab, plugin};

/// What the program answered; the message of a panicking plugin may be on standard error here.
#[derive(Debug)]
struct Answer {
    code: Option<i32>,
    err: String,
}

fn run(lab: &Lab, arguments: &[&str]) -> Answer {
    let mut graphmill = lab.graphmill();
    for fixture in ["graphmill-fixture-flow", "graphmill-fixture-faulty"] {
        graphmill.arg("--plugins").arg(plugin(fixture));
    }
    let output = graphmill.args(arguments).output().unwrap();
    Answer { code: output.status.code(), err: String::from_utf8(output.stderr).unwrap() }
}

/// A lab with the dead letters of a graph whose node `pass` panics at packet 7, and goes on; `policy` is of that node.
fn lab_with_letters(policy: &str) -> Lab {
    let lab = Lab::new();
    let graph = format!(
        r#"
        links = ["give -> pass -> check"]
        nodes.give = {{ kind = "faulty.source", params = {{ packets = 20 }} }}
        nodes.pass = {{ kind = "faulty.pass", params = {{ mode = "panic", at = 7 }}, policy = {{ {policy} }} }}
        nodes.check = {{ kind = "flow.check", params = {{ gaps = true, expect = 19 }} }}
        "#
    );
    lab.write("graph.toml", &graph);
    let saved = run(&lab, &["run", "graph.toml", "--dead-letters", "poison.letters"]);
    assert_eq!(saved.code, Some(0), "{saved:?}");
    assert!(saved.err.contains("1 dead letter saved to `poison.letters`"), "{saved:?}");
    lab
}

/// Writes a graph whose only packets are those of the file; its node fails for good at the first panic.
fn write_again(lab: &Lab, panic_at: u64, packets: u64) {
    let graph = format!(
        r#"
        links = ["saved -> suspect -> check"]
        nodes.saved = {{ kind = "packets.source", params = {{ path = "poison.letters", node = "pass" }} }}
        nodes.check = {{ kind = "flow.check", params = {{ gaps = true, expect = {packets} }} }}
        [nodes.suspect]
        kind = "faulty.pass"
        params = {{ mode = "panic", at = {panic_at} }}
        policy = {{ restart = {{ max = 0 }} }}
        "#
    );
    lab.write("again.toml", &graph);
}

const PAYLOAD: &str = r#"dead_letters = "payload""#;
const SKIPPED: &str = "dead letters without payload in `";

#[test]
fn saved_packet_panics_a_node_of_another_graph_with_the_number_that_it_had() {
    let lab = lab_with_letters(PAYLOAD);
    write_again(&lab, 7, 1);
    let again = run(&lab, &["run", "again.toml"]);
    assert_eq!(again.code, Some(1), "{again:?}");
    let failure = "error: node `suspect` failed in process: the plugin panicked: on purpose in process 7 ";
    assert!(again.err.contains(failure), "{again:?}");
    write_again(&lab, 8, 1);
    let cured = run(&lab, &["run", "again.toml"]);
    assert_eq!(cured.code, Some(0), "{cured:?}");
    assert!(!cured.err.contains(SKIPPED), "{cured:?}");
}

#[test]
fn launch_saves_dead_letters_as_run_does_and_takes_them_from_a_file() {
    let lab = lab_with_letters(PAYLOAD);
    let line = "packets.source path=poison.letters ! faulty.pass mode=panic at=7 ! flow.check expect=0";
    let again = run(&lab, &["launch", line, "--dead-letters", "again.letters"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(again.err.contains("on purpose in process 7"), "{again:?}");
    assert!(again.err.contains("1 dead letter saved to `again.letters`"), "{again:?}");
    // A launch line has no policies, so only the header was kept.
    let headers = run(&lab, &["launch", "packets.source path=again.letters ! flow.check expect=0"]);
    assert_eq!(headers.code, Some(0), "{headers:?}");
    assert!(headers.err.contains(SKIPPED), "{headers:?}");
}

#[test]
fn letters_without_payload_are_skipped_with_one_line_that_names_the_key() {
    let lab = lab_with_letters("");
    write_again(&lab, 7, 0);
    let skipped = run(&lab, &["run", "again.toml"]);
    assert_eq!(skipped.code, Some(0), "{skipped:?}");
    let lines: Vec<_> = skipped.err.lines().filter(|line| line.contains(SKIPPED)).collect();
    let [line] = lines.as_slice() else { panic!("one line: {skipped:?}") };
    let wanted = r#"in `poison.letters`: 1 of 1 skipped; set `dead_letters = "payload"` in the `policy` of the node"#;
    assert!(line.contains("WARN") && line.contains(wanted), "{line}");
}

#[test]
fn missing_garbage_and_damaged_files_end_the_program_before_anything_runs() {
    let lab = lab_with_letters(PAYLOAD);
    write_again(&lab, 7, 1);
    let refuse = |wanted: &str| {
        let answer = run(&lab, &["run", "again.toml"]);
        assert_eq!(answer.code, Some(2), "{answer:?}");
        let wanted = format!("error: node `saved` failed in create: `poison.letters`: {wanted}");
        assert!(answer.err.contains(&wanted), "{wanted}: {answer:?}");
    };
    let whole = fs::read(lab.path("poison.letters")).unwrap();
    fs::write(lab.path("poison.letters"), whole.split_last().unwrap().1).unwrap();
    refuse("the file of dead letters ends within letter 1; it was cut short");
    lab.write("poison.letters", "RIFF....WAVEfmt ");
    refuse("this is not a file of dead letters: it begins with other bytes");
    fs::remove_file(lab.path("poison.letters")).unwrap();
    refuse("dead letters cannot be read or written: ");
}

#[test]
fn kinds_shows_the_source_with_its_params() {
    let lab = Lab::new();
    let all = lab.run(["kinds"]).succeeds();
    assert!(all.out.contains("packets.source"), "{all:?}");
    let one = lab.run(["kinds", "packets.source"]).succeeds();
    for wanted in ["Saved packets", "path", "node", "any"] {
        assert!(one.out.contains(wanted), "{wanted}: {one:?}");
    }
}
