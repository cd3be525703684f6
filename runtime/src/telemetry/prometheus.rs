//! Metrics as a page for Prometheus, over a small HTTP server of one thread.
//!
//! It answers one client at a time, and each has two seconds: a scraper asks every few seconds, and whoever keeps the
//! thread busy keeps only other scrapers waiting.

mod page;

pub use page::prometheus_page;

use crate::telemetry::exporter::Exporter;
use crate::telemetry::observer::Observer;
use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// What a scraper asks for fits in it many times.
const REQUEST_BYTES_MAX: usize = 8 * 1024;
/// Lines of a request that are looked at.
const HEADERS_MAX: usize = 64;
/// How long a client may take for its request, and then for taking the answer.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the server rests when the system gives it no connection.
const REST: Duration = Duration::from_millis(100);

/// A page of metrics that is served until this is dropped or stopped.
#[derive(Debug)]
pub struct PrometheusPage {
    address: SocketAddr,
    exporter: Option<Exporter>,
}

/// Serves the numbers of a session under `/metrics`, without encryption or a password: listen on a loopback address
/// unless everybody in the network may read them.
///
/// ```no_run
/// # fn serve(session: &graphmill::Session) -> std::io::Result<()> {
/// let listener = std::net::TcpListener::bind("127.0.0.1:9464")?;
/// let page = graphmill::telemetry::serve_prometheus(session.observer(), listener)?;
/// # drop(page);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// The listener has no address, or the system has no thread left.
pub fn serve_prometheus(observer: Observer, listener: TcpListener) -> io::Result<PrometheusPage> {
    // One that does not wait would be asked without a pause.
    listener.set_nonblocking(false)?;
    let address = listener.local_addr()?;
    let exporter = Exporter::spawn("metrics-page", move |stopped| serve(&listener, &observer, stopped))?;
    Ok(PrometheusPage { address, exporter: Some(exporter) })
}

impl PrometheusPage {
    /// Where the page is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the server and waits for that, at most for `timeout`; `false` when a client stalls it for longer.
    pub fn stop(mut self, timeout: Duration) -> bool {
        self.exporter.take().is_none_or(|exporter| self.end(exporter, timeout))
    }

    fn end(&self, exporter: Exporter, timeout: Duration) -> bool {
        let address = self.address;
        // The thread sleeps in `accept`, so it is called once more after the end was told.
        exporter.stop_with(timeout, || drop(TcpStream::connect_timeout(&reachable(address), REST)))
    }
}

impl Drop for PrometheusPage {
    fn drop(&mut self) {
        if let Some(exporter) = self.exporter.take() {
            self.end(exporter, Duration::ZERO);
        }
    }
}

/// Where a server is reached from this machine.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

fn serve(listener: &TcpListener, observer: &Observer, stopped: &Receiver<()>) {
    loop {
        let client = listener.accept();
        if stopped.try_recv() == Err(TryRecvError::Disconnected) {
            return;
        }
        match client {
            // A client that leaves early does not want an answer.
            Ok((client, _)) => drop(answer(client, observer)),
            Err(error) => {
                tracing::debug!("no connection for the metrics page: {error}");
                if stopped.recv_timeout(REST) == Err(RecvTimeoutError::Disconnected) {
                    return;
                }
            }
        }
    }
}

fn answer(mut client: TcpStream, observer: &Observer) -> io::Result<()> {
    client.set_write_timeout(Some(CLIENT_TIMEOUT))?;
    let response = match read_request(&mut client)? {
        Request::Page { is_head } => Response { status: "200 OK", body: prometheus_page(&observer.metrics()), is_head },
        Request::Elsewhere => Response::error("404 Not Found", "the metrics are under /metrics\n"),
        Request::Method => Response::error("405 Method Not Allowed", "only GET and HEAD are answered\n"),
        Request::Bad => Response::error("400 Bad Request", "this is no HTTP request\n"),
    };
    response.write(&mut client)
}

/// What a client wants.
#[derive(Debug, PartialEq, Eq)]
enum Request {
    Page { is_head: bool },
    Elsewhere,
    Method,
    Bad,
}

fn read_request(client: &mut TcpStream) -> io::Result<Request> {
    let until = Instant::now() + CLIENT_TIMEOUT;
    let mut bytes = Vec::new();
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        client.set_read_timeout(Some(left))?;
        let mut chunk = [0; 1024];
        let count = client.read(&mut chunk)?;
        bytes.extend_from_slice(chunk.get(..count).unwrap_or_default());
        if let Some(request) = parse(&bytes) {
            return Ok(request);
        }
        if count == 0 || bytes.len() > REQUEST_BYTES_MAX {
            return Ok(Request::Bad);
        }
    }
}

/// What a request asks for; `None` while it is not whole.
fn parse(bytes: &[u8]) -> Option<Request> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Partial) => return None,
        Ok(httparse::Status::Complete(_)) => {}
        Err(_) => return Some(Request::Bad),
    }
    let path = request.path.unwrap_or_default().split('?').next().unwrap_or_default();
    Some(match request.method {
        Some("GET" | "HEAD") if path != "/metrics" => Request::Elsewhere,
        Some("GET") => Request::Page { is_head: false },
        Some("HEAD") => Request::Page { is_head: true },
        _ => Request::Method,
    })
}

/// The word for what a request asks for.
#[cfg(feature = "fuzzing")]
pub fn fuzzed_request(bytes: &[u8]) -> Option<&'static str> {
    parse(bytes).map(|request| match request {
        Request::Page { is_head: false } => "Page",
        Request::Page { is_head: true } => "Head",
        Request::Elsewhere => "Elsewhere",
        Request::Method => "Method",
        Request::Bad => "Bad",
    })
}

struct Response {
    status: &'static str,
    body: String,
    is_head: bool,
}

impl Response {
    fn error(status: &'static str, text: &str) -> Self {
        Self { status, body: text.to_owned(), is_head: false }
    }

    fn write(&self, client: &mut TcpStream) -> io::Result<()> {
        let Self { status, body, is_head } = self;
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        client.write_all(head.as_bytes())?;
        if !is_head {
            client.write_all(body.as_bytes())?;
        }
        client.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_is_understood_only_when_it_is_whole() {
        let table: [(&[u8], Option<Request>); 8] = [
            (b"GET /metrics HTTP/1.1\r\nHost: a\r\n", None),
            (b"", None),
            (b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", Some(Request::Page { is_head: false })),
            (b"GET /metrics?x=1 HTTP/1.0\r\n\r\n", Some(Request::Page { is_head: false })),
            (b"HEAD /metrics HTTP/1.1\r\n\r\n", Some(Request::Page { is_head: true })),
            (b"GET / HTTP/1.1\r\n\r\n", Some(Request::Elsewhere)),
            (b"POST /metrics HTTP/1.1\r\n\r\n", Some(Request::Method)),
            (b"\x16\x03\x01\x02\x00", Some(Request::Bad)),
        ];
        for (bytes, wanted) in table {
            assert_eq!(parse(bytes), wanted, "{}", String::from_utf8_lossy(bytes));
        }
    }
}
