//! A server on this machine that gives one prepared answer after another.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

/// What a request is answered with.
pub(crate) enum Answer {
    /// All of it, whatever was asked for.
    Whole(Vec<u8>),
    /// What was asked for.
    Part(Vec<u8>),
    /// So many bytes of what was asked for; then the connection ends.
    Cut(Vec<u8>, usize),
    /// So many bytes of what was asked for, and the rest when somebody says so.
    Held(Vec<u8>, usize, Receiver<()>),
    /// A number and nothing else.
    Status(u16),
}

/// The server, until its last answer is given.
pub(crate) struct Web {
    url: String,
    thread: JoinHandle<Vec<u64>>,
}

impl Web {
    pub(crate) fn new<const N: usize>(answers: [Answer; N]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serve = move || answers.into_iter().map(|answer| answer.give(listener.accept().unwrap().0)).collect();
        Self { url, thread: thread::spawn(serve) }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.url)
    }

    /// From which byte on each request wanted it. Waits until every answer is given.
    pub(crate) fn requests(self) -> Vec<u64> {
        self.thread.join().unwrap()
    }
}

/// An answer that waits in its middle, and what lets it go on.
pub(crate) fn held(bytes: &[u8], at: usize) -> (Answer, Sender<()>) {
    let (go_on, held) = channel();
    (Answer::Held(bytes.to_vec(), at, held), go_on)
}

impl Answer {
    fn give(self, mut stream: TcpStream) -> u64 {
        let begin = wanted(&stream);
        let from = usize::try_from(begin).unwrap();
        let (bytes, from, len, gate) = match self {
            Self::Status(status) => {
                let text = format!("HTTP/1.1 {status} Oh\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                stream.write_all(text.as_bytes()).unwrap();
                return begin;
            }
            Self::Whole(bytes) => (bytes, 0, usize::MAX, None),
            Self::Part(bytes) => (bytes, from, usize::MAX, None),
            Self::Cut(bytes, len) => (bytes, from, len, None),
            Self::Held(bytes, len, gate) => (bytes, from, len, Some(gate)),
        };
        let total = bytes.len();
        let Some(rest) = bytes.get(from..).filter(|rest| from == 0 || !rest.is_empty()) else {
            let text = format!("HTTP/1.1 416 No\r\nContent-Range: bytes */{total}\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(text.as_bytes()).unwrap();
            return begin;
        };
        let status = if from == 0 {
            "200 OK".to_owned()
        } else {
            format!("206 Part\r\nContent-Range: bytes {from}-{}/{total}", total - 1)
        };
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", rest.len());
        let (first, second) = rest.split_at(len.min(rest.len()));
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(first)).unwrap();
        if let Some(gate) = gate {
            // Nobody may be there any more, on either side.
            let _ = gate.recv();
            drop(stream.write_all(second));
        }
        begin
    }
}

/// Reads a request and says from which byte on it wants something.
fn wanted(stream: &TcpStream) -> u64 {
    let lines = BufReader::new(stream).lines().map(Result::unwrap).take_while(|line| !line.is_empty());
    let range = lines.filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let begin = value.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()?;
        name.eq_ignore_ascii_case("range").then_some(begin)
    });
    range.last().unwrap_or(0)
}
