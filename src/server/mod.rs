//! The server: one acceptor, some connection workers, some readers, over a [`Store`](crate::Store).
//!
//! ```text
//!            net                      connection                 command, native
//! sockets ─► acceptor ─► worker ─► bytes to a request ─► execution ─► reply, or a batch
//!                          ▲ │         ▲                                │        │
//!                          │ └ replies ┴──────── reply queue ◄──────────┘        │
//!                          └────────────── worker inbox ◄── writer, readers ◄────┘
//! ```
//!
//! | room | contents | uses |
//! |---|---|---|
//! | [`net`] | sockets and threads | all below |
//! | [`connection`] | one connection without its socket: buffers, protocol, order of replies | all below |
//! | [`command`], [`native`] | the commands of Redis, the operations of the native protocol | all below |
//! | [`execute`] | the surroundings and the result of executing a request | the store |
//! | [`backup`] | backups of the store, made by an actor | the store |
//! | [`events`] | events about keys, told by an actor | channels, the store |
//! | [`measure`] | figures about the commands that are executed | nothing |
//!
//! Beside them are [`kvs_server`], which starts the actors, and what all rooms use: [`options`],
//! [`settings`], [`passwords`], [`statistics`], [`log_limit`], [`machine_memory`]
//! and [`system_random`];
//! [`log_rewrites`] and [`rewrite_actor`] compact the whole log for who asks.
//!
//! Invariants:
//! - Only [`net`] touches sockets and starts threads; a worker never waits but in its poll.
//! - Only [`connection`] orders replies; a request sees the effects of all earlier ones.
//! - Executing neither waits nor sends: it returns a reply, or a request to the actor to be asked.
//! - The store is read through [`store::read`](crate::store::read) and
//!   [`store::scan`](crate::store::scan) alone; no engine is named here.

#[cfg(all(test, kvs_loom))]
#[path = "../../loom-tests/alarm.rs"]
pub(crate) mod alarm;
mod backup;
mod command;
mod connection;
#[cfg(all(test, kvs_loom))]
#[path = "../../loom-tests/event_classes.rs"]
pub(crate) mod event_classes;
mod events;
#[cfg(all(test, kvs_loom))]
#[path = "../../loom-tests/evictions.rs"]
pub(crate) mod evictions;
mod execute;
mod kvs_server;
mod log_limit;
mod log_rewrites;
mod machine_memory;
mod measure;
mod native;
mod net;
mod options;
mod passwords;
mod process_memory;
mod process_times;
#[cfg(all(test, kvs_loom))]
#[path = "../../loom-tests/pushes.rs"]
pub(crate) mod pushes;
mod rewrite_actor;
mod settings;
mod statistics;
mod system_random;
#[cfg(any(test, fuzzing))]
mod testing;
#[cfg(all(test, kvs_loom))]
#[path = "../../loom-tests/wake_up.rs"]
pub(crate) mod wake_up;

#[cfg(any(test, fuzzing))]
pub(crate) use command::parsers;
#[cfg(any(test, fuzzing))]
pub(crate) use connection::stranger::Stranger;
pub use events::KeyEventClasses;
#[cfg(any(test, fuzzing))]
pub(crate) use execute::context::Context;
pub use execute::statistic::StatsHandle;
pub use kvs_server::KvsServer;
pub use machine_memory::memory_limit;
pub use net::listener::Listener;
pub use net::shutdown::StopHandle;
pub use options::{DebugCommand, ServerOptions};
pub use passwords::Passwords;
