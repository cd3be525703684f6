//! Lines over a socket: each read and each written as a whole until a deadline, none longer than a limit.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// How much is read at once.
const PIECE_LEN: usize = 4096;
/// The system takes no wait of zero for a wait.
const WAIT_MIN: Duration = Duration::from_millis(1);

/// Why there is no further line.
#[derive(Debug)]
pub(crate) enum NoLine {
    /// The other side has left.
    Gone,
    /// No whole line came in time.
    TimedOut,
    /// The line is longer than the limit.
    TooLong,
}

/// Reads and writes lines.
#[derive(Debug)]
pub(crate) struct Lines {
    stream: UnixStream,
    /// What was read and not yet given.
    read: Vec<u8>,
    len_max: usize,
}

impl Lines {
    /// Lines of at most `len_max` bytes to be read.
    pub(crate) fn new(stream: UnixStream, len_max: usize) -> Self {
        Self { stream, read: Vec::new(), len_max }
    }

    pub(crate) fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// The next line, without its line break; waits at most `timeout` for the whole of it.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn next(&mut self, timeout: Duration) -> Result<String, NoLine> {
        let until = Instant::now() + timeout;
        let mut searched = 0;
        loop {
            if let Some(len) = self.read.iter().skip(searched).position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=searched + len).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            searched = self.read.len();
            if searched > self.len_max {
                return Err(NoLine::TooLong);
            }
            self.read_more(until)?;
        }
    }

    fn read_more(&mut self, until: Instant) -> Result<(), NoLine> {
        let mut piece = [0; PIECE_LEN];
        loop {
            let left = until.checked_duration_since(Instant::now()).ok_or(NoLine::TimedOut)?;
            self.stream.set_read_timeout(Some(left.max(WAIT_MIN))).map_err(|_| NoLine::Gone)?;
            match self.stream.read(&mut piece) {
                Ok(0) => return Err(NoLine::Gone),
                Ok(len) => {
                    self.read.extend_from_slice(piece.get(..len).unwrap_or_default());
                    return Ok(());
                }
                Err(error) if is_pause(&error) => {}
                Err(_) => return Err(NoLine::Gone),
            }
        }
    }

    /// Writes a line; waits at most `timeout` until the other side has room for all of it.
    ///
    /// # Errors
    /// The other side has left, or does not read.
    pub(crate) fn write(&mut self, line: &str, timeout: Duration) -> io::Result<()> {
        let until = Instant::now() + timeout;
        let line = format!("{line}\n");
        let mut rest = line.as_bytes();
        while !rest.is_empty() {
            let left = until.checked_duration_since(Instant::now()).ok_or(io::ErrorKind::TimedOut)?;
            self.stream.set_write_timeout(Some(left.max(WAIT_MIN)))?;
            match self.stream.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(len) => rest = rest.get(len..).unwrap_or_default(),
                Err(error) if is_pause(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Whether the call ended before something happened.
fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn lines_come_whole_however_they_were_written() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let mut lines = Lines::new(near, 16);
        far.write_all(b"one\ntwo\r\nthr").unwrap();
        assert_eq!((lines.next(LONG).unwrap().as_str(), lines.next(LONG).unwrap().as_str()), ("one", "two"));
        assert!(matches!(lines.next(Duration::ZERO), Err(NoLine::TimedOut)));
        far.write_all(b"ee\n").unwrap();
        assert_eq!(lines.next(LONG).unwrap(), "three");
        drop(far);
        assert!(matches!(lines.next(LONG), Err(NoLine::Gone)));
    }

    #[test]
    fn line_without_an_end_is_refused_at_its_limit() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let mut lines = Lines::new(near, 16);
        far.write_all(&[b'x'; 17]).unwrap();
        assert!(matches!(lines.next(LONG), Err(NoLine::TooLong)));
    }

    #[test]
    fn reader_that_does_not_read_is_given_up() {
        let (near, _far) = UnixStream::pair().unwrap();
        let mut lines = Lines::new(near, 16);
        let error = lines.write(&"x".repeat(16 << 20), Duration::from_millis(20)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
