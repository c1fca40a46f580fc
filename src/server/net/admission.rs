//! A connection on its way from the acceptor to a worker.

use mio::net::TcpStream;

use crate::server::execute::context::Context;
use crate::server::execute::session::Session;
use crate::sync::Arc;

/// The place of a connection among those that may be open; dropping it makes room for another.
pub(crate) struct Admission {
    context: Arc<Context>,
    session: Arc<Session>,
}

impl Admission {
    /// The place that `session` takes in the context's list of clients.
    pub(crate) fn new(context: Arc<Context>, session: Arc<Session>) -> Self {
        Self { context, session }
    }

    /// What the connection remembers.
    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.context.clients.close(&self.session);
    }
}

/// What the acceptor hands to a worker.
pub(crate) struct NewConnection {
    /// The socket, registered nowhere yet.
    pub(crate) socket: TcpStream,
    /// Its place.
    pub(crate) admission: Admission,
}
