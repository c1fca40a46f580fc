//! The options of a server.

use crate::sync::processors;

/// How a server runs; every field has a default.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    pub(crate) workers: usize,
    pub(crate) readers: usize,
    pub(crate) connections_max: usize,
}

impl Default for ServerOptions {
    fn default() -> Self {
        let cores = processors();
        // The writer and the kernel's side of the sockets want the other half.
        Self { workers: (cores / 2).max(1), readers: cores, connections_max: 10_000 }
    }
}

impl ServerOptions {
    /// How many connection workers share the connections, at least one; the default is half the number
    /// of cores.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.max(1);
        self
    }

    /// How many readers do the reads that may wait for the disk, at least one; the default is the number of cores.
    #[must_use]
    pub fn readers(mut self, readers: usize) -> Self {
        self.readers = readers.max(1);
        self
    }

    /// How many connections may be open at once; more are told so and closed. The default is 10 000.
    #[must_use]
    pub fn connections_max(mut self, connections: usize) -> Self {
        self.connections_max = connections.max(1);
        self
    }
}
