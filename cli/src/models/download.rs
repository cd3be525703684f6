//! Fetches an address, and goes on where an earlier attempt ended.

use super::bar::Bar;
use super::room;
use crate::failure::Failure;
use percent_encoding::percent_decode_str;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body};

/// How long a server may take to answer, or to give the next bytes.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a connection that ended too early is made again, as long as each one brings something.
const ATTEMPTS_MAX: usize = 16;
/// How much is taken at a time, in bytes.
const CHUNK_LEN: usize = 64 * 1024;

/// The file that an address of this machine leads to.
pub(super) fn local(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("file://")?;
    Some(PathBuf::from(percent_decode_str(path).decode_utf8_lossy().into_owned()))
}

/// What is to be fetched.
#[derive(Debug)]
pub(super) struct Download<'a> {
    pub(super) url: &'a str,
    /// File that it goes to; what is there already is the beginning of it.
    pub(super) part: &'a Path,
    /// Most bytes that are taken.
    pub(super) bytes_max: u64,
}

/// How an attempt ended that wrote what it could.
enum Ended {
    Whole,
    TooEarly(String),
}

impl Download<'_> {
    /// Fetches what is missing.
    ///
    /// # Errors
    /// The server refuses, ends or stalls, sends more than the most, or the disk is full. The part stays.
    pub(super) fn run(&self, bar: &dyn Fn(u64) -> Bar) -> Result<(), Failure> {
        let agent = agent();
        for _ in 0..ATTEMPTS_MAX {
            let before = self.len();
            match self.attempt(&agent, before, bar)? {
                Ended::Whole => return Ok(()),
                Ended::TooEarly(_) if self.len() > before => {}
                Ended::TooEarly(why) => return Err(self.interrupted(&why)),
            }
        }
        Err(self.interrupted(&format!("it ended too early {ATTEMPTS_MAX} times")))
    }

    fn interrupted(&self, why: &str) -> Failure {
        let Self { url, .. } = self;
        Failure::new(format!("{url}: the download was interrupted after {} bytes: {why}", self.len()))
            .note("help: run the command again; it goes on from there")
    }

    /// It is something else than what was asked for, so its beginning is of no use.
    fn too_long(&self) -> Failure {
        drop(fs::remove_file(self.part));
        let Self { url, bytes_max, .. } = self;
        Failure::new(format!(
            "{url}: it is longer than {bytes_max} bytes, which is not what the manifest was written for"
        ))
    }

    /// How much is there.
    fn len(&self) -> u64 {
        self.part.metadata().map_or(0, |found| found.len())
    }

    fn attempt(&self, agent: &Agent, begin: u64, bar: &dyn Fn(u64) -> Bar) -> Result<Ended, Failure> {
        let mut request = agent.get(self.url);
        if begin > 0 {
            request = request.header(header::RANGE, format!("bytes={begin}-"));
        }
        let response = match request.call() {
            Ok(response) => response,
            Err(error) => return Ok(Ended::TooEarly(error.to_string())),
        };
        match response.status() {
            StatusCode::OK => self.take(response, 0, bar),
            StatusCode::PARTIAL_CONTENT if begins_at(&response) == Some(begin) => self.take(response, begin, bar),
            StatusCode::RANGE_NOT_SATISFIABLE if whole_len(&response) == Some(begin) => Ok(Ended::Whole),
            // What is there is not the beginning of this.
            StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::PARTIAL_CONTENT if begin > 0 => {
                self.open(0)?;
                self.attempt(agent, 0, bar)
            }
            status => Err(Failure::new(format!("{}: the server answers {status}", self.url))),
        }
    }

    /// The file, with as much as is to be kept of it.
    fn open(&self, begin: u64) -> Result<File, Failure> {
        let open = || {
            let file = OpenOptions::new().create(true).append(true).open(self.part)?;
            file.set_len(begin).map(|()| file)
        };
        open().map_err(|error| room::write_failure(self.part, &error))
    }

    fn take(&self, response: Response<Body>, begin: u64, bar: &dyn Fn(u64) -> Bar) -> Result<Ended, Failure> {
        let mut out = self.open(begin)?;
        let body = response.into_body();
        let whole = body.content_length().map(|len| begin.saturating_add(len));
        let bar = bar(whole.unwrap_or(0));
        bar.set(begin);
        let (mut from, mut chunk, mut at) = (body.into_reader(), vec![0; CHUNK_LEN], begin);
        loop {
            let len = match from.read(&mut chunk) {
                Ok(0) if whole.is_some_and(|whole| at < whole) => {
                    return Ok(Ended::TooEarly("the connection ended too early".into()));
                }
                Ok(0) => return Ok(Ended::Whole),
                Ok(len) => len,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Ok(Ended::TooEarly(error.to_string())),
            };
            let len_u64 = u64::try_from(len).unwrap_or(u64::MAX);
            at = at.saturating_add(len_u64);
            if at > self.bytes_max {
                return Err(self.too_long());
            }
            let written = out.write_all(chunk.get(..len).unwrap_or_default());
            written.map_err(|error| room::write_failure(self.part, &error))?;
            bar.add(len_u64);
        }
    }
}

fn agent() -> Agent {
    let config = Agent::config_builder()
        .user_agent(concat!("graphmill/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_recv_response(Some(PATIENCE))
        .timeout_per_read(Some(PATIENCE))
        .http_status_as_error(false)
        .build();
    config.new_agent()
}

/// Where the bytes of an answer begin: `bytes 5-9/10`.
fn begins_at(response: &Response<Body>) -> Option<u64> {
    content_range(response)?.split('-').next()?.parse().ok()
}

/// How long the whole is: `bytes */10`.
fn whole_len(response: &Response<Body>) -> Option<u64> {
    content_range(response)?.split('/').nth(1)?.parse().ok()
}

fn content_range(response: &Response<Body>) -> Option<&str> {
    response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes ")
}
