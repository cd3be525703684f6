//! A running graph is asked and steered through its control socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};
use std::thread;
use support::{Lab, Shown, plugin};

/// Sound as it would be heard, so that there is time to steer it.
const SOUND: &str = r#"
links = ["sound -> gain -> file"]

[nodes.sound]
kind = "wav.source"
params = { path = "media/noisy.wav", pace = "realtime" }

[nodes.gain]
kind = "audio.gain"
params = { db = 0.0 }

[nodes.file]
kind = "wav.sink"
params = { path = "copy.wav" }
"#;

/// Packets that wait behind the first one until a file exists.
const GATED: &str = r#"
links = ["count -> gate -> check"]

[nodes.count]
kind = "flow.count"
params = { packets = 20000, bytes = 16 }

[nodes.gate]
kind = "faulty.pass"
params = { mode = "hang", at = 0, gate = "GATE" }
deadlines = { process_ms = 3600000 }

[nodes.check]
kind = "flow.check"
"#;

/// A graph that runs with a control socket.
struct Run<'a> {
    lab: &'a Lab,
    child: Option<Child>,
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        // A test that fails leaves nothing behind.
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

impl<'a> Run<'a> {
    fn start(lab: &'a Lab, graph: &str) -> Self {
        lab.write("graph.toml", &graph.replace("GATE", lab.path("gate").to_str().unwrap()));
        let mut command = lab.graphmill();
        for fixture in ["graphmill-fixture-flow", "graphmill-fixture-faulty"] {
            command.arg("--plugins").arg(plugin(fixture));
        }
        command.args(["run", "graph.toml", "--json", "--control", "socket"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let run = Self { lab, child: Some(child) };
        while run.control(&["report"]).code != Some(0) {
            thread::yield_now();
        }
        run
    }

    fn control(&self, arguments: &[&str]) -> Shown {
        self.lab.graphmill().args(["control", "socket"]).args(arguments).output().unwrap().into()
    }

    fn report(&self) -> Value {
        self.control(&["report", "--json"]).succeeds().json()
    }

    /// Everything that is said of the changes, up to the end of the session.
    fn follow(&self) -> Child {
        let mut command = self.lab.graphmill();
        command.args(["control", "socket", "events", "--json"]).stdout(Stdio::piped()).spawn().unwrap()
    }

    fn end(mut self) -> Shown {
        self.child.take().unwrap().wait_with_output().unwrap().into()
    }
}

#[track_caller]
fn assert_refused(shown: &Shown, code: i32, sentence: &str) {
    assert_eq!((shown.code, shown.out.as_str()), (Some(code), ""), "{shown:?}");
    assert!(shown.err.contains(sentence), "{shown:?}");
}

fn node<'a>(report: &'a Value, id: &str) -> &'a Value {
    report["nodes"].as_array().unwrap().iter().find(|node| node["id"] == id).unwrap()
}

#[test]
fn running_graph_is_paused_given_new_params_resumed_and_drained() {
    let lab = Lab::with_demo();
    let run = Run::start(&lab, SOUND);
    assert_eq!(fs::metadata(lab.path("socket")).unwrap().permissions().mode() & 0o777, 0o600);
    run.control(&["pause", "sound"]).succeeds();
    assert_eq!(node(&run.report(), "sound")["paused"], true);
    let events = run.follow();

    // Quieter by a factor of a million.
    assert_eq!(run.control(&["update", "gain", r#"{"db": -120}"#, "--json"]).succeeds().json(), json!({ "ok": true }));
    let calls = || node(&run.report(), "gain")["calls"].as_u64().unwrap();
    let before = calls();
    run.control(&["resume", "--all"]).succeeds();
    while calls() < before + 20 {
        thread::yield_now();
    }
    let table = run.control(&["report"]).succeeds().out;
    assert!(table.starts_with("graph: still running in ") && table.contains("\ngain   audio.gain "), "{table}");
    run.control(&["drain"]).succeeds();

    let output: Shown = events.wait_with_output().unwrap().into();
    let lines: Vec<Value> = output.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines[0]["event"]["from"].clone(), lines[0]["event"]["number"].clone()), (json!("starting"), json!(0)));
    assert_eq!((output.code, &lines.last().unwrap()["end"]["outcome"]), (Some(0), &json!("stopped")));
    let last = run.end().succeeds();
    assert_eq!(&last.json(), &lines.last().unwrap()["end"], "both say the same");
    assert!(!lab.path("socket").exists());
    let samples: Vec<i16> =
        hound::WavReader::open(lab.path("copy.wav")).unwrap().into_samples().map(Result::unwrap).collect();
    assert!(samples.iter().rev().take(4_000).all(|sample| sample.abs() <= 1), "the new params hold to the end");
}

#[test]
fn what_cannot_be_done_is_said_in_a_sentence_and_changes_nothing() {
    let lab = Lab::with_demo();
    let run = Run::start(&lab, SOUND);
    run.control(&["pause", "--all"]).succeeds();
    let refused = [
        (&["pause", "gain"][..], "`gain` (audio.gain) is no source"),
        (&["resume", "nobody"], "the session has no node `nobody`"),
        (&["update", "gain", r#"{"dB": 1}"#], "dB"),
        (&["update", "gain", "{"], "the params are no JSON"),
        (&["update", "nobody", "{}"], "the session has no node `nobody`"),
        (&["hint", "gain", "aut", "x"], "there is no output `aut`; the node has: out"),
        (&["pause"], "required"),
    ];
    for (arguments, sentence) in refused {
        assert_refused(&run.control(arguments), 2, sentence);
    }
    let json = run.control(&["pause", "gain", "--json"]);
    assert_eq!((json.code, json.json()["ok"].clone()), (Some(2), json!(false)), "{json:?}");
    run.control(&["hint", "gain", "out", "audio.quality", "3"]).succeeds();
    assert_eq!(run.control(&["dead-letters", "--json"]).succeeds().json(), json!([]));

    let events = run.follow();
    run.control(&["abort"]).succeeds();
    assert_eq!(events.wait_with_output().unwrap().status.code(), Some(1), "it did not end as it should");
    assert_eq!(run.end().code, Some(1));
    assert_refused(&lab.run(["control", "socket", "report"]), 2, "there is no control socket `socket`");
}

/// What a session without any client counts, and how it ends.
fn counts(shown: &Shown) -> Value {
    let report = shown.json();
    let links = report["links"].as_array().unwrap().iter();
    let links = links.map(|link| [&link["link"], &link["delivered"], &link["dropped"]].map(Clone::clone));
    json!([report["outcome"], links.collect::<Vec<_>>(), node(&report, "check")["packets_in"]])
}

#[test]
fn slow_dead_and_rude_clients_change_nothing() {
    let lab = Lab::new();
    let alone = Run::start(&lab, GATED);
    fs::write(lab.path("gate"), "").unwrap();
    let expected = counts(&alone.end().succeeds());
    assert_eq!(expected[2], 20_000);
    fs::remove_file(lab.path("gate")).unwrap();

    let run = Run::start(&lab, GATED);
    let connect = || UnixStream::connect(lab.path("socket")).unwrap();
    drop(connect());
    let mut half = connect();
    half.write_all(br#"{"request":"rep"#).unwrap();
    let mut deaf = connect();
    // More answers than a socket holds, and nobody reads them.
    deaf.write_all("{\"request\":\"report\"}\n".repeat(2_000).as_bytes()).unwrap();
    let mut listens_not = connect();
    listens_not.write_all(b"{\"request\":\"events\"}\n").unwrap();
    // Its rest may find nobody who reads it.
    let mut long = connect();
    drop(long.write_all(&[b'x'; 70_000]));
    assert_eq!(second_line(&long)["error"]["kind"], "too-long");
    let mut wrong = connect();
    wrong.write_all(b"{\"id\":7,\"request\":\"fly\"}\n").unwrap();
    let answer = second_line(&wrong);
    assert_eq!((&answer["id"], &answer["error"]["kind"]), (&json!(7), &json!("bad-request")));

    let crowd: Vec<UnixStream> = (0..16).map(|_| connect()).collect();
    let firsts: Vec<Value> = crowd.iter().map(first_line).collect();
    assert!(firsts.iter().any(|line| line["error"]["kind"] == "too-many-clients"), "{firsts:?}");
    drop(crowd);

    fs::write(lab.path("gate"), "").unwrap();
    assert_eq!(counts(&run.end().succeeds()), expected);
    assert!(!lab.path("socket").exists());
    drop((half, deaf, listens_not));
}

fn first_line(stream: &UnixStream) -> Value {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

/// The answer after the first line; a server that had enough may end the connection instead of reading all.
fn second_line(stream: &UnixStream) -> Value {
    let mut lines = BufReader::new(stream.take(65_536)).lines();
    let hello: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!((&hello["hello"], &hello["version"]), (&json!("graphmill"), &json!(1)));
    serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap()
}

#[test]
fn socket_that_cannot_be_made_is_said_before_anything_runs() {
    let lab = Lab::with_demo();
    lab.write("graph.toml", SOUND);
    lab.write("precious", "of use");
    let shown = lab.run(["run", "graph.toml", "--control", "precious"]);
    assert_refused(&shown, 2, "cannot make the control socket `precious`: there is something else, which is no socket");
    assert_eq!(fs::read_to_string(lab.path("precious")).unwrap(), "of use");
    assert!(!lab.path("copy.wav.part").exists() && !lab.path("copy.wav").exists());
}

#[test]
fn second_run_on_the_same_socket_is_refused_and_the_first_goes_on() {
    let lab = Lab::with_demo();
    let run = Run::start(&lab, SOUND);
    run.control(&["pause", "--all"]).succeeds();
    let second = lab.run(["run", "graph.toml", "--control", "socket"]);
    assert_refused(&second, 2, "another program serves it");
    run.control(&["drain"]).succeeds();
    run.end().succeeds();
}
