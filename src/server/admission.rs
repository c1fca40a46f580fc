//! A connection on its way from the acceptor to a worker.

use mio::net::TcpStream;

use super::context::Context;
use super::session::Session;
use crate::sync::Arc;

/// The place of a connection among those that may be open; dropping it makes room for another.
pub(super) struct Admission {
    context: Arc<Context>,
    session: Arc<Session>,
}

impl Admission {
    /// The place that `session` takes in the context's list of clients.
    pub(super) fn new(context: Arc<Context>, session: Arc<Session>) -> Self {
        Self { context, session }
    }

    /// What the connection remembers.
    pub(super) fn session(&self) -> &Arc<Session> {
        &self.session
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.context.clients.close(&self.session);
    }
}

/// What the acceptor hands to a worker.
pub(super) struct NewConnection {
    /// The socket, registered nowhere yet.
    pub(super) socket: TcpStream,
    /// Its place.
    pub(super) admission: Admission,
}
