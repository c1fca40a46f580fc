//! Sockets and threads.

pub(crate) mod acceptor;
pub(crate) mod admission;
pub(crate) mod doorbell;
pub(crate) mod event_loop;
pub(crate) mod lingering;
pub(crate) mod listener;
pub(crate) mod outbox;
pub(crate) mod shutdown;
pub(crate) mod socket_connection;
pub(crate) mod transport;
pub(crate) mod worker;
pub(crate) mod worker_inbox;
