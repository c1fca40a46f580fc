//! What all connections of a server share.

use std::net::SocketAddr;
use std::time::Instant;

use crate::Store;
use crate::server::ServerOptions;
use crate::server::command;
use crate::server::execute::session::Clients;
use crate::server::statistics::Statistics;

/// Shared by every connection worker and reader of one server.
pub(crate) struct Context {
    /// The store it serves.
    pub(crate) store: Store,
    /// How it was started.
    pub(crate) options: ServerOptions,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// When it started.
    pub(crate) started: Instant,
    /// The open connections.
    pub(crate) clients: Clients,
    /// What it counted since it started.
    pub(crate) statistics: Statistics,
    /// What commands remember from one to the next; starts as the default.
    pub(crate) commands: command::State,
}
