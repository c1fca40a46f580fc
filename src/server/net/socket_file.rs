//! The file of a Unix socket: made for its owner alone, taken over from a server that died, removed
//! with the socket.
//!
//! The file of a socket outlives a killed server, and binding refuses a path that exists. So a
//! server that finds a socket asks it: if nobody listens there, nobody ever will again, and the
//! file is removed. A file that is no socket is never touched. Servers that start do so one after
//! the other in each directory, so that none takes the socket of another for a dead one.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, fchmod};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with,
};

use crate::Endpoint;
use crate::options::table::UNIX_SOCKET_MODE;
use crate::sync::sleep;

/// The number of times that a server asks for its turn to start, which takes others milliseconds.
const TURNS_MAX: usize = 200;

/// The pause between two of them.
const TURN_PAUSE: Duration = Duration::from_millis(10);

/// The longest queue of clients that the system allows.
pub(crate) const BACKLOG: i32 = -1;

/// The file of a listening socket; dropping it removes the file.
pub(crate) struct SocketFile {
    /// Absolute, so that it means the same file for as long as the program runs.
    path: PathBuf,
    identity: FileIdentity,
}

/// The device and the number of a file: a name may come to mean another file.
#[derive(PartialEq, Eq)]
struct FileIdentity {
    device: u64,
    number: u64,
}

impl SocketFile {
    /// Listens at the path, at which there may be the socket of a server that died.
    pub(crate) fn listen(path: &Path) -> io::Result<(Self, UnixListener)> {
        let address = SocketAddrUnix::new(path)?;
        let path = std::path::absolute(path)?;
        let _turn = take_turn(&path)?;
        remove_dead(&path, &address)?;
        let socket = stream_socket()?;
        // The file gets the mode of the socket, so at no moment may anybody else connect.
        fchmod(&socket, Mode::from_raw_mode(UNIX_SOCKET_MODE))?;
        bind(&socket, &address)?;
        let file = Self { identity: FileIdentity::of_socket(&path)?, path };
        listen(&socket, BACKLOG)?;
        Ok((file, socket.into()))
    }

    /// Returns the path as an address.
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::Unix(self.path.clone())
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // By now the path may be that of another server.
        let is_own = FileIdentity::of_socket(&self.path).is_ok_and(|found| found == self.identity);
        if is_own && let Err(error) = fs::remove_file(&self.path) {
            log::warn!("cannot remove the socket {}: {error}", self.path.display());
        }
    }
}

impl FileIdentity {
    /// Returns the identity of the socket at the path, which is not followed if it is a link.
    fn of_socket(path: &Path) -> io::Result<Self> {
        let found = fs::symlink_metadata(path)?;
        if !found.file_type().is_socket() {
            let text = "a file that is no socket is there; remove it, or choose another path";
            return Err(io::Error::new(ErrorKind::AlreadyExists, text));
        }
        Ok(Self { device: found.dev(), number: found.ino() })
    }
}

/// Waits until no other server starts in the directory of the path; they wait until the result is
/// dropped.
fn take_turn(path: &Path) -> io::Result<UnixDatagram> {
    let directory = fs::metadata(path.parent().unwrap_or(path))?;
    // A name without a file: it is taken while the socket is open, and nobody has to remove it.
    let name = format!("kvs-server starting in {}:{}", directory.dev(), directory.ino());
    let address = SocketAddr::from_abstract_name(name)?;
    for _ in 0..TURNS_MAX {
        match UnixDatagram::bind_addr(&address) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => sleep(TURN_PAUSE),
            taken => return taken,
        }
    }
    let text = "other servers are starting in this directory; try again, or choose another one";
    Err(io::Error::new(ErrorKind::AddrInUse, text))
}

/// Removes the socket of a server that died, and nothing else.
fn remove_dead(path: &Path, address: &SocketAddrUnix) -> io::Result<()> {
    match FileIdentity::of_socket(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !refuses(address)? {
        let text = "another server listens there; stop it, or choose another path";
        return Err(io::Error::new(ErrorKind::AddrInUse, text));
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => log::info!("replacing the socket {} of a server that is gone", path.display()),
    }
    Ok(())
}

/// Returns true if nobody listens at the socket.
fn refuses(address: &SocketAddrUnix) -> io::Result<bool> {
    match connect(&stream_socket()?, address) {
        // A queue that is full belongs to a server too.
        Ok(()) | Err(Errno::AGAIN) => Ok(false),
        Err(Errno::CONNREFUSED | Errno::NOENT) => Ok(true),
        Err(error) => {
            let text = format!("a socket is there that cannot be asked for its server: {error}");
            Err(io::Error::new(io::Error::from(error).kind(), text))
        }
    }
}

/// Returns a new socket that never blocks.
fn stream_socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?)
}
