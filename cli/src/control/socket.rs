//! The socket file: nobody but its user can open it, and it never takes the place of anything that is of use.

use crate::failure::Failure;
use rustix::fs::{Mode, fchmod};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with};
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// Clients that wait to be let in.
const BACKLOG: i32 = 16;
/// The rights of the socket: its user may connect, nobody else.
const RIGHTS: u32 = 0o600;
/// How often, and how many times, a folder in which another program makes a socket is tried again.
const LOCK_RETRY: Duration = Duration::from_millis(10);
const LOCK_TRIES: usize = 200;

/// A socket that listens. Its file goes away with it, unless another one has taken its place.
#[derive(Debug)]
pub(crate) struct Socket {
    listener: UnixListener,
    /// Absolute: the working folder may change.
    path: PathBuf,
    /// Device and number of the file.
    identity: (u64, u64),
}

impl Socket {
    /// Makes a socket at this path. The one of a program that has ended is replaced.
    ///
    /// # Errors
    /// There is something else, or another program serves it, or the system refuses.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        // Another program that starts now must not take this one's socket for a stale one before it listens.
        let _lock = lock_folder(path)?;
        match listen_at(path) {
            Err(error) if error == rustix::io::Errno::ADDRINUSE => {
                remove_stale(path)?;
                listen_at(path)
            }
            outcome => outcome,
        }
        .map_err(io::Error::from)
        .and_then(|listener| Self::of(listener, path))
        .map_err(|error| cannot(path, &error))
    }

    fn of(listener: OwnedFd, path: &Path) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        let metadata = fs::symlink_metadata(&path)?;
        let socket = Self { listener: listener.into(), path, identity: identity_of(&metadata) };
        if metadata.mode() & 0o777 != RIGHTS {
            return Err(io::Error::other("its folder does not keep the rights of a socket; choose another one"));
        }
        Ok(socket)
    }

    pub(crate) fn listener(&self) -> &UnixListener {
        &self.listener
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let is_mine = fs::symlink_metadata(&self.path).is_ok_and(|found| identity_of(&found) == self.identity);
        if is_mine {
            // Gone already is as good.
            drop(fs::remove_file(&self.path));
        }
    }
}

fn identity_of(metadata: &fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Keeps other programs from making a socket in the folder meanwhile.
fn lock_folder(path: &Path) -> Result<File, Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = File::open(folder).map_err(|error| cannot(path, &error))?;
    for _ in 0..LOCK_TRIES {
        match folder.try_lock() {
            Ok(()) => return Ok(folder),
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_RETRY),
            Err(TryLockError::Error(error)) => return Err(cannot(path, &error)),
        }
    }
    Err(cannot(path, &io::Error::other("another program keeps its folder locked")))
}

fn listen_at(path: &Path) -> rustix::io::Result<OwnedFd> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // The file is born with the rights of the socket, so there is no moment at which others may connect.
    fchmod(&socket, Mode::from_bits_truncate(RIGHTS))?;
    bind(&socket, &SocketAddrUnix::new(path)?)?;
    listen(&socket, BACKLOG)?;
    Ok(socket)
}

/// Removes a socket that nobody listens at.
fn remove_stale(path: &Path) -> Result<(), Failure> {
    let found = fs::symlink_metadata(path).map_err(|error| cannot(path, &error))?;
    if !found.file_type().is_socket() {
        return Err(cannot(path, &io::Error::other("there is something else, which is no socket")));
    }
    match connect_to(path).map_err(|error| error.kind()) {
        Err(io::ErrorKind::ConnectionRefused) => fs::remove_file(path).map_err(|error| cannot(path, &error)),
        Err(io::ErrorKind::PermissionDenied) => {
            Err(cannot(path, &io::Error::other("it is the socket of somebody else")))
        }
        _ => Err(cannot(path, &io::Error::other("another program serves it"))
            .note("help: give each run a socket of its own")),
    }
}

/// Connects without waiting for a server that lets nobody in.
///
/// # Errors
/// There is no socket, nobody listens, or too many wait already.
pub(crate) fn connect_to(path: &Path) -> io::Result<UnixStream> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

fn cannot(path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("cannot make the control socket `{}`: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(path: &Path) -> String {
        Socket::open(path).unwrap_err().render().unwrap()
    }

    #[test]
    fn only_the_user_may_connect_and_the_file_goes_with_the_socket() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control");
        let socket = Socket::open(&path).unwrap();
        let found = fs::symlink_metadata(&path).unwrap();
        assert!(found.file_type().is_socket());
        assert_eq!(found.mode() & 0o777, 0o600);
        connect_to(&path).unwrap();
        drop(socket);
        assert!(!path.exists());
    }

    #[test]
    fn stale_socket_is_replaced_and_a_live_one_or_a_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control");
        // It listens no more, and its file stays.
        drop(UnixListener::bind(&path).unwrap());
        let socket = Socket::open(&path).unwrap();
        assert!(refused(&path).contains("another program serves it"), "{}", refused(&path));
        connect_to(&path).unwrap();

        let file = folder.path().join("file");
        fs::write(&file, "of use").unwrap();
        assert!(refused(&file).contains("which is no socket"), "{}", refused(&file));
        assert_eq!(fs::read_to_string(&file).unwrap(), "of use");
        drop(socket);
    }

    #[test]
    fn file_that_took_the_place_of_the_socket_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control");
        let socket = Socket::open(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "of use").unwrap();
        drop(socket);
        assert!(path.exists());
    }

    #[test]
    fn folder_that_is_not_there_and_names_that_are_too_long_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        assert!(refused(&folder.path().join("no/control")).contains("No such file"));
        assert!(refused(&folder.path().join("x".repeat(200))).contains("cannot make the control socket"));
    }
}
