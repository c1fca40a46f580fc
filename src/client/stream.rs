//! The socket of a client, of TCP or of Unix, and how one is opened in a bounded time.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::io::{Errno, retry_on_intr};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv, socket_with,
};

use super::error::{ClientError, ClientResult};
use crate::endpoint::{Endpoint, look_up};

/// The shortest wait: the operating system takes zero for no limit.
const WAIT_MIN: Duration = Duration::from_millis(1);

/// A connected socket.
pub(crate) enum ClientStream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl ClientStream {
    /// Connects to the server before the deadline.
    pub(crate) fn connect(server: &Endpoint, deadline: Instant) -> ClientResult<Self> {
        let failed = |error| ClientError::network("connect to", server, false, error);
        let addresses = match server {
            Endpoint::Unix(path) => return connect_unix(path, deadline).map_err(failed),
            Endpoint::Ip(address) => vec![*address],
            Endpoint::Host { name, port } => look_up(name, *port)
                .map_err(|error| ClientError::network("look up", server, false, error))?,
        };
        connect_tcp(&addresses, deadline).map_err(failed)
    }

    /// Returns true if nothing is there to be read, and no end: at once, and without taking it.
    pub(crate) fn is_silent(&self) -> bool {
        let socket = match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        };
        let peeked = recv(socket, &mut [0; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT);
        matches!(peeked, Err(Errno::AGAIN | Errno::INTR))
    }

    /// Sets the longest time that a read may take.
    pub(crate) fn set_read_timeout(&self, time: Duration) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_read_timeout(Some(time)),
            Self::Unix(stream) => stream.set_read_timeout(Some(time)),
        }
    }

    /// Sets the longest time that a write may take.
    pub(crate) fn set_write_timeout(&self, time: Duration) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_write_timeout(Some(time)),
            Self::Unix(stream) => stream.set_write_timeout(Some(time)),
        }
    }
}

impl Read for ClientStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for ClientStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    /// Does nothing: a socket keeps no bytes back.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Connects to the first address that answers. One that is silent takes its share of the time, so
/// that the others have theirs.
fn connect_tcp(addresses: &[SocketAddr], deadline: Instant) -> io::Result<ClientStream> {
    let mut result = Err(ErrorKind::TimedOut.into());
    for (address, left) in addresses.iter().zip((1..=addresses.len()).rev()) {
        let share = remaining(deadline) / u32::try_from(left).unwrap_or(u32::MAX);
        result = TcpStream::connect_timeout(address, share.max(WAIT_MIN));
        if result.is_ok() {
            break;
        }
    }
    let stream = result?;
    // A request is sent when it is complete, so waiting for more bytes only delays it.
    stream.set_nodelay(true)?;
    Ok(ClientStream::Tcp(stream))
}

/// Connects to a Unix socket; waits while the queue of the server is full.
fn connect_unix(path: &Path, deadline: Instant) -> io::Result<ClientStream> {
    let address = SocketAddrUnix::new(path)?;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // The standard library connects without a limit of time.
    set_socket_timeout(&socket, Timeout::Send, Some(remaining(deadline).max(WAIT_MIN)))?;
    retry_on_intr(|| connect(&socket, &address)).map_err(|error| match error {
        Errno::AGAIN => ErrorKind::TimedOut.into(),
        error => io::Error::from(error),
    })?;
    Ok(ClientStream::Unix(socket.into()))
}

fn remaining(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Returns a listener and its address.
    fn listening() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    fn peer(stream: &ClientStream) -> SocketAddr {
        match stream {
            ClientStream::Tcp(stream) => stream.peer_addr().unwrap(),
            ClientStream::Unix(_) => panic!("it is a Unix socket"),
        }
    }

    #[test]
    fn an_address_that_refuses_or_is_silent_leaves_time_for_the_next() {
        let refusing_address = SocketAddr::from(([127, 0, 0, 1], 1));
        // The kernel answers nobody whose place in the queue another one took.
        let (silent, silent_address) = listening();
        rustix::net::listen(&silent, 0).unwrap();
        let _waiting = TcpStream::connect(silent_address).unwrap();
        let (_answering, answering_address) = listening();
        let deadline = Instant::now() + Duration::from_secs(2);
        let addresses = [refusing_address, silent_address, answering_address];
        let stream = connect_tcp(&addresses, deadline).unwrap();
        assert_eq!(peer(&stream), answering_address);
        let error = connect_tcp(&addresses[..1], deadline).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }
}
