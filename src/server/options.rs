//! The options of a server.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::Error;
use crate::options::table::{CONNECTIONS_MAX, DATABASES, SNAPSHOT_TIMEOUT_MILLISECONDS};
use crate::server::events::KeyEventClasses;
use crate::server::machine_memory::memory_limit;
use crate::server::passwords::Passwords;
use crate::store::DATABASES_MAX;
use crate::sync::processors;

/// The least memory for clients: connections take some kilobytes each.
const CLIENT_MEMORY_MIN: usize = 1 << 20;

/// The clients that may call `DEBUG`, which is for tests of clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DebugCommand {
    /// None.
    #[default]
    No,
    /// Those on this machine.
    Local,
    /// All.
    Yes,
}

impl DebugCommand {
    /// Returns the name, as `kvs-server` and `CONFIG GET` have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Local => "local",
            Self::Yes => "yes",
        }
    }
}

impl fmt::Display for DebugCommand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for DebugCommand {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let all = [Self::No, Self::Local, Self::Yes];
        all.into_iter().find(|it| it.name() == name).ok_or_else(|| {
            Error::InvalidOption(format!("unknown choice {name:?}: choose no, local or yes"))
        })
    }
}

/// The options of a server; each has a default.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    pub(crate) workers: usize,
    pub(crate) readers: usize,
    pub(crate) connections_max: usize,
    pub(crate) timeout: Option<Duration>,
    pub(crate) snapshot_timeout: Option<Duration>,
    pub(crate) client_memory: usize,
    pub(crate) give_memory_back: Option<fn()>,
    pub(crate) passwords: Option<Passwords>,
    pub(crate) databases: u32,
    pub(crate) backup_directory: Option<PathBuf>,
    pub(crate) debug_command: DebugCommand,
    pub(crate) key_events: KeyEventClasses,
}

impl Default for ServerOptions {
    fn default() -> Self {
        let cores = processors();
        // The writer and the kernel's side of the sockets want the other half.
        Self {
            workers: (cores / 2).max(1),
            readers: cores,
            connections_max: CONNECTIONS_MAX,
            timeout: None,
            snapshot_timeout: Some(Duration::from_millis(SNAPSHOT_TIMEOUT_MILLISECONDS)),
            client_memory: memory_limit() / 4,
            give_memory_back: None,
            passwords: None,
            databases: DATABASES,
            backup_directory: None,
            debug_command: DebugCommand::No,
            key_events: KeyEventClasses::default(),
        }
    }
}

impl ServerOptions {
    /// Sets the number of connection workers that share the connections, at least one; the default
    /// is half the number of cores.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.max(1);
        self
    }

    /// Sets the number of readers, which execute the reads that may wait for the disk, at least
    /// one; the default is the number of cores.
    #[must_use]
    pub fn readers(mut self, readers: usize) -> Self {
        self.readers = readers.max(1);
        self
    }

    /// Sets the most connections that may be open at once; further clients are told so and closed.
    /// The default is 10,000. Over a Unix socket 16 more get in, which keeps a way in for an
    /// operator.
    #[must_use]
    pub fn connections_max(mut self, connections: usize) -> Self {
        self.connections_max = connections.max(1);
        self
    }

    /// Sets the number of databases that Redis' `SELECT` may choose among, at least one and at most
    /// 65,536; the default is 16.
    ///
    /// Database 0 is the keyspace `default`, and database 1 the keyspace `db1`, until `SWAPDB`
    /// exchanges two of them. Any other keyspace is there for other clients alone.
    #[must_use]
    pub fn databases(mut self, databases: u32) -> Self {
        self.databases = databases.clamp(1, DATABASES_MAX);
        self
    }

    /// Sets the time after which a connection is closed whose client sends no request; by default
    /// and with zero it may stay idle for as long as it likes.
    ///
    /// Other limits hold in any case. A client has 30 seconds to give a password, where one is
    /// set, for its first request, for the rest of a request of which a part came, and to take its
    /// replies. But for the password, it gets a second more for each 64 KiB that it transfers.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = (!timeout.is_zero()).then_some(timeout);
        self
    }

    /// Sets the time after which the server lets the snapshot of a connection go, since the store
    /// keeps what it sees; the default is a minute. With zero a snapshot stays until its client
    /// closes it, or goes away.
    ///
    /// Later reads at the snapshot, and the commit of a transaction that began with it, fail with
    /// the kind `NoSnapshot`.
    #[must_use]
    pub fn snapshot_timeout(mut self, timeout: Duration) -> Self {
        self.snapshot_timeout = (!timeout.is_zero()).then_some(timeout);
        self
    }

    /// Sets the most bytes of memory, at least a mebibyte, that the server holds for all its
    /// clients together: received bytes, decoded requests, and replies that they do not take. Above
    /// it the connections that hold most are closed, with an error where one can be sent, until the
    /// others hold less. The default is a quarter of the memory of the machine or of its control
    /// group.
    ///
    /// A value counts once, so the limit has to be some mebibytes more than the [largest
    /// value](crate::Options::value_bytes_max). The limit may be exceeded for a moment, by what one
    /// request takes, about three times the size of its value, and one turn of a worker receives.
    #[must_use]
    pub fn client_memory(mut self, bytes: usize) -> Self {
        self.client_memory = bytes.max(CLIENT_MEMORY_MIN);
        self
    }

    /// Sets a function that gives freed memory back to the system, of which an allocator keeps some
    /// for later; by default there is none.
    ///
    /// The server calls it on each of its threads that serve clients, about a second after they
    /// freed some mebibytes, and sooner where clients hold half of what they may.
    #[must_use]
    pub fn give_memory_back(mut self, give_back: fn()) -> Self {
        self.give_memory_back = Some(give_back);
        self
    }

    /// Sets the passwords of which every client has to give one before anything else; by default
    /// there is none, and everybody who reaches the server may do everything.
    #[must_use]
    pub fn passwords(mut self, passwords: Passwords) -> Self {
        self.passwords = Some(passwords);
        self
    }

    /// Sets the directory in which clients may have backups made, each a directory of its own; by
    /// default there is none, and they are refused.
    ///
    /// A backup is made as by [`Store::backup`](crate::Store::backup), one at a time. Nothing ever
    /// removes it: that, and having space, is the operator's. A server that stops ends the one that
    /// is being made.
    #[must_use]
    pub fn backup_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.backup_directory = Some(directory.into());
        self
    }

    /// Sets the clients that may call `DEBUG` of Redis, of which little is there: tests of clients
    /// ask for it. By default none may.
    #[must_use]
    pub fn debug_command(mut self, allowed: DebugCommand) -> Self {
        self.debug_command = allowed;
        self
    }

    /// Sets the classes of events about keys that clients of Redis are told of by channels, which
    /// `CONFIG SET notify-keyspace-events` changes; by default none.
    ///
    /// With any the store keeps its latest changes in memory, up to
    /// [`Options::watch_bytes`](crate::Options::watch_bytes).
    #[must_use]
    pub fn key_events(mut self, classes: KeyEventClasses) -> Self {
        self.key_events = classes;
        self
    }

    /// Returns true if clients get in without a password.
    pub(crate) fn is_open(&self) -> bool {
        self.passwords.is_none()
    }
}
