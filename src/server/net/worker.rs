//! The connection worker, which owns its sockets and serves them in turns.
//!
//! | channel | from or to | carries | bound and what happens at it |
//! |---|---|---|---|
//! | sockets | the acceptor | [`NewConnection`](crate::server::net::admission::NewConnection) | [`NEW_CONNECTIONS_MAX`](crate::server::net::event_loop::NEW_CONNECTIONS_MAX); the acceptor tries the next worker |
//! | answers | the writer, readers | [`Answered`] | [`ANSWERS_MAX`]; the worker asks for no more than that |
//! | news | the ring of changes | nothing, for all watches of the worker | a flag; the worker looks into the ring |
//! | calls | who pushes something to a client | the [`Ticket`] of its connection | one for each connection |
//! | writer | to the writer | the batches of one turn, syncs | the writer's mailbox; at it the worker keeps them and reads no socket until there is room |
//! | readers | to readers | reads that may wait for the disk | the readers' mailboxes; the worker keeps the read, and its connection waits |
//!
//! A turn takes the answers that came, reads every ready socket once, executes the requests that
//! memory can answer, sends all writes of all connections to the writer as one message, and writes
//! each connection's replies with one system call: large ones at once, others at its end. It never
//! waits; [`Worker::wait`] returns how long the poll may.

mod calls;
mod changes;
mod sweep;

use std::time::{Duration, Instant};

use slab::Slab;

use crate::actor::{Mailbox, Received};
use crate::server::connection::intake::{Ask, Intake};
use crate::server::connection::server_connection::ServerConnection;
use crate::server::execute::context::Context;
use crate::server::log_limit::LogLimit;
use crate::server::net::admission::Admission;
use crate::server::net::deadline_queue::DeadlineQueue;
use crate::server::net::outbox::Outbox;
use crate::server::net::socket_connection::{
    Readiness, SocketConnection, discard, guarded, note_failure, note_panic, receive,
};
use crate::server::net::transport::Transport;
use crate::server::net::watch_list::WatchList;
use crate::server::net::worker_inbox::{ANSWERS_MAX, Answered, Ticket, WorkerInbox};
use crate::store::reader::Readers;
use crate::store::{Batch, BatchOutcome};
use crate::sync::Arc;
use crate::{Error, Result};

/// The most bytes read per connection and turn, so that a fast client does not starve the others.
const READ_BYTES_MAX: usize = 64 << 10;

/// The bytes of output that are written at once, and not at the end of the turn, so that a crowd of
/// clients that take large replies needs little more memory than one of them.
const LARGE_OUTPUT_BYTES: usize = 64 << 10;

/// The bytes by which clients have to hold more before a turn looks for evicted ones once more.
const LOOK_STEP_BYTES: usize = 512 << 10;

/// The pause before requests are offered again for which a mailbox had no room.
const RETRY: Duration = Duration::from_millis(1);

/// The time for which a connection that was answered in full still takes bytes. Closing a socket
/// with unread bytes resets it, which may destroy replies on their way.
const LINGER: Duration = Duration::from_secs(1);

/// The time after which a wrong password is answered.
const DELAY: Duration = Duration::from_secs(1);

/// The freed bytes that are given back in the middle of a turn if memory is scarce.
const MUCH_FREED_BYTES: usize = 16 << 20;

/// The time for which a stopping worker waits for clients to take their replies.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// A connection worker without its poll and its thread.
pub(crate) struct Worker<S> {
    /// Declared before the holders of its address, so that it is dropped before them.
    answers: Mailbox<Answered>,
    arrived: Vec<Answered>,
    context: Arc<Context>,
    inbox: Arc<WorkerInbox>,
    outbox: Outbox,
    connections: Slab<SocketConnection<S>>,
    /// Places of connections to serve in the next turn.
    queue: Vec<usize>,
    /// The memory of the next queue, so that turns need not allocate it.
    spare: Vec<usize>,
    /// Places of connections that wait until less memory is held for clients.
    held_back: Vec<usize>,
    /// The connections that watch.
    watches: WatchList,
    /// The connections that were answered in full.
    lingering: DeadlineQueue,
    /// The connections that gave a wrong password.
    delayed: DeadlineQueue,
    /// The next sweep; none while there is nothing to be found.
    sweep: Option<Instant>,
    /// The end of the pause that some connections wait for.
    paused_until: Option<Instant>,
    /// The bytes that all connections had freed when memory was last given back.
    given_back: usize,
    /// The end of the wait for clients, once the worker is stopping.
    deadline: Option<Instant>,
    buffer: Box<[u8]>,
    /// The writes to sockets in this turn.
    writes: u64,
    refusals: LogLimit,
}

impl<S: Transport> Worker<S> {
    /// Returns a worker without connections.
    pub(crate) fn new(
        context: Arc<Context>,
        readers: Arc<Readers>,
        inbox: Arc<WorkerInbox>,
        answers: Mailbox<Answered>,
    ) -> Self {
        Self {
            answers,
            arrived: Vec::new(),
            outbox: Outbox::new(Arc::clone(&context), readers, Arc::clone(&inbox)),
            context,
            inbox,
            connections: Slab::new(),
            queue: Vec::new(),
            spare: Vec::new(),
            held_back: Vec::new(),
            watches: WatchList::default(),
            lingering: DeadlineQueue::new(LINGER),
            delayed: DeadlineQueue::new(DELAY),
            sweep: None,
            paused_until: None,
            given_back: 0,
            deadline: None,
            buffer: vec![0; READ_BYTES_MAX].into_boxed_slice(),
            writes: 0,
            refusals: LogLimit::default(),
        }
    }

    /// Returns the place of the next connection.
    pub(crate) fn next_place(&self) -> usize {
        self.connections.vacant_key()
    }

    /// Adds a connection and returns its place.
    pub(crate) fn add(&mut self, socket: S, admission: Admission) -> usize {
        self.await_calls(admission.session());
        let mut connection = ServerConnection::new(Arc::clone(admission.session()));
        if self.deadline.is_some() {
            connection.end_by_server();
        }
        let place = self.connections.insert(SocketConnection::new(socket, connection, admission));
        self.enqueue(place);
        place
    }

    /// Records the readiness that the poll reported for the connection at this place.
    pub(crate) fn ready(&mut self, place: usize, readiness: Readiness) {
        if let Some(client) = self.connections.get_mut(place) {
            client.ready(readiness);
            self.enqueue(place);
        }
    }

    /// Ends every connection once its received requests are answered.
    pub(crate) fn stop(&mut self, now: Instant) {
        self.deadline = Some(now + STOP_PATIENCE);
        // Nobody would end it any more.
        self.context.pause.lift();
        for (_, client) in &mut self.connections {
            client.connection.end_by_server();
        }
        self.enqueue_all();
    }

    /// Returns true if a stopped worker has nothing left to do.
    pub(crate) fn is_done(&self) -> bool {
        self.connections.is_empty() && !self.outbox.is_busy()
    }

    /// Returns true if answers of other actors are still to come.
    pub(crate) fn awaits_answer(&self) -> bool {
        self.outbox.awaits_answer()
    }

    /// Returns true if no answer arrived, no session was killed or called for, and there are no
    /// news for watches.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.answers.receive_now(&mut self.arrived, ANSWERS_MAX) != Received::Messages
            && !self.inbox.wants_attention()
            && !self.inbox.has_news()
            && !self.inbox.has_calls()
    }

    /// Returns the longest wait for events.
    pub(crate) fn wait(&self, now: Instant) -> Option<Duration> {
        if !self.queue.is_empty() && !self.outbox.is_congested() {
            return Some(Duration::ZERO);
        }
        let retry = (self.outbox.is_holding() || !self.held_back.is_empty()).then_some(RETRY);
        let waits =
            [self.lingering.deadline(), self.delayed.deadline(), self.sweep, self.paused_until];
        // After the deadline the worker only waits for answers of other actors.
        let patience = self.deadline.filter(|deadline| *deadline > now);
        waits
            .into_iter()
            .chain([patience])
            .flatten()
            .map(|deadline| deadline.saturating_duration_since(now))
            .chain(retry)
            .min()
    }

    /// Does all work that needs no waiting.
    pub(crate) fn turn(&mut self, now: Instant) {
        self.take_answers();
        self.end_delays(now);
        if self.inbox.take_attention() || self.take_end_of_pause(now) {
            self.enqueue_all();
        }
        self.look_for_changes();
        self.take_calls();
        self.outbox.retry();
        self.try_held_back();
        let mut round = std::mem::replace(&mut self.queue, std::mem::take(&mut self.spare));
        for place in &round {
            if let Some(client) = self.connections.get_mut(*place) {
                client.queued = false;
                if client.heed_session() {
                    self.note_eviction(*place, now);
                }
            }
        }
        let congested = self.outbox.is_congested();
        let mut bytes_out = match congested {
            true => 0,
            false => self.serve(&round, now),
        };
        for place in &round {
            bytes_out += self.settle(*place, now, congested);
        }
        if bytes_out > 0 {
            self.context.statistics.bytes_out.add(bytes_out);
            self.context.statistics.writes.add(std::mem::take(&mut self.writes));
        }
        round.clear();
        self.spare = round;
        // Replies to writes may have come behind the last request that looked.
        self.context.clients.relieve();
        self.expire(now);
    }

    fn enqueue(&mut self, place: usize) {
        if let Some(client) = self.connections.get_mut(place)
            && !client.queued
        {
            client.queued = true;
            self.queue.push(place);
        }
    }

    fn enqueue_all(&mut self) {
        let places: Vec<usize> = self.connections.iter().map(|(place, _)| place).collect();
        places.into_iter().for_each(|place| self.enqueue(place));
    }

    /// Lets the connections try again that waited until less memory is held.
    fn try_held_back(&mut self) {
        for place in std::mem::take(&mut self.held_back) {
            if let Some(client) = self.connections.get_mut(place) {
                client.held_back = false;
                self.enqueue(place);
            }
        }
    }

    /// Hands the answers of other actors to their connections.
    fn take_answers(&mut self) {
        self.answers.receive_now(&mut self.arrived, ANSWERS_MAX);
        let mut intake = Intake::default();
        for answered in std::mem::take(&mut self.arrived) {
            match answered {
                Answered::Written { tickets, bytes, outcomes } => {
                    self.outbox.written(bytes);
                    for (ticket, outcome) in matched(tickets, outcomes) {
                        self.resume(ticket, |client| client.connection.written(outcome));
                    }
                }
                Answered::Synced { ticket, result } => {
                    self.outbox.written(0);
                    self.resume(ticket, |client| client.connection.synced(result));
                }
                Answered::Read { ticket, replies } => {
                    self.outbox.answered();
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

    /// Writes the batches of this turn, or sends them to the writer.
    fn write(&mut self, batches: Vec<Batch>, tickets: Vec<Ticket>, bytes: usize) {
        let is_alone = self.connections.len() == 1;
        let outcomes = match self.outbox.try_write(batches, bytes, is_alone) {
            Ok(outcomes) => outcomes,
            Err(batches) => return self.outbox.write(batches, tickets, bytes),
        };
        for (ticket, outcome) in matched(tickets, outcomes) {
            let Some(client) = self.connections.get_mut(ticket.place) else { continue };
            guarded(client, |client| client.connection.written(outcome));
            // The end of the turn finds every other reason to go on.
            if client.connection.awaits_answer() {
                self.enqueue(ticket.place);
            }
        }
    }

    /// Lets the connections go on that were delayed for long enough.
    fn end_delays(&mut self, now: Instant) {
        while let Some(ticket) = self.delayed.expire(now) {
            self.resume(ticket, |client| client.connection.end_delay());
        }
    }

    /// Runs `work` on a connection that waited, if it is still open, and serves it in this turn.
    fn resume(&mut self, ticket: Ticket, work: impl FnOnce(&mut SocketConnection<S>)) {
        if let Some(client) = self.connections.get_mut(ticket.place)
            && client.connection.session().id == ticket.session
        {
            guarded(client, work);
            self.enqueue(ticket.place);
        }
    }

    /// Reads the sockets, executes the requests, and sends the writes to the writer. Returns the
    /// number of bytes that were written already.
    fn serve(&mut self, round: &[usize], now: Instant) -> u64 {
        let mut intake = Intake::default();
        let mut tickets = Vec::new();
        let (mut bytes_in, mut bytes_out, mut reads) = (0, 0, 0);
        let mut held_before = 0;
        for &place in round {
            let Some(client) = self.connections.get_mut(place) else {
                continue;
            };
            let ticket = ticket(place, client);
            let (buffer, context) = (&mut self.buffer, &self.context);
            if context.clients.memory.has_to_wait(client.connection.charged()) {
                client.held_back = true;
                self.held_back.push(place);
            }
            let stopping = self.deadline.is_some();
            let served = guarded(client, |client| {
                if client.is_lingering() {
                    discard(client, buffer, stopping);
                    return None;
                }
                let received = receive(client, buffer);
                bytes_in += received;
                reads += u64::from(received > 0);
                client.connection.advance(context, &mut intake)
            });
            if client.connection.output().len() >= LARGE_OUTPUT_BYTES {
                bytes_out += send(client, &mut self.writes);
            }
            // A connection that panicked got no reply to these batches, so they need not be
            // applied.
            match served {
                None => intake.batches.truncate(tickets.len()),
                Some(ask) => {
                    tickets.resize(intake.batches.len(), ticket);
                    self.ask(ticket, ask, now);
                }
            }
            let memory = &self.context.clients.memory;
            if memory.has_to_wait(usize::MAX) && memory.held() > held_before + LOOK_STEP_BYTES {
                self.free_evicted(now);
                held_before = self.context.clients.memory.held();
            }
            if self.context.clients.memory.is_scarce() {
                self.give_memory_back(MUCH_FREED_BYTES);
            }
        }
        self.context.note_client_memory();
        self.context.statistics.bytes_in.add(bytes_in);
        self.context.statistics.reads.add(reads);
        self.context.statistics.requests.add(intake.requests);
        if !intake.batches.is_empty() {
            self.write(intake.batches, tickets, intake.bytes);
        }
        bytes_out
    }

    fn ask(&mut self, ticket: Ticket, ask: Option<Ask>, now: Instant) {
        match ask {
            None => {}
            Some(Ask::Sync) => self.outbox.sync(ticket),
            Some(Ask::Watch) => self.watch(ticket),
            Some(Ask::Delay) => self.delayed.add(now, ticket),
            Some(Ask::Read(read)) => {
                if let Some(client) = self.connections.get(ticket.place) {
                    let session = Arc::clone(client.connection.session());
                    self.outbox.read(ticket, session, read);
                }
            }
        }
    }

    /// Writes the output of a connection, and closes it or puts it into the next turn.
    fn settle(&mut self, place: usize, now: Instant, congested: bool) -> u64 {
        let Some(client) = self.connections.get_mut(place) else {
            return 0;
        };
        let written = send(client, &mut self.writes);
        if let Some(error) = client.connection.take_refusal() {
            self.context.statistics.protocol_errors.add(1);
            if let Some(more) = self.refusals.admit(now) {
                let address = &client.connection.session().address;
                log::warn!("closing the connection of {address}: {error} ({more} more not logged)");
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
        let output_bytes_max = client.connection.output_bytes_max();
        let has_room = client.connection.output().len() < output_bytes_max / 2;
        client.take_stock(!congested, now);
        if client.connection.is_paused() {
            let pause = self.context.pause.current();
            self.paused_until = Some(pause.map_or(now, |(_, end)| end));
        }
        let may_be_late = client.patience.deadline(self.context.settings.timeout()).is_some();
        let holds_snapshot = client.connection.session().snapshot.is_held();
        let needs_sweep = may_be_late || holds_snapshot || client.connection.keeps_memory();
        if client.connection.is_aborted() {
            self.connections.remove(place);
        } else if congested
            || client.may_read_more()
            || client.connection.is_blocked_by_output() && has_room
            || client.connection.is_interrupted()
            || client.connection.may_tell_more()
        {
            self.enqueue(place);
        }
        if needs_sweep {
            self.plan_sweep(now);
        }
        written
    }
}

/// Writes the output of a connection with one call, which it counts if that takes something;
/// returns the number of bytes written.
fn send<S: Transport>(client: &mut SocketConnection<S>, writes: &mut u64) -> u64 {
    match guarded(client, SocketConnection::write) {
        Some(Ok(count)) => {
            *writes += u64::from(count > 0);
            count as u64
        }
        Some(Err(error)) => {
            note_failure(client, &error);
            0
        }
        None => 0,
    }
}

/// Returns the outcome of each batch with its connection.
fn matched(
    tickets: Vec<Ticket>,
    outcomes: Result<Vec<BatchOutcome>>,
) -> impl Iterator<Item = (Ticket, BatchOutcome)> {
    let (mut outcomes, failure) = match outcomes {
        Ok(outcomes) => (outcomes.into_iter(), Error::Closed),
        Err(error) => (Vec::new().into_iter(), error),
    };
    tickets
        .into_iter()
        .map(move |ticket| (ticket, outcomes.next().unwrap_or_else(|| Err(failure.clone()))))
}

/// Returns the name of a connection for answers that come later.
fn ticket<S: Transport>(place: usize, client: &SocketConnection<S>) -> Ticket {
    Ticket { place, session: client.connection.session().id }
}

#[cfg(test)]
mod tests;
