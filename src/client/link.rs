//! The way of a client to its server: a connection that is made anew when it broke, and calls that
//! are repeated where that does no harm.

use std::time::Instant;

use super::back_off::BackOff;
use super::connection::Connection;
use super::effect::RequestEffect;
use super::error::{ClientError, ClientResult};
use super::options::ClientOptions;
use crate::bugs::{Bug, planted, unless_planted};
use crate::endpoint::Endpoint;
use crate::protocol::native::{Place, RequestMessage, RequestOperation, Success};
use crate::sync::Arc;

/// A server and how it is reached.
pub(super) struct ServerAccess {
    pub(super) address: Endpoint,
    pub(super) options: ClientOptions,
}

impl ServerAccess {
    /// Connects with one attempt, for a call that ends at the deadline.
    pub(super) fn connect(&self, start: Instant, deadline: Instant) -> ClientResult<Connection> {
        let connect_deadline = deadline.min(start + self.options.connect_timeout);
        let mut connection = Connection::open(&self.address, start, connect_deadline)
            .map_err(ClientError::before_request)?;
        connection.begin(start, deadline);
        if let Some(password) = self.options.password.as_deref() {
            let operation = RequestOperation::Authenticate { password: password.into() };
            connection
                .exchange(&mut RequestMessage::new(0, operation))
                .and_then(|()| {
                    connection.take(|answer| match answer {
                        Ok(Success::Done) => Some(Ok(())),
                        Ok(_) => None,
                        Err(failure) => Some(Err(failure)),
                    })?
                })
                .map_err(ClientError::before_request)?;
        }
        Ok(connection)
    }
}

/// The connection of a client, and how to make another one.
pub(super) struct Link {
    server: Arc<ServerAccess>,
    /// None before the first call, and after a failure.
    connection: Option<Connection>,
    /// True if writes that may not survive power loss were sent over this connection since the last
    /// sync.
    has_unsynced: bool,
    /// True if such a connection was lost since the last sync.
    has_lost_unsynced: bool,
}

impl Link {
    /// Returns a link that connects when it is used.
    pub(super) fn new(server: Arc<ServerAccess>) -> Self {
        Self { server, connection: None, has_unsynced: false, has_lost_unsynced: false }
    }

    /// Returns the server.
    pub(super) fn server(&self) -> &Arc<ServerAccess> {
        &self.server
    }

    /// Connects with one attempt.
    pub(super) fn connect(&mut self) -> ClientResult<()> {
        let start = Instant::now();
        let deadline = start + self.server.options.timeout;
        self.connection = Some(self.server.connect(start, deadline)?);
        Ok(())
    }

    /// Begins a call, which takes no longer than the timeout; returns a connection for requests of
    /// this effect, which is made if there is none.
    pub(super) fn begin(&mut self, effect: RequestEffect) -> ClientResult<&mut Connection> {
        let deadline = Instant::now() + self.server.options.timeout;
        let mut back_off = BackOff::new(self.server.options.reconnect_timeout);
        while let Err(error) = self.begin_once(effect, deadline) {
            if !error.is_worth_repeating(false) || !back_off.pause(deadline) {
                return Err(error);
            }
        }
        self.connected()
    }

    /// Does the same with one attempt, within a call that ends at the deadline.
    fn begin_once(&mut self, effect: RequestEffect, deadline: Instant) -> ClientResult<()> {
        let start = Instant::now();
        let is_usable = |connection: &mut Connection| connection.begin(start, deadline);
        if !self.connection.as_mut().is_some_and(is_usable) {
            self.connection = None;
            let has_lost = std::mem::take(&mut self.has_unsynced);
            unless_planted!(ForgetLostWrites => self.has_lost_unsynced |= has_lost);
            self.connection = Some(self.server.connect(start, deadline)?);
        }
        match effect {
            // One without an answer is not among those that a sync is about.
            RequestEffect::Reads | RequestEffect::WritesDurably => {}
            RequestEffect::Writes => self.has_unsynced = true,
            RequestEffect::Syncs if std::mem::take(&mut self.has_lost_unsynced) => {
                return Err(ClientError::SyncLost { address: self.server.address.clone() });
            }
            RequestEffect::Syncs => {}
        }
        Ok(())
    }

    /// Returns the connection of a call that has begun.
    pub(super) fn connected(&mut self) -> ClientResult<&mut Connection> {
        self.connection.as_mut().ok_or_else(|| {
            let missing = std::io::ErrorKind::NotConnected.into();
            ClientError::network("use the connection to", &self.server.address, false, missing)
        })
    }

    /// Sends one request and returns the answer that `recognize` makes a value of. Sends it again
    /// if the connection broke, unless it may have been executed and must not be twice.
    pub(super) fn call<T>(
        &mut self,
        place: Place<'_>,
        operation: RequestOperation<'_>,
        recognize: impl FnOnce(Success<'_>) -> Option<T>,
    ) -> ClientResult<T> {
        let effect = RequestEffect::of(&operation);
        let may_repeat = effect == RequestEffect::Reads || planted(Bug::RepeatUnknown);
        let mut request = RequestMessage { id: 0, place, operation };
        let deadline = Instant::now() + self.server.options.timeout;
        let mut back_off = BackOff::new(self.server.options.reconnect_timeout);
        loop {
            let begun = self.begin_once(effect, deadline);
            let Err(error) = begun.and_then(|()| self.connected()?.exchange(&mut request)) else {
                break;
            };
            if !error.is_worth_repeating(may_repeat) || !back_off.pause(deadline) {
                return Err(error);
            }
        }
        let answer = self.connected()?.take(|answer| match answer {
            Ok(answer) => recognize(answer).map(Ok),
            Err(failure) => Some(Err(failure)),
        })?;
        if effect == RequestEffect::Syncs && answer.is_ok() {
            self.has_unsynced = false;
        }
        answer
    }

    /// Lets the snapshot of the connection go, if the connection is still there: it has none
    /// otherwise. A server that does not hear it lets the snapshot go after a time.
    pub(super) fn close_snapshot(&mut self) {
        let start = Instant::now();
        let deadline = start + self.server.options.timeout;
        if let Some(connection) = &mut self.connection
            && connection.begin(start, deadline)
            && connection
                .exchange(&mut RequestMessage::new(0, RequestOperation::CloseSnapshot))
                .is_ok()
        {
            // Whatever the answer is, there is nothing to be done about it.
            let _ = connection.take(|_| Some(()));
        }
    }
}

#[cfg(test)]
mod tests;
