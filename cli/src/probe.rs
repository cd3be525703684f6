//! Looks into a library in a process of its own, so that one that crashes, hangs or exits harms nobody.
//!
//! The child loads the library and writes one line that starts with [`MARK`]; whatever else the library writes to
//! standard output is skipped. The parent waits for that line, at most until the deadline, and then ends the child.

use crate::failure::Failure;
use graphmill::Plugins;
use graphmill::graph::Manifest;
use serde::{Deserialize, Serialize};
use signal_hook::low_level;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::iter;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// Starts the line that is the answer.
const MARK: &str = "graphmill-probe: ";
/// Longest line that is read: the largest manifest, with every byte escaped.
const LINE_LEN_MAX: u64 = 2 << 20;
/// Most lines that are read: a library that floods its output is not worth waiting for.
const LINES_MAX: usize = 10_000;
/// Most of what a library says on standard error is shown.
const STDERR_LEN_MAX: u64 = 4096;
/// What the child said is there by the time that it has ended; a process that it left behind could go on for ever.
const STDERR_TIMEOUT: Duration = Duration::from_millis(500);
/// The child watches the deadline itself and says more about it; it is given this long to do so.
const GRACE: Duration = Duration::from_secs(2);

/// What a library says about itself.
#[derive(Debug)]
pub(crate) struct Look {
    /// The file, with every link resolved.
    pub(crate) file: PathBuf,
    /// The manifest as the library gave it.
    pub(crate) json: String,
    pub(crate) manifest: Manifest,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Manifest { file: PathBuf, json: String },
    Refused(String),
}

/// How a child ended.
enum End {
    Answered(Answer),
    /// Its output ended without an answer.
    Silent,
}

/// Loads a library in a child and reads its manifest.
///
/// # Errors
/// The library is refused, ends the child, or takes too long.
pub(crate) fn look(library: &Path, timeout: Duration) -> Result<Look, Failure> {
    let mut child = spawn(library, timeout)
        .map_err(|error| Failure::new(format!("cannot start the process that looks into the library: {error}")))?;
    let said = child.stderr.take().map(hear_stderr);
    let end = child.stdout.take().map(|stdout| await_answer(stdout, timeout + GRACE));
    let is_silent = matches!(end, Some(Ok(End::Silent)));
    let status = end_child(&mut child);
    let said = said.map(|pieces| gather(&pieces, STDERR_TIMEOUT)).unwrap_or_default();
    match end {
        Some(Ok(End::Answered(Answer::Manifest { file, json }))) => understand(file, json),
        Some(Ok(End::Answered(Answer::Refused(reason)))) => Err(Failure::new(reason)),
        _ => {
            let what = match status {
                Some(status) if is_silent => format!("ended the process that loaded it ({status})"),
                _ => format!("kept the process that loaded it busy for more than {} s", (timeout + GRACE).as_secs()),
            };
            let failure = Failure::new(format!("plugin file {library:?} {what}"));
            let failure = if said.is_empty() { failure } else { failure.note(format!("note: it said: {said}")) };
            Err(failure.note("help: its constructors or its entry function did that; `gdb --args graphmill kinds --plugins FILE` shows where"))
        }
    }
}

fn spawn(library: &Path, timeout: Duration) -> io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .arg("probe-plugin")
        .arg("--timeout-ms")
        .arg(timeout.as_millis().to_string())
        .arg("--")
        .arg(library)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// Reads the child's output on a thread of its own; a library that forks could keep it open for ever.
fn await_answer(stdout: ChildStdout, timeout: Duration) -> Result<End, RecvTimeoutError> {
    let (tell, hear) = mpsc::sync_channel(1);
    thread::spawn(move || tell.send(find_answer(BufReader::new(stdout))));
    hear.recv_timeout(timeout)
}

fn find_answer(mut output: impl BufRead) -> End {
    let mut line = Vec::new();
    for _ in 0..LINES_MAX {
        line.clear();
        let is_over = !matches!((&mut output).take(LINE_LEN_MAX).read_until(b'\n', &mut line), Ok(1..));
        // What a library wrote without a line break stands before the mark.
        let text = String::from_utf8_lossy(&line);
        let answer = text.split_once(MARK).and_then(|(_, json)| serde_json::from_str(json.trim_end()).ok());
        match answer {
            Some(answer) => return End::Answered(answer),
            None if is_over => break,
            None => {}
        }
    }
    End::Silent
}

/// Reads what the child says on a thread of its own, and passes on each piece as it comes.
pub(crate) fn hear_stderr(stderr: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (tell, hear) = mpsc::channel();
    thread::spawn(move || {
        let mut stderr = stderr.take(STDERR_LEN_MAX);
        let mut piece = [0; 1024];
        while let Ok(len @ 1..) = stderr.read(&mut piece) {
            if tell.send(piece.get(..len).unwrap_or_default().to_vec()).is_err() {
                break;
            }
        }
    });
    hear
}

/// Puts together what was said until the end of it, or until the time is over.
pub(crate) fn gather(pieces: &Receiver<Vec<u8>>, timeout: Duration) -> String {
    let begun = Instant::now();
    let next = || pieces.recv_timeout(timeout.saturating_sub(begun.elapsed())).ok();
    let said: Vec<u8> = iter::from_fn(next).flatten().collect();
    String::from_utf8_lossy(&said).trim().replace('\n', "\n    ")
}

/// Ends the child if it has not ended; a child that is ending already keeps its own status.
pub(crate) fn end_child(child: &mut Child) -> Option<std::process::ExitStatus> {
    drop(child.kill());
    child.wait().ok()
}

fn understand(file: PathBuf, json: String) -> Result<Look, Failure> {
    match Manifest::parse(&json) {
        Ok(manifest) => Ok(Look { file, json, manifest }),
        Err(error) => Err(Failure::new(format!("plugin file {file:?} cannot be used: {error}"))),
    }
}

/// The child's part: loads the library and writes the answer.
pub(crate) fn answer(library: &Path, timeout_ms: u64) -> ExitCode {
    let plugins = Plugins::new().with_load_timeout(Duration::from_millis(timeout_ms));
    let answer = match plugins.load(library) {
        Ok(plugin) => Answer::Manifest {
            file: plugin.origin().file().unwrap_or(library).to_owned(),
            json: plugin.manifest_json().to_owned(),
        },
        Err(error) => Answer::Refused(error.to_string()),
    };
    let text = serde_json::to_string(&answer).unwrap_or_default();
    let mut out = io::stdout().lock();
    // A parent that has left does not need the answer.
    drop(writeln!(out, "{MARK}{text}").and_then(|()| out.flush()));
    // No exit handlers: a library that hangs may hang them too.
    low_level::exit(0);
    #[expect(unreachable_code, reason = "the compiler does not know that the line above never returns")]
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(output: &str) -> Option<String> {
        match find_answer(output.as_bytes()) {
            End::Answered(Answer::Refused(reason)) => Some(reason),
            _ => None,
        }
    }

    #[test]
    fn the_answer_is_found_between_other_lines() {
        let answer = format!("{MARK}{}", r#"{"refused":"x"}"#);
        assert_eq!(found(&format!("hello\n{answer}\nbye\n")).as_deref(), Some("x"));
        assert_eq!(found(&format!("no line break{answer}\n")).as_deref(), Some("x"));
        assert_eq!(found(&format!("{MARK}{{\n{answer}")).as_deref(), Some("x"));
    }

    #[test]
    fn output_without_an_answer_is_silence() {
        for output in ["", "hello\n", MARK, "{\"refused\":\"x\"}"] {
            assert!(found(output).is_none(), "{output}");
        }
        let flood = "x\n".repeat(LINES_MAX + 1) + MARK + r#"{"refused":"x"}"#;
        assert!(found(&flood).is_none());
    }

    #[test]
    fn what_was_said_is_told_although_somebody_keeps_the_pipe_open() {
        let (reader, mut writer) = io::pipe().unwrap();
        let pieces = hear_stderr(reader);
        writer.write_all(b"out of\npaper\n").unwrap();
        let first = pieces.recv().unwrap();
        assert_eq!(first, b"out of\npaper\n");
        assert_eq!(gather(&pieces, Duration::ZERO), "");
        writer.write_all(b"and of ink\n").unwrap();
        drop(writer);
        assert_eq!(gather(&pieces, Duration::MAX), "and of ink");
    }
}
