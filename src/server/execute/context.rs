//! The state that all connections of a server share.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::SocketAddr;
use std::time::Instant;

use super::scan_cursors::ScanCursors;
use super::session::Clients;
use crate::Store;
use crate::server::options::ServerOptions;
use crate::server::statistics::Statistics;

/// The state that the connection workers and readers of one server share.
pub(crate) struct Context {
    /// The store that the server serves.
    pub(crate) store: Store,
    /// The options of the server.
    pub(crate) options: ServerOptions,
    /// The address that the server listens on.
    pub(crate) address: SocketAddr,
    /// The time of the start.
    pub(crate) started: Instant,
    /// An identity of this run of the server: 40 hexadecimal digits.
    pub(crate) run_id: String,
    /// The sessions of the open connections.
    pub(crate) clients: Clients,
    /// The counters.
    pub(crate) statistics: Statistics,
    /// The places of unfinished iterations.
    pub(crate) cursors: ScanCursors,
}

impl Context {
    /// Returns the state of a server that starts now and has these commands.
    pub(crate) fn new(
        store: Store,
        options: ServerOptions,
        address: SocketAddr,
        commands: impl Iterator<Item = &'static str>,
    ) -> Self {
        let digits: String = (0..3).map(|_| format!("{:016x}", random_u64())).collect();
        Self {
            store,
            options,
            address,
            started: Instant::now(),
            run_id: digits.chars().take(40).collect(),
            clients: Clients::default(),
            statistics: Statistics::new(commands),
            cursors: ScanCursors::starting_at(random_u64()),
        }
    }
}

/// Returns a number that nobody can foresee; not for secrets.
fn random_u64() -> u64 {
    RandomState::new().build_hasher().finish()
}
