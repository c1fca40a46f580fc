//! The watches of the connections of a worker, which is woken once for all of them.

use super::Worker;
use crate::server::net::transport::Transport;
use crate::server::net::worker_inbox::Ticket;
use crate::store::change_alarm::ChangeAlarm;
use crate::store::wake_list::Wake;
use crate::sync::Arc;

impl<S: Transport> Worker<S> {
    /// Returns true if the worker may sleep: everything that was committed has been told, or waits
    /// for clients, and the next commit wakes it.
    pub(crate) fn may_wait_for_changes(&mut self) -> bool {
        self.watches.alarm.as_mut().is_none_or(ChangeAlarm::arm)
    }

    /// Has a connection that began to watch served whenever something was committed.
    pub(super) fn watch(&mut self, ticket: Ticket) {
        let Some(client) = self.connections.get(ticket.place) else { return };
        if self.watches.alarm.is_none() {
            let wake = Arc::clone(&self.inbox) as Arc<dyn Wake>;
            self.watches.alarm = client.connection.alarm(wake);
        }
        self.watches.tickets.push(ticket);
        // Clients may come, watch and go without anything being committed.
        if self.watches.tickets.len() > 2 * self.connections.len() {
            self.forget_ended_watches();
        }
        self.enqueue(ticket.place);
    }

    /// Serves the connections that watch, if something was committed since the last turn.
    pub(super) fn look_for_changes(&mut self) {
        let was_woken = self.inbox.take_news();
        let Some(alarm) = &mut self.watches.alarm else { return };
        if was_woken {
            alarm.note_woken();
        }
        if !alarm.take_news() {
            return;
        }
        self.forget_ended_watches();
        for position in 0..self.watches.tickets.len() {
            self.enqueue(self.watches.tickets[position].place);
        }
    }

    fn forget_ended_watches(&mut self) {
        let Self { watches, connections, .. } = self;
        watches.tickets.retain(|ticket| {
            connections.get(ticket.place).is_some_and(|client| {
                let session = client.connection.session().id;
                session == ticket.session && client.connection.is_watching()
            })
        });
        if watches.tickets.is_empty() {
            watches.alarm = None;
        }
    }
}
