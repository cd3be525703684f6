//! Runs other programs and says which one failed.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a task ends with: nothing, or a sentence about what went wrong.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// A call of the very cargo that runs this program, in the root of the workspace.
pub(crate) fn cargo<I>(root: &Path, arguments: I) -> Command
where
    I: IntoIterator,
    I::Item: AsRef<OsStr>,
{
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root);
    command
}

/// Runs a program with the terminal of this one.
///
/// # Errors
/// The program cannot be started, or does not end with 0.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let text = text_of(command);
    let status = command.status().map_err(|error| format!("`{text}` cannot be started: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{text}` ended with {status}")) }
}

/// Runs a program and gives what it writes to standard output.
///
/// # Errors
/// The program cannot be started, does not end with 0, or writes something that is no text.
pub(crate) fn output(command: &mut Command) -> Outcome<String> {
    let text = text_of(command);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| format!("`{text}` cannot be started: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{text}` ended with {}:\n{}", output.status, said.trim_end()));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("`{text}` wrote something that is no text"))
}

/// Whether a program can be started and ends with 0.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// A command as a person types it.
fn text_of(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program.file_name().unwrap_or(program.as_os_str());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
