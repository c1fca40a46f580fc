//! The state that all connections of a server share.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Instant;

use super::channels::Channels;
use super::client_pause::ClientPause;
use super::databases::Databases;
use super::monitors::Monitors;
use super::scan_cursors::ScanCursors;
use super::session::Clients;
use crate::server::backup::{BackupRefusal, LatestBackups, ServerBackups};
use crate::server::events::KeyEvents;
use crate::server::log_rewrites::LogRewrites;
use crate::server::measure::call_counters::CountedCommand;
use crate::server::measure::latency_monitor::LatencyMonitor;
use crate::server::measure::slow_log::SlowLog;
use crate::server::options::ServerOptions;
use crate::server::settings::Settings;
use crate::server::statistics::Statistics;
use crate::store::ANSWER_BYTES_MAX;
use crate::store::reader::Readers;
use crate::sync::{Arc, AtomicU64, OnceLock, Weak};
use crate::{Endpoint, Store};

/// The state that the connection workers and readers of one server share.
pub(crate) struct Context {
    /// The store that the server serves.
    pub(crate) store: Store,
    /// The options of the server.
    pub(crate) options: ServerOptions,
    /// The addresses that the server listens on, at least one.
    pub(crate) addresses: Vec<Endpoint>,
    /// The time of the start.
    pub(crate) started: Instant,
    /// An identity of this run of the server: 40 hexadecimal digits.
    pub(crate) run_id: String,
    /// A number of this run, too: with it a watch that comes back tells whether it is another one.
    pub(crate) run: u64,
    /// The sessions of the open connections.
    pub(crate) clients: Clients,
    /// The counters.
    pub(crate) statistics: Arc<Statistics>,
    /// What may be changed while the server runs.
    pub(crate) settings: Settings,
    /// The pause of all clients.
    pub(crate) pause: ClientPause,
    /// The clients that are shown every command.
    pub(crate) monitors: Monitors,
    /// The channels to which clients subscribe.
    pub(crate) channels: Arc<Channels>,
    /// The events about keys that subscribers are told of.
    pub(crate) key_events: Arc<KeyEvents>,
    /// The latest calls that took long.
    pub(crate) slow_log: SlowLog,
    /// The longest calls of each second.
    pub(crate) latency_monitor: LatencyMonitor,
    /// The keyspaces of the databases.
    pub(crate) databases: Databases,
    /// The places of unfinished iterations.
    pub(crate) cursors: ScanCursors,
    /// The readers, once they run.
    pub(crate) readers: OnceLock<Weak<Readers>>,
    /// The compactions of the whole log that clients ask for.
    pub(crate) rewrites: Arc<LogRewrites>,
    /// The time of the last sync that a client asked for, in seconds since the Unix epoch.
    pub(crate) saved_at: Arc<AtomicU64>,
    /// Stops the server, once it runs.
    stop: OnceLock<Box<dyn Fn() + Send + Sync>>,
    /// The backups, if there is a directory for them.
    pub(crate) backups: Option<Arc<ServerBackups>>,
}

impl Context {
    /// Returns the state of a server that starts now and has these commands.
    pub(crate) fn new(
        store: Store,
        options: ServerOptions,
        addresses: Vec<Endpoint>,
        commands: impl Iterator<Item = CountedCommand>,
    ) -> Self {
        let client_memory = options.client_memory;
        let backups = options.backup_directory.clone();
        let statistics = Arc::new(Statistics::new(commands));
        let digits: String = (0..3).map(|_| format!("{:016x}", random_u64())).collect();
        Self {
            store,
            settings: Settings::new(&options),
            options,
            addresses,
            started: Instant::now(),
            run_id: digits.chars().take(40).collect(),
            run: random_u64(),
            clients: Clients::new(client_memory, Arc::clone(&statistics)),
            statistics,
            pause: ClientPause::default(),
            monitors: Monitors::default(),
            channels: Arc::default(),
            key_events: Arc::default(),
            slow_log: SlowLog::default(),
            latency_monitor: LatencyMonitor::default(),
            databases: Databases::default(),
            cursors: ScanCursors::starting_at(random_u64()),
            readers: OnceLock::new(),
            rewrites: Arc::default(),
            saved_at: Arc::default(),
            stop: OnceLock::new(),
            backups: backups.map(|directory| Arc::new(ServerBackups::new(directory))),
        }
    }

    /// Tells the store what is held for clients, if that counts against the limit of its memory.
    pub(crate) fn note_client_memory(&self) {
        let limit = self.store.memory();
        if limit.is_limited() {
            limit.note_others(self.clients.memory.held());
        }
    }

    /// Returns the most bytes of values in one reply: a key may be asked for many times. Clients
    /// may hold four times as many.
    pub(crate) fn reply_bytes_max(&self) -> usize {
        ANSWER_BYTES_MAX.min(self.clients.memory.limit() / 4)
    }

    /// Returns the number of reads that wait for a reader.
    pub(crate) fn waiting_reads(&self) -> usize {
        let readers = self.readers.get().and_then(Weak::upgrade);
        readers.map_or(0, |readers| readers.waiting())
    }

    /// Begins a backup with this name, or the time as its name, and returns the name.
    pub(crate) fn begin_backup(&self, name: Option<&str>) -> Result<String, BackupRefusal> {
        let backups = self.backups.as_ref().ok_or(BackupRefusal::NoDirectory)?;
        backups.begin(name, self.store.now())
    }

    /// Returns the state of the backups; of a server without a directory for them that of none.
    pub(crate) fn latest_backups(&self) -> LatestBackups {
        self.backups.as_ref().map(|backups| backups.latest()).unwrap_or_default()
    }

    /// Takes the function that stops the server.
    pub(crate) fn on_stop(&self, stop: impl Fn() + Send + Sync + 'static) {
        // Nobody else sets it: a server runs once.
        let _ = self.stop.set(Box::new(stop));
    }

    /// Stops the server, as a signal does; does not wait for it.
    pub(crate) fn stop(&self) {
        if let Some(stop) = self.stop.get() {
            stop();
        }
    }

    /// Returns the first address that the server listens on.
    pub(crate) fn address(&self) -> &Endpoint {
        &self.addresses[0]
    }

    /// Returns the first port that the server listens on; 0, as Redis has it, if it has none.
    pub(crate) fn tcp_port(&self) -> u16 {
        self.addresses.iter().find_map(Endpoint::socket_address).map_or(0, |address| address.port())
    }
}

/// Returns a number that nobody can foresee; not for secrets.
pub(crate) fn random_u64() -> u64 {
    RandomState::new().build_hasher().finish()
}
