//! The thread of a connection worker: waits for events and gives them to the [`Worker`].

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token, Waker};

use crate::actor::{Address, Mailbox, Received, mailbox};
use crate::server::execute::context::Context;
use crate::server::net::admission::NewConnection;
use crate::server::net::doorbell::Doorbell;
use crate::server::net::socket_connection::Readiness;
use crate::server::net::worker::Worker;
use crate::server::net::worker_inbox::{ANSWERS_MAX, Port};
use crate::store::reader::Readers;
use crate::sync::{Arc, Patience};

/// How many new connections wait for a worker; at the limit the acceptor tries the next worker.
pub(crate) const INBOX_SOCKETS: usize = 1024;

/// How many events one poll takes; the rest waits for the next turn.
const EVENTS_MAX: usize = 1024;

/// The token of the waker; no connection has so high a place.
const WAKER: Token = Token(usize::MAX);

/// A worker with what it waits on.
pub(crate) struct EventLoop {
    poll: Poll,
    sockets: Mailbox<NewConnection>,
    waiting: Vec<NewConnection>,
    /// The acceptor is gone, and the worker was told.
    closed: bool,
    worker: Worker<TcpStream>,
    port: Arc<Port>,
    /// With the writer and the readers.
    patience: Patience,
}

/// Where the acceptor reaches a worker.
pub(crate) struct WorkerAddress {
    /// For new connections.
    pub(crate) sockets: Address<NewConnection>,
    /// For waking the worker. After the address: the worker must see that it is gone.
    pub(crate) bell: Bell,
}

/// Rings once more when it is dropped.
pub(crate) struct Bell(Arc<Port>);

impl Bell {
    /// Makes the worker look for new connections.
    pub(crate) fn ring(&self) {
        self.0.doorbell.ring();
    }

    /// The port of the worker.
    pub(crate) fn port(&self) -> &Arc<Port> {
        &self.0
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.ring();
    }
}

impl EventLoop {
    /// A worker and where it is reached; it ends once the address for new connections is dropped.
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
        let (answers, inbox) = mailbox(ANSWERS_MAX);
        let port = Arc::new(Port::new(answers, doorbell));
        let (sockets, arrivals) = mailbox(INBOX_SOCKETS);
        let address = WorkerAddress { sockets, bell: Bell(Arc::clone(&port)) };
        let event_loop = Self {
            poll,
            sockets: arrivals,
            waiting: Vec::new(),
            closed: false,
            worker: Worker::new(context, readers, Arc::clone(&port), inbox),
            port,
            patience: Patience::default(),
        };
        Ok((event_loop, address))
    }

    /// Runs until the acceptor is gone and every connection got its replies.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS_MAX);
        while !self.closed || !self.worker.is_done() {
            let wait = self.wait();
            let polled = self.poll.poll(&mut events, wait);
            self.port.doorbell.awake();
            match polled {
                Ok(()) => {}
                // The events are those of the last poll, so they are not looked at.
                Err(error) if error.kind() == ErrorKind::Interrupted => events.clear(),
                Err(error) => {
                    log::error!("a connection worker cannot wait for events: {error}");
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

    /// How long to wait, after making sure that whoever has something will wake the poll.
    fn wait(&mut self) -> Option<Duration> {
        let wait = self.worker.wait(Instant::now());
        if wait == Some(Duration::ZERO) {
            return wait;
        }
        let is_owed = self.worker.is_owed();
        let worker = &mut self.worker;
        let answered = || (!worker.is_quiet()).then_some(());
        // What comes meanwhile from clients is found by the next poll, together.
        if is_owed && self.patience.attempt(answered).is_some() {
            return Some(Duration::ZERO);
        }
        let port = Arc::clone(&self.port);
        let may_sleep = port.doorbell.may_sleep(|| {
            let quiet = match self.sockets.receive_now(&mut self.waiting, INBOX_SOCKETS) {
                Received::Messages => false,
                Received::Nothing => true,
                Received::Closed => self.closed,
            };
            self.worker.is_quiet() && quiet
        });
        if may_sleep { wait } else { Some(Duration::ZERO) }
    }

    fn take_sockets(&mut self) {
        let received = self.sockets.receive_now(&mut self.waiting, INBOX_SOCKETS);
        for new in std::mem::take(&mut self.waiting) {
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
        let interest = Interest::READABLE | Interest::WRITABLE;
        // Both at once and for good: events come at edges, so the unused one costs nothing.
        match self.poll.registry().register(&mut socket, token, interest) {
            Ok(()) => {
                self.worker.add(socket, admission);
            }
            Err(error) => log::warn!("closing a new connection that cannot be watched: {error}"),
        }
    }
}
