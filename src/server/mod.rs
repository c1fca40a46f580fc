//! The server: one acceptor, some connection workers, some readers, over a [`Store`](crate::Store).
//!
//! ```text
//! sockets -> acceptor -> worker -> language -> command or native -> execution
//!                          |                                            |
//!                          +-- connection: replies in order <-----------+
//!                                      writer and readers answer through the worker's port
//! ```
//!
//! Only the worker touches sockets, only the connection orders replies, and executing a request
//! answers or says who has to: it does neither.

mod command;
mod connection;
mod execute;
mod kvs_server;
mod log_limit;
mod native;
mod net;
mod options;
mod statistics;
#[cfg(test)]
mod testing;
#[cfg(all(test, kvs_loom))]
#[path = "../../loom-tests/wake_up.rs"]
pub(crate) mod wake_up;

#[cfg(any(test, fuzzing))]
pub(crate) use command::parsers;
pub use kvs_server::KvsServer;
pub use net::listener::Listener;
pub use net::shutdown::StopHandle;
pub use options::ServerOptions;
