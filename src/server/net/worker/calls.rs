//! The calls for connections of a worker, in whose feeds something waits.

use super::Worker;
use crate::server::execute::session::Session;
use crate::server::net::transport::Transport;
use crate::server::net::worker_inbox::Ticket;
use crate::sync::Arc;

impl<S: Transport> Worker<S> {
    /// Has the next connection called for when something is pushed to its client.
    pub(super) fn await_calls(&self, session: &Session) {
        let ticket = Ticket { place: self.next_place(), session: session.id };
        let inbox = Arc::clone(&self.inbox);
        session.set_call(move || inbox.call(ticket));
    }

    /// Serves the connections that were called for.
    pub(super) fn take_calls(&mut self) {
        for Ticket { place, session } in self.inbox.take_calls() {
            let client = self.connections.get(place);
            if client.is_some_and(|client| client.connection.session().id == session) {
                self.enqueue(place);
            }
        }
    }
}
