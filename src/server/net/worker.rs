//! The connection worker: owns its sockets, and whatever happens on them happens in turns.
//!
//! | channel | from or to | carries | bound and what happens at it |
//! |---|---|---|---|
//! | sockets | the acceptor | [`NewConnection`](crate::server::net::admission::NewConnection) | [`event_loop::INBOX_SOCKETS`](crate::server::net::event_loop::INBOX_SOCKETS); the acceptor tries the next worker |
//! | answers | the writer, readers | [`Answered`] | [`ANSWERS_MAX`](crate::server::net::worker_inbox::ANSWERS_MAX); the worker asks for no more than that |
//! | writer | to the writer | the batches of one turn, syncs | the writer's mailbox; at it the worker keeps them and reads no socket until there is room |
//! | readers | to readers | reads that may wait for the disk | the readers' mailboxes; the worker keeps the read, and its connection waits |
//!
//! A turn takes the answers that came, reads every ready socket once, executes what it can from memory,
//! sends all writes of all connections to the writer as one message, and writes each connection's
//! replies with one system call. It never waits: [`Worker::wait`] says how long the poll may.

use std::time::{Duration, Instant};

use slab::Slab;

use crate::actor::{Mailbox, Received as Taken};
use crate::server::connection::server_connection::{Ask, Connection, Intake, OUTPUT_BYTES_MAX};
use crate::server::execute::context::Context;
use crate::server::log_limit::LogLimit;
use crate::server::net::admission::Admission;
use crate::server::net::lingering::Lingering;
use crate::server::net::outbox::Outbox;
use crate::server::net::socket_connection::{
    Client, discard, guarded, note_failure, note_panic, receive,
};
pub(crate) use crate::server::net::socket_connection::{Readiness, Socket};
use crate::server::net::worker_inbox::{ANSWERS_MAX, Answered, Port, Ticket};
use crate::store::reader::Readers;
use crate::sync::Arc;
use crate::{Error, Result};

/// How many bytes one connection may bring per turn, so that a fast client does not starve the others.
const READ_BYTES_MAX: usize = 64 << 10;

/// How soon the writer's mailbox or the readers are tried again when they had no room.
const RETRY: Duration = Duration::from_millis(1);

/// How long a stopping worker waits for clients to take their replies.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// The state of a connection worker.
pub(crate) struct Worker<S> {
    /// Before what holds its address, so that it is gone when the last address is dropped.
    answers: Mailbox<Answered>,
    arrived: Vec<Answered>,
    context: Arc<Context>,
    port: Arc<Port>,
    outbox: Outbox,
    clients: Slab<Client<S>>,
    /// Places of clients that have something to do.
    queue: Vec<usize>,
    /// Becomes the next queue, so that turns need not allocate one.
    spare: Vec<usize>,
    lingering: Lingering,
    /// When patience with clients ends, if the worker is stopping.
    deadline: Option<Instant>,
    buffer: Box<[u8]>,
    refusals: LogLimit,
}

impl<S: Socket> Worker<S> {
    /// A worker without connections.
    pub(crate) fn new(
        context: Arc<Context>,
        readers: Arc<Readers>,
        port: Arc<Port>,
        answers: Mailbox<Answered>,
    ) -> Self {
        Self {
            answers,
            arrived: Vec::new(),
            outbox: Outbox::new(Arc::clone(&context), readers, Arc::clone(&port)),
            context,
            port,
            clients: Slab::new(),
            queue: Vec::new(),
            spare: Vec::new(),
            lingering: Lingering::default(),
            deadline: None,
            buffer: vec![0; READ_BYTES_MAX].into_boxed_slice(),
            refusals: LogLimit::default(),
        }
    }

    /// The place that the next connection gets.
    pub(crate) fn next_place(&self) -> usize {
        self.clients.vacant_key()
    }

    /// Takes a connection.
    pub(crate) fn add(&mut self, socket: S, admission: Admission) -> usize {
        let mut connection = Connection::new(Arc::clone(admission.session()));
        if self.deadline.is_some() {
            connection.end_by_server();
        }
        let place = self.clients.insert(Client::new(socket, connection, admission));
        self.enqueue(place);
        place
    }

    /// Notes what the poll said of the connection at this place.
    pub(crate) fn ready(&mut self, place: usize, readiness: Readiness) {
        if let Some(client) = self.clients.get_mut(place) {
            client.ready(readiness);
            self.enqueue(place);
        }
    }

    /// Ends every connection once it got the replies to what was received of it.
    pub(crate) fn stop(&mut self, now: Instant) {
        self.deadline = Some(now + STOP_PATIENCE);
        for (_, client) in &mut self.clients {
            client.connection.end_by_server();
        }
        self.enqueue_all();
    }

    /// Whether a stopped worker has nothing left to do.
    pub(crate) fn is_done(&self) -> bool {
        self.clients.is_empty() && !self.outbox.is_busy()
    }

    /// Whether other actors are to answer something.
    pub(crate) fn is_owed(&self) -> bool {
        self.outbox.is_owed()
    }

    /// Whether no answer arrived and nobody asks for attention.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.answers.receive_now(&mut self.arrived, ANSWERS_MAX) != Taken::Messages
            && !self.port.wants_attention()
    }

    /// How long the poll may wait for events.
    pub(crate) fn wait(&self, now: Instant) -> Option<Duration> {
        if !self.queue.is_empty() && !self.outbox.is_congested() {
            return Some(Duration::ZERO);
        }
        let retry = self.outbox.is_holding().then_some(RETRY);
        let linger = self.lingering.deadline();
        // Once patience has ended, answers from other actors are all that is waited for.
        let patience = self.deadline.filter(|deadline| *deadline > now);
        [linger, patience]
            .into_iter()
            .flatten()
            .map(|deadline| deadline.saturating_duration_since(now))
            .chain(retry)
            .min()
    }

    /// Does everything that can be done now without waiting.
    pub(crate) fn turn(&mut self, now: Instant) {
        self.take_answers();
        if self.port.take_attention() {
            self.enqueue_all();
        }
        self.outbox.retry();
        let mut round = std::mem::replace(&mut self.queue, std::mem::take(&mut self.spare));
        for place in &round {
            if let Some(client) = self.clients.get_mut(*place) {
                client.queued = false;
            }
        }
        let congested = self.outbox.is_congested();
        if !congested {
            self.serve(&round);
        }
        let mut bytes_out = 0;
        for place in &round {
            bytes_out += self.settle(*place, now, congested);
        }
        if bytes_out > 0 {
            self.context.statistics.bytes_out.add(bytes_out);
        }
        round.clear();
        self.spare = round;
        self.expire(now);
    }

    fn enqueue(&mut self, place: usize) {
        if let Some(client) = self.clients.get_mut(place)
            && !client.queued
        {
            client.queued = true;
            self.queue.push(place);
        }
    }

    fn enqueue_all(&mut self) {
        let places: Vec<usize> = self.clients.iter().map(|(place, _)| place).collect();
        places.into_iter().for_each(|place| self.enqueue(place));
    }

    /// Gives the answers of other actors to their connections.
    fn take_answers(&mut self) {
        self.answers.receive_now(&mut self.arrived, ANSWERS_MAX);
        let mut intake = Intake::default();
        for answered in std::mem::take(&mut self.arrived) {
            match answered {
                Answered::Written { tickets, bytes, outcomes } => {
                    self.outbox.answered(bytes);
                    self.written(tickets, outcomes);
                }
                Answered::Synced { ticket, result } => {
                    self.outbox.answered(0);
                    self.resume(ticket, |client| client.connection.synced(result));
                }
                Answered::Read { ticket, replies } => {
                    self.outbox.answered(0);
                    self.resume(ticket, |client| match replies {
                        Some(replies) => client.connection.read(replies, &mut intake),
                        None => {
                            note_panic(client);
                            client.connection.abort();
                        }
                    });
                }
            }
        }
        self.context.statistics.requests.add(intake.requests);
    }

    fn written(
        &mut self,
        tickets: Vec<Ticket>,
        outcomes: Result<Vec<crate::store::batch::Outcome>>,
    ) {
        let (mut outcomes, failure) = match outcomes {
            Ok(outcomes) => (outcomes.into_iter(), Error::Closed),
            Err(error) => (Vec::new().into_iter(), error),
        };
        for ticket in tickets {
            let outcome = outcomes.next().unwrap_or_else(|| Err(failure.clone()));
            self.resume(ticket, |client| client.connection.written(outcome));
        }
    }

    /// Does something with a connection that waited, if it is still there, and looks at it this turn.
    fn resume(&mut self, ticket: Ticket, work: impl FnOnce(&mut Client<S>)) {
        if let Some(client) = self.clients.get_mut(ticket.place)
            && client.connection.session().id == ticket.session
        {
            guarded(client, work);
            self.enqueue(ticket.place);
        }
    }

    /// Reads the sockets, executes the requests, and sends the writes to the writer.
    fn serve(&mut self, round: &[usize]) {
        let mut intake = Intake::default();
        let mut tickets = Vec::new();
        let mut bytes_in = 0;
        for &place in round {
            let Some(client) = self.clients.get_mut(place) else {
                continue;
            };
            let ticket = ticket(place, client);
            let (buffer, context) = (&mut self.buffer, &self.context);
            let stopping = self.deadline.is_some();
            let served = guarded(client, |client| {
                if client.is_lingering() {
                    discard(client, buffer, stopping);
                    return None;
                }
                bytes_in += receive(client, buffer);
                client.connection.advance(context, &mut intake)
            });
            // A connection that panicked was answered for none of these, so they need not happen.
            match served {
                None => intake.batches.truncate(tickets.len()),
                Some(ask) => {
                    tickets.resize(intake.batches.len(), ticket);
                    self.ask(ticket, ask);
                }
            }
        }
        self.context.statistics.bytes_in.add(bytes_in);
        self.context.statistics.requests.add(intake.requests);
        if !intake.batches.is_empty() {
            self.outbox.write(intake.batches, tickets, intake.bytes);
        }
    }

    fn ask(&mut self, ticket: Ticket, ask: Option<Ask>) {
        match ask {
            None => {}
            Some(Ask::Sync) => self.outbox.sync(ticket),
            Some(Ask::Read(read)) => {
                if let Some(client) = self.clients.get(ticket.place) {
                    let session = Arc::clone(client.connection.session());
                    self.outbox.read(ticket, session, read);
                }
            }
        }
    }

    /// Writes what a connection has for its peer, and decides how it goes on.
    fn settle(&mut self, place: usize, now: Instant, congested: bool) -> u64 {
        let Some(client) = self.clients.get_mut(place) else {
            return 0;
        };
        let written = match guarded(client, Client::write) {
            Some(Ok(count)) => count,
            Some(Err(error)) => {
                note_failure(client, &error);
                0
            }
            None => 0,
        };
        if let Some(error) = client.connection.take_refusal() {
            self.context.statistics.protocol_errors.add(1);
            if let Some(more) = self.refusals.admit(now) {
                let address = client.connection.session().address;
                log::warn!("closing {address}: {error} ({more} more were closed unlogged)");
            }
        }
        if client.connection.is_finished() && !client.is_lingering() {
            // Closing a socket with unread bytes may destroy replies that are still on their way.
            if client.connection.may_receive() && client.socket.end_output().is_ok() {
                client.linger();
                let ticket = ticket(place, client);
                self.lingering.add(now, ticket);
            } else {
                client.connection.abort();
            }
        }
        let output_bytes = client.connection.output().len();
        if client.connection.is_aborted() {
            self.clients.remove(place);
        } else if congested
            || client.is_readable() && (client.is_lingering() || client.connection.wants_input())
            || client.connection.is_blocked_by_output() && output_bytes < OUTPUT_BYTES_MAX / 2
        {
            self.enqueue(place);
        }
        written as u64
    }

    /// Drops the connections whose time is over.
    fn expire(&mut self, now: Instant) {
        while let Some(ticket) = self.lingering.expire(now) {
            let is_same = |client: &Client<S>| client.connection.session().id == ticket.session;
            if self.clients.get(ticket.place).is_some_and(is_same) {
                self.clients.remove(ticket.place);
            }
        }
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.clients.retain(|_, client| client.connection.is_owed());
        }
    }
}

/// Names a connection for answers that come later.
fn ticket<S: Socket>(place: usize, client: &Client<S>) -> Ticket {
    Ticket { place, session: client.connection.session().id }
}

#[cfg(test)]
mod tests;
