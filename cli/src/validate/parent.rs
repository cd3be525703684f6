//! The parent's part: starts a child for each trial, listens to it, and ends it when it does not come back.

use super::finding::{About, Finding, Level, Line};
use super::rules::{self, Rule};
use super::trials::Trial;
use crate::probe;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// Longest line that is read: the largest manifest, with every byte escaped.
const LINE_LEN_MAX: u64 = 2 << 20;
/// Most lines that are read of a library that floods its output.
const LINES_MAX: usize = 1_000_000;
/// Lines that wait to be looked at.
const LINES_WAITING_MAX: usize = 1024;
/// The child watches the time of a load itself and says more about it; it is given this long to do so.
const GRACE: Duration = Duration::from_secs(2);
/// A trial that goes on saying what it does is ended all the same after so many timeouts.
const TIMEOUTS_MAX: u32 = 20;
/// What the child said is there by the time that it has ended; a process that it left behind could go on for ever.
const STDERR_TIMEOUT: Duration = Duration::from_millis(500);

/// What is the same for every trial of a run.
#[derive(Debug)]
pub(crate) struct Order<'a> {
    pub(crate) library: &'a Path,
    pub(crate) seed: u64,
    pub(crate) timeout: Duration,
    pub(crate) scratch: &'a Path,
}

/// What a trial came to.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) findings: Vec<Finding>,
    pub(crate) about: Option<About>,
    /// Why it says nothing.
    pub(crate) skipped: Option<String>,
}

impl Verdict {
    /// Whether nothing was found that trials which need this one would only find again.
    pub(crate) fn carries(&self) -> bool {
        self.findings.iter().all(|finding| finding.level < Level::Error)
    }
}

/// How a child ended.
enum End {
    Done,
    /// Its output ended before the trial did.
    Silent,
    Late(Duration),
}

/// Makes a trial in a child of its own.
///
/// # Errors
/// No child can be started.
pub(crate) fn make(order: &Order<'_>, trial: &Trial, kind: Option<(&str, Option<&str>)>) -> io::Result<Verdict> {
    let mut child = spawn(order, trial, kind)?;
    let said = child.stderr.take().map(probe::hear_stderr);
    let mut hearing = Hearing::new(trial, kind.map(|(kind, _)| kind.to_owned()));
    let end = child.stdout.take().map_or(End::Silent, |stdout| hearing.listen(&read_lines(stdout), order.timeout));
    let status = probe::end_child(&mut child);
    let said = said.map(|pieces| probe::gather(&pieces, STDERR_TIMEOUT)).unwrap_or_default();
    hearing.close(&end, status, &said);
    Ok(hearing.verdict)
}

fn spawn(order: &Order<'_>, trial: &Trial, kind: Option<(&str, Option<&str>)>) -> io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["trial", "--quiet", "--trial", trial.name, "--seed", &order.seed.to_string()]);
    command.args(["--timeout-ms", &order.timeout.as_millis().to_string()]).arg("--scratch").arg(order.scratch);
    if let Some((kind, params)) = kind {
        command.args(["--kind", kind]);
        if let Some(params) = params {
            command.arg(format!("--params={params}"));
        }
    }
    // One arena: with one for each thread the same blocks are spread over ever more pages, which looks like a leak.
    command.env("MALLOC_ARENA_MAX", "1").env("RUST_BACKTRACE", "0");
    command.arg("--").arg(order.library);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
}

/// Reads the child's output on a thread of its own; a library that forks could keep it open for ever.
fn read_lines(stdout: ChildStdout) -> Receiver<Line> {
    let (tell, hear) = mpsc::sync_channel(LINES_WAITING_MAX);
    thread::spawn(move || {
        let mut output = BufReader::new(stdout);
        let mut bytes = Vec::new();
        for _ in 0..LINES_MAX {
            bytes.clear();
            if !matches!((&mut output).take(LINE_LEN_MAX).read_until(b'\n', &mut bytes), Ok(1..)) {
                break;
            }
            let line = parse(&bytes);
            if line.is_some_and(|line| tell.send(line).is_err()) {
                break;
            }
        }
    });
    hear
}

/// A line that is for the parent; whatever else the library writes is none.
fn parse(bytes: &[u8]) -> Option<Line> {
    let text = String::from_utf8_lossy(bytes);
    let (_, json) = text.split_once(super::bench::MARK)?;
    serde_json::from_str(json.trim_end()).ok()
}

/// What was heard of a trial so far.
struct Hearing {
    verdict: Verdict,
    kind: Option<String>,
    /// The rules that the trial judges; whatever else it tells belongs to another trial.
    rules: &'static [&'static str],
    doing: Option<(&'static Rule, String)>,
}

impl Hearing {
    fn new(trial: &Trial, kind: Option<String>) -> Self {
        Self { verdict: Verdict::default(), kind, rules: trial.rules, doing: None }
    }

    /// Hears lines to the end of the trial, or until none came for too long.
    fn listen(&mut self, lines: &Receiver<Line>, timeout: Duration) -> End {
        let begun = Instant::now();
        loop {
            if begun.elapsed() > timeout * TIMEOUTS_MAX {
                return End::Late(timeout * TIMEOUTS_MAX);
            }
            match lines.recv_timeout(timeout + GRACE) {
                Ok(Line::Done) => return End::Done,
                Ok(line) => self.hear(line),
                Err(RecvTimeoutError::Timeout) => return End::Late(timeout + GRACE),
                Err(RecvTimeoutError::Disconnected) => return End::Silent,
            }
        }
    }

    fn hear(&mut self, line: Line) {
        match line {
            Line::Doing { rule, what } => self.doing = rules::find(&rule).map(|rule| (rule, what)),
            Line::Found { rule, saw } => {
                if let Some(rule) = rules::find(&rule) {
                    self.find(rule, saw);
                }
            }
            Line::Skipped(why) => self.verdict.skipped = Some(why),
            Line::About(about) => self.verdict.about = Some(about),
            Line::Done => {}
        }
    }

    fn find(&mut self, rule: &'static Rule, saw: String) {
        self.verdict.findings.push(Finding { rule: rule.id, level: rule.level, kind: self.kind.clone(), saw });
    }

    /// Turns an end without a word into a finding of the rule that was being looked at.
    fn close(&mut self, end: &End, status: Option<ExitStatus>, said: &str) {
        let what = match end {
            End::Done => return,
            End::Silent => {
                let status = status.map_or_else(|| "for an unknown reason".into(), |status| format!("({status})"));
                format!("the process ended {status}")
            }
            End::Late(after) => format!("nothing came back for {} s", after.as_secs()),
        };
        let (rule, doing) = match self.doing.take() {
            Some((rule, doing)) => (rule, format!("while {doing}")),
            None => match self.rules.first().and_then(|id| rules::find(id)) {
                Some(rule) => (rule, "before anything was done".to_owned()),
                None => return,
            },
        };
        let said = if said.is_empty() { String::new() } else { format!("; it said: {said}") };
        self.find(rule, format!("{what} {doing}{said}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::trials::TRIALS;

    fn heard(lines: &[Line], end: &End) -> Verdict {
        let mut hearing = Hearing::new(&TRIALS[0], Some("a.kind".into()));
        for line in lines {
            hearing.hear(line.clone());
        }
        hearing.close(end, None, "ouch");
        hearing.verdict
    }

    #[test]
    fn a_child_that_is_silent_breaks_the_rule_that_it_was_about() {
        let doing = Line::Doing { rule: "E1".into(), what: "handing over".into() };
        let verdict = heard(std::slice::from_ref(&doing), &End::Silent);
        assert_eq!(verdict.findings[0].rule, "E1");
        assert!(verdict.findings[0].saw.ends_with("while handing over; it said: ouch"), "{verdict:?}");
        assert!(!verdict.carries());
        assert_eq!(heard(&[], &End::Late(GRACE)).findings[0].rule, "C1");
        assert!(heard(&[doing], &End::Done).carries());
    }

    #[test]
    fn lines_of_the_library_are_no_lines_of_the_child() {
        assert!(parse(b"hello\n").is_none() && parse(b"graphmill-trial: {\n").is_none());
        let line = format!("no line break{}{}\n", super::super::bench::MARK, "\"done\"");
        assert!(matches!(parse(line.as_bytes()), Some(Line::Done)));
        assert!(matches!(parse(b"\xFFgraphmill-trial: {\"skipped\":\"x\"}"), Some(Line::Skipped(_))));
    }
}
