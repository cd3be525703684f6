//! Packages through the client that the user has for them.

use crate::failure::Failure;
use crate::table;
use graphmill_models::Origin;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Lines of what a client said that are shown when it fails; the last ones say most.
const LINES_MAX: usize = 12;
/// Characters of each such line.
const LINE_LEN_MAX: usize = 200;

/// A program that fetches packages.
#[derive(Debug)]
struct Client {
    /// What it is called, and its other names; the first words of its arguments.
    programs: &'static [&'static [&'static str]],
    arguments: Vec<String>,
    /// How to get it.
    help: &'static str,
}

/// Fetches the package of `origin` into an empty folder and gives its file. Blocks until the client ends.
///
/// # Errors
/// The client is missing or fails, or leaves no package behind.
pub(super) fn fetch(origin: &Origin, folder: &Path) -> Result<PathBuf, Failure> {
    let Some(client) = Client::of(origin) else {
        return Err(Failure::new(format!("{origin}: this version knows no client that fetches it")));
    };
    let (command, output) = client.run(origin, folder)?;
    if !output.status.success() {
        return Err(said(Failure::new(format!("`{command}` ended with {}", output.status)), &output));
    }
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    let mut files: Vec<_> = entries.filter(|path| path.is_file()).collect();
    match (files.pop(), files.pop()) {
        (Some(file), None) => Ok(file),
        (None, _) => Err(said(Failure::new(format!("`{command}` left no package behind")), &output)),
        (Some(_), Some(_)) => {
            Err(said(Failure::new(format!("`{command}` left more than one package behind")), &output))
        }
    }
}

impl Client {
    fn of(origin: &Origin) -> Option<Self> {
        match origin {
            Origin::Npm { package, version } => Some(Self {
                programs: &[&["npm"]],
                // Nothing of the package may run here.
                arguments: words("pack --ignore-scripts --loglevel=error", &[format!("{package}@{version}")]),
                help: "help: install Node.js with its `npm`, for example with `apt-get install npm`",
            }),
            Origin::Pypi { package, version, wheel } => {
                let which = wheel.as_ref().map(|wheel| {
                    ["--python-version".into(), wheel.python.clone(), "--platform".into(), wheel.platform.clone()]
                });
                let mut rest: Vec<_> = which.into_iter().flatten().collect();
                rest.push(format!("{package}=={version}"));
                Some(Self {
                    programs: &[&["pip"], &["pip3"], &["python3", "-m", "pip"]],
                    // A wheel is only unpacked, a source package would be run.
                    arguments: words(
                        "download --quiet --disable-pip-version-check --no-deps --only-binary=:all:",
                        &rest,
                    ),
                    help: "help: install Python with its `pip`, for example with `apt-get install python3-pip`",
                })
            }
            Origin::Debian { package } => Some(Self {
                programs: &[&["apt-get"]],
                arguments: words("download --quiet", std::slice::from_ref(package)),
                help: "help: this package is one of Debian and of what is made from it; it needs `apt-get`",
            }),
            _ => None,
        }
    }

    /// Runs the first of its programs that is there; also gives the command as a person types it.
    fn run(&self, origin: &Origin, folder: &Path) -> Result<(String, Output), Failure> {
        for names in self.programs {
            let Some((program, first)) = names.split_first() else { continue };
            let mut command = Command::new(program);
            command.args(first.iter()).args(&self.arguments).current_dir(folder).stdin(Stdio::null());
            let text = format!("{} {}", names.join(" "), self.arguments.join(" "));
            match command.output() {
                Ok(output) => return Ok((text, output)),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(Failure::new(format!("`{text}` cannot be started: {error}"))),
            }
        }
        let name = self.programs.first().and_then(|names| names.first()).unwrap_or(&"");
        Err(Failure::new(format!("{origin} is fetched by `{name}`, which is not installed")).note(self.help))
    }
}

fn words(first: &str, rest: &[String]) -> Vec<String> {
    first.split_whitespace().map(str::to_owned).chain(rest.iter().cloned()).collect()
}

/// Adds the last lines of what the client said.
fn said(failure: Failure, output: &Output) -> Failure {
    let text = [&output.stderr, &output.stdout].map(|text| String::from_utf8_lossy(text).into_owned()).concat();
    let text = anstream::adapter::strip_str(&text).to_string();
    let lines: Vec<_> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let last = lines.iter().skip(lines.len().saturating_sub(LINES_MAX));
    let last: Vec<_> = last.map(|line| table::cut(line, LINE_LEN_MAX)).collect();
    if last.is_empty() { failure } else { failure.note(format!("note: it said: {}", last.join("\n    "))) }
}
