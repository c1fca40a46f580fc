//! Sockets and threads: from the listening socket to bytes of a connection, and back.
//!
//! ```text
//!             new connections         readiness          bytes
//! listener ─► acceptor ────────► event loop ─────► worker ◄────► connections
//!                ▲                  ▲                │
//!           stop handle          doorbell            └► outbox ─► writer, readers
//!                                   ▲                                  │
//!                                   └── worker inbox ◄──── answers ────┘
//! ```
//!
//! | file | contents |
//! |---|---|
//! | [`listener`], [`shutdown`] | the listening sockets, which may exist before the store; the handle that stops |
//! | [`listening_socket`], [`client_socket`] | a socket of either kind: TCP and Unix |
//! | [`socket_file`] | the file of a Unix socket: who may replace it, and its removal |
//! | [`acceptor`], [`admission`] | accepting, the limit of connections, the way of one to its worker |
//! | [`event_loop`], [`doorbell`] | the thread of a worker: its poll, and how others wake it |
//! | [`worker`], [`socket_connection`] | turns over the sockets of one worker |
//! | [`deadline_queue`], [`patience`] | connections that wait, and clients that are waited for |
//! | [`watch_list`] | the connections that watch, for which a worker is woken once |
//! | [`outbox`], [`worker_inbox`] | requests to the writer and the readers, and their answers |
//! | [`transport`] | the trait of a socket |
//!
//! Invariants:
//! - A worker waits in its poll alone. What it cannot send it holds, and then it reads no socket.
//! - It asks for no more answers than its inbox has room for, so answering never waits.
//! - A message is put into a mailbox before the doorbell rings, and a worker looks into its
//!   mailboxes after it announced its sleep: no message is slept through.
//! - A panic in the work of one connection ends that connection alone.

pub(crate) mod acceptor;
pub(crate) mod admission;
pub(crate) mod client_socket;
pub(crate) mod deadline_queue;
pub(crate) mod doorbell;
pub(crate) mod event_loop;
pub(crate) mod listener;
pub(crate) mod listening_socket;
pub(crate) mod outbox;
pub(crate) mod patience;
pub(crate) mod shutdown;
pub(crate) mod socket_connection;
pub(crate) mod socket_file;
pub(crate) mod transport;
pub(crate) mod watch_list;
pub(crate) mod worker;
pub(crate) mod worker_inbox;
