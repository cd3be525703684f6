//! Serves a control socket on threads of its own: one that lets clients in, and one for each client.
//!
//! A client has a deadline for each line that it writes and reads, and there are never more than [`CLIENTS_MAX`], so
//! what clients do costs this process a bounded number of threads and bytes, and the graph nothing.

use crate::control::lines::{Lines, NoLine};
use crate::control::protocol::{self, Asked, HELLO, Hello, Refusal, Request, VERSION};
use crate::control::{CLIENTS_MAX, Socket, steer};
use crate::failure::Failure;
use graphmill::exec::{SessionHandle, SessionReport};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{Shutdown, shutdown};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;
use std::net::Shutdown as StreamShutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Longest request in bytes.
const REQUEST_LEN_MAX: usize = 64 << 10;
/// How long a client may keep its place without a request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a client may take to read an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// How often it is looked whether a client that only listens is still there.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// How long the end of the program waits for clients to read how the session ended.
const FINISH_TIMEOUT: Duration = Duration::from_secs(1);
/// How long nobody is let in after the system refused, for example because it has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Writes a report as people read it, in lines of this width where that is known.
pub(crate) type Table = Box<dyn Fn(&SessionReport, Option<usize>) -> String + Send + Sync>;

/// A control socket that is served.
#[derive(Debug)]
pub(crate) struct Control {
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    socket: Mutex<Option<Arc<Socket>>>,
    session: SessionHandle,
    table: Table,
    state: Mutex<State>,
    has_changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Who is there, with a second hand on the connection to end it.
    clients: BTreeMap<u64, UnixStream>,
    next: u64,
    /// How the session ended.
    last: Option<Value>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("session", &self.session.name()).finish_non_exhaustive()
    }
}

impl Control {
    /// Serves the socket from now on.
    ///
    /// # Errors
    /// The system has no thread.
    pub(crate) fn serve(socket: Socket, session: SessionHandle, table: Table) -> Result<Self, Failure> {
        let socket = Arc::new(socket);
        let shared = Arc::new(Shared {
            socket: Mutex::new(Some(socket.clone())),
            session,
            table,
            state: Mutex::default(),
            has_changed: Condvar::new(),
        });
        let serving = shared.clone();
        let accepting = thread::Builder::new()
            .name("control".into())
            .spawn(move || accept(&serving, &socket))
            .map_err(|error| Failure::new(format!("cannot serve the control socket: {error}")))?;
        Ok(Self { shared, accepting: Some(accepting) })
    }

    /// Tells everybody who listens how the session ended, and takes the socket away. Waits for slow clients at most
    /// a second.
    pub(crate) fn finish(mut self, report: &SessionReport) {
        self.close();
        let mut state = self.shared.lock();
        state.last = Some(serde_json::to_value(report).unwrap_or_default());
        self.shared.has_changed.notify_all();
        for client in state.clients.values() {
            // Who waits for a request hears that there will be none; what is being written still arrives.
            drop(client.shutdown(StreamShutdown::Read));
        }
        let until = Instant::now() + FINISH_TIMEOUT;
        while !state.clients.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.shared.has_changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        for client in state.clients.values() {
            drop(client.shutdown(StreamShutdown::Both));
        }
    }

    /// Lets nobody in any more.
    fn close(&mut self) {
        let socket = self.shared.socket.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(socket) = socket {
            // Wakes the thread that lets clients in.
            let _woken = shutdown(socket.listener(), Shutdown::Both);
        }
        // It holds the socket, whose file goes away with it.
        drop(self.accepting.take().map(JoinHandle::join));
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_closed(&self) -> bool {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Gives a client a place; `None` when all are taken.
    fn enter(&self, stream: &UnixStream) -> Option<u64> {
        let mut state = self.lock();
        if state.clients.len() >= CLIENTS_MAX {
            return None;
        }
        let number = state.next;
        state.clients.insert(number, stream.try_clone().ok()?);
        state.next += 1;
        Some(number)
    }

    fn leave(&self, number: u64) {
        self.lock().clients.remove(&number);
        self.has_changed.notify_all();
    }
}

/// Lets clients in until the socket is closed.
fn accept(shared: &Arc<Shared>, socket: &Socket) {
    while !shared.is_closed() {
        match socket.listener().accept() {
            Ok((stream, _)) => welcome(shared, stream),
            Err(_) if shared.is_closed() => {}
            Err(_) => thread::sleep(ACCEPT_PAUSE),
        }
    }
}

fn welcome(shared: &Arc<Shared>, stream: UnixStream) {
    let Some(number) = shared.enter(&stream) else {
        let message = format!("there are {CLIENTS_MAX} clients already; try again when one of them has left");
        return turn_away(stream, &Refusal::new("too-many-clients", message));
    };
    let serving = shared.clone();
    let thread = thread::Builder::new().name("control-client".into()).spawn(move || {
        // Whatever a client does, its place is free afterwards; an error only means that it has left.
        drop(Client { shared: &serving, lines: Lines::new(stream, REQUEST_LEN_MAX) }.serve());
        serving.leave(number);
    });
    if thread.is_err() {
        shared.leave(number);
    }
}

/// Says why there is no place. A new connection has room for a line, so this does not wait.
fn turn_away(stream: UnixStream, refusal: &Refusal) {
    let line = protocol::answer(&Value::Null, Err(refusal.clone())).to_string();
    drop(Lines::new(stream, 0).write(&line, Duration::from_millis(10)));
}

struct Client<'a> {
    shared: &'a Shared,
    lines: Lines,
}

impl Client<'_> {
    /// Answers until the client leaves or breaks a rule.
    fn serve(mut self) -> io::Result<()> {
        let session = &self.shared.session;
        let pid = std::process::id();
        let hello = Hello { hello: HELLO.into(), version: VERSION, session: session.name().to_owned(), pid };
        self.tell(&json!(hello))?;
        loop {
            let line = match self.lines.next(IDLE_TIMEOUT) {
                Ok(line) => line,
                Err(NoLine::Gone) => return Ok(()),
                Err(NoLine::TimedOut) => {
                    let sentence = format!("no request for {} s", IDLE_TIMEOUT.as_secs());
                    return self.refuse(&Refusal::new("idle", sentence));
                }
                Err(NoLine::TooLong) => {
                    let sentence = format!("a request has at most {REQUEST_LEN_MAX} bytes");
                    return self.refuse(&Refusal::new("too-long", sentence));
                }
            };
            if !self.answer(&line)? {
                return Ok(());
            }
        }
    }

    /// Answers a request; `false` when the connection is of no use for another one.
    fn answer(&mut self, line: &str) -> io::Result<bool> {
        let Asked { id, request } = Asked::parse(line);
        let outcome = match request {
            Ok(Request::Events {}) => {
                self.tell(&protocol::answer(&id, Ok(Value::Null)))?;
                return self.stream_events().map(|()| false);
            }
            Ok(Request::Table { width }) => Ok(json!((self.shared.table)(&self.shared.session.report(), width))),
            Ok(request) => steer::carry_out(&self.shared.session, request),
            Err(refusal) => Err(refusal),
        };
        self.tell(&protocol::answer(&id, outcome)).map(|()| true)
    }

    fn refuse(&mut self, refusal: &Refusal) -> io::Result<()> {
        self.tell(&protocol::answer(&Value::Null, Err(refusal.clone())))
    }

    fn tell(&mut self, line: &Value) -> io::Result<()> {
        self.lines.write(&line.to_string(), WRITE_TIMEOUT)
    }

    /// Tells every change, and how the session ended.
    fn stream_events(&mut self) -> io::Result<()> {
        let mut events = self.shared.session.events();
        loop {
            match events.next_timeout(LOOK_INTERVAL) {
                Some(event) => self.tell(&protocol::change(&event))?,
                None if events.has_ended() => break,
                None if self.is_gone() => return Ok(()),
                None => {}
            }
        }
        match self.await_last() {
            Some(last) => self.tell(&json!({ "end": last })),
            None => Ok(()),
        }
    }

    /// The last report, which the program gives after the session; `None` when the client leaves first.
    fn await_last(&self) -> Option<Value> {
        let mut state = self.shared.lock();
        loop {
            if let Some(last) = &state.last {
                return Some(last.clone());
            }
            if self.is_gone() {
                return None;
            }
            let wait = self.shared.has_changed.wait_timeout(state, LOOK_INTERVAL);
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether nobody reads any more. A client that has only ended its own side still does.
    fn is_gone(&self) -> bool {
        let mut fds = [PollFd::new(self.lines.stream(), PollFlags::empty())];
        let gone = PollFlags::HUP | PollFlags::ERR;
        poll(&mut fds, Some(&Timespec::default())).is_ok() && fds.iter().any(|fd| fd.revents().intersects(gone))
    }
}
