//! A connection on its way from the acceptor to a worker.

use crate::server::execute::context::Context;
use crate::server::execute::session::Session;
use crate::server::net::client_socket::ClientSocket;
use crate::sync::Arc;

/// A place among the connections that may be open; dropping it frees the place.
pub(crate) struct Admission {
    context: Arc<Context>,
    session: Arc<Session>,
}

impl Admission {
    /// Returns the place that `session` takes in the context's list of clients.
    pub(crate) fn new(context: Arc<Context>, session: Arc<Session>) -> Self {
        Self { context, session }
    }

    /// Returns the session of the connection.
    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.context.channels.unsubscribe_all(&self.session);
        self.context.clients.close(&self.session);
    }
}

/// A connection that the acceptor hands to a worker.
pub(crate) struct NewConnection {
    /// The socket, registered nowhere yet.
    pub(crate) socket: ClientSocket,
    /// Its place among the open connections.
    pub(crate) admission: Admission,
}
