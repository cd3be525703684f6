//! Models are fetched from addresses, with whatever can happen to a connection.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![cfg(feature = "models")]

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;
use support::Shown;
use support::screen::Screen;
use support::store::{Shelf, tgz};
use support::web::{Answer, Web, held};

/// More than fits into the buffers of a connection, and never the same twice.
fn content() -> Vec<u8> {
    (0..200_000_u32).flat_map(u32::to_le_bytes).collect()
}

/// A model of one file that a server gives.
fn shelf(web: &Web) -> Shelf {
    Shelf::new(&url(web, "a.bin"), &[("a.bin", "", &content())])
}

fn url(web: &Web, path: &str) -> String {
    format!("url = \"{}\"", web.url(path))
}

#[track_caller]
fn refused(shown: &Shown, parts: &[&str]) {
    assert_eq!((shown.code, shown.err.matches("error: ").count()), (Some(2), 1), "{shown:?}");
    for part in parts {
        assert!(shown.err.contains(part), "{part}: {}", shown.err);
    }
}

#[test]
fn connection_that_ends_too_early_is_made_again_from_there() {
    let web = Web::new([Answer::Cut(content(), 1000), Answer::Cut(content(), 500_000), Answer::Part(content())]);
    let shelf = shelf(&web);
    shelf.run(&["pull", "it"]).succeeds();
    assert_eq!(shelf.stored("a.bin").unwrap(), content());
    assert_eq!(web.requests(), [0, 1000, 501_000]);
    assert_eq!(shelf.leftovers(), Vec::<String>::new());
}

#[test]
fn interrupted_download_goes_on_with_the_next_command() {
    let web = Web::new([Answer::Cut(content(), 1000), Answer::Cut(content(), 0)]);
    let shelf = shelf(&web);
    let shown = shelf.run(&["pull", "it"]);
    refused(&shown, &["was interrupted after 1000 bytes", "help: run the command again; it goes on from there"]);
    assert_eq!((web.requests(), shelf.stored("a.bin")), (vec![0, 1000], None));
    let web = Web::new([Answer::Part(content())]);
    shelf.describe(&url(&web, "a.bin"), &[("a.bin", "", &content())]);
    shelf.run(&["pull", "it"]).succeeds();
    assert_eq!((web.requests(), shelf.stored("a.bin").unwrap()), (vec![1000], content()));
}

#[test]
fn server_that_knows_no_ranges_is_asked_for_the_whole() {
    let web = Web::new([Answer::Cut(content(), 1000), Answer::Whole(content())]);
    let shelf = shelf(&web);
    shelf.run(&["pull", "it"]).succeeds();
    assert_eq!((web.requests(), shelf.stored("a.bin").unwrap()), (vec![0, 1000], content()));
}

#[test]
fn file_that_changed_meanwhile_is_refused_and_fetched_from_its_start_the_next_time() {
    let other: Vec<u8> = content().iter().rev().copied().collect();
    let web = Web::new([Answer::Cut(other, 1000), Answer::Part(content()), Answer::Part(content())]);
    let shelf = shelf(&web);
    refused(&shelf.run(&["pull", "it"]), &["`a.bin` has the SHA-256", "nothing of it was kept"]);
    assert_eq!((shelf.stored("a.bin"), shelf.leftovers()), (None, Vec::new()));
    shelf.run(&["pull", "it"]).succeeds();
    assert_eq!((web.requests(), shelf.stored("a.bin").unwrap()), (vec![0, 1000, 0], content()));
}

#[test]
fn part_that_is_longer_than_the_file_has_become_is_given_up() {
    let short = b"short".to_vec();
    let web = Web::new([
        Answer::Cut(content(), 1000),
        Answer::Status(503),
        Answer::Part(short.clone()),
        Answer::Part(short.clone()),
    ]);
    let shelf = Shelf::new(&url(&web, "it.tgz"), &[("a", "a", b"right")]);
    refused(&shelf.run(&["pull", "it"]), &["the server answers 503"]);
    assert_eq!(shelf.leftovers().len(), 1, "what was fetched is kept for the next time");
    refused(&shelf.run(&["pull", "it"]), &["cannot be read to its end"]);
    assert_eq!((web.requests(), shelf.leftovers()), (vec![0, 1000, 1000, 0], Vec::new()));
}

#[test]
fn archive_that_was_fetched_before_a_crash_is_not_fetched_again() {
    let package = tgz(&[("a", b"right")]);
    let web = Web::new([
        Answer::Cut(package.clone(), package.len() - 1),
        Answer::Status(500),
        Answer::Part(package.clone()),
        Answer::Part(package),
    ]);
    let shelf = Shelf::new(&url(&web, "it.tgz?of=today"), &[("a", "a", b"right")]);
    refused(&shelf.run(&["pull", "it"]), &["the server answers 500"]);
    // The last byte comes from elsewhere, so that all of it is there.
    let part = shelf.lab.path("store/.work").join(&shelf.leftovers()[0]);
    fs::write(part, tgz(&[("a", b"right")])).unwrap();
    shelf.run(&["pull", "it"]).succeeds();
    assert_eq!(shelf.stored("a").unwrap(), b"right");
    fs::remove_file(shelf.file("a")).unwrap();
    shelf.run(&["pull", "it"]).succeeds();
    assert_eq!(web.requests()[3], 0);
}

#[test]
fn answers_that_are_no_file_are_named() {
    let mut longer = content();
    longer.push(0);
    let web = Web::new([Answer::Status(404), Answer::Whole(longer), Answer::Whole(b"less".to_vec())]);
    let shelf = shelf(&web);
    refused(&shelf.run(&["pull", "it"]), &["/a.bin: the server answers 404"]);
    refused(&shelf.run(&["pull", "it"]), &["it is longer than 800000 bytes"]);
    refused(&shelf.run(&["pull", "it"]), &["`a.bin` has 4 bytes, and the manifest says 800000"]);
    assert_eq!((web.requests(), shelf.leftovers()), (vec![0, 0, 0], Vec::new()));
    refused(&shelf.run(&["pull", "it"]), &["was interrupted after 0 bytes", "refused"]);
}

#[test]
fn https_speaks_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("url = \"https://{}/a.bin\"", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, mut first) = (listener.accept().unwrap().0, [0]);
        stream.read_exact(&mut first).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
        first[0]
    });
    let shelf = Shelf::new(&url, &[("a.bin", "", b"right")]);
    refused(&shelf.run(&["pull", "it"]), &["https://127.0.0.1", "was interrupted after 0 bytes"]);
    assert_eq!(server.join().unwrap(), 22, "the first byte is that of a TLS handshake");
}

#[test]
fn ctrl_c_leaves_nothing_that_is_half_and_the_next_command_goes_on() {
    let (answer, gate) = held(&content(), 300_000);
    let web = Web::new([answer, Answer::Part(content())]);
    let shelf = shelf(&web);
    let mut screen = Screen::start(&mut shelf.command(&["pull", "it"]));
    screen.until(|text| text.contains("fetching a.bin") && text.contains("of 800.00 kB"));
    let part = || fs::metadata(shelf.lab.path("store/.work").join(&shelf.leftovers()[0])).unwrap().len();
    while part() < 300_000 {
        thread::sleep(Duration::from_millis(2));
    }
    let pid = screen.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let status = screen.child.wait().unwrap();
    assert!(!status.success() && shelf.stored("a.bin").is_none(), "{status}");
    drop(gate);
    shelf.run(&["pull", "it"]).succeeds();
    assert_eq!(web.requests(), [0, 300_000]);
    assert_eq!(shelf.stored("a.bin").unwrap(), content());
}

#[test]
fn second_program_waits_for_the_first_and_then_finds_everything() {
    let (answer, go_on) = held(&content(), 300_000);
    let web = Web::new([answer]);
    let shelf = shelf(&web);
    let mut screen = Screen::start(&mut shelf.command(&["pull", "it"]));
    screen.until(|text| text.contains("fetching a.bin"));
    let mut second = shelf.command(&["pull", "it"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(second.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(said.next().unwrap().starts_with("another program fetches into `"));
    go_on.send(()).unwrap();
    assert!(said.next().unwrap().starts_with("it: is there already: `"));
    assert!(second.wait().unwrap().success());
    assert_eq!(web.requests(), [0], "it was fetched once");
    assert!(screen.child.wait().unwrap().success());
}

#[test]
fn bars_are_drawn_for_people_only() {
    let web = Web::new([Answer::Part(content()), Answer::Part(content())]);
    let shelf = shelf(&web);
    let shown = shelf.run(&["pull", "it"]).succeeds();
    assert_eq!(shown.err.lines().count(), 1, "{shown:?}");
    fs::remove_file(shelf.file("a.bin")).unwrap();
    let quiet = shelf.run(&["pull", "it", "--quiet"]).succeeds();
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("", ""));
}
