//! A connection with its socket.

use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use crate::server::connection::owed::Owed;
use crate::server::connection::server_connection::ServerConnection;
use crate::server::net::admission::Admission;
use crate::server::net::patience::Patience;
use crate::server::net::transport::Transport;

/// The operations of a socket that may succeed, as the poll last reported.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Readiness {
    /// Bytes or the end may be there to read.
    pub(crate) readable: bool,
    /// The socket may take bytes.
    pub(crate) writable: bool,
    /// The peer ended its output or the connection broke; reading goes on until it meets that.
    pub(crate) ended: bool,
}

/// One connection of a worker with its socket.
pub(crate) struct SocketConnection<S> {
    pub(crate) socket: S,
    pub(crate) connection: ServerConnection,
    /// The place among the open connections, freed when this is dropped.
    pub(crate) _admission: Admission,
    readiness: Readiness,
    /// True while it is in the worker's queue.
    pub(crate) queued: bool,
    /// True once everything was sent; bytes that still come are discarded.
    lingering: bool,
    pub(crate) patience: Patience,
    /// True while it waits until less memory is held for clients.
    pub(crate) held_back: bool,
    /// True once it was evicted.
    evicted: bool,
    /// The bytes that were read and written in all.
    transferred: u64,
}

/// The result of one read.
pub(crate) enum SocketRead {
    /// This many bytes, at the front of the buffer.
    Bytes(usize),
    /// The peer sends no more.
    End,
    /// The socket is empty for now.
    Nothing,
}

impl<S: Transport> SocketConnection<S> {
    /// Returns the connection of a socket that was just accepted.
    pub(crate) fn new(socket: S, connection: ServerConnection, admission: Admission) -> Self {
        Self {
            socket,
            patience: Patience::new(connection.session().since),
            connection,
            _admission: admission,
            readiness: Readiness { readable: true, writable: true, ended: false },
            queued: false,
            lingering: false,
            held_back: false,
            evicted: false,
            transferred: 0,
        }
    }

    /// Records what the client owes and holds at the end of a turn, in which it was `served` or
    /// not.
    pub(crate) fn take_stock(&mut self, served: bool, now: Instant) {
        let owed = match self.connection.owed() {
            // Its bytes are sent in any turn.
            Owed::Room => Owed::Room,
            owed if served => owed,
            _ => Owed::Nothing,
        };
        self.patience.update(owed, self.transferred, now);
        self.connection.take_stock(self.patience.progress());
    }

    /// Ends the connection if its session was killed or evicted. Returns true if it was evicted
    /// just now.
    pub(crate) fn heed_session(&mut self) -> bool {
        let session = self.connection.session();
        if session.is_killed() {
            self.connection.abort();
        } else if session.is_evicted() && !self.evicted {
            self.evicted = true;
            self.connection.evict();
            return true;
        }
        false
    }

    /// Returns true if bytes of a request that is waited for are there to be read.
    pub(crate) fn is_about_to_receive(&self) -> bool {
        self.is_readable()
            && self.connection.wants_input()
            && self.connection.session().is_authenticated()
    }

    /// Records the readiness that the poll reported.
    pub(crate) fn ready(&mut self, readiness: Readiness) {
        self.readiness.readable |= readiness.readable || readiness.ended;
        self.readiness.writable |= readiness.writable;
        self.readiness.ended |= readiness.ended;
    }

    /// Begins to linger: sends nothing more and discards the bytes that still come.
    pub(crate) fn linger(&mut self) {
        self.lingering = true;
        // The poll may not report again the bytes that it reported before.
        self.readiness.readable = true;
    }

    /// Returns true if it sends nothing more.
    pub(crate) fn is_lingering(&self) -> bool {
        self.lingering
    }

    /// Returns true if it is to be read in the next turn.
    pub(crate) fn may_read_more(&self) -> bool {
        let takes_input = self.lingering || self.connection.wants_input() && !self.held_back;
        self.is_readable() && takes_input
    }

    /// Returns true if a read may bring something.
    pub(crate) fn is_readable(&self) -> bool {
        self.readiness.readable
    }

    /// Reads once.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<SocketRead> {
        loop {
            match self.socket.read(buffer) {
                Ok(0) => {
                    self.readiness.readable = false;
                    return Ok(SocketRead::End);
                }
                Ok(count) => {
                    self.transferred += count as u64;
                    // After a short read that drained the socket, later bytes are a new event; an
                    // end that was reported before is not reported again.
                    let drained = S::SHORT_READ_DRAINS && count < buffer.len();
                    self.readiness.readable = !drained || self.readiness.ended;
                    return Ok(SocketRead::Bytes(count));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.readiness.readable = false;
                    return Ok(SocketRead::Nothing);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes the output of the connection with one call; returns the number of bytes written.
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
                    self.transferred += count as u64;
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

/// Reads once if the connection takes input; returns the number of bytes read.
pub(crate) fn receive<S: Transport>(client: &mut SocketConnection<S>, buffer: &mut [u8]) -> u64 {
    if !client.is_readable() || !client.connection.wants_input() || client.held_back {
        return 0;
    }
    match client.read(buffer) {
        Ok(SocketRead::Bytes(count)) => {
            client.connection.receive(&buffer[..count]);
            return count as u64;
        }
        Ok(SocketRead::End) => client.connection.end_by_client(),
        Ok(SocketRead::Nothing) => {}
        Err(error) => note_failure(client, &error),
    }
    0
}

/// Reads and discards bytes for a lingering connection.
pub(crate) fn discard<S: Transport>(
    client: &mut SocketConnection<S>,
    buffer: &mut [u8],
    stopping: bool,
) {
    match client.read(buffer) {
        Ok(SocketRead::Bytes(_)) => {}
        Ok(SocketRead::Nothing) if !stopping => {}
        _ => client.connection.abort(),
    }
}

/// Runs the work of one connection; a panic ends that connection alone.
pub(crate) fn guarded<S: Transport, R>(
    client: &mut SocketConnection<S>,
    work: impl FnOnce(&mut SocketConnection<S>) -> R,
) -> Option<R> {
    let result = catch_unwind(AssertUnwindSafe(|| work(client)));
    if result.is_err() {
        note_panic(client);
        client.connection.abort();
    }
    result.ok()
}

/// Logs that executing a request panicked.
pub(crate) fn note_panic<S: Transport>(client: &SocketConnection<S>) {
    let address = &client.connection.session().address;
    log::error!("a request of {address} panicked; its connection is closed");
}

/// Ends a broken connection; logged for debugging only, because nobody needs to act on it.
pub(crate) fn note_failure<S: Transport>(client: &mut SocketConnection<S>, error: &io::Error) {
    log::debug!("connection of {} broke: {error}", client.connection.session().address);
    client.connection.abort();
}
