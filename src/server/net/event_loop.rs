//! The thread of a connection worker, which waits for events and hands them to the [`Worker`].

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token, Waker};

use crate::actor::{Address, Mailbox, Received, mailbox};
use crate::server::execute::context::Context;
use crate::server::net::admission::NewConnection;
use crate::server::net::client_socket::ClientSocket;
use crate::server::net::doorbell::Doorbell;
use crate::server::net::socket_connection::Readiness;
use crate::server::net::worker::Worker;
use crate::server::net::worker_inbox::{ANSWERS_MAX, WorkerInbox};
use crate::store::reader::Readers;
use crate::sync::{AdaptiveSpin, Arc};

/// The most new connections that wait for a worker; at the limit the acceptor tries the next one.
pub(crate) const NEW_CONNECTIONS_MAX: usize = 1024;

/// The most events taken per poll; the rest waits for the next turn.
const EVENTS_MAX: usize = 1024;

/// The token of the waker, higher than the place of any connection.
const WAKER: Token = Token(usize::MAX);

/// A worker and the poll that it waits in.
pub(crate) struct EventLoop {
    poll: Poll,
    sockets: Mailbox<NewConnection>,
    arrived: Vec<NewConnection>,
    /// True once the acceptor is gone and the worker was told to stop.
    closed: bool,
    worker: Worker<ClientSocket>,
    inbox: Arc<WorkerInbox>,
    /// Spins for replies of the writer and the readers before it sleeps.
    spin: AdaptiveSpin,
}

/// The address of a worker, held by the acceptor.
pub(crate) struct WorkerAddress {
    /// The mailbox of new connections.
    pub(crate) sockets: Address<NewConnection>,
    /// Wakes the worker; dropped after the mailbox, so that the worker sees that it is closed.
    pub(crate) bell: Bell,
}

/// A handle on a doorbell that rings once more when it is dropped.
pub(crate) struct Bell(Arc<WorkerInbox>);

impl Bell {
    /// Makes the worker look for new connections.
    pub(crate) fn ring(&self) {
        self.0.doorbell.ring();
    }

    /// Returns the inbox of the worker.
    pub(crate) fn inbox(&self) -> &Arc<WorkerInbox> {
        &self.0
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.ring();
    }
}

impl EventLoop {
    /// Returns a worker and its address; the worker ends once the address is dropped.
    pub(crate) fn new(
        context: Arc<Context>,
        readers: Arc<Readers>,
    ) -> io::Result<(Self, WorkerAddress)> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let doorbell = Doorbell::new(move || {
            if let Err(error) = waker.wake() {
                log::error!("cannot wake a connection worker: {error}");
            }
        });
        let (sender, answers) = mailbox(ANSWERS_MAX);
        let inbox = Arc::new(WorkerInbox::new(sender, doorbell));
        let (sockets, arrivals) = mailbox(NEW_CONNECTIONS_MAX);
        let address = WorkerAddress { sockets, bell: Bell(Arc::clone(&inbox)) };
        let event_loop = Self {
            poll,
            sockets: arrivals,
            arrived: Vec::new(),
            closed: false,
            worker: Worker::new(context, readers, Arc::clone(&inbox), answers),
            inbox,
            spin: AdaptiveSpin::default(),
        };
        Ok((event_loop, address))
    }

    /// Runs until the acceptor is gone and every connection got its replies.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS_MAX);
        while !self.closed || !self.worker.is_done() {
            let wait = self.wait();
            let polled = self.poll.poll(&mut events, wait);
            self.inbox.doorbell.awake();
            match polled {
                Ok(()) => {}
                // The events are those of the last poll, so they are not looked at.
                Err(error) if error.kind() == ErrorKind::Interrupted => events.clear(),
                Err(error) => {
                    log::error!(
                        "a connection worker stops, because it cannot wait for events: {error}"
                    );
                    return;
                }
            }
            for event in &events {
                if event.token() != WAKER {
                    let readiness = Readiness {
                        readable: event.is_readable(),
                        writable: event.is_writable(),
                        ended: event.is_read_closed() || event.is_error(),
                    };
                    self.worker.ready(event.token().0, readiness);
                }
            }
            self.take_sockets();
            self.worker.turn(Instant::now());
        }
    }

    /// Returns the longest wait, once every sender is bound to wake the poll.
    fn wait(&mut self) -> Option<Duration> {
        let wait = self.worker.wait(Instant::now());
        if wait == Some(Duration::ZERO) {
            return wait;
        }
        let awaits_answer = self.worker.awaits_answer();
        let worker = &mut self.worker;
        let answered = || (!worker.is_quiet()).then_some(());
        // What comes meanwhile from clients is found by the next poll, together.
        if awaits_answer && self.spin.attempt(answered).is_some() {
            return Some(Duration::ZERO);
        }
        let inbox = Arc::clone(&self.inbox);
        let may_sleep = inbox.doorbell.may_sleep(|| {
            let quiet = match self.sockets.receive_now(&mut self.arrived, NEW_CONNECTIONS_MAX) {
                Received::Messages => false,
                Received::Nothing => true,
                Received::Closed => self.closed,
            };
            self.worker.is_quiet() && quiet && self.worker.may_wait_for_changes()
        });
        if may_sleep { wait } else { Some(Duration::ZERO) }
    }

    fn take_sockets(&mut self) {
        let received = self.sockets.receive_now(&mut self.arrived, NEW_CONNECTIONS_MAX);
        for new in std::mem::take(&mut self.arrived) {
            self.admit(new);
        }
        if received == Received::Closed && !self.closed {
            self.closed = true;
            self.worker.stop(Instant::now());
        }
    }

    fn admit(&mut self, new: NewConnection) {
        let NewConnection { mut socket, admission } = new;
        let token = Token(self.worker.next_place());
        match socket.register(self.poll.registry(), token) {
            Ok(()) => {
                self.worker.add(socket, admission);
            }
            Err(error) => log::warn!("closing a new connection, which cannot be polled: {error}"),
        }
    }
}
