//! A connection with its socket.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mio::net::TcpStream;

use crate::server::connection::server_connection::Connection;
use crate::server::net::admission::Admission;

/// A stream that reports [`ErrorKind::WouldBlock`] instead of waiting.
pub(crate) trait Socket: Read + Write {
    /// Tells the peer that nothing more will be written.
    fn end_output(&self) -> io::Result<()>;
}

impl Socket for TcpStream {
    fn end_output(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

/// Which operations of a socket may succeed since the poll last said so.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Readiness {
    /// There may be bytes or an end to read.
    pub(crate) readable: bool,
    /// There may be room to write.
    pub(crate) writable: bool,
    /// The peer ended its output, or the connection broke: reading goes on until that is met.
    pub(crate) ended: bool,
}

/// One connection of a worker.
pub(crate) struct Client<S> {
    pub(crate) socket: S,
    pub(crate) connection: Connection,
    /// Makes room for another connection when this one is dropped.
    pub(crate) _admission: Admission,
    readiness: Readiness,
    /// It is in the worker's queue.
    pub(crate) queued: bool,
    /// It sends nothing more and only takes what its peer still sends.
    lingering: bool,
}

/// What one read brought.
pub(crate) enum Received {
    /// This many bytes, now in the front of the buffer.
    Bytes(usize),
    /// The peer sends no more.
    End,
    /// Nothing now.
    Nothing,
}

impl<S: Socket> Client<S> {
    /// A client whose socket was just accepted.
    pub(crate) fn new(socket: S, connection: Connection, admission: Admission) -> Self {
        Self {
            socket,
            connection,
            _admission: admission,
            readiness: Readiness { readable: true, writable: true, ended: false },
            queued: false,
            lingering: false,
        }
    }

    /// Notes what the poll said.
    pub(crate) fn ready(&mut self, readiness: Readiness) {
        self.readiness.readable |= readiness.readable || readiness.ended;
        self.readiness.writable |= readiness.writable;
        self.readiness.ended |= readiness.ended;
    }

    /// Sends nothing more, and from now on only takes what the peer still sends.
    pub(crate) fn linger(&mut self) {
        self.lingering = true;
        // Whatever the poll said before: only a read tells whether something is left.
        self.readiness.readable = true;
    }

    /// Whether it only takes what the peer still sends.
    pub(crate) fn is_lingering(&self) -> bool {
        self.lingering
    }

    /// Whether a read may bring something.
    pub(crate) fn is_readable(&self) -> bool {
        self.readiness.readable
    }

    /// Reads once.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        loop {
            match self.socket.read(buffer) {
                Ok(0) => {
                    self.readiness.readable = false;
                    return Ok(Received::End);
                }
                Ok(count) => {
                    // A short read took everything there was, and what comes later is a new event;
                    // only an end that was announced before would not be.
                    self.readiness.readable = count == buffer.len() || self.readiness.ended;
                    return Ok(Received::Bytes(count));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.readiness.readable = false;
                    return Ok(Received::Nothing);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes once what the connection has for its peer; how many bytes went.
    pub(crate) fn write(&mut self) -> io::Result<usize> {
        let output = self.connection.output();
        if output.is_empty() || !self.readiness.writable {
            return Ok(0);
        }
        loop {
            match self.socket.write(output.as_slice()) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.readiness.writable = count == output.len();
                    output.consume(count);
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.readiness.writable = false;
                    return Ok(0);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Reads once, if the connection has a use for it; how many bytes came.
pub(crate) fn receive<S: Socket>(client: &mut Client<S>, buffer: &mut [u8]) -> u64 {
    if client.connection.session().is_killed() {
        client.connection.abort();
    }
    if !client.is_readable() || !client.connection.wants_input() {
        return 0;
    }
    match client.read(buffer) {
        Ok(Received::Bytes(count)) => {
            client.connection.receive(&buffer[..count]);
            return count as u64;
        }
        Ok(Received::End) => client.connection.end_by_client(),
        Ok(Received::Nothing) => {}
        Err(error) => note_failure(client, &error),
    }
    0
}

/// Takes what the peer of a connection that ended still sends.
pub(crate) fn discard<S: Socket>(client: &mut Client<S>, buffer: &mut [u8], stopping: bool) {
    match client.read(buffer) {
        Ok(Received::Bytes(_)) => {}
        Ok(Received::Nothing) if !stopping => {}
        _ => client.connection.abort(),
    }
}

/// Runs the work of one connection; if it panics, only that connection ends.
pub(crate) fn guarded<S: Socket, R>(
    client: &mut Client<S>,
    work: impl FnOnce(&mut Client<S>) -> R,
) -> Option<R> {
    let result = catch_unwind(AssertUnwindSafe(|| work(client)));
    if result.is_err() {
        note_panic(client);
        client.connection.abort();
    }
    result.ok()
}

/// Logs that executing a request panicked.
pub(crate) fn note_panic<S: Socket>(client: &Client<S>) {
    let address = client.connection.session().address;
    log::error!("a request of {address} panicked; its connection is closed");
}

/// A broken connection is the peer's business: it is over, and nobody needs to act.
pub(crate) fn note_failure<S: Socket>(client: &mut Client<S>, error: &io::Error) {
    log::debug!("connection of {} broke: {error}", client.connection.session().address);
    client.connection.abort();
}
