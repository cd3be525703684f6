//! Runs other programs.

use crate::Outcome;
use std::process::{Command, Stdio};

/// What a program left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code; none when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a program to its end and keeps what it writes.
///
/// # Errors
/// It cannot be started.
pub(crate) fn ended(command: &mut Command) -> Outcome<Ended> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("`{}` cannot be started: {error}", words(command)))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    Ok(Ended { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) })
}

/// Runs a program that has to end with 0, and gives what it writes to standard output.
///
/// # Errors
/// It cannot be started or fails; the message has the last lines that it wrote.
pub(crate) fn output(command: &mut Command) -> Outcome<String> {
    let Ended { code, stdout, stderr } = ended(command)?;
    match code {
        Some(0) => Ok(stdout),
        _ => Err(format!("`{}` failed: {}", words(command), last_lines(&stderr))),
    }
}

/// Whether a program can be started and ends with 0.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    output(command).is_ok()
}

/// A command as a person types it.
pub(crate) fn words(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// The end of what a program complained about, on one line.
pub(crate) fn last_lines(text: &str) -> String {
    const LINES: usize = 6;
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.iter().skip(lines.len().saturating_sub(LINES)).copied().collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_quotes_the_command_and_its_last_words() {
        let error = output(Command::new("sh").args(["-c", "echo nothing there >&2; exit 4"])).unwrap_err();
        assert_eq!(error, "`sh -c echo nothing there >&2; exit 4` failed: nothing there");
        assert!(output(&mut Command::new("no-such-program")).unwrap_err().contains("cannot be started"));
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let text: String = (0..20).map(|line| format!("{line}\n\n")).collect();
        assert_eq!(last_lines(&text), "14; 15; 16; 17; 18; 19");
    }
}
