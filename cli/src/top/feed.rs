//! What happens, from four sides over one bounded channel: reports, changes, keys, signals.
//!
//! The threads end with the program. One that waits for a key or for the session cannot be woken, so nobody joins them.

use crate::control::{Client, Request, Told, Wrong};
use crate::failure::Failure;
use crate::top::picture::{Change, Report};
use ratatui::crossterm::event::{self, Event, KeyEvent, KeyEventKind};
use ratatui::crossterm::terminal;
use serde_json::Value;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// News that wait to be drawn; who brings more waits.
const NEWS_MAX: usize = 256;
/// Requests that wait for the session; further ones are lost, as the person can press the key again.
const REQUESTS_MAX: usize = 4;
/// How long it is waited for a change at once; there is always another wait.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(3600);

/// How long the end waits for the terminal.
const END_TIMEOUT: Duration = Duration::from_secs(1);

/// Something that changes the view.
#[derive(Debug)]
pub(crate) enum News {
    Report(Box<Report>),
    Change(Change),
    /// Changes that came too fast.
    Missed(u64),
    /// The session did not do what it was asked for.
    Notice(String),
    /// The session has ended.
    Ended(Box<Report>),
    /// The session cannot be asked any more.
    Lost(String),
    Key(KeyEvent),
    Resized,
    Signal(i32),
}

/// Everything that happens.
#[derive(Debug)]
pub(crate) struct Feed {
    news: Receiver<News>,
    requests: SyncSender<Request>,
}

impl Feed {
    /// Connects to the session and listens to it and to the terminal.
    ///
    /// # Errors
    /// Nobody serves the socket, or the system has no thread.
    pub(crate) fn start(socket: &Path, interval: Duration) -> Result<Self, Failure> {
        let (asking, listening) = (Client::connect(socket)?, Client::connect(socket)?);
        let (tell, news) = sync_channel(NEWS_MAX);
        let (requests, wanted) = sync_channel(REQUESTS_MAX);
        let refused = |error: io::Error| Failure::new(format!("cannot listen to the session: {error}"));
        let signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(refused)?;
        let of_reports = tell.clone();
        spawn("reports", move || look(asking, (interval, &wanted), &of_reports)).map_err(refused)?;
        let of_changes = tell.clone();
        spawn("changes", move || listen(listening, &of_changes)).map_err(refused)?;
        let of_signals = tell.clone();
        spawn("signals", move || hear(signals, &of_signals)).map_err(refused)?;
        spawn("keys", move || read_keys(&tell)).map_err(refused)?;
        Ok(Self { news, requests })
    }

    /// What comes next; waits for it.
    pub(crate) fn next(&self) -> Option<News> {
        self.news.recv().ok()
    }

    /// What else is there already, so that it is drawn at once.
    pub(crate) fn pending(&self) -> impl Iterator<Item = News> {
        self.news.try_iter().take(NEWS_MAX)
    }

    /// Asks the session for something.
    pub(crate) fn ask(&self, request: Request) {
        drop(self.requests.try_send(request));
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.into()).spawn(run).map(drop)
}

/// Asks for a report each interval, and for whatever the person wants as soon as they do.
fn look(mut client: Client, (interval, wanted): (Duration, &Receiver<Request>), tell: &SyncSender<News>) {
    let mut next = Instant::now();
    loop {
        let news = match wanted.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Ok(request) => client.ask(&request).map(|_| None),
            Err(RecvTimeoutError::Timeout) => {
                next = Instant::now() + interval;
                client.ask(&Request::Report {}).map(report).map(Some)
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let news = match news {
            Ok(None) => continue,
            Ok(Some(report)) => News::Report(report),
            Err(Wrong::Refused(refusal)) => News::Notice(refusal.message),
            // The other connection says why.
            Err(Wrong::Lost(_)) => return,
        };
        if tell.send(news).is_err() {
            return;
        }
    }
}

fn report(report: Value) -> Box<Report> {
    // Keys that are missing are zero, so that sessions of other versions can be watched too.
    Box::new(serde_json::from_value(report).unwrap_or_default())
}

/// Follows the changes to the end of the session.
fn listen(mut client: Client, tell: &SyncSender<News>) {
    if let Err(wrong) = client.ask(&Request::Events {}) {
        drop(tell.send(News::Lost(sentence(wrong))));
        return;
    }
    loop {
        let news = match client.hear(LISTEN_TIMEOUT) {
            Ok(None | Some(Told::Ok(_))) => continue,
            Ok(Some(Told::Event(change))) => News::Change(serde_json::from_value(change).unwrap_or_default()),
            Ok(Some(Told::Missed(count))) => News::Missed(count),
            Ok(Some(Told::End(last))) => News::Ended(report(last)),
            Ok(Some(Told::Error(refusal))) => News::Lost(refusal.message),
            Err(wrong) => News::Lost(sentence(wrong)),
        };
        let is_last = matches!(news, News::Ended(_) | News::Lost(_));
        if tell.send(news).is_err() || is_last {
            return;
        }
    }
}

fn sentence(wrong: Wrong) -> String {
    match wrong {
        Wrong::Refused(refusal) => refusal.message,
        Wrong::Lost(message) => message,
    }
}

/// Tells of a signal, and ends the program itself where that is not heard: a terminal that takes no output, stopped with
/// ctrl-s for example, holds up the thread that draws on it.
fn hear(mut signals: Signals, tell: &SyncSender<News>) {
    if let Some(signal) = signals.forever().next() {
        drop(tell.try_send(News::Signal(signal)));
        thread::sleep(END_TIMEOUT);
        drop(terminal::disable_raw_mode());
        low_level::exit(128 + signal);
    }
}

/// Reads keys until the terminal is gone, which ends the program.
fn read_keys(tell: &SyncSender<News>) {
    loop {
        let news = match event::read() {
            Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => News::Key(key),
            Ok(Event::Resize(..)) => News::Resized,
            Ok(_) => continue,
            Err(_) => News::Signal(SIGHUP),
        };
        if tell.send(news).is_err() {
            return;
        }
    }
}
