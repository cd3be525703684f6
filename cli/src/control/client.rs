//! The other end of a control socket.

use crate::control::lines::{Lines, NoLine};
use crate::control::protocol::{HELLO, Hello, Refusal, Request, Told, VERSION};
use crate::control::socket;
use crate::failure::Failure;
use serde_json::Value;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest line of a server: the report of a large graph.
const LINE_LEN_MAX: usize = 64 << 20;
/// How long a server may take for its first line, and for an answer that needs nobody else.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a node may take for new params: its deadlines count, this only bounds them.
const UPDATE_TIMEOUT: Duration = Duration::from_secs(3600);

/// A connection to a running session.
#[derive(Debug)]
pub(crate) struct Client {
    lines: Lines,
    path: PathBuf,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Wrong {
    /// The session or its server says no.
    Refused(Refusal),
    /// The connection is of no use any more.
    Lost(String),
}

impl Client {
    /// Connects and hears who is there.
    ///
    /// # Errors
    /// Nobody serves the socket, or somebody who speaks otherwise.
    pub(crate) fn connect(path: &Path) -> Result<Self, Failure> {
        let stream = socket::connect_to(path).map_err(|error| no_connection(path, &error))?;
        let mut lines = Lines::new(stream, LINE_LEN_MAX);
        let name = path.display();
        let first = lines.next(ANSWER_TIMEOUT).map_err(|why| match why {
            NoLine::TimedOut => Failure::new(format!("the session at `{name}` does not answer"))
                .note("help: its nodes may still be starting; try again when it runs"),
            NoLine::Gone | NoLine::TooLong => stranger(path),
        })?;
        if let Ok(Told::Error(refusal)) = serde_json::from_str(&first).map_err(|_| ()).and_then(told) {
            return Err(Failure::new(format!("the session at `{name}` lets nobody in: {}", refusal.message)));
        }
        let hello: Hello = serde_json::from_str(&first).map_err(|_| stranger(path))?;
        match (hello.hello.as_str(), hello.version) {
            (HELLO, VERSION) => Ok(Self { lines, path: path.to_owned() }),
            (HELLO, version) => Err(Failure::new(format!(
                "the session at `{name}` speaks version {version} of the control protocol, this program version {VERSION}"
            ))
            .note("help: use the same version of graphmill as the run")),
            _ => Err(stranger(path)),
        }
    }

    /// Asks for something and waits for the answer.
    ///
    /// # Errors
    /// The session says no, or is gone.
    pub(crate) fn ask(&mut self, request: &Request) -> Result<Value, Wrong> {
        let line = serde_json::to_string(request).map_err(|error| self.lost(&error.to_string()))?;
        self.lines.write(&line, ANSWER_TIMEOUT).map_err(|error| self.lost(&error.to_string()))?;
        let timeout = if matches!(request, Request::Update { .. }) { UPDATE_TIMEOUT } else { ANSWER_TIMEOUT };
        match self.hear(timeout)? {
            Some(Told::Ok(value)) => Ok(value),
            Some(Told::Error(refusal)) => Err(Wrong::Refused(refusal)),
            Some(_) => Err(self.lost("it said something that was not asked for")),
            None => Err(self.lost("it did not answer in time")),
        }
    }

    /// What is said next; `None` when nothing is for `timeout`.
    ///
    /// # Errors
    /// The session is gone, or speaks otherwise.
    pub(crate) fn hear(&mut self, timeout: Duration) -> Result<Option<Told>, Wrong> {
        let line = match self.lines.next(timeout) {
            Ok(line) => line,
            Err(NoLine::TimedOut) => return Ok(None),
            Err(NoLine::Gone) => return Err(self.lost("it has closed the connection")),
            Err(NoLine::TooLong) => return Err(self.lost("it said more than a line may hold")),
        };
        let value = serde_json::from_str(&line).map_err(|error| self.lost(&error.to_string()))?;
        told(value).map(Some).map_err(|()| self.lost("it said something that this program does not know"))
    }

    fn lost(&self, why: &str) -> Wrong {
        Wrong::Lost(format!("lost the session at `{}`: {why}", self.path.display()))
    }
}

/// What a line says, without the number of its request.
fn told(mut line: Value) -> Result<Told, ()> {
    if let Some(line) = line.as_object_mut() {
        line.remove("id");
    }
    serde_json::from_value(line).map_err(drop)
}

fn stranger(path: &Path) -> Failure {
    Failure::new(format!("whoever serves `{}` is no run of graphmill", path.display()))
}

fn no_connection(path: &Path, error: &io::Error) -> Failure {
    let name = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => Failure::new(format!("there is no control socket `{name}`"))
            .note(format!("help: start the graph with `graphmill run FILE --control {name}`; the socket ends with it")),
        io::ErrorKind::ConnectionRefused => {
            Failure::new(format!("nobody serves the control socket `{name}`: its run has ended without removing it"))
        }
        io::ErrorKind::PermissionDenied => Failure::new(format!("the control socket `{name}` belongs to another user")),
        _ => Failure::new(format!("cannot connect to the control socket `{name}`: {error}")),
    }
}
