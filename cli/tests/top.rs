//! A running graph is watched in a terminal.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![cfg(feature = "top")]

mod support;

use std::process::{Child, Command, Stdio};
use std::thread;
use support::screen::Screen;
use support::{Lab, Shown, plugin};

/// Packets for as long as nobody stops them.
const ENDLESS: &str = r#"
name = "endless"
links = ["numbers -> hands-on -> check"]

[nodes.numbers]
kind = "flow.count"
params = { packets = 1000000000, bytes = 16 }
tick = { interval_ms = 2 }

[nodes.hands-on]
kind = "flow.pass"
params = { fail_every = 10 }

[nodes.check]
kind = "flow.check"
params = { gaps = true }
"#;

/// A session that does not outlive its test.
struct Session(Option<Child>);

impl Session {
    fn kill(&mut self) {
        if let Some(mut child) = self.0.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.kill();
    }
}

fn start(lab: &Lab) -> Session {
    lab.write("graph.toml", ENDLESS);
    let mut command = lab.graphmill();
    command.arg("--plugins").arg(plugin("graphmill-fixture-flow")).args(["run", "graph.toml", "--control", "socket"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while lab.run(["control", "socket", "report"]).code != Some(0) {
        thread::yield_now();
    }
    Session(Some(child))
}

fn top(lab: &Lab) -> Screen {
    Screen::start(lab.graphmill().args(["top", "socket", "--interval-ms", "100"]))
}

fn drain(lab: &Lab, mut run: Session) {
    lab.run(["control", "socket", "drain"]).succeeds();
    let child = run.0.take().unwrap();
    Shown::from(child.wait_with_output().unwrap()).succeeds();
}

fn signal(name: &str, child: &Child) {
    let kill = format!("kill -{name} {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

/// The row of a node.
fn row<'a>(screen: &'a str, node: &str) -> &'a str {
    screen.lines().find(|line| line.starts_with(node)).unwrap_or_default()
}

#[test]
fn session_is_watched_paused_searched_and_its_end_stays_on_the_screen() {
    let lab = Lab::new();
    let run = start(&lab);
    let mut screen = top(&lab);
    // Changes of state come by a stream of their own, so they may be shown a little later than the figures.
    screen.until(|text| {
        text.contains("endless  running for ")
            && row(text, "check").contains("running")
            && text.contains("numbers.out -> hands-on.in")
            && text.contains("numbers  ready → running")
    });
    screen.until(|text| row(text, "numbers ").contains(" running "));

    screen.press("\x1b[Bp");
    screen.until(|text| {
        text.contains("\nnumbers: flow.count, worker numbers") && row(text, "numbers ").contains(" paused ")
    });
    screen.press("p");
    screen.until(|text| row(text, "numbers ").contains(" running "));
    screen.press("\x1b[Bp");
    screen.until(|text| text.contains("`hands-on` (flow.pass) is no source"));

    screen.press("/hands\r");
    // The last error of the selected node is shown below.
    screen.until(|text| {
        text.contains("only `hands`")
            && row(text, "numbers ").is_empty()
            && row(text, "hands-on ").contains(" running ")
            && text.contains("is not wanted")
    });
    screen.press("?");
    screen.until(|text| text.contains("instances made anew after a failure"));
    screen.press("?/\x1b");
    screen.until(|text| row(text, "numbers ").contains(" running "));

    drain(&lab, run);
    screen.until(|text| {
        text.contains("the session has ended")
            && text.starts_with("endless  stopped after ")
            && text.contains("rates over the whole run")
            && row(text, "check ").contains(" stopped ")
    });
    screen.press("q");
    assert_eq!(screen.end().0, Some(0));
}

#[test]
fn every_way_out_gives_the_terminal_back_and_lets_the_session_go_on() {
    let lab = Lab::new();
    let run = start(&lab);
    for (keys, code) in [("q", 0), ("\x03", 0)] {
        let mut screen = top(&lab);
        screen.until(|text| text.contains("endless  running for "));
        screen.press(keys);
        assert_eq!(screen.end().0, Some(code), "{keys:?}");
    }
    for (name, code) in [("TERM", 143), ("INT", 130), ("HUP", 129)] {
        let mut screen = top(&lab);
        screen.until(|text| text.contains("endless  running for "));
        signal(name, &screen.child);
        assert_eq!(screen.end().0, Some(code), "{name}");
    }
    drain(&lab, run);
}

#[test]
fn terminal_that_takes_no_output_does_not_keep_the_program_from_ending() {
    let lab = Lab::new();
    let run = start(&lab);
    let mut screen = top(&lab);
    screen.until(|text| text.contains("endless  running for "));
    screen.stop_output();
    signal("TERM", &screen.child);
    assert_eq!(screen.end_without_output(), Some(143));
    drain(&lab, run);
}

#[test]
fn session_that_is_killed_is_lost_and_the_last_picture_stays() {
    let lab = Lab::new();
    let mut run = start(&lab);
    let mut screen = top(&lab);
    screen.until(|text| text.contains("endless  running for "));
    run.kill();
    let lost = screen.until(|text| text.contains("endless  lost after "));
    assert!(lost.contains("lost the session at `socket`: it has closed the connection"), "{lost}");
    assert!(!row(&lost, "hands-on ").is_empty(), "{lost}");
    screen.press("q");
    assert_eq!(screen.end().0, Some(0));

    // Its socket is still there, and says nothing of a session any more.
    let (code, text) = top(&lab).end();
    assert_eq!(code, Some(2));
    assert!(text.starts_with("error: nobody serves the control socket `socket`"), "{text}");
}

#[test]
fn without_a_socket_or_a_terminal_there_is_one_clear_error() {
    let lab = Lab::new();
    let (code, text) = top(&lab).end();
    assert_eq!(code, Some(2));
    assert!(text.starts_with("error: there is no control socket `socket`"), "{text}");
    let shown = lab.run(["top", "socket"]);
    assert_eq!(shown.code, Some(2));
    assert!(shown.err.contains("`graphmill control socket report`"), "{shown:?}");
}
