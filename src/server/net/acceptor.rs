//! The acceptor: owns the listening sockets and the limit of connections, and never reads a socket.
//!
//! | channel | from or to | carries | bound and what happens at it |
//! |---|---|---|---|
//! | stop | any [`StopHandle`] | nothing | a flag and a waker; the acceptor ends |
//! | sockets | to each connection worker in turn | [`NewConnection`] | the workers' inboxes; while all are full it accepts nobody, and the kernel's queue fills |
//!
//! When it ends it drops its addresses of the workers, which is what ends them.

use std::io::{self, ErrorKind, Write};
use std::time::{Duration, Instant};

use mio::{Events, Poll};

use crate::protocol::NO_ROOM;
use crate::server::execute::context::Context;
use crate::server::log_limit::LogLimit;
use crate::server::net::admission::{Admission, NewConnection};
use crate::server::net::client_socket::ClientSocket;
use crate::server::net::event_loop::WorkerAddress;
use crate::server::net::listening_socket::{Accepted, ListeningSocket};
use crate::server::net::shutdown::StopHandle;
use crate::server::net::worker_inbox::WorkerInbox;
use crate::sync::Arc;
use crate::{Endpoint, Error, Result};

/// The pause after a failed accept, so that a lack of file descriptors does not make it spin.
const BACK_OFF: Duration = Duration::from_millis(100);

/// The pause while every worker's mailbox of sockets is full.
const BUSY_WAIT: Duration = Duration::from_millis(5);

/// The longest wait between two checks that the store still has its files.
const STORE_CHECK: Duration = Duration::from_secs(1);

/// The most connections accepted per turn, so that a flood of them does not delay a stop.
const ACCEPTS_PER_TURN: usize = 256;

/// The places beyond the limit that only connections over a Unix socket get: the operator's, who
/// may look what holds all the others, and close it.
const UNIX_PLACES: usize = 16;

/// The acceptor actor.
pub(crate) struct Acceptor {
    /// The listening sockets, at least one.
    sockets: Vec<ListeningSocket>,
    next_socket: usize,
    context: Arc<Context>,
    workers: Vec<WorkerAddress>,
    /// The inboxes of all workers: a session does not know which worker gets it.
    inboxes: Arc<[Arc<WorkerInbox>]>,
    next_worker: usize,
    /// A connection that was accepted while every worker's mailbox was full.
    waiting: Option<NewConnection>,
    failures: LogLimit,
    refusals: LogLimit,
}

impl Acceptor {
    /// Returns an acceptor that hands connections to these workers in turn.
    pub(crate) fn new(
        sockets: Vec<ListeningSocket>,
        context: Arc<Context>,
        workers: Vec<WorkerAddress>,
    ) -> Self {
        let inboxes = workers.iter().map(|worker| Arc::clone(worker.bell.inbox()));
        Self {
            inboxes: inboxes.collect(),
            sockets,
            next_socket: 0,
            context,
            workers,
            next_worker: 0,
            waiting: None,
            failures: LogLimit::default(),
            refusals: LogLimit::default(),
        }
    }

    /// Accepts until it is stopped or the store lost its files; the sockets must be registered
    /// with the poll.
    pub(crate) fn run(mut self, mut poll: Poll, stop: &StopHandle) -> Result<()> {
        let mut events = Events::with_capacity(2);
        let mut wait = Some(Duration::ZERO);
        while !stop.is_stopped() {
            match poll.poll(&mut events, wait) {
                Err(error) if error.kind() != ErrorKind::Interrupted => {
                    return Err(Error::network(
                        "wait for clients of",
                        self.context.address(),
                        error,
                    ));
                }
                _ => {}
            }
            let lost = self.context.store.failure().filter(|failure| failure.is_removed());
            if let Some(failure) = lost {
                return Err(failure.clone());
            }
            wait = Some(self.turn().map_or(STORE_CHECK, |wait| wait.min(STORE_CHECK)));
            if self.workers.is_empty() {
                return Err(Error::Poisoned("every connection worker panicked".to_owned()));
            }
        }
        Ok(())
    }

    /// Accepts the clients that wait; returns the longest wait before the next try.
    fn turn(&mut self) -> Option<Duration> {
        // The sockets in a row at which nobody waits.
        let mut quiet = 0;
        for _ in 0..ACCEPTS_PER_TURN {
            if let Some(new) = self.waiting.take()
                && !self.hand_over(new)
            {
                return Some(BUSY_WAIT);
            }
            if quiet == self.sockets.len() {
                return None;
            }
            let socket = &self.sockets[self.next_socket % self.sockets.len()];
            self.next_socket = self.next_socket.wrapping_add(1);
            match socket.accept() {
                Ok(accepted) => {
                    quiet = 0;
                    self.admit(accepted);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => quiet += 1,
                // The client gave up while it waited; the next one may not have.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::Interrupted | ErrorKind::ConnectionAborted
                    ) => {}
                Err(error) => {
                    self.note_failure(&error);
                    return Some(BACK_OFF);
                }
            }
        }
        Some(Duration::ZERO)
    }

    fn note_failure(&mut self, error: &io::Error) {
        if let Some(more) = self.failures.admit(Instant::now()) {
            log::warn!(
                "cannot accept a connection, trying again in {} ms: {error} \
                 ({more} more failures not logged)",
                BACK_OFF.as_millis()
            );
        }
    }

    fn admit(&mut self, accepted: Accepted) {
        let Accepted { socket, address, local_address } = accepted;
        let context = &self.context;
        let places = match address {
            Endpoint::Unix(_) => context.settings.connections_max().saturating_add(UNIX_PLACES),
            _ => context.settings.connections_max(),
        };
        if context.clients.count() >= places {
            context.statistics.connections_rejected.add(1);
            self.refuse(socket, &address);
            return;
        }
        context.statistics.connections_accepted.add(1);
        let inboxes = Arc::clone(&self.inboxes);
        let wake = move || inboxes.iter().for_each(|inbox| inbox.call_attention());
        let session = context.clients.open(address, local_address, context.options.is_open(), wake);
        let admission = Admission::new(Arc::clone(context), session);
        self.waiting = Some(NewConnection { socket, admission });
    }

    fn refuse(&mut self, mut socket: ClientSocket, address: &Endpoint) {
        // A new socket has room for this line; a client that is gone already does not miss it.
        let _ = socket.write(NO_ROOM);
        if let Some(more) = self.refusals.admit(Instant::now()) {
            let limit = self.context.settings.connections_max();
            log::warn!(
                "refused {address}: the limit of {limit} connections is reached \
                 ({more} more refusals not logged)"
            );
        }
    }

    /// Gives the connection to the next worker with room; keeps it and returns false if none has.
    fn hand_over(&mut self, new: NewConnection) -> bool {
        let mut new = new;
        self.workers.retain(|worker| !worker.sockets.is_gone());
        for _ in 0..self.workers.len() {
            let worker = &self.workers[self.next_worker % self.workers.len()];
            self.next_worker = self.next_worker.wrapping_add(1);
            match worker.sockets.try_send(new) {
                Ok(()) => {
                    worker.bell.ring();
                    return true;
                }
                Err(refused) => new = refused,
            }
        }
        self.waiting = Some(new);
        false
    }
}
