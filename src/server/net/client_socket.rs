//! The socket of a client: TCP or Unix.

use std::io::{self, Read, Write};
use std::net::Shutdown;

use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};

use crate::server::net::transport::Transport;

/// A connected socket.
pub(crate) enum ClientSocket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl ClientSocket {
    /// Makes the poll of the registry report the socket under this token.
    ///
    /// Readable and writable are watched at once and for good: events come at edges, so the unused
    /// one costs nothing.
    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        match self {
            Self::Tcp(socket) => registry.register(socket, token, interest),
            Self::Unix(socket) => registry.register(socket, token, interest),
        }
    }
}

impl Read for ClientSocket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.read(buffer),
            Self::Unix(socket) => socket.read(buffer),
        }
    }
}

impl Write for ClientSocket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.write(bytes),
            Self::Unix(socket) => socket.write(bytes),
        }
    }

    /// Does nothing: a socket keeps no bytes back.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Transport for ClientSocket {
    // At a Unix socket a read also ends behind bytes that came with a file descriptor. No client
    // sends any; one that does waits for itself, until it sends more.
    const SHORT_READ_DRAINS: bool = true;

    fn end_output(&self) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.shutdown(Shutdown::Write),
            Self::Unix(socket) => socket.shutdown(Shutdown::Write),
        }
    }
}
